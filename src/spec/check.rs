//! Compares a tree with the language's tables and reports everything that does not fit, in one pass.

use buildkit_frontend::diagnostic::Diagnostic;
use buildkit_frontend::text::{list, nearest, quote};

use super::language::{self, Format, Key, ROOT, Shape, Status, ValueError, Word};
use super::tree::{Entry, Kind, Node};

/// What does not fit in a build file, or in the tree of a build arg.
pub(crate) fn check(root: &Node) -> Vec<Diagnostic> {
    let mut checker = Checker { mistakes: Vec::new() };
    match &root.kind {
        Kind::Null | Kind::Broken => {}
        Kind::Map(entries) => checker.object(&Place::default(), root, entries, ROOT),
        Kind::Scalar { text, .. } => checker.not_a_mapping(root, looks_like(text)),
        Kind::List(_) => checker.not_a_mapping(root, None),
    }
    checker.mistakes
}

/// Another kind of file that was probably given by accident.
fn looks_like(text: &str) -> Option<&'static str> {
    let first = text.split_whitespace().next().unwrap_or("");
    if text.starts_with("//") {
        return Some("comments begin with `#` in YAML: write `# syntax=…`");
    }
    matches!(first, "FROM" | "ARG" | "RUN" | "COPY").then_some(
        "this looks like a Dockerfile; a build file has keys such as `node: 22`, or nothing but its syntax line",
    )
}

/// Where a value belongs, for messages and examples.
#[derive(Clone, Default)]
struct Place {
    /// `runtime.port`; `files[]` for an item.
    path: String,
    /// The nearest key's name and example.
    example: Option<(&'static str, &'static str)>,
}

impl Place {
    fn key(&self, key: &'static Key) -> Self {
        Self { path: self.join(key.name), example: Some((key.name, key.example)) }
    }

    fn named(&self, name: &str) -> Self {
        Self { path: self.join(name.trim()), ..self.clone() }
    }

    fn item(&self) -> Self {
        Self { path: format!("{}[]", self.path), ..self.clone() }
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The list that this is an item of.
    fn list(&self) -> Option<&str> {
        self.path.strip_suffix("[]")
    }

    /// As the subject of a sentence.
    fn subject(&self) -> String {
        match self.list() {
            Some(list) => format!("an item of {}", quote(list)),
            None => quote(&self.path),
        }
    }

    fn for_example(&self) -> Option<String> {
        let (name, example) = self.example?;
        (!example.is_empty()).then(|| format!("for example `{name}: {example}`"))
    }
}

struct Checker {
    mistakes: Vec<Diagnostic>,
}

impl Checker {
    fn not_a_mapping(&mut self, root: &Node, help: Option<&str>) {
        let help = help.unwrap_or("write keys with values, such as `node: 22`, or leave everything to the defaults");
        let message = format!("a build file has keys with values, found {}", found(root));
        self.mistakes.push(Diagnostic::error("spec/wrong-type", message).at(first_line(root)).help(help));
    }

    fn value(&mut self, place: &Place, node: &Node, shape: &'static Shape) {
        match (&node.kind, shape) {
            (Kind::Broken, _) | (_, Shape::Nothing) => {}
            (_, Shape::Any(shapes)) => match choose(node, shapes) {
                Some(one) => self.value(place, node, one),
                None => self.wrong_type(place, node, shape),
            },
            (Kind::Scalar { .. }, Shape::Bool) if node.boolean().is_some() => {}
            (Kind::Scalar { .. }, Shape::Off) if node.boolean() == Some(false) => {}
            (Kind::Scalar { text, .. }, Shape::OneOf(words)) => self.word(place, node, text, words),
            (Kind::Scalar { text, .. }, Shape::Scalar(format)) => {
                if node.boolean().is_some() && !format.takes_booleans() {
                    self.wrong_type(place, node, shape);
                } else if let Err(value_error) = format.check(text) {
                    self.value_error(place, node, text, value_error);
                }
            }
            (Kind::List(items), Shape::List(item)) => {
                for node in items {
                    self.value(&place.item(), node, item);
                }
            }
            (Kind::Map(entries), Shape::Object(keys)) => self.object(place, node, entries, keys),
            (Kind::Map(entries), Shape::Map(format, value)) => self.map(place, entries, *format, value),
            (Kind::Map(entries), Shape::Single(format, value)) if entries.len() == 1 => {
                self.map(place, entries, *format, value);
            }
            _ => self.wrong_type(place, node, shape),
        }
    }

    fn object(&mut self, place: &Place, node: &Node, entries: &[Entry], keys: &'static [Key]) {
        let mut complete = true;
        for entry in entries {
            match language::find(keys, &entry.key) {
                None => {
                    // What is missing is then probably what is misspelt.
                    complete = false;
                    self.unknown(place, entry, keys);
                }
                Some(key) => match key.status {
                    Status::NotYet(help) => self.not_yet(entry, &place.join(key.name), help),
                    Status::Instead(other) => self.instead(entry, &place.join(key.name), other),
                    Status::Optional | Status::Required if entry.value.kind == Kind::Null => {}
                    Status::Optional | Status::Required => self.value(&place.key(key), &entry.value, &key.shape),
                },
            }
        }
        let missing = |key: &&Key| key.status == Status::Required && node.get(key.name).is_none();
        for key in keys.iter().filter(|_| complete).filter(missing) {
            let message = format!("{} needs the key `{}`", place.subject(), key.name);
            let help = format!("add it, such as `{}: {}`", key.name, key.example);
            self.mistakes.push(Diagnostic::error("spec/missing-key", message).at(first_line(node)).help(help));
        }
    }

    fn map(&mut self, place: &Place, entries: &[Entry], format: Format, value: &'static Shape) {
        for entry in entries {
            if let Err(ValueError { what, help }) = format.check(&entry.key) {
                let message = format!("{}: {} {what}", place_of(place), quote(&entry.key));
                self.mistakes
                    .push(helped(Diagnostic::error("spec/wrong-value", message).at(entry.key.span.clone()), help));
            }
            let place = place.named(&entry.key);
            if entry.value.kind == Kind::Null {
                let message = format!("{} has no value", place.subject());
                let help = format!("give {}, or remove the line; `\"\"` is empty text", value.wanted());
                self.mistakes.push(Diagnostic::error("spec/wrong-type", message).at(entry.key.span.clone()).help(help));
            } else {
                self.value(&place, &entry.value, value);
            }
        }
    }

    fn unknown(&mut self, place: &Place, entry: &Entry, keys: &'static [Key]) {
        let at = if place.path.is_empty() { String::new() } else { format!(" in {}", place.subject()) };
        let message = format!("unknown key {}{at}", quote(&entry.key));
        let known: Vec<&str> = keys.iter().filter(|key| key.status.usable()).map(|key| key.name).collect();
        let allowed = format!("keys here: {}", list(known.iter().copied(), "and"));
        let help = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? {allowed}"),
            None => match elsewhere(&entry.key) {
                Some(path) => format!("did you mean `{path}`? {allowed}"),
                None => allowed,
            },
        };
        self.mistakes.push(Diagnostic::error("spec/unknown-key", message).at(entry.key.span.clone()).help(help));
    }

    fn not_yet(&mut self, entry: &Entry, path: &str, help: &'static str) {
        let message = format!("{} is not supported yet", quote(path));
        let help = if help.is_empty() { "remove it: this version of the frontend builds without it" } else { help };
        self.mistakes.push(Diagnostic::error("spec/not-supported", message).at(entry.key.span.clone()).help(help));
    }

    fn instead(&mut self, entry: &Entry, path: &str, other: &str) {
        let message = format!("unknown key {}", quote(path));
        let help = format!("write {other}");
        self.mistakes.push(Diagnostic::error("spec/unknown-key", message).at(entry.key.span.clone()).help(help));
    }

    fn word(&mut self, place: &Place, node: &Node, text: &str, words: &'static [Word]) {
        let known = words.iter().find(|word| word.text == text);
        match known.map(|word| word.status) {
            Some(Status::Optional | Status::Required) => return,
            Some(Status::NotYet(help)) => {
                let message = format!("{} in {} is not supported yet", quote(text), place_of(place));
                let known = || format!("this version knows {}", list(language::usable(words), "and"));
                let help = if help.is_empty() { known() } else { help.to_owned() };
                self.mistakes.push(Diagnostic::error("spec/not-supported", message).at(node.span.clone()).help(help));
                return;
            }
            Some(Status::Instead(_)) | None => {}
        }
        let can = match place.list() {
            Some(list) => format!("{} cannot have {}", quote(list), quote(text)),
            None => format!("{} cannot be {}", quote(&place.path), quote(text)),
        };
        let known = list(language::usable(words), "or");
        let own = if place.list() == Some("checks") { "; a check of your own is written `name: command`" } else { "" };
        let help = match nearest(text, language::usable(words)) {
            Some(near) => format!("did you mean `{near}`? It can be {known}{own}"),
            None => format!("it can be {known}{own}"),
        };
        self.mistakes.push(Diagnostic::error("spec/wrong-value", can).at(node.span.clone()).help(help));
    }

    fn value_error(&mut self, place: &Place, node: &Node, text: &str, ValueError { what, help }: ValueError) {
        let subject = place_of(place);
        let message = if text.trim().is_empty() {
            format!("{} {what}", place.subject())
        } else {
            format!("{subject}: {} {what}", quote(text))
        };
        self.mistakes.push(helped(Diagnostic::error("spec/wrong-value", message).at(node.span.clone()), help));
    }

    fn wrong_type(&mut self, place: &Place, node: &Node, shape: &'static Shape) {
        let message = format!("{} must be {}, found {}", place.subject(), shape.brief(), found(node));
        let help = match (&node.kind, shape.alternatives()) {
            (Kind::Null, _) => Some("give a value, or remove the line".to_owned()),
            (Kind::List(_), [Shape::Object(_)]) => {
                Some(format!("{} has keys, not items: remove the `-` or `[`", place.subject()))
            }
            (Kind::Scalar { text, .. }, shapes) if shapes.iter().any(|shape| matches!(shape, Shape::List(_))) => {
                let name = place.path.rsplit('.').next().unwrap_or("");
                let short = text.len() < 40
                    && !node.span.file.text.get(node.span.range.clone()).is_some_and(|t| t.contains('\n'));
                (node.boolean().is_none() && short).then(|| format!("write it as a list: `{name}: [{text}]`"))
            }
            (Kind::Scalar { text, quoted }, shapes) if shapes.iter().any(|shape| matches!(shape, Shape::Bool)) => {
                match text.to_lowercase().as_str() {
                    "true" | "false" if *quoted => Some(format!("write `{text}` without quotes")),
                    "yes" | "on" | "y" => Some("write `true`".to_owned()),
                    "no" | "off" | "n" => Some("write `false`".to_owned()),
                    _ => None,
                }
            }
            _ => None,
        };
        let help = help.or_else(|| place.for_example()).unwrap_or_default();
        let at =
            if node.kind == Kind::Null || node.span.range.is_empty() { node.span.clone() } else { first_line(node) };
        self.mistakes.push(helped(Diagnostic::error("spec/wrong-type", message).at(at), help));
    }
}

/// A key in a sentence: its path, or the list it is in.
fn place_of(place: &Place) -> String {
    quote(place.list().unwrap_or(&place.path))
}

fn helped(diagnostic: Diagnostic, help: String) -> Diagnostic {
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}

/// The alternative that a node is meant to be: by its kind, and for mappings by their keys.
fn choose(node: &Node, shapes: &'static [Shape]) -> Option<&'static Shape> {
    match &node.kind {
        Kind::Scalar { .. } => shapes.iter().find(|shape| match shape {
            Shape::Bool => node.boolean().is_some(),
            Shape::Off => node.boolean() == Some(false),
            shape => shape.is_scalar(),
        }),
        Kind::List(_) => shapes.iter().find(|shape| matches!(shape, Shape::List(_))),
        Kind::Map(entries) => {
            let fits = |shape: &&Shape| match shape {
                Shape::Map(..) => true,
                Shape::Single(..) => entries.len() == 1,
                Shape::Object(keys) => entries.iter().any(|entry| language::find(keys, &entry.key).is_some()),
                _ => false,
            };
            // A mapping that fits nothing is measured against the keys that are ours: those messages say most.
            shapes.iter().find(fits).or_else(|| shapes.iter().find(|shape| matches!(shape, Shape::Object(_))))
        }
        Kind::Null | Kind::Broken => None,
    }
}

/// A key of this name below one of the nouns.
fn elsewhere(name: &str) -> Option<String> {
    ROOT.iter().find_map(|noun| {
        let key = noun.shape.keys()?.iter().find(|key| key.name == name && key.status.usable())?;
        Some(format!("{}.{}", noun.name, key.name))
    })
}

/// What a node is, in a few words.
fn found(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "nothing".to_owned(),
        Kind::Scalar { text, quoted } => match node.boolean() {
            Some(value) => format!("`{value}`"),
            None if !quoted && text.parse::<f64>().is_ok() => format!("the number {}", quote(text)),
            None => format!("the text {}", quote(text)),
        },
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a mapping".to_owned(),
        Kind::Broken => "something else".to_owned(),
    }
}

/// The part of a node's span that is on its first line: a whole mapping underlined says nothing.
fn first_line(node: &Node) -> buildkit_frontend::diagnostic::Span {
    let mut span = node.span.clone();
    if let Some(end) = span.file.text.get(span.range.clone()).and_then(|text| text.find('\n')) {
        span.range.end = span.range.start.saturating_add(end);
    }
    span
}

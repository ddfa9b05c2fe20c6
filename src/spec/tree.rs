//! The file as a tree of values with their places, and nothing more.
//!
//! A build file needs lists, mappings and scalars, so that is all there is: anchors, aliases, merges, tags, directives
//! and second documents are refused here in words of our own. Scalars stay text (`1.10` is not 1.1), every mistake
//! that leaves the rest readable is collected, and what was refused becomes [`Kind::Broken`], about which later stages
//! keep quiet. Built on the event parser below serde-saphyr, because serde ends at the first mistake and turns plain
//! scalars into numbers before we see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span, Spanned};
use buildkit_frontend::secret;
use buildkit_frontend::text::quote;
use granit_parser::{Event, Parser, ScalarStyle, Span as Mark};

use super::report::MAX_DIAGNOSTICS;
use super::syntax;

/// More values than any build file has; what is above is an attack or a wrong file.
const MAX_NODES: usize = 20_000;
/// Mistakes after which reading ends: nobody reads further.
const MAX_MISTAKES: usize = 50;
/// Deepest nesting; the language itself needs five.
const MAX_DEPTH: usize = 32;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where it stands; for values of build args line 1.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Nothing, `~` or `null`: as if the key were not there.
    Null,
    /// Text as written, and whether it was quoted or a block: quoted text is never a boolean.
    Scalar { text: String, quoted: bool },
    /// `[a, b]` or lines with `-`.
    List(Vec<Node>),
    /// Keys with values, in file order, each key once.
    Map(Vec<Entry>),
    /// Refused while reading; there is a diagnostic about it already.
    Broken,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// `true` or `false`, when written without quotes.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.kind {
            Kind::Scalar { text, quoted: false } => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list; empty for everything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The keys of a mapping; empty for everything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let entry = self.entries().iter().find(|entry| entry.key.value == key)?;
        (entry.value.kind != Kind::Null).then_some(&entry.value)
    }
}

/// What reading a file gave.
pub(crate) struct Loaded {
    /// The root, when the file could be read to its end; [`Kind::Null`] for a file that says nothing.
    pub root: Option<Node>,
    /// What is wrong with it as YAML.
    pub mistakes: Vec<Diagnostic>,
    /// Whether the file is built on anchors: its keys then mean little.
    pub anchored: bool,
}

/// Reads a file's text into a tree.
pub(crate) fn load(file: &Arc<SourceFile>) -> Loaded {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::new(file);
    for next in Parser::new_from_str_with_options(&file.text, options) {
        let step = match next {
            Ok((event, mark)) => builder.event(event, &mark),
            Err(error) => {
                builder.mistakes.push(syntax::explain(file, &error));
                Step::Stop
            }
        };
        if step == Step::Stop || builder.mistakes.len() >= MAX_MISTAKES {
            return Loaded { root: None, anchored: false, mistakes: builder.finish() };
        }
    }
    let empty = Node { span: Span::new(file, 0..0), kind: Kind::Null };
    let root = builder.root.take().unwrap_or(empty);
    let anchored = builder.anchor.is_some() || builder.alias.is_some();
    Loaded { root: Some(root), anchored, mistakes: builder.finish() }
}

#[derive(PartialEq)]
enum Step {
    Go,
    Stop,
}

/// A collection that is still open.
enum Frame {
    List { start: usize, items: Vec<Node> },
    Map { start: usize, entries: Vec<Entry>, key: Option<Key>, seen: BTreeMap<String, Span> },
}

/// The key whose value is awaited.
enum Key {
    Text(Spanned<String>),
    /// Refused: its value is read and dropped.
    Refused,
}

fn is_merge(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, quoted: false } if text == "<<")
}

struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    stack: Vec<Frame>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    mistakes: Vec<Diagnostic>,
    /// The first anchor, and the first place that uses one.
    anchor: Option<Span>,
    alias: Option<Span>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a Arc<SourceFile>) -> Self {
        Self {
            file,
            stack: Vec::new(),
            root: None,
            documents: 0,
            nodes: 0,
            mistakes: Vec::new(),
            anchor: None,
            alias: None,
        }
    }

    /// Ends reading: the anchors and aliases of a whole file are one mistake.
    fn finish(mut self) -> Vec<Diagnostic> {
        let (first, rest) = match (self.anchor, self.alias) {
            (Some(anchor), alias) => (anchor, alias),
            (None, Some(alias)) => (alias, None),
            (None, None) => return self.mistakes,
        };
        let mut diagnostic = Diagnostic::error(
            "spec/anchor",
            "YAML anchors, aliases and merges (`&name`, `*name`, `<<`) cannot be used here",
        )
        .label(first, "")
        .help("write the value out in each place");
        if let Some(alias) = rest {
            diagnostic = diagnostic.label(alias, "used here");
        }
        self.mistakes.push(diagnostic);
        self.mistakes
    }

    fn span(&self, mark: &Mark) -> Span {
        Span::new(self.file, mark.byte_range().unwrap_or(0..0))
    }

    fn event(&mut self, event: Event<'_>, mark: &Mark) -> Step {
        let span = self.span(mark);
        if event.is_node() {
            self.nodes = self.nodes.saturating_add(1);
            if self.nodes > MAX_NODES {
                self.mistakes.push(
                    Diagnostic::error("spec/too-large", format!("the file holds more than {MAX_NODES} values"))
                        .at(span)
                        .help("a build file is short; check that `-f` names the right file"),
                );
                return Step::Stop;
            }
        }
        let tagged = self.refuse_tag(&event, mark);
        match event {
            Event::DocumentStart(..) => return self.document(span),
            Event::Anchor(..) => {
                self.anchor.get_or_insert(span);
            }
            Event::Alias(_) => {
                self.alias.get_or_insert_with(|| span.clone());
                self.complete(Node { span, kind: Kind::Broken });
            }
            Event::UnresolvedAlias(_) => self.refuse_star(span),
            Event::Scalar(text, style, ..) => {
                let kind = if tagged { Kind::Broken } else { self.scalar(&text, style, &span) };
                self.complete(Node { span, kind });
            }
            Event::SequenceStart(..) => {
                self.stack.push(Frame::List { start: span.range.start, items: Vec::new() });
            }
            Event::MappingStart(..) => {
                let start = span.range.start;
                self.stack.push(Frame::Map { start, entries: Vec::new(), key: None, seen: BTreeMap::new() });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&span),
            _ => {}
        }
        Step::Go
    }

    fn document(&mut self, span: Span) -> Step {
        self.documents = self.documents.saturating_add(1);
        if self.documents < 2 {
            return Step::Go;
        }
        self.mistakes.push(
            Diagnostic::error("spec/several-documents", "the file holds more than one YAML document")
                .label(span, "the second one starts here")
                .help("keep one document: one build file describes one image"),
        );
        Step::Stop
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: &Span) -> Kind {
        if text.contains('\0') {
            self.mistakes.push(
                Diagnostic::error("spec/text", "the text holds a NUL character")
                    .at(span.clone())
                    .help("remove the escape `\\0`: no path, variable or command may hold one"),
            );
            return Kind::Broken;
        }
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Kind::Null;
        }
        Kind::Scalar { text: text.to_owned(), quoted: !plain }
    }

    /// `!x` is a tag to YAML and a pattern to people.
    fn refuse_tag(&mut self, event: &Event<'_>, mark: &Mark) -> bool {
        let Some(tag) = event.tag() else { return false };
        let span = mark.tag_span().map_or_else(|| self.span(mark), |tag| self.span(&tag));
        let written = self.written(&span);
        let quotes = "put the value in quotes if it is meant as text";
        let help = match written {
            _ if tag.is_yaml_core_schema() => format!("remove the tag; {quotes}"),
            Some(written) => format!("{quotes}: {}", quote(&format!("\"{}\"", written.trim()))),
            None => quotes.to_owned(),
        };
        let what = written.map_or_else(|| "the beginning of a value".to_owned(), quote);
        self.mistakes.push(
            Diagnostic::error("spec/tag", format!("YAML reads {what} as a type tag, which has no meaning here"))
                .at(span)
                .help(help),
        );
        true
    }

    /// What is written at a place, unless it is a secret.
    fn written(&self, span: &Span) -> Option<&str> {
        // Of more mistakes than are told, none is looked at.
        let written = self.file.text.get(span.range.clone()).filter(|_| self.mistakes.len() < MAX_DIAGNOSTICS)?;
        (secret::masked_line(&self.file.text, span.range.clone()) == written).then_some(written)
    }

    /// `*.ts` is an alias to YAML and a pattern to people.
    fn refuse_star(&mut self, span: Span) {
        let (what, such_as) = match self.written(&span) {
            Some(written) => (quote(written), format!(", such as {}", quote(&format!("\"{}\"", written.trim())))),
            None => ("a value".to_owned(), String::new()),
        };
        self.mistakes.push(
            Diagnostic::error(
                "spec/unquoted-star",
                format!("{what} begins with `*`, which YAML reads as a reference to another value"),
            )
            .at(span.clone())
            .help(format!("put the text in quotes{such_as}")),
        );
        self.complete(Node { span, kind: Kind::Broken });
    }

    fn close(&mut self, end: &Span) {
        let node = match self.stack.pop() {
            Some(Frame::List { start, items }) => {
                let last = items.last().map(|item| item.span.range.end);
                Node { span: self.extent(start, last, end), kind: Kind::List(items) }
            }
            Some(Frame::Map { start, entries, .. }) => {
                let last = entries.last().map(|entry| entry.value.span.range.end.max(entry.key.span.range.end));
                Node { span: self.extent(start, last, end), kind: Kind::Map(entries) }
            }
            None => return,
        };
        self.complete(node);
    }

    /// From the start to the closing bracket, or to the last value where there is no bracket.
    fn extent(&self, start: usize, last: Option<usize>, end: &Span) -> Span {
        let stop = if end.range.is_empty() { last.unwrap_or(start) } else { end.range.end };
        Span::new(self.file, start..stop.max(start))
    }

    /// A finished node goes to where it belongs.
    fn complete(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, seen, .. }) => match key.take() {
                None if is_merge(&node) => {
                    self.alias.get_or_insert(node.span);
                    *key = Some(Key::Refused);
                }
                None => *key = Some(Self::key(node, seen, &mut self.mistakes)),
                Some(Key::Text(key)) => entries.push(Entry { key, value: node }),
                Some(Key::Refused) => {}
            },
        }
    }

    fn key(node: Node, seen: &mut BTreeMap<String, Span>, mistakes: &mut Vec<Diagnostic>) -> Key {
        let Node { span, kind } = node;
        let text = match kind {
            Kind::Broken => return Key::Refused,
            Kind::Scalar { text, .. } => text,
            Kind::Null | Kind::List(_) | Kind::Map(_) => {
                mistakes.push(
                    Diagnostic::error("spec/key", "a key must be a word")
                        .at(span)
                        .help("write `key: value`; text that begins with `{`, `[` or `?` needs quotes"),
                );
                return Key::Refused;
            }
        };
        if let Some(first) = seen.get(&text) {
            mistakes.push(
                Diagnostic::error("spec/duplicate-key", format!("{} is given twice", quote(&text)))
                    .label(span, "again here")
                    .label(first.clone(), "first here")
                    .help("keep one of them"),
            );
            return Key::Refused;
        }
        seen.insert(text.clone(), span.clone());
        Key::Text(Spanned::new(text, span))
    }
}

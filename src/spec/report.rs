//! Collects what is wrong with a build file, and keeps secrets out of what is shown of it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Span};
use buildkit_frontend::secret;
use buildkit_frontend::text::quote;

use super::model::Spec;
use super::tree::{Kind, Node};

/// More than anyone reads; what comes after is dropped.
pub(super) const MAX_DIAGNOSTICS: usize = 100;

/// The diagnostics of one run over a build file.
pub(crate) struct Report {
    file: Arc<SourceFile>,
    from_file: Vec<Diagnostic>,
    from_args: Vec<Diagnostic>,
    /// Where values begin that were refused as secrets.
    refused: BTreeSet<usize>,
    /// Bytes of the file that must not be shown.
    masked: Vec<Range<usize>>,
}

impl Report {
    pub(crate) fn new(file: &Arc<SourceFile>) -> Self {
        let masked = secret::places(&file.text);
        Self { file: Arc::clone(file), from_file: Vec::new(), from_args: Vec::new(), refused: BTreeSet::new(), masked }
    }

    /// Diagnostics about the file.
    pub(crate) fn file(&mut self, diagnostics: Vec<Diagnostic>) {
        self.from_file.extend(diagnostics);
    }

    /// Diagnostics about a build arg, whose name stands in them once.
    pub(crate) fn build_arg(&mut self, name: &str, diagnostics: Vec<Diagnostic>) {
        let argument = format!("--build-arg {name}: ");
        self.from_args.extend(diagnostics.into_iter().map(|mut diagnostic| {
            if let Some(message) = diagnostic.message.strip_prefix(&format!("{argument}`{name}`: ")) {
                diagnostic.message = format!("{argument}{message}");
            }
            diagnostic.labels.truncate(1);
            diagnostic
        }));
    }

    /// Reports tokens and passwords in the file's values, and masks them.
    pub(crate) fn secrets(&mut self, node: &Node) {
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| self.secrets(item)),
            Kind::Map(entries) => entries.iter().for_each(|entry| self.secrets(&entry.value)),
            Kind::Scalar { text, .. } => {
                let Some(what) = literal(text) else { return };
                self.refused.insert(node.span.range.start);
                self.masked.push(node.span.range.clone());
                self.from_file.push(refusal(what, node.span.clone()));
            }
            Kind::Null | Kind::Broken => {}
        }
    }

    /// The same for a build arg: whether there is one, so that no other message repeats it.
    pub(crate) fn secret_in_build_arg(&mut self, name: &str, node: &Node) -> bool {
        match &node.kind {
            Kind::List(items) => items.iter().any(|item| self.secret_in_build_arg(name, item)),
            Kind::Map(entries) => entries.iter().any(|entry| self.secret_in_build_arg(name, &entry.value)),
            Kind::Scalar { text, .. } => literal(text).is_some_and(|what| {
                self.build_arg(name, vec![refusal(what, node.span.clone())]);
                true
            }),
            Kind::Null | Kind::Broken => false,
        }
    }

    /// The specification with its warnings, or the errors.
    pub(crate) fn finish(mut self, spec: Spec) -> Result<(Spec, Vec<Diagnostic>), Diagnostics> {
        let start = |diagnostic: &Diagnostic| diagnostic.labels.first().map(|label| label.span.range.start);
        self.from_file.sort_by_key(start);
        // A value that is a secret is not also a bad URL: the second message would repeat it.
        self.from_file.retain(|diagnostic| {
            diagnostic.code == SECRET || !start(diagnostic).is_some_and(|start| self.refused.contains(&start))
        });
        let mut all = self.from_file;
        all.append(&mut self.from_args);
        let failed = all.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        all.retain(|diagnostic| !failed || diagnostic.severity == Severity::Error);
        all.truncate(MAX_DIAGNOSTICS);
        let suspects = all.iter().filter(|diagnostic| diagnostic.code == SUSPECT);
        let places = suspects.flat_map(|diagnostic| &diagnostic.labels).map(|label| &label.span);
        // The value of a build arg stands in no file.
        self.masked.extend(places.filter(|span| span.build_arg.is_none()).map(|span| span.range.clone()));
        if !self.masked.is_empty() {
            let text = secret::mask_in_place(&self.file.text, self.masked);
            let shown = SourceFile::new(&*self.file.name, text.into_owned());
            for label in all.iter_mut().flat_map(|diagnostic| &mut diagnostic.labels) {
                label.span = Span::new(&shown, label.span.range.clone());
            }
        }
        if failed { Err(Diagnostics(all)) } else { Ok((spec, all)) }
    }
}

const SECRET: &str = "spec/literal-secret";
const SUSPECT: &str = "spec/secret-name";

/// What kind of secret a text holds.
fn literal(text: &str) -> Option<&'static str> {
    let token = secret::token(text).map(|(_, what)| what);
    token.or_else(|| secret::credentials(text).map(|_| "a URL with a password"))
}

fn refusal(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error(SECRET, format!("this looks like {what}, and a build file is no place for secrets"))
        .at(span)
        .help(
            "give it to the build with `--secret`, or to the container where it runs; revoke it if it was ever pushed",
        )
}

/// A warning for a variable that is usually a secret.
pub(crate) fn suspicious(path: &str, name: &str, span: Span) -> Diagnostic {
    let help = match path {
        "build.env" => {
            "the value is in the build's record for everyone to read: pass it with `--secret` and name it in `install.secrets`"
        }
        _ => "the value is in the image for everyone to read: set it where the container runs",
    };
    Diagnostic::warning(SUSPECT, format!("{} looks like a secret", quote(&format!("{path}.{name}"))))
        .at(span)
        .help(help)
}

//! One way to tell a person what is wrong.
//!
//! Every mistake a user can make, in the build file, in the repository or in a flag, becomes a [`Diagnostic`]: what,
//! where (file, line, excerpt) and what to do. The same value is rendered here for a terminal and in the gateway as
//! BuildKit's typed details. This module knows nothing of a build language or the gateway.

mod location;
pub mod render;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytestring::ByteString;

use crate::secret;

pub use location::source_file;

/// Characters of a message, a help or a label: nobody reads more, and what they quote may be a megabyte.
const MAX_TEXT: usize = 1000;

/// A text as diagnostics hold it: without tokens and passwords, and of bearable length.
pub fn shown(text: &str) -> String {
    // What is cut off cannot be told from a token's end, so the secrets go first.
    let redacted = secret::redacted(text);
    match redacted.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", redacted.get(..end).unwrap_or_default()),
        None => redacted.into_owned(),
    }
}

/// A file that a diagnostic can point into: its name as the user knows it and its text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// Path relative to the context, or the name given with `-f`.
    pub name: String,
    /// The whole text. Invalid UTF-8 has been replaced.
    pub text: ByteString,
}

impl SourceFile {
    /// A file by name and text.
    pub fn new(name: impl Into<String>, text: impl Into<ByteString>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// 1-based line and column (in characters) of a byte offset; offsets past the end answer the end.
    pub fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.bytes().filter(|b| *b == b'\n').count().saturating_add(1);
        let start = before.rfind('\n').map_or(0, |i| i.saturating_add(1));
        let column = before.get(start..).map_or(0, |s| s.chars().count()).saturating_add(1);
        Position { line, column }
    }

    /// Byte range of a 1-based line, without its line break. Lines past the end answer an empty range at the end.
    pub fn line(&self, line: usize) -> Range<usize> {
        let mut start = 0_usize;
        for _ in 1..line {
            match self.text.get(start..).and_then(|rest| rest.find('\n')) {
                Some(i) => start = start.saturating_add(i).saturating_add(1),
                None => return self.text.len()..self.text.len(),
            }
        }
        let len = self.text.get(start..).map_or(0, |rest| rest.find('\n').unwrap_or(rest.len()));
        start..start.saturating_add(len)
    }
}

/// A place in a text: 1-based line, 1-based column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
}

/// A byte range in a [`SourceFile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The file pointed into.
    pub file: Arc<SourceFile>,
    /// Byte offsets into its text.
    pub range: Range<usize>,
    /// The build arg that says what is not in the file; its place is then where the file begins.
    pub build_arg: Option<Arc<str>>,
}

impl Span {
    /// A byte range of a file.
    pub fn new(file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        Self { file: Arc::clone(file), range, build_arg: None }
    }

    /// A whole 1-based line of a file. Line 1 is where defaults point: it is the line that asked for them.
    pub fn line(file: &Arc<SourceFile>, line: usize) -> Self {
        Self::new(file, file.line(line))
    }

    /// The same place for what a build arg says.
    pub fn of_build_arg(self, name: &str) -> Self {
        Self { build_arg: Some(name.into()), ..self }
    }

    /// The first 1-based line covered.
    pub fn first_line(&self) -> usize {
        self.file.position(self.range.start).line
    }

    /// The last 1-based line covered.
    pub fn last_line(&self) -> usize {
        let end = self.range.end.max(self.range.start.saturating_add(1)).saturating_sub(1);
        self.file.position(end).line.max(self.first_line())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The build goes on.
    Warning,
    /// The build ends.
    Error,
}

/// A place in a file with a few words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// A few words under the excerpt; may be empty.
    pub text: String,
}

/// One message to the user. The first label is the place that is to be changed. Texts are cut and rid of secrets where
/// a diagnostic is made, so that no way of showing it has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable id such as `spec/unknown-key`: module, slash, kebab-case name.
    pub code: Cow<'static, str>,
    /// Warning or error.
    pub severity: Severity,
    /// What is wrong: one sentence, no full stop.
    pub message: String,
    /// What to do about it: one sentence or two; `None` only where the message says it already.
    pub help: Option<String>,
    /// Where: the first is the main place. Boxed diagnostics travel in `Result`, so this is a vector, not an array.
    pub labels: Vec<Label>,
}

impl Diagnostic {
    /// An error with a code and a message.
    pub fn error(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity: Severity::Error,
            message: shown(&message.into()),
            help: None,
            labels: Vec::new(),
        }
    }

    /// A warning with a code and a message.
    pub fn warning(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shown(&help.into()));
        self
    }

    /// Adds a place without words. Where a build arg has set what is meant, the message says so: its place is only line 1.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        let Some(name) = &span.build_arg else { return self.label(span, "") };
        self.message = shown(&format!("--build-arg {name}: {}", self.message));
        self.label(span, "the build arg overrides this file")
    }

    /// Adds a place with words.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: shown(&text.into()) });
        self
    }
}

/// `file:line:column: severity: message`, then the help: what fits in one line of a log.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = self.labels.first() {
            let at = label.span.file.position(label.span.range.start);
            write!(f, "{}:{}:{}: ", label.span.file.name, at.line, at.column)?;
        }
        f.write_str(&self.message)?;
        if let Some(label) = self.labels.first().filter(|l| !l.text.is_empty()) {
            write!(f, ": {}", label.text)?;
        }
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// One or more diagnostics, at least one of them an error: how every stage of the pipeline fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// A value and the place it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where the user wrote it; for values given on the command line, line 1 of the build file.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

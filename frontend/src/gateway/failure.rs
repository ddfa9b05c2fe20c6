//! How a build fails: what goes into Return in the place of a result.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Span};
use crate::files::FilesError;

use super::caps::MissingCaps;
use super::error::{CallError, FileError};
use super::excerpt;
use super::status::Status;

/// Excerpts of one failure at most. What a person does not scroll through need not travel.
const EXCERPTS: usize = 20;
/// Messages of one failure at most.
const MESSAGES: usize = 50;

/// A failed build. Made from [`Diagnostics`], a failed call, or any [`Status`].
#[derive(Debug, Clone)]
pub struct Failure(Status);

impl Failure {
    /// A failure with a text and no place.
    pub fn new(message: impl AsRef<str>) -> Self {
        Self(Status::new(message))
    }

    /// Points at `span` unless the failure points somewhere already.
    #[must_use]
    pub fn at(self, span: &Span) -> Self {
        if self.0.has_source() { self } else { Self(self.0.with(&excerpt::source(span))) }
    }

    /// Gives the failure some Source detail, even if nothing can be shown: to an error without one, BuildKit's own frontend
    /// adds the syntax line.
    pub(super) fn somewhere(self, span: Option<&Span>, filename: &str) -> Self {
        match span {
            Some(span) => self.at(span),
            None if self.0.has_source() => self,
            None => Self(self.0.with(&excerpt::nowhere(filename))),
        }
    }

    /// What is sent.
    pub fn status(&self) -> &Status {
        &self.0
    }

    /// What is sent.
    pub fn into_status(self) -> Status {
        self.0
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

impl From<Diagnostics> for Failure {
    /// The text of every error, and an excerpt for each of its labels.
    fn from(diagnostics: Diagnostics) -> Self {
        let (errors, warnings): (Vec<_>, Vec<_>) =
            diagnostics.0.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
        let mut shown = Diagnostics(if errors.is_empty() { warnings } else { errors });
        let more = shown.0.len().saturating_sub(MESSAGES);
        shown.0.truncate(MESSAGES);
        let mut status = Status::new(match (shown.0.is_empty(), more) {
            (true, _) => "the build failed without saying why".to_owned(),
            (false, 0) => shown.to_string(),
            (false, more) => format!("{shown}\n... and {more} more"),
        });
        // Two messages about one line need it shown once.
        let mut seen = BTreeSet::new();
        for label in shown.0.iter().flat_map(|diagnostic| &diagnostic.labels) {
            if seen.len() == EXCERPTS {
                break;
            }
            let place = (label.span.file.name.clone(), label.span.first_line(), label.span.last_line());
            if seen.insert(place) {
                status = status.with(&excerpt::source(&label.span));
            }
        }
        Self(status)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}

impl From<CallError> for Failure {
    /// What the daemon said goes on whole; the rest becomes a text.
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(status) => Self(*status),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Call(error) => error.into(),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Daemon(status) => Self(Status::from(&*status)),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<MissingCaps> for Failure {
    fn from(error: MissingCaps) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::SourceFile;

    use super::super::detail::{Detail, Position, Range, Source};
    use super::*;

    fn sources(failure: &Failure) -> Vec<Source> {
        let source = |detail| match detail {
            Detail::Source(source) => Some(source),
            _ => None,
        };
        failure.status().details().filter_map(source).collect()
    }

    #[test]
    fn every_place_is_shown_once() {
        let file = SourceFile::new("backstage.build.yaml", "# syntax=x\nnod: 22\nnode: 22\n");
        let diagnostics = Diagnostics(vec![
            Diagnostic::error("spec/unknown-key", "unknown key `nod`")
                .help("did you mean `node`?")
                .at(Span::line(&file, 2)),
            Diagnostic::warning("x/y", "a warning is told elsewhere").at(Span::line(&file, 1)),
            Diagnostic::error("spec/twice", "set twice").at(Span::line(&file, 2)).label(Span::line(&file, 3), "again"),
        ]);
        let failure = Failure::from(diagnostics);
        insta::assert_snapshot!(failure.status().message(), @r"
        backstage.build.yaml:2:1: unknown key `nod` (did you mean `node`?)
        backstage.build.yaml:2:1: set twice
        ");
        let found = sources(&failure);
        assert_eq!(found.len(), 2);
        let at = |line, character| Position { line, character };
        assert_eq!(found[0].ranges, [Range { start: at(2, 0), end: at(2, 7) }]);
        assert_eq!(found[1].ranges, [Range { start: at(3, 0), end: at(3, 8) }]);
        assert_eq!(found[0].info.as_ref().unwrap().data, file.text.as_bytes());
        assert_eq!(failure.status().code(), tonic::Code::Unknown);
    }

    #[test]
    fn a_place_is_added_only_where_there_is_none() {
        let file = SourceFile::new("a", "x\ny\n");
        let failure = Failure::new("no").at(&Span::line(&file, 2)).at(&Span::line(&file, 1));
        assert_eq!(sources(&failure).len(), 1);
        assert_eq!(sources(&failure)[0].ranges[0].start.line, 2);
        let nowhere = Failure::new("no").somewhere(None, "a");
        assert_eq!(sources(&nowhere)[0].ranges, []);
        assert_eq!(sources(&nowhere.somewhere(Some(&Span::line(&file, 1)), "a")).len(), 1);
    }

    #[test]
    fn a_thousand_errors_in_a_large_file_still_arrive() {
        let file = SourceFile::new("yarn.lock", "x y z\n".repeat(40_000));
        let errors = (1..=1000).map(|i| Diagnostic::error("a/b", "bad").at(Span::new(&file, i * 200..i * 200 + 1)));
        let status = Failure::from(Diagnostics(errors.collect())).into_status().into_proto();
        assert_eq!(status.details.len(), EXCERPTS);
        assert_eq!(status.message.lines().count(), MESSAGES + 1);
        assert!(status.message.ends_with("\n... and 950 more"));
        assert!(!Failure::from(Diagnostics(vec![])).status().message().is_empty());
    }
}

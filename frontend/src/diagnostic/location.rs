//! Places as a graph holds them.

use buildkit_llb::{LineRange, Location, SourceFile};

use crate::secret;

use super::Span;

impl Span {
    /// The place as an op holds it.
    pub fn location(&self) -> Location {
        source_file(self).at([self.lines()])
    }

    /// The lines of the place.
    pub fn lines(&self) -> LineRange {
        let line = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
        LineRange::lines(line(self.first_line()), line(self.last_line()))
    }
}

/// The file of a place, as it travels with a graph, into errors and provenance: without what looks like a secret.
pub fn source_file(span: &Span) -> SourceFile {
    SourceFile::new(&span.file.name, "YAML", secret::masked(&span.file.text).into_owned())
}

//! Which lines of which file an op comes from, so that a failing step shows them.

use std::sync::Arc;

use buildkit_proto::pb;
use bytes::Bytes;

use crate::Definition;

/// A file that a person wrote. Cheap to clone; it travels whole with every definition that points
/// into it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceFile(Arc<pb::SourceInfo>);

impl SourceFile {
    /// `filename` as the user knows it, `language` as GitHub linguist names it (`YAML`), `data` the
    /// whole file.
    pub fn new(filename: impl Into<String>, language: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self(Arc::new(pb::SourceInfo {
            filename: filename.into(),
            data: data.into(),
            definition: None,
            language: language.into(),
        }))
    }

    /// Says which graph produced the file; it then stands in provenance.
    #[must_use]
    pub fn produced_by(self, definition: &Definition) -> Self {
        let mut info = Arc::unwrap_or_clone(self.0);
        info.definition = (!definition.is_scratch()).then(|| definition.to_pb());
        Self(Arc::new(info))
    }

    /// As a message, also for warnings and errors.
    pub fn to_pb(&self) -> &pb::SourceInfo {
        &self.0
    }

    /// Lines of this file as a location.
    pub fn at(&self, ranges: impl IntoIterator<Item = LineRange>) -> Location {
        Location { file: self.clone(), ranges: ranges.into_iter().collect() }
    }

    pub(crate) fn from_pb(info: &pb::SourceInfo) -> Self {
        Self(Arc::new(info.clone()))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self == other
    }
}

/// Lines of a file, from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRange {
    first: i32,
    last: i32,
}

impl LineRange {
    /// One line, from 1.
    pub fn line(line: u32) -> Self {
        Self::lines(line, line)
    }

    /// Some lines. A last line before the first counts as the first.
    pub fn lines(first: u32, last: u32) -> Self {
        let line = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        Self { first: line(first), last: line(last.max(first)) }
    }

    /// First line.
    pub fn first(self) -> i32 {
        self.first
    }

    /// Last line.
    pub fn last(self) -> i32 {
        self.last
    }

    /// As a message. Both ends are always there: Go code follows the pointers unchecked.
    pub fn to_pb(self) -> pb::Range {
        let position = |line| Some(pb::Position { line, character: 0 });
        pb::Range { start: position(self.first), end: position(self.last) }
    }

    /// `None` if an end is missing.
    pub(crate) fn from_pb(range: &pb::Range) -> Option<Self> {
        let (start, end) = (range.start?, range.end?);
        Some(Self { first: start.line, last: end.line.max(start.line) })
    }
}

/// Lines of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// The file.
    pub file: SourceFile,
    /// Its lines. Without any, nothing is shown.
    pub ranges: Vec<LineRange>,
}

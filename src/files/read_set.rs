//! The declared set of paths that facts are read from.

use crate::path::ContextPath;

/// Which paths of a repository are shown to the pipeline: what any include matches and the last matching exclude does
/// not hide. Patterns have `.dockerignore` semantics, relative to the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Patterns of files to show.
    pub include: Vec<String>,
    /// Patterns to hide, in order; `!` shows again.
    pub exclude: Vec<String>,
}

impl ReadSet {
    /// Whether a file is shown.
    pub fn contains(&self, _path: &ContextPath) -> bool {
        true
    }
}

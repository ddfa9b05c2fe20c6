//! What can be wrong with a text that refers to a git repository.

use crate::path::PathError;

use super::git_url::UrlError;
use super::text::Quoted;

/// Why a text that refers to a git repository can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitRefError {
    /// The address is not well formed.
    #[error("its address {0}")]
    Url(#[from] UrlError),
    /// A key that is not known.
    #[error("its query has an unknown key {}", Quoted(.0))]
    UnknownKey(String),
    /// A key that stands there twice.
    #[error("its query has the key {} more than once", Quoted(.0))]
    RepeatedKey(String),
    /// A key that needs a value.
    #[error("the key {} of its query has no value", Quoted(.0))]
    NoValue(String),
    /// A flag that is neither true nor false.
    #[error("the key {} of its query is {}, which is neither true nor false", Quoted(.0), Quoted(.1))]
    Flag(String, String),
    /// Not a policy for file times.
    #[error("the key \"mtime\" of its query is {}, which is neither checkout nor commit", Quoted(.0))]
    Mtime(String),
    /// Two references that differ.
    #[error("it asks for {} and for {} at once", Quoted(.0), Quoted(.1))]
    Conflict(String, String),
    /// Two directories that differ.
    #[error("it asks for the directory {} and for {} at once", Quoted(.0), Quoted(.1))]
    SubdirConflict(String, String),
    /// A tag and a branch.
    #[error("it asks for a tag and for a branch at once")]
    TagAndBranch,
    /// Not the name of a branch, tag or commit.
    #[error("{} is not the name of a branch, a tag or a commit", Quoted(.0))]
    Reference(String),
    /// Not a commit.
    #[error("the checksum {} is not made of the hexadecimal digits of a commit", Quoted(.0))]
    Checksum(String),
    /// Not a directory of the repository.
    #[error("the directory {} is not one of the repository: {}", Quoted(.0), .1)]
    Subdir(String, PathError),
}

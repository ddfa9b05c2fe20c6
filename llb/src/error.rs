//! What can be wrong with an op that is being put together.

use crate::reference::InvalidImageRef;

/// Why an op could not be built. Each names the value that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that has to start with a slash does not.
    #[error("{role} `{path}` is not absolute")]
    NotAbsolute {
        /// What the path is for.
        role: &'static str,
        /// The path.
        path: String,
    },
    /// Two mounts of one exec have the same destination.
    #[error("two mounts at `{dest}`")]
    DuplicateMount {
        /// The destination.
        dest: String,
    },
    /// A root file system that is read-only and empty.
    #[error("the root file system is read-only and made of nothing")]
    EmptyReadOnlyRoot,
    /// A mount's result was asked for, but the exec has no such mount or throws its result away.
    #[error("no output at `{dest}`")]
    NoOutput {
        /// The mount's destination.
        dest: String,
    },
    /// Content caching was asked for on a mount where the daemon refuses it.
    #[error("the mount at `{dest}` has a selector and is writable or an output: its content cannot be cached")]
    ContentCache {
        /// The mount's destination.
        dest: String,
    },
    /// A file op without actions.
    #[error("a file operation without actions")]
    NoActions,
    /// An owner given by name, in a tree that starts empty and so has no `/etc/passwd`.
    #[error("owner `{name}` cannot be looked up: the tree starts empty; give a number, or say where to look")]
    NameOnScratch {
        /// The name.
        name: String,
    },
    /// Not an HTTP URL.
    #[error("`{url}` is not an http or https URL")]
    InvalidHttpUrl {
        /// The text as it was given.
        url: String,
    },
    /// Not a git remote.
    #[error(
        "`{url}` is not a git remote: expected https://, http://, ssh://, git:// or user@host:path, without # and ?"
    )]
    InvalidGitUrl {
        /// The text as it was given.
        url: String,
    },
    /// Not an image reference, or one without a digest where it needs one.
    #[error(transparent)]
    ImageRef(#[from] InvalidImageRef),
    /// A reference that has to hold a digest.
    #[error("`{reference}` has no digest")]
    NoDigest {
        /// The reference.
        reference: String,
    },
}

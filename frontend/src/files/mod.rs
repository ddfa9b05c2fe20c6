//! How a frontend reads a repository.
//!
//! One small trait with two backings: a BuildKit reference in a build, a directory on the command line. Both show the
//! same files, because both are narrowed to one declared [`ReadSet`]. The rest of the program does not know which it has.

mod directory;
mod memory;
pub mod pattern;
mod read_set;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use crate::path::ContextPath;

pub use directory::DirectoryFiles;
pub use memory::MemoryFiles;
pub use pattern::{
    PatternError, PatternMatcher, cleaned, could_match, drop_redundant, ignore_pattern, parse_ignore_file,
};
pub use read_set::{ReadSet, ReadSetMatcher};

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file of so many bytes.
    File {
        /// Size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link (in listings; `stat` follows links inside the root).
    Symlink,
    /// A socket, device or pipe.
    Other,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without its directory.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Why files could not be read. A file that is not there is no error: the calls answer `None`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FilesError {
    /// Larger than the caller allowed.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: ContextPath,
        /// The caller's bound, in bytes.
        limit: u64,
    },
    /// A directory or a device where a file is wanted, or a file where a directory is wanted.
    #[error("{path} is not {wanted}")]
    WrongKind {
        /// The path.
        path: ContextPath,
        /// `a file` or `a directory`.
        wanted: &'static str,
    },
    /// The file system, or BuildKit, failed.
    #[error("{path} could not be read: {reason}")]
    Failed {
        /// The path.
        path: ContextPath,
        /// What was said, without the backing's own paths.
        reason: String,
    },
    /// The call to BuildKit failed; its typed status is passed on whole.
    #[error("{0}")]
    Daemon(Box<tonic::Status>),
}

/// A read that is under way.
pub type Pending<'a, T> = LocalBoxFuture<'a, Result<T, FilesError>>;

/// Reads files of a repository. Paths are resolved inside the root; symlinks never leave it. Readers take it as `dyn`: what
/// is compiled for each backing of its own makes every frontend image larger.
pub trait Files {
    /// The bytes of each path, in the order asked for; `None` where nothing is there. At most `limit` bytes a file.
    fn read_many<'a>(&'a self, paths: &'a [ContextPath], limit: u64) -> Pending<'a, Vec<Option<Bytes>>>;

    /// The names in each directory, sorted by bytes; `None` where there is no such directory.
    fn list_many<'a>(&'a self, dirs: &'a [ContextPath]) -> Pending<'a, Vec<Option<Vec<Entry>>>>;

    /// What lies at a path, links followed inside the root; `None` where nothing is there.
    fn stat<'a>(&'a self, path: &'a ContextPath) -> Pending<'a, Option<Kind>>;

    /// The bytes of one path.
    fn read<'a>(&'a self, path: &'a ContextPath, limit: u64) -> Pending<'a, Option<Bytes>> {
        Box::pin(async move {
            let mut found = self.read_many(std::slice::from_ref(path), limit).await?;
            Ok(found.pop().flatten())
        })
    }
}

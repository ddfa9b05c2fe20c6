//! Copying from one tree to another.

use buildkit_proto::pb;
use buildkit_proto::pb::file_action::Action as PbAction;

use super::{Owner, Timestamp};
use crate::Output;
use crate::caps::{self, Caps};

/// Copies from another tree. Paths are those inside the trees, symlinks cannot lead out of them.
///
/// A directory is copied *into* a directory that exists, under its own name, unless
/// [`Copy::dir_contents`] is set. A destination that ends in `/` is a directory. Prefer one copy
/// for each source directory over one copy of `/` with include patterns: the daemon walks all of
/// the source for the latter, on every build.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Copy {
    pub(super) from: Output,
    pub(super) owner: Option<Owner>,
    message: pb::FileActionCopy,
}

/// Whether a source path is a pattern. `*`, `?` and `[…]` match names; there is no `**`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildcard {
    /// Something must match.
    MustMatch,
    /// Nothing to match is nothing to copy.
    MayBeEmpty,
}

impl Copy {
    /// Copies `src` of a tree to `dest`.
    pub fn new(from: &Output, src: impl Into<String>, dest: impl Into<String>) -> Self {
        let message = pb::FileActionCopy {
            src: src.into(),
            dest: dest.into(),
            mode: -1,
            timestamp: Timestamp::KEEP.to_pb(),
            ..Default::default()
        };
        Self { from: from.clone(), owner: None, message }
    }

    /// Only what matches, by the rules of an ignore file, relative to the source directory.
    pub fn include_patterns<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.message.include_patterns.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Not what matches, by the same rules. Excludes win over includes.
    pub fn exclude_patterns<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.message.exclude_patterns.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Paths that must be among what is copied, as starts of absolute paths inside the source tree.
    /// Looked at only together with patterns or a wildcard. Not in 0.17.
    pub fn required_paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.message.required_paths.extend(paths.into_iter().map(Into::into));
        self
    }

    /// The new owner. Absent: as in the source.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The new permissions (`0o644`) of all that is copied, and of parents made for it. Absent: as
    /// in the source.
    pub fn mode(mut self, mode: u32) -> Self {
        self.message.mode = i32::try_from(mode & 0o7777).unwrap_or(0);
        self
    }

    /// The new permissions as chmod takes them, such as `u=rw,go+X`; wins over [`Copy::mode`].
    ///
    /// No capability tells whether a daemon has this: it has where [`caps::EXEC_VALID_EXIT_CODE`]
    /// is, and others ignore it.
    pub fn mode_str(mut self, mode: impl Into<String>) -> Self {
        self.message.mode_str = mode.into();
        self
    }

    /// Copies what a symlink at the source path points to, not the symlink.
    pub fn follow_symlink(mut self) -> Self {
        self.message.follow_symlink = true;
        self
    }

    /// Copies what is in the source directory, not the directory.
    pub fn dir_contents(mut self) -> Self {
        self.message.dir_copy_contents = true;
        self
    }

    /// Extracts the source if it is a tar archive, compressed or not, and copies it otherwise.
    /// Patterns and mode then do nothing.
    pub fn attempt_unpack(mut self) -> Self {
        self.message.attempt_unpack_docker_compatibility = true;
        self
    }

    /// Makes missing parents of the destination. Without it they must exist.
    pub fn create_dest_path(mut self) -> Self {
        self.message.create_dest_path = true;
        self
    }

    /// Takes the source path as a pattern.
    pub fn wildcard(mut self, wildcard: Wildcard) -> Self {
        self.message.allow_wildcard = true;
        self.message.allow_empty_wildcard = wildcard == Wildcard::MayBeEmpty;
        self
    }

    /// The time of all that is copied. Absent: as in the source.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.message.timestamp = timestamp.to_pb();
        self
    }

    /// A file takes the place of a directory, and the other way round, where that would be an
    /// error.
    pub fn always_replace_existing_dest_paths(mut self) -> Self {
        self.message.always_replace_existing_dest_paths = true;
        self
    }

    pub(super) fn caps(&self) -> Caps {
        let message = &self.message;
        let has_patterns = !message.include_patterns.is_empty() || !message.exclude_patterns.is_empty();
        [
            (has_patterns, caps::FILE_COPY_INCLUDE_EXCLUDE_PATTERNS),
            (!message.required_paths.is_empty(), caps::FILE_COPY_REQUIRED_PATHS),
            (message.always_replace_existing_dest_paths, caps::FILE_COPY_ALWAYS_REPLACE),
        ]
        .into_iter()
        .filter_map(|(used, cap)| used.then_some(cap))
        .collect()
    }

    pub(super) fn into_pb(self) -> PbAction {
        PbAction::Copy(self.message)
    }
}

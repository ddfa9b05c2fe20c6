//! The actions that need no second tree.

use buildkit_proto::pb;
use buildkit_proto::pb::file_action::Action as PbAction;
use bytes::Bytes;

use super::Owner;

/// A file's modification time. By default a file keeps the one it has, or gets the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Leave it.
    pub(super) const KEEP: Self = Self(-1);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Seconds since 1970, up to the year 2262.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since 1970. -1 means no time, as on the wire.
    pub fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub(super) fn to_pb(self) -> i64 {
        self.0
    }
}

/// Writes a file, over one that is there. The parent must exist.
///
/// The content stands in clear in the build's provenance.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Mkfile {
    path: String,
    mode: u32,
    data: Bytes,
    pub(super) owner: Option<Owner>,
    timestamp: Timestamp,
}

impl Mkfile {
    /// A file by path, permissions (`0o644`) and content.
    pub fn new(path: impl Into<String>, mode: u32, data: impl Into<Bytes>) -> Self {
        Self { path: path.into(), mode, data: data.into(), owner: None, timestamp: Timestamp::KEEP }
    }

    /// Its owner. Absent: 0.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Its time.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    pub(super) fn into_pb(self) -> PbAction {
        PbAction::Mkfile(pb::FileActionMkFile {
            path: self.path,
            mode: permissions(self.mode),
            data: self.data,
            owner: None,
            timestamp: self.timestamp.to_pb(),
        })
    }
}

/// Makes a directory. One that is there stays as it is.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Mkdir {
    path: String,
    mode: u32,
    make_parents: bool,
    pub(super) owner: Option<Owner>,
    timestamp: Timestamp,
}

impl Mkdir {
    /// A directory by path and permissions (`0o755`).
    pub fn new(path: impl Into<String>, mode: u32) -> Self {
        Self { path: path.into(), mode, make_parents: false, owner: None, timestamp: Timestamp::KEEP }
    }

    /// Makes missing parents too, with the same permissions and owner. Without it they must exist.
    pub fn make_parents(mut self) -> Self {
        self.make_parents = true;
        self
    }

    /// Its owner. Absent: 0.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Its time.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    pub(super) fn into_pb(self) -> PbAction {
        PbAction::Mkdir(pb::FileActionMkDir {
            path: self.path,
            mode: permissions(self.mode),
            make_parents: self.make_parents,
            owner: None,
            timestamp: self.timestamp.to_pb(),
        })
    }
}

/// Removes a file, a symlink itself, or a directory with all it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Rm {
    path: String,
    allow_not_found: bool,
    pub(super) allow_wildcard: bool,
}

impl Rm {
    /// By path.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), allow_not_found: false, allow_wildcard: false }
    }

    /// Nothing there is no error.
    pub fn allow_not_found(mut self) -> Self {
        self.allow_not_found = true;
        self
    }

    /// `*`, `?` and `[…]` in the path match names; there is no `**`.
    pub fn allow_wildcard(mut self) -> Self {
        self.allow_wildcard = true;
        self
    }

    pub(super) fn into_pb(self) -> PbAction {
        PbAction::Rm(pb::FileActionRm {
            path: self.path,
            allow_not_found: self.allow_not_found,
            allow_wildcard: self.allow_wildcard,
        })
    }
}

/// Makes a symlink where nothing is. Not in 0.17.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Symlink {
    target: String,
    path: String,
    pub(super) owner: Option<Owner>,
    timestamp: Timestamp,
}

impl Symlink {
    /// A symlink at `path` that says `target`.
    pub fn new(target: impl Into<String>, path: impl Into<String>) -> Self {
        Self { target: target.into(), path: path.into(), owner: None, timestamp: Timestamp::KEEP }
    }

    /// Its owner. Absent: 0.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Its time.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    pub(super) fn into_pb(self) -> PbAction {
        PbAction::Symlink(pb::FileActionSymlink {
            oldpath: self.target,
            newpath: self.path,
            owner: None,
            timestamp: self.timestamp.to_pb(),
        })
    }
}

/// What the daemon keeps of a mode, so that equal actions are equal ops.
fn permissions(mode: u32) -> i32 {
    i32::try_from(mode & 0o777).unwrap_or(0)
}

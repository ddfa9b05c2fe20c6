//! What an exec can have mounted: one type for each kind, so that a tmpfs has no selector and a
//! secret no sharing mode.

use buildkit_proto::pb;

use super::secret::{Secret, Ssh};
use crate::caps::{self, Caps};
use crate::node::Inputs;
use crate::{Error, Input};

/// A mount of any kind.
#[derive(Clone, Debug)]
pub enum Mount {
    /// Files of the graph.
    Bind(Bind),
    /// A directory that stays between builds.
    Cache(Cache),
    /// Memory.
    Tmpfs(Tmpfs),
    /// A secret as a file.
    Secret(Secret),
    /// An SSH agent's socket.
    Ssh(Ssh),
}

macro_rules! into_mount {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Mount {
            fn from(mount: $kind) -> Self {
                Self::$kind(mount)
            }
        })*
    };
}
into_mount!(Bind, Cache, Tmpfs, Secret, Ssh);

/// Names a mount when its output is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MountId(String);

impl MountId {
    pub(super) fn dest(&self) -> &str {
        &self.0
    }
}

/// What becomes of a bind mount's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadOnly,
    Output,
    Discard,
}

/// Whether a mount's content, rather than the definition of its input, decides about a cache hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ContentCache {
    /// For mounts that are read-only or have no output, and for whole inputs that are not the root.
    #[default]
    Default,
    /// Yes.
    On,
    /// No: the content need not be there, nor be hashed, before the lookup.
    Off,
}

/// Files of the graph.
#[derive(Clone, Debug)]
#[must_use]
pub struct Bind {
    dest: String,
    input: Input,
    selector: String,
    access: Access,
    content_cache: ContentCache,
}

impl Bind {
    fn new(dest: impl Into<String>, input: impl Into<Input>, access: Access) -> Self {
        Self {
            dest: dest.into(),
            input: input.into(),
            selector: String::new(),
            access,
            content_cache: ContentCache::Default,
        }
    }

    /// Files that the process cannot change.
    pub fn read_only(dest: impl Into<String>, input: impl Into<Input>) -> Self {
        Self::new(dest, input, Access::ReadOnly)
    }

    /// Files that the process changes; the result is an [output](super::Exec::output). From
    /// scratch: a new directory.
    pub fn output(dest: impl Into<String>, input: impl Into<Input>) -> Self {
        Self::new(dest, input, Access::Output)
    }

    /// Files of which the process has a copy that nobody sees afterwards.
    pub fn discard(dest: impl Into<String>, input: impl Into<Input>) -> Self {
        Self::new(dest, input, Access::Discard)
    }

    /// A path inside the input, which must exist. Absent: all of it.
    pub fn selector(mut self, path: impl Into<String>) -> Self {
        self.selector = path.into();
        self
    }

    /// Whether content decides about a cache hit.
    pub fn content_cache(mut self, content_cache: ContentCache) -> Self {
        self.content_cache = content_cache;
        self
    }

    /// What [`Exec::output`](super::Exec::output) takes.
    #[must_use]
    pub fn id(&self) -> MountId {
        MountId(self.dest.clone())
    }

    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    fn selects_all(&self) -> bool {
        matches!(self.selector.as_str(), "" | "/")
    }
}

/// How several processes share a cache mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sharing {
    /// All at once.
    #[default]
    Shared,
    /// Another directory for the second one.
    Private,
    /// The second one waits until the first has ended.
    Locked,
}

/// A directory that stays on the worker between builds. It is never part of a result, and may be
/// gone at any time.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cache {
    dest: String,
    id: String,
    sharing: Sharing,
    input: Input,
    selector: String,
}

impl Cache {
    /// A cache by id. All builds of a worker see the same ids, whoever runs them: use a prefix of
    /// your own.
    pub fn new(dest: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            dest: dest.into(),
            id: id.into(),
            sharing: Sharing::default(),
            input: Input::Scratch,
            selector: String::new(),
        }
    }

    /// How it is shared.
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// What a new cache starts as, say a directory with an owner and a mode. It becomes part of the
    /// cache's identity.
    pub fn from(mut self, input: impl Into<Input>) -> Self {
        self.input = input.into();
        self
    }

    /// A path inside the cache.
    pub fn selector(mut self, path: impl Into<String>) -> Self {
        self.selector = path.into();
        self
    }
}

/// Memory.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tmpfs {
    dest: String,
    size: i64,
}

impl Tmpfs {
    /// An empty directory in memory.
    pub fn new(dest: impl Into<String>) -> Self {
        Self { dest: dest.into(), size: 0 }
    }

    /// At most so many bytes. 0: no limit.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = i64::try_from(bytes).unwrap_or(i64::MAX);
        self
    }
}

impl Mount {
    pub(super) fn dest(&self) -> &str {
        match self {
            Self::Bind(bind) => &bind.dest,
            Self::Cache(cache) => &cache.dest,
            Self::Tmpfs(tmpfs) => &tmpfs.dest,
            Self::Secret(secret) => secret.dest(),
            Self::Ssh(ssh) => ssh.dest(),
        }
    }

    pub(super) fn has_output(&self) -> bool {
        matches!(self, Self::Bind(Bind { access: Access::Output, .. }))
    }

    pub(super) fn caps(&self) -> Caps {
        match self {
            Self::Bind(bind) => [
                (true, caps::EXEC_MOUNT_BIND),
                (bind.access == Access::Discard, caps::EXEC_MOUNT_BIND_READWRITE_NO_OUTPUT),
                (!bind.selects_all(), caps::EXEC_MOUNT_SELECTOR),
                (bind.content_cache != ContentCache::Default, caps::EXEC_MOUNT_CONTENT_CACHE),
            ]
            .into_iter()
            .filter_map(|(used, cap)| used.then_some(cap))
            .collect(),
            Self::Cache(cache) => {
                let mut caps = Caps::from([caps::EXEC_MOUNT_CACHE, caps::EXEC_MOUNT_CACHE_SHARING]);
                if !cache.selector.is_empty() {
                    caps.insert(caps::EXEC_MOUNT_SELECTOR);
                }
                caps
            }
            Self::Tmpfs(Tmpfs { size: 0, .. }) => Caps::from([caps::EXEC_MOUNT_TMPFS]),
            Self::Tmpfs(_) => Caps::from([caps::EXEC_MOUNT_TMPFS, caps::EXEC_MOUNT_TMPFS_SIZE]),
            Self::Secret(_) => Caps::from([caps::EXEC_MOUNT_SECRET]),
            Self::Ssh(_) => Caps::from([caps::EXEC_MOUNT_SSH]),
        }
    }

    /// `output` is the mount's number among those that have one, or -1.
    pub(super) fn into_pb(self, inputs: &mut Inputs, output: i64) -> Result<pb::Mount, Error> {
        let none = pb::Mount { input: Inputs::NONE, output, ..Default::default() };
        Ok(match self {
            Self::Bind(bind) => {
                if bind.content_cache == ContentCache::On && bind.access == Access::Output && !bind.selects_all() {
                    return Err(Error::ContentCache { dest: bind.dest });
                }
                let content_cache = match bind.content_cache {
                    ContentCache::Default => pb::MountContentCache::Default,
                    ContentCache::On => pb::MountContentCache::On,
                    ContentCache::Off => pb::MountContentCache::Off,
                };
                pb::Mount {
                    input: inputs.add_input(&bind.input),
                    selector: bind.selector,
                    dest: bind.dest,
                    readonly: bind.access == Access::ReadOnly,
                    content_cache: content_cache.into(),
                    ..none
                }
            }
            Self::Cache(cache) => {
                let sharing = match cache.sharing {
                    Sharing::Shared => pb::CacheSharingOpt::Shared,
                    Sharing::Private => pb::CacheSharingOpt::Private,
                    Sharing::Locked => pb::CacheSharingOpt::Locked,
                };
                pb::Mount {
                    input: inputs.add_input(&cache.input),
                    selector: cache.selector,
                    dest: cache.dest,
                    mount_type: pb::MountType::Cache.into(),
                    cache_opt: Some(pb::CacheOpt { id: cache.id, sharing: sharing.into() }),
                    ..none
                }
            }
            Self::Tmpfs(tmpfs) => pb::Mount {
                dest: tmpfs.dest,
                mount_type: pb::MountType::Tmpfs.into(),
                tmpfs_opt: Some(pb::TmpfsOpt { size: tmpfs.size }),
                ..none
            },
            Self::Secret(secret) => secret.into_pb(),
            Self::Ssh(ssh) => ssh.into_pb(),
        })
    }
}

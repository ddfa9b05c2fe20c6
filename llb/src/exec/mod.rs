//! ExecOp: a process, and the file systems it sees.
//!
//! Mounts are written sorted by destination, as Go's client does: the order in which they are added
//! changes neither digest nor cache key. The numbers of their outputs depend on that order, so an
//! output is asked for by [`MountId`].
//!
//! Rules read in `solver/llbsolver/ops/exec.go`, `frontend/gateway/container/container.go` and
//! `client/llb/exec.go`.

mod mount;
mod process;
mod secret;

use std::collections::BTreeMap;

use buildkit_proto::pb;

pub use mount::{Bind, Cache, ContentCache, Mount, MountId, Sharing, Tmpfs};
pub use process::{Device, Network, ProxyEnv, SecretEnv, Security, Ulimit};
pub use secret::{Secret, Ssh};

use crate::caps;
use crate::node::{Inputs, Node};
use crate::{Error, Input, Metadata, Output, Platform};

/// A process under construction: a root file system and a program at least.
///
/// ```
/// # use buildkit_llb::{Input, exec::{Bind, Cache, ExecOp, Sharing}, source::Image};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let base = Image::new(&"node:22".parse()?).build();
/// let out = Bind::output("/out", Input::Scratch);
/// let out_id = out.id();
/// let exec = ExecOp::new(&base, "yarn")
///     .args(["install", "--immutable"])
///     .cwd("/app")
///     .env("CI", "1")
///     .mount(Cache::new("/root/.yarn", "example/yarn").sharing(Sharing::Locked))
///     .mount(out)
///     .build()?;
/// let (root, made) = (exec.root()?, exec.output(&out_id)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ExecOp {
    root: Bind,
    mounts: Vec<Mount>,
    /// All that needs no second look. Fields that do are beside.
    process: process::Process,
    platform: Option<Platform>,
    metadata: Metadata,
}

impl ExecOp {
    /// Runs a program, looked up in PATH, on a root file system that it may change. Nothing else
    /// starts it: no shell.
    pub fn new(root: impl Into<Input>, program: impl Into<String>) -> Self {
        Self {
            root: Bind::output("/", root),
            mounts: Vec::new(),
            process: process::Process::new(program.into()),
            platform: None,
            metadata: Metadata::default(),
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.process.args.push(arg.into());
        self
    }

    /// More arguments.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.process.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable. One of the same name is replaced where it stands; order counts for the cache.
    /// Without `PATH` the daemon sets the platform's default.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.process.set_env(name.into(), value.into());
        self
    }

    /// Several variables.
    pub fn envs<K: Into<String>, V: Into<String>>(mut self, vars: impl IntoIterator<Item = (K, V)>) -> Self {
        for (name, value) in vars {
            self = self.env(name, value);
        }
        self
    }

    /// The directory to start in: absolute, made if it is missing. Absent: `/`.
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.process.cwd = path.into();
        self
    }

    /// `user[:group]`, each by name or number. Names are looked up in the root file system. Absent:
    /// 0.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.process.user = user.into();
        self
    }

    /// Takes the root file system as it is; it then is no output.
    pub fn read_only_root(mut self) -> Self {
        self.root = Bind::read_only("/", self.root.input().clone());
        self
    }

    /// Whether the root's content, not its definition, decides about a cache hit. For a read-only
    /// root, or one that is thrown away.
    pub fn root_content_cache(mut self, content_cache: ContentCache) -> Self {
        self.root = self.root.content_cache(content_cache);
        self
    }

    /// Adds a mount.
    pub fn mount(mut self, mount: impl Into<Mount>) -> Self {
        self.mounts.push(mount.into());
        self
    }

    /// A secret as a variable.
    pub fn secret_env(mut self, secret: SecretEnv) -> Self {
        self.process.secrets.push(secret);
        self
    }

    /// A device of the worker. Needs the client's consent. Not in 0.17.
    pub fn device(mut self, device: Device) -> Self {
        self.process.devices.push(device);
        self
    }

    /// The network it sees.
    pub fn network(mut self, network: Network) -> Self {
        self.process.network = network;
        self
    }

    /// The privileges it has.
    pub fn security(mut self, security: Security) -> Self {
        self.process.security = security;
        self
    }

    /// Proxy variables, which are no part of the cache key.
    pub fn proxy_env(mut self, proxy: ProxyEnv) -> Self {
        self.process.proxy = Some(proxy);
        self
    }

    /// Limits a resource.
    pub fn ulimit(mut self, ulimit: Ulimit) -> Self {
        self.process.ulimits.push(ulimit);
        self
    }

    /// A line of `/etc/hosts`. The address is no part of the cache key.
    pub fn extra_host(mut self, name: impl Into<String>, address: std::net::IpAddr) -> Self {
        self.process.extra_hosts.push((name.into(), address));
        self
    }

    /// The host's name.
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.process.hostname = name.into();
        self
    }

    /// The exit codes that mean success. 0 is among them only if it is given.
    pub fn valid_exit_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.process.valid_exit_codes.extend(codes);
        self
    }

    /// The parent of its cgroup.
    pub fn cgroup_parent(mut self, path: impl Into<String>) -> Self {
        self.process.cgroup_parent = path.into();
        self
    }

    /// Leaves no trace of mount points in the root's layer, nor of parents made for them.
    ///
    /// No capability tells whether a daemon has this: it has where [`caps::EXEC_VALID_EXIT_CODE`]
    /// is, and others ignore it. It is part of the cache key, so decide once for all processes of a
    /// graph.
    pub fn remove_mount_stubs_recursive(mut self, remove: bool) -> Self {
        self.process.remove_mount_stubs_recursive = remove;
        self
    }

    /// The platform to run on; another than the worker's is emulated where it can. Absent: the
    /// daemon's own.
    pub fn platform(mut self, platform: &Platform) -> Self {
        self.platform = Some(platform.clone());
        self
    }

    /// What is said about it.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The process as a node.
    ///
    /// # Errors
    ///
    /// [`Error::NotAbsolute`] for a directory or destination, [`Error::DuplicateMount`],
    /// [`Error::EmptyReadOnlyRoot`], [`Error::ContentCache`].
    pub fn build(self) -> Result<Exec, Error> {
        if !self.process.cwd.starts_with('/') {
            return Err(Error::NotAbsolute { role: "working directory", path: self.process.cwd });
        }
        if self.root.is_read_only() && *self.root.input() == Input::Scratch {
            return Err(Error::EmptyReadOnlyRoot);
        }
        let mut by_dest = BTreeMap::from([("/".to_owned(), Mount::from(self.root))]);
        for mount in self.mounts {
            let dest = mount.dest().to_owned();
            if !dest.starts_with('/') {
                return Err(Error::NotAbsolute { role: "mount", path: dest });
            }
            if by_dest.insert(dest.clone(), mount).is_some() {
                return Err(Error::DuplicateMount { dest });
            }
        }

        let mut inputs = Inputs::default();
        let mut outputs = BTreeMap::new();
        let mut caps = self.process.caps(self.platform.as_ref());
        let mut mounts = Vec::with_capacity(by_dest.len());
        for (dest, mount) in by_dest {
            caps.extend(mount.caps());
            let output = if mount.has_output() {
                let next = crate::node::index(outputs.len());
                outputs.insert(dest, next);
                next
            } else {
                Inputs::NONE
            };
            mounts.push(mount.into_pb(&mut inputs, output)?);
        }
        if self.platform.is_some() {
            caps.insert(caps::PLATFORM);
        }
        let op = pb::Op {
            op: Some(pb::op::Op::Exec(self.process.into_pb(mounts))),
            platform: self.platform.as_ref().map(Platform::to_pb),
            ..Default::default()
        };
        Ok(Exec { node: Node::new(op, inputs, self.metadata, caps), outputs })
    }
}

/// A process in the graph, and what can be taken from it.
#[derive(Clone, Debug)]
pub struct Exec {
    node: Node,
    outputs: BTreeMap<String, i64>,
}

impl Exec {
    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The root file system after the process.
    ///
    /// # Errors
    ///
    /// [`Error::NoOutput`] if it is read-only.
    pub fn root(&self) -> Result<Output, Error> {
        self.at("/")
    }

    /// A mount's file system after the process.
    ///
    /// # Errors
    ///
    /// [`Error::NoOutput`] if the mount is not one of this process or has no output.
    pub fn output(&self, mount: &MountId) -> Result<Output, Error> {
        self.at(mount.dest())
    }

    fn at(&self, dest: &str) -> Result<Output, Error> {
        match self.outputs.get(dest) {
            Some(index) => Ok(self.node.output(*index)),
            None => Err(Error::NoOutput { dest: dest.into() }),
        }
    }
}

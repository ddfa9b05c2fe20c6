//! The process of an exec: argv, environment, limits.

use std::collections::BTreeSet;
use std::net::IpAddr;

use buildkit_proto::pb;

use crate::Platform;
use crate::caps::{self, Caps};

/// The network a process sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Network {
    /// What the daemon gives by default.
    #[default]
    Sandbox,
    /// The host's. Needs the client's consent.
    Host,
    /// Loopback only.
    None,
}

/// The privileges a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Security {
    /// Those of a container.
    #[default]
    Sandbox,
    /// All. Needs the client's consent.
    Insecure,
}

/// Proxy settings. Each becomes a variable in upper and one in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyEnv {
    /// `HTTP_PROXY`
    pub http_proxy: String,
    /// `HTTPS_PROXY`
    pub https_proxy: String,
    /// `FTP_PROXY`
    pub ftp_proxy: String,
    /// `NO_PROXY`
    pub no_proxy: String,
    /// `ALL_PROXY`
    pub all_proxy: String,
}

/// A limit such as `nofile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// Its name.
    pub name: String,
    /// What applies at first, -1 for no limit.
    pub soft: i64,
    /// What it can be raised to, -1 for no limit.
    pub hard: i64,
}

/// A secret as a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SecretEnv {
    name: String,
    id: String,
    optional: bool,
}

impl SecretEnv {
    /// The variable `name` holds the secret `id`.
    pub fn new(name: impl Into<String>, id: impl Into<String>) -> Self {
        Self { name: name.into(), id: id.into(), optional: false }
    }

    /// A client that does not have it is no error: the variable is there, and empty.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// A device by its CDI name, such as `nvidia.com/gpu=all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// A worker that does not have it is no error.
    pub optional: bool,
}

/// All of an exec but its mounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub args: Vec<String>,
    env: Vec<(String, String)>,
    pub cwd: String,
    pub user: String,
    pub network: Network,
    pub security: Security,
    pub proxy: Option<ProxyEnv>,
    pub secrets: Vec<SecretEnv>,
    pub devices: Vec<Device>,
    pub ulimits: Vec<Ulimit>,
    pub extra_hosts: Vec<(String, IpAddr)>,
    pub hostname: String,
    pub valid_exit_codes: BTreeSet<i32>,
    pub cgroup_parent: String,
    pub remove_mount_stubs_recursive: bool,
}

impl Process {
    pub fn new(program: String) -> Self {
        Self { args: vec![program], cwd: "/".into(), ..Self::default() }
    }

    pub fn set_env(&mut self, name: String, value: String) {
        match self.env.iter_mut().find(|(known, _)| *known == name) {
            Some(var) => var.1 = value,
            None => self.env.push((name, value)),
        }
    }

    pub fn caps(&self, platform: Option<&Platform>) -> Caps {
        let has_path = self.env.iter().any(|(name, _)| name == "PATH");
        let is_windows = platform.is_some_and(|platform| platform.os() == "windows");
        [
            (true, caps::EXEC_META_BASE),
            (!has_path && !is_windows, caps::EXEC_META_SETS_DEFAULT_PATH),
            (self.network != Network::Sandbox, caps::EXEC_META_NETWORK),
            (self.security != Security::Sandbox, caps::EXEC_META_SECURITY),
            (self.proxy.is_some(), caps::EXEC_META_PROXY),
            (!self.secrets.is_empty(), caps::EXEC_SECRET_ENV),
            (!self.devices.is_empty(), caps::EXEC_META_CDI),
            (!self.ulimits.is_empty(), caps::EXEC_META_ULIMIT),
            (!self.valid_exit_codes.is_empty(), caps::EXEC_VALID_EXIT_CODE),
            (!self.cgroup_parent.is_empty(), caps::EXEC_META_CGROUP_PARENT),
        ]
        .into_iter()
        .filter_map(|(used, cap)| used.then_some(cap))
        .collect()
    }

    pub fn into_pb(self, mounts: Vec<pb::Mount>) -> pb::ExecOp {
        let proxy_env = self.proxy.map(|proxy| pb::ProxyEnv {
            http_proxy: proxy.http_proxy,
            https_proxy: proxy.https_proxy,
            ftp_proxy: proxy.ftp_proxy,
            no_proxy: proxy.no_proxy,
            all_proxy: proxy.all_proxy,
        });
        let network = match self.network {
            Network::Sandbox => pb::NetMode::Unset,
            Network::Host => pb::NetMode::Host,
            Network::None => pb::NetMode::None,
        };
        let security = match self.security {
            Security::Sandbox => pb::SecurityMode::Sandbox,
            Security::Insecure => pb::SecurityMode::Insecure,
        };
        let host = |(host, ip): (String, IpAddr)| pb::HostIp { host, ip: ip.to_string() };
        let ulimit = |limit: Ulimit| pb::Ulimit { name: limit.name, soft: limit.soft, hard: limit.hard };
        let secret = |secret: SecretEnv| pb::SecretEnv { id: secret.id, name: secret.name, optional: secret.optional };
        let device = |device: Device| pb::CdiDevice { name: device.name, optional: device.optional };
        pb::ExecOp {
            meta: Some(pb::Meta {
                args: self.args,
                env: self.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
                cwd: self.cwd,
                user: self.user,
                proxy_env,
                extra_hosts: self.extra_hosts.into_iter().map(host).collect(),
                hostname: self.hostname,
                ulimit: self.ulimits.into_iter().map(ulimit).collect(),
                cgroup_parent: self.cgroup_parent,
                remove_mount_stubs_recursive: self.remove_mount_stubs_recursive,
                valid_exit_codes: self.valid_exit_codes.into_iter().collect(),
            }),
            mounts,
            network: network.into(),
            security: security.into(),
            secretenv: self.secrets.into_iter().map(secret).collect(),
            cdi_devices: self.devices.into_iter().map(device).collect(),
        }
    }
}

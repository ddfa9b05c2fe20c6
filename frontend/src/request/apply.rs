//! What the client says of every program, put onto the programs of a graph.

use buildkit_llb::exec::{self, ExecOp, Network, Tmpfs};
use buildkit_llb::{LinuxResources, Metadata};

use super::{ExecSettings, NetworkMode, ProxyEnv, Resources};

impl ExecSettings {
    /// A program with network, proxies, hosts and limits of the request.
    pub fn apply(&self, mut exec: ExecOp) -> ExecOp {
        exec = match self.network {
            NetworkMode::None => exec.network(Network::None),
            NetworkMode::Host => exec.network(Network::Host),
            NetworkMode::Sandbox => exec,
        };
        if !self.proxy.is_empty() {
            exec = exec.proxy_env(proxy_env(&self.proxy));
        }
        for host in &self.extra_hosts {
            exec = exec.extra_host(&host.host, host.ip);
        }
        for limit in &self.ulimits {
            exec = exec.ulimit(exec::Ulimit { name: limit.name.clone(), soft: limit.soft, hard: limit.hard });
        }
        if let Some(size) = self.shm_size {
            exec = exec.mount(Tmpfs::new("/dev/shm").size(size));
        }
        if let Some(hostname) = &self.hostname {
            exec = exec.hostname(hostname);
        }
        if let Some(parent) = &self.cgroup_parent {
            exec = exec.cgroup_parent(parent);
        }
        exec
    }
}

impl Resources {
    /// Metadata of a program within these limits.
    pub fn limit(&self, metadata: Metadata) -> Metadata {
        if self.is_empty() { metadata } else { metadata.limited_to(self.clone().into()) }
    }
}

/// Proxies as an exec holds them: beside its environment, outside its cache key.
fn proxy_env(proxy: &ProxyEnv) -> exec::ProxyEnv {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    exec::ProxyEnv {
        http_proxy: text(&proxy.http),
        https_proxy: text(&proxy.https),
        ftp_proxy: text(&proxy.ftp),
        no_proxy: text(&proxy.no),
        all_proxy: text(&proxy.all),
    }
}

impl From<Resources> for LinuxResources {
    fn from(resources: Resources) -> Self {
        Self {
            memory: resources.memory.unwrap_or_default(),
            memory_swap: resources.memory_swap.unwrap_or_default(),
            cpu_shares: resources.cpu_shares.unwrap_or_default(),
            cpu_period: resources.cpu_period.unwrap_or_default(),
            cpu_quota: resources.cpu_quota.unwrap_or_default(),
            cpuset_cpus: resources.cpuset_cpus.unwrap_or_default(),
            cpuset_mems: resources.cpuset_mems.unwrap_or_default(),
        }
    }
}

//! Text of an exec.

use std::fmt::{self, Formatter};

use buildkit_proto::pb;
use buildkit_proto::pb::{CacheSharingOpt, MountContentCache, MountType, NetMode, SecurityMode};

use super::{Refs, word, words};

pub(super) fn write(exec: &pb::ExecOp, refs: &Refs, f: &mut Formatter<'_>) -> fmt::Result {
    let meta = exec.meta.clone().unwrap_or_default();
    writeln!(f, "exec{}", words(&meta.args))?;
    writeln!(f, "  cwd {}", word(&meta.cwd))?;
    for (key, text) in [("user", &meta.user), ("hostname", &meta.hostname), ("cgroup parent", &meta.cgroup_parent)] {
        if !text.is_empty() {
            writeln!(f, "  {key} {}", word(text))?;
        }
    }
    for var in &meta.env {
        writeln!(f, "  env {}", word(var))?;
    }
    for secret in &exec.secretenv {
        writeln!(f, "  env {} = secret {}{}", word(&secret.name), word(&secret.id), optional(secret.optional))?;
    }
    if let Some(proxy) = &meta.proxy_env {
        for (name, value) in [
            ("http", &proxy.http_proxy),
            ("https", &proxy.https_proxy),
            ("ftp", &proxy.ftp_proxy),
            ("no", &proxy.no_proxy),
            ("all", &proxy.all_proxy),
        ] {
            if !value.is_empty() {
                writeln!(f, "  proxy {name} {}", word(value))?;
            }
        }
    }
    for host in &meta.extra_hosts {
        writeln!(f, "  host {} {}", word(&host.host), word(&host.ip))?;
    }
    for limit in &meta.ulimit {
        writeln!(f, "  ulimit {} {}:{}", word(&limit.name), limit.soft, limit.hard)?;
    }
    for device in &exec.cdi_devices {
        writeln!(f, "  device {}{}", word(&device.name), optional(device.optional))?;
    }
    match exec.network() {
        NetMode::Unset => {}
        NetMode::Host => writeln!(f, "  network host")?,
        NetMode::None => writeln!(f, "  network none")?,
    }
    if exec.security() == SecurityMode::Insecure {
        writeln!(f, "  security insecure")?;
    }
    if !meta.valid_exit_codes.is_empty() {
        let codes: Vec<String> = meta.valid_exit_codes.iter().map(ToString::to_string).collect();
        writeln!(f, "  exit codes {}", codes.join(" "))?;
    }
    if meta.remove_mount_stubs_recursive {
        writeln!(f, "  remove mount stubs")?;
    }
    for mount in &exec.mounts {
        write_mount(mount, refs, f)?;
    }
    Ok(())
}

fn write_mount(mount: &pb::Mount, refs: &Refs, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "  mount {}", word(&mount.dest))?;
    match mount.mount_type() {
        MountType::Bind => {
            write!(f, " {}", refs.get(mount.input))?;
            match (mount.readonly, mount.output) {
                (true, _) => write!(f, " read-only")?,
                (false, ..0) => write!(f, " discard")?,
                (false, _) => {}
            }
        }
        MountType::Cache => {
            let cache = mount.cache_opt.clone().unwrap_or_default();
            let sharing = match cache.sharing() {
                CacheSharingOpt::Shared => "shared",
                CacheSharingOpt::Private => "private",
                CacheSharingOpt::Locked => "locked",
            };
            write!(f, " cache {} {sharing}", word(&cache.id))?;
            if mount.input >= 0 {
                write!(f, " from {}", refs.get(mount.input))?;
            }
        }
        MountType::Tmpfs => {
            write!(f, " tmpfs")?;
            if let Some(size) = mount.tmpfs_opt.map(|tmpfs| tmpfs.size).filter(|size| *size != 0) {
                write!(f, " size={size}")?;
            }
        }
        MountType::Secret => {
            let grant = mount.secret_opt.clone().unwrap_or_default();
            write!(f, " secret {}{}", word(&grant.id), owner_mode(grant.uid, grant.gid, grant.mode))?;
            write!(f, "{}", optional(grant.optional))?;
        }
        MountType::Ssh => {
            let grant = mount.ssh_opt.clone().unwrap_or_default();
            write!(f, " ssh {}{}", word(&grant.id), owner_mode(grant.uid, grant.gid, grant.mode))?;
            write!(f, "{}", optional(grant.optional))?;
        }
    }
    if !mount.selector.is_empty() {
        write!(f, " selector={}", word(&mount.selector))?;
    }
    match mount.content_cache() {
        MountContentCache::Default => {}
        MountContentCache::On => write!(f, " content-cache=on")?,
        MountContentCache::Off => write!(f, " content-cache=off")?,
    }
    if mount.output >= 0 {
        write!(f, " -> {}", mount.output)?;
    }
    writeln!(f)
}

fn owner_mode(uid: u32, gid: u32, mode: u32) -> String {
    format!(" {uid}:{gid} {mode:04o}")
}

fn optional(optional: bool) -> &'static str {
    if optional { " optional" } else { "" }
}

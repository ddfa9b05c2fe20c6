//! What every step of the build runs with: network, hosts, limits, names.

use std::net::IpAddr;

use super::proxy::ProxyEnv;
use super::resources::Resources;
use super::value::{Invalid, csv, name, number, optional_name};

/// What holds for every step of the build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecSettings {
    /// `--network`: which network steps see.
    pub network: NetworkMode,
    /// `--add-host`: lines for `/etc/hosts`, in the order given.
    pub extra_hosts: Vec<ExtraHost>,
    /// `--shm-size`: bytes of `/dev/shm`; `None` is the daemon's own.
    pub shm_size: Option<u64>,
    /// `--ulimit`: limits of processes, in the order given.
    pub ulimits: Vec<Ulimit>,
    /// `--cgroup-parent`: the cgroup that steps are put into.
    pub cgroup_parent: Option<String>,
    /// The steps' host name; `None` is the daemon's own.
    pub hostname: Option<String>,
    /// `--resource`: memory and processor time, which do not enter cache keys.
    pub resources: Resources,
    /// Proxies, for the steps' environment only: not in cache keys, not in the image, not in its history.
    pub proxy: ProxyEnv,
}

/// Which network a step sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkMode {
    /// The daemon's own for builds.
    #[default]
    Sandbox,
    /// The daemon's host; needs the entitlement `network.host`.
    Host,
    /// Loopback only.
    None,
}

/// One line for `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExtraHost {
    /// A host's name, in lower case.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
}

/// One limit of a process; -1 is no limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ulimit {
    /// One of [`ULIMITS`].
    pub name: String,
    /// What a process starts with.
    pub soft: i64,
    /// How far it may raise it.
    pub hard: i64,
}

/// The limits that Docker knows (`github.com/docker/go-units`, `ulimit.go`).
pub const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Option `force-network-mode`.
pub(super) fn network(text: &str) -> Result<NetworkMode, Invalid> {
    match text {
        "" | "sandbox" => Ok(NetworkMode::Sandbox),
        "host" => Ok(NetworkMode::Host),
        "none" => Ok(NetworkMode::None),
        _ => Err(Invalid::Unknown(text.to_owned())),
    }
}

/// Option `add-hosts`: CSV of `host=ip`.
pub(super) fn extra_hosts(text: &str) -> Result<Vec<ExtraHost>, Invalid> {
    csv(text)?
        .iter()
        .map(|item| {
            let (host, ip) = item.split_once('=').ok_or_else(|| Invalid::Pair(item.clone()))?;
            let ip = ip.parse().map_err(|_| Invalid::Address(ip.to_owned()))?;
            Ok(ExtraHost { host: name(&host.to_lowercase(), 253)?, ip })
        })
        .collect()
}

/// Option `shm-size`: bytes. Zero, like nothing, leaves it to the daemon.
pub(super) fn shm_size(text: &str) -> Result<Option<u64>, Invalid> {
    match text {
        "" => Ok(None),
        text => match number::<i64>(text)? {
            0 => Ok(None),
            bytes => u64::try_from(bytes).map(Some).map_err(|_| Invalid::Range(text.to_owned())),
        },
    }
}

/// Option `ulimit`: CSV of `name=soft[:hard]`.
pub(super) fn ulimits(text: &str) -> Result<Vec<Ulimit>, Invalid> {
    csv(text)?.iter().map(|item| ulimit(item)).collect()
}

fn ulimit(item: &str) -> Result<Ulimit, Invalid> {
    let (name, limits) = item.split_once('=').ok_or_else(|| Invalid::Pair(item.to_owned()))?;
    if !ULIMITS.contains(&name) {
        return Err(Invalid::Unknown(name.to_owned()));
    }
    let (soft, hard) = match limits.split_once(':') {
        Some((soft, hard)) => (number(soft)?, number(hard)?),
        None => {
            let both: i64 = number(limits)?;
            (both, both)
        }
    };
    if soft < -1 || hard < -1 {
        return Err(Invalid::Range(limits.to_owned()));
    }
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err(Invalid::SoftAboveHard(item.to_owned()));
    }
    Ok(Ulimit { name: name.to_owned(), soft, hard })
}

/// Option `cgroup-parent`.
pub(super) fn cgroup_parent(text: &str) -> Result<Option<String>, Invalid> {
    optional_name(text, 4096)
}

/// Option `hostname`. Linux takes 64 bytes.
pub(super) fn hostname(text: &str) -> Result<Option<String>, Invalid> {
    optional_name(text, 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_modes() {
        for (text, mode) in [
            ("", NetworkMode::Sandbox),
            ("sandbox", NetworkMode::Sandbox),
            ("host", NetworkMode::Host),
            ("none", NetworkMode::None),
        ] {
            assert_eq!(network(text), Ok(mode));
        }
        assert_eq!(network("bridge"), Err(Invalid::Unknown("bridge".into())));
        assert_eq!(network("Host"), Err(Invalid::Unknown("Host".into())));
    }

    #[test]
    fn hosts() {
        let show = |text| {
            extra_hosts(text).map(|hosts| hosts.iter().map(|h| format!("{} {}", h.host, h.ip)).collect::<Vec<_>>())
        };
        assert_eq!(show("").unwrap(), Vec::<String>::new());
        assert_eq!(show("Registry=10.0.0.1,v6=::1").unwrap(), ["registry 10.0.0.1", "v6 ::1"]);
        assert_eq!(show("a"), Err(Invalid::Pair("a".into())));
        assert_eq!(show("a=host-gateway"), Err(Invalid::Address("host-gateway".into())));
        assert_eq!(show("=10.0.0.1"), Err(Invalid::Name(String::new())));
        assert_eq!(show("\"a\nb=10.0.0.1\""), Err(Invalid::Name("a\nb".into())));
    }

    #[test]
    fn shared_memory() {
        for (text, bytes) in [("", None), ("0", None), ("67108864", Some(67_108_864))] {
            assert_eq!(shm_size(text), Ok(bytes));
        }
        assert_eq!(shm_size("64m"), Err(Invalid::Number("64m".into())));
        assert_eq!(shm_size("-1"), Err(Invalid::Range("-1".into())));
        assert_eq!(shm_size("99999999999999999999"), Err(Invalid::Number("99999999999999999999".into())));
    }

    #[test]
    fn process_limits() {
        let limit = |soft, hard| vec![Ulimit { name: "nofile".into(), soft, hard }];
        for (text, limits) in [
            ("", vec![]),
            ("nofile=1024", limit(1024, 1024)),
            ("nofile=1024:2048", limit(1024, 2048)),
            ("nofile=5:-1", limit(5, -1)),
            ("nofile=-1", limit(-1, -1)),
        ] {
            assert_eq!(ulimits(text), Ok(limits), "{text}");
        }
        for (text, error) in [
            ("nofile", Invalid::Pair("nofile".into())),
            ("files=1", Invalid::Unknown("files".into())),
            ("nofile=x", Invalid::Number("x".into())),
            ("nofile=1:2:3", Invalid::Number("2:3".into())),
            ("nofile=2:1", Invalid::SoftAboveHard("nofile=2:1".into())),
            ("nofile=-1:1", Invalid::SoftAboveHard("nofile=-1:1".into())),
            ("nofile=-2", Invalid::Range("-2".into())),
        ] {
            assert_eq!(ulimits(text), Err(error), "{text}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(hostname(""), Ok(None));
        assert_eq!(hostname("build-1"), Ok(Some("build-1".into())));
        assert!(hostname("a b").is_err());
        assert!(hostname(&"a".repeat(65)).is_err());
        assert_eq!(cgroup_parent("/ci/builds"), Ok(Some("/ci/builds".into())));
        assert!(cgroup_parent("a\0b").is_err());
    }
}

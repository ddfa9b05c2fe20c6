//! What the daemon says through environment variables when it starts a frontend.
//!
//! Options, the client's session and the workers come this way; capabilities do not, they are the answer to Ping.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use buildkit_proto::pb::{Definition, Platform};
use buildkit_proto::types::WorkerRecord;
use prost::Message as _;
use serde::Deserialize;

const OPT_PREFIX: &str = "BUILDKIT_FRONTEND_OPT_";
const SESSION: &str = "BUILDKIT_SESSION_ID";
const WORKERS: &str = "BUILDKIT_WORKERS";
const PRODUCT: &str = "BUILDKIT_EXPORTEDPRODUCT";

const OWN_IMAGE: &str = "/run/config/buildkit/metadata/frontend.bin";
/// Bytes of it: an image is two ops.
const OWN_IMAGE_LIMIT: u64 = 1 << 20;

/// Whether BuildKit started this process as a frontend. It always sets both variables; a person's shell sets neither.
pub fn is_frontend_environment() -> bool {
    [SESSION, WORKERS].iter().all(|name| std::env::var_os(name).is_some())
}

/// Reads what the daemon says to this process.
pub fn environment() -> Environment {
    Environment { frontend: own_image(Path::new(OWN_IMAGE)), ..Environment::from_vars(std::env::vars_os()) }
}

/// A file that the daemon mounts into every frontend (`frontend/gateway` of BuildKit).
fn own_image(path: &Path) -> Option<Definition> {
    let mut data = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(OWN_IMAGE_LIMIT).read_to_end(&mut data).ok()?;
    Definition::decode(data.as_slice()).ok()
}

/// What the daemon says to a frontend at its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// The frontend's options by name. All of them, whoever they are meant for.
    pub opts: BTreeMap<String, String>,
    /// The client's session.
    pub session_id: String,
    /// The daemon's workers; the first is the default. May be empty, see [`super::Client::workers`].
    pub workers: Vec<Worker>,
    /// The graph of the frontend's own image, if the daemon says it.
    pub frontend: Option<Definition>,
    /// What the daemon calls itself in messages: `buildkit`, or the product that it is part of.
    pub product: String,
}

impl Environment {
    /// Reads variables. Text that is not UTF-8 is replaced; workers that cannot be read are left out, for Ping tells them
    /// too.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut found = Self::default();
        for (name, value) in vars {
            let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
            match &*name {
                SESSION => found.session_id = value.into_owned(),
                PRODUCT => found.product = value.into_owned(),
                WORKERS => found.workers = serde_json::from_str(&value).unwrap_or_default(),
                // The number behind the prefix is random; the option's name is in the value.
                name if name.starts_with(OPT_PREFIX) => {
                    let (key, value) = value.split_once('=').unwrap_or((&value, ""));
                    found.opts.insert(key.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        found
    }
}

/// A worker of the daemon: where steps run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// Its id.
    pub id: String,
    /// Labels such as `org.mobyproject.buildkit.worker.executor`.
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// What it can run; the first is its own platform, the rest are emulated.
    #[serde(deserialize_with = "platforms")]
    pub platforms: Vec<Platform>,
}

impl From<WorkerRecord> for Worker {
    fn from(record: WorkerRecord) -> Self {
        Self { id: record.id, labels: record.labels, platforms: record.platforms }
    }
}

/// A platform as the image specification writes it.
#[derive(Deserialize)]
struct OciPlatform {
    architecture: String,
    os: String,
    #[serde(default)]
    variant: String,
    #[serde(default, rename = "os.version")]
    os_version: String,
    #[serde(default, rename = "os.features")]
    os_features: Vec<String>,
}

fn platforms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Platform>, D::Error> {
    let platforms: Option<Vec<OciPlatform>> = Option::deserialize(deserializer)?;
    Ok(platforms
        .unwrap_or_default()
        .into_iter()
        .map(|p| Platform {
            architecture: p.architecture,
            os: p.os,
            variant: p.variant,
            os_version: p.os_version,
            os_features: p.os_features,
        })
        .collect())
}

/// Go writes an empty map as `null`.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(vars.iter().map(|(k, v)| (OsString::from(k), OsString::from(v))))
    }

    #[test]
    fn opts_are_split_at_the_first_equals_sign() {
        let huge = "x".repeat(100_000);
        let opts = read(&[
            ("BUILDKIT_FRONTEND_OPT_7", "filename=a.yaml"),
            ("BUILDKIT_FRONTEND_OPT_0", "build-arg:URL=https://x/?a=b"),
            ("BUILDKIT_FRONTEND_OPT_1", "no-cache="),
            ("BUILDKIT_FRONTEND_OPT_2", "bare"),
            ("BUILDKIT_FRONTEND_OPT_3", "label:\u{1b}[2J=\nline"),
            ("BUILDKIT_FRONTEND_OPT_", &format!("big={huge}")),
            ("BUILDKIT_HOST", "unix:///x"),
        ])
        .opts;
        let expected = [
            ("bare", ""),
            ("big", &huge),
            ("build-arg:URL", "https://x/?a=b"),
            ("filename", "a.yaml"),
            ("label:\u{1b}[2J", "\nline"),
            ("no-cache", ""),
        ];
        assert_eq!(opts, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn workers_are_read_from_json() {
        let json = r#"[{"id":"w1","labels":null,"platforms":[{"architecture":"arm64","os":"linux"},
            {"architecture":"amd64","os":"windows","os.version":"10.0","os.features":["win32k"],"variant":"v2"}],
            "gcPolicy":[{"all":true}],"buildkitVersion":{"package":"p"},"cdiDevices":null},{"id":"w2","platforms":null}]"#;
        let found =
            read(&[("BUILDKIT_WORKERS", json), ("BUILDKIT_SESSION_ID", "s"), ("BUILDKIT_EXPORTEDPRODUCT", "docker")]);
        assert_eq!((found.session_id.as_str(), found.product.as_str()), ("s", "docker"));
        assert_eq!(found.workers.len(), 2);
        assert_eq!(found.workers[0].id, "w1");
        assert_eq!(found.workers[0].platforms[0].architecture, "arm64");
        assert_eq!(found.workers[0].platforms[1].os_version, "10.0");
        assert_eq!(found.workers[1].platforms, []);
    }

    #[test]
    fn broken_workers_are_no_workers() {
        for json in ["", "null", "{", "[1]", r#"[{"platforms":[{"os":1}]}]"#] {
            assert_eq!(read(&[("BUILDKIT_WORKERS", json)]).workers, []);
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test's own file")]
    fn the_image_is_read_where_the_daemon_says_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frontend.bin");
        assert_eq!(own_image(&path), None);
        let image = Definition { def: vec![bytes::Bytes::from_static(b"an op")], ..Definition::default() };
        std::fs::write(&path, image.encode_to_vec()).unwrap();
        assert_eq!(own_image(&path), Some(image));
        for data in [b"no graph".to_vec(), vec![0x0a; 2 << 20]] {
            std::fs::write(&path, data).unwrap();
            assert_eq!(own_image(&path), None);
        }
    }
}

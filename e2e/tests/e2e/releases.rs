//! Apps of older releases of Backstage, built, and started on Postgres (`tests/data/releases`). What an image needs differs from
//! release to release: where config schemas are TypeScript the backend compiles them at its start, and where templates run in
//! isolated-vm, its binary has to fit.
//!
//! That one starts says little of its schemas: a backend that finds none starts all the same. So each has to say that it
//! knows which values of its config are secrets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::engine::{checkout, hack};
use e2e::{Build, Postgres, Repo, report, run};
use serde_json::Value;
use tempfile::TempDir;

/// Compiling isolated-vm takes minutes beside other tests.
const LIMIT: u64 = 900;

/// An image that has started.
struct Started {
    unpacked: TempDir,
    env: Vec<String>,
}

/// Builds the app of a release and starts its image with the app's production config.
fn started(release: &str) -> Started {
    let repo = Repo::copy(&checkout().join("tests/data/releases").join(release));
    repo.build_file("frontend: none\n");
    let built = Build::of(&repo).within(LIMIT).pass();
    report(release, format!("built in {:.1} s, ran {:?}", built.seconds, built.ran_groups()));
    let unpacked = tempfile::tempdir().unwrap();
    run(Command::new(hack("unpack-image")).arg(built.archive()).arg(unpacked.path()), LIMIT)
        .expect("unpacking the image");
    let postgres = Postgres::start();
    let mut command = Command::new(hack("run-image"));
    command.arg(unpacked.path()).args(["--get", "/.backstage/health/v1/liveness", "--network", postgres.network()]);
    command.args(postgres.settings().flat_map(|setting| ["--env".to_owned(), setting]));
    let log = unpacked.path().join("log");
    command.arg("--log").arg(&log);
    let ran: Value = serde_json::from_str(&run(&mut command, 180).expect("running the image")).unwrap();
    report(release, ran.to_string());
    assert_ne!(ran["uid"], 0);
    assert_ne!(super::app::secrets(&log), 0, "the password of Postgres is no secret");
    let env = built.image().setting("Env").as_array().unwrap().clone();
    Started { unpacked, env: env.iter().map(|entry| entry.as_str().unwrap().to_owned()).collect() }
}

impl Started {
    fn app(&self) -> PathBuf {
        self.unpacked.path().join("bundle/rootfs/app")
    }

    /// Where a package lies, and its version: by place, sorted.
    fn versions(&self, name: &str) -> Vec<String> {
        let manifest = format!("node_modules/{name}/package.json");
        let found = self.files(&|path| path.ends_with(&manifest));
        found.iter().map(|path| version(&self.app().join(path))).collect()
    }

    /// The files of the app that a question is answered with yes for, sorted.
    fn files(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut dirs = vec![self.app()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let name = path.strip_prefix(self.app()).unwrap().to_str().unwrap().to_owned();
                if entry.file_type().unwrap().is_dir() {
                    dirs.push(path);
                } else if wanted(&name) {
                    found.push(name);
                }
            }
        }
        found.sort();
        found
    }

    fn has(&self, path: &str) -> bool {
        self.app().join(path).is_file()
    }

    /// Whether Node starts without the snapshot that isolated-vm does not go with.
    fn is_without_snapshot(&self) -> bool {
        self.env.iter().any(|entry| entry.starts_with("NODE_OPTIONS=") && entry.contains("--no-node-snapshot"))
    }
}

fn version(manifest: &Path) -> String {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
    manifest["version"].as_str().unwrap().to_owned()
}

/// Schemas in TypeScript, the compiler that `config-loader` finds (and not that of the root, which only the repository's
/// own checks use), and isolated-vm compiled for the image's Node.
#[test]
fn r1_45() {
    if super::daemons::left_out("r1_45", "builds an app of release 1.45, for which isolated-vm is compiled") {
        return;
    }
    let image = started("1.45");
    assert_eq!(image.versions("@backstage/backend-defaults"), ["0.13.1"]);
    assert!(image.has("node_modules/@backstage/backend-defaults/config.d.ts"));
    assert_eq!(image.versions("typescript-json-schema"), ["0.65.1"]);
    assert_eq!(image.versions("typescript"), ["5.5.4"]);
    assert_eq!(image.versions("isolated-vm"), ["5.0.4"]);
    let binaries = image.files(&|path| path.ends_with(".node"));
    assert_eq!(binaries, ["node_modules/isolated-vm/out/isolated_vm.node"]);
    assert!(image.is_without_snapshot(), "{:?}", image.env);
}

/// The last release of packages that publish their schemas in TypeScript.
#[test]
fn r1_52() {
    let image = started("1.52");
    assert_eq!(image.versions("@backstage/backend-defaults"), ["0.17.4"]);
    assert!(image.has("node_modules/@backstage/backend-defaults/config.d.ts"));
    assert_eq!(image.versions("typescript-json-schema"), ["0.67.4"]);
    assert_eq!(image.versions("typescript"), ["5.9.3"]);
    assert_eq!(image.versions("isolated-vm"), ["6.2.0"]);
    assert!(image.is_without_snapshot(), "{:?}", image.env);
}

/// Schemas in JSON: no compiler and no declaration is in the image.
#[test]
fn r1_55() {
    let image = started("1.55");
    assert_eq!(image.versions("@backstage/backend-defaults"), ["0.18.0"]);
    let schema = fs::read_to_string(image.app().join("node_modules/@backstage/backend-defaults/package.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    report("1.55", format!("schema {}", schema["configSchema"]));
    let none: [&str; 0] = [];
    for name in ["typescript", "ts-json-schema-generator", "typescript-json-schema", "isolated-vm"] {
        assert_eq!(image.versions(name), none, "{name}");
    }
    let code = image.files(&|path| path.ends_with(".d.ts") && !path.contains("/templates/"));
    assert_eq!(code, none);
    assert!(!image.is_without_snapshot(), "{:?}", image.env);
}

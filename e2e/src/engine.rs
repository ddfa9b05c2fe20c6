//! Daemons.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::run::run;

/// A daemon, as the variables that point at it.
#[derive(Debug, Clone)]
pub struct Engine {
    variables: BTreeMap<String, String>,
}

impl Engine {
    /// The one that the tests were started with.
    pub fn main() -> &'static Self {
        static MAIN: OnceLock<Engine> = OnceLock::new();
        MAIN.get_or_init(|| {
            required("BUILDX_BUILDER");
            Self { variables: BTreeMap::new() }
        })
    }

    /// One of our own, started if it does not run. `version` empty is the usual release.
    pub fn named(name: &str, version: &str) -> Self {
        let variables: &[_] = if version.is_empty() { &[] } else { &[("BUILDKIT_VERSION", version)] };
        Self::start(name, variables)
    }

    /// One that builds for arm64 unless it is told otherwise, as on such a machine; the base images are made for both.
    pub fn arm64() -> Self {
        run(&mut Command::new(hack("bases-arm64")), 900).expect("making the base images for arm64");
        Self::start("arm64", &[("ENGINE_PLATFORMS", "linux/arm64,linux/amd64")])
    }

    fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(hack("engine"));
        command.env("ENGINE_NAME", name).envs(variables.iter().copied());
        // Building another BuildKit from source takes minutes the first time, more beside other tests.
        Self { variables: exports(&run(&mut command, 900).expect(&format!("starting the engine {name}"))) }
    }

    /// A command that talks to this daemon.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(&self.variables);
        command
    }

    /// The value of one of its variables.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    /// Throws everything away that it keeps.
    pub fn empty(&self) {
        run(self.command("buildctl").args(["prune", "--all"]), 120).expect("emptying the builder");
    }
}

/// The frontend's reference.
pub fn frontend() -> String {
    required("FRONTEND")
}

/// The reference of the example of the crate for frontends.
pub fn example_frontend() -> String {
    required("EXAMPLE_FRONTEND")
}

/// The registry that tests may push to, as `host:port`.
pub fn registry() -> String {
    required("REGISTRY")
}

/// A Postgres with nothing in it, which ends with this value.
#[derive(Debug)]
pub struct Postgres {
    name: String,
    variables: BTreeMap<String, String>,
}

impl Postgres {
    /// Starts one.
    pub fn start() -> Self {
        let name = format!("e2e-{}", crate::unique());
        let mut command = Command::new(hack("postgres"));
        // Debian's package is installed where it is missing.
        let variables = exports(&run(command.arg(&name), 300).expect("starting Postgres"));
        Self { name, variables }
    }

    /// What it is listed by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What an image's app is told of it, as `NAME=value`: the variables of create-app's production config.
    pub fn settings(&self) -> impl Iterator<Item = String> {
        let asked = ["HOST", "PORT", "USER", "PASSWORD"].map(|name| format!("POSTGRES_{name}"));
        asked.into_iter().map(|name| format!("{name}={}", self.variables[&name]))
    }

    /// The network that it listens in.
    pub fn network(&self) -> &str {
        &self.variables["POSTGRES_NETWORK"]
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        run(Command::new(hack("postgres")).args(["--stop", &self.name]), 60);
    }
}

/// What a program of the harness prints: `export NAME=value` lines, quoted for a shell.
fn exports(lines: &str) -> BTreeMap<String, String> {
    let export = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.replace('\\', "")))
    };
    lines.lines().filter_map(export).collect()
}

/// The reference app, today's; to be copied, never written to.
pub fn app() -> PathBuf {
    required("APP").into()
}

/// The older reference app, whose natives are compiled; to be copied, never written to.
pub fn app_with_natives() -> PathBuf {
    required("APP_WITH_NATIVES").into()
}

fn required(name: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| {
        panic!("{name} is not set: end-to-end tests are run by `make test`, which provides what they need")
    })
}

/// The checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A program of the harness.
pub fn hack(name: &str) -> PathBuf {
    checkout().join("hack").join(name)
}

//! The command line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::run::{Output, run};

/// The program, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(crate::engine::checkout());
        cargo.args(["build", "--quiet", "--package=backstage-build", "--message-format=json"]);
        let messages = run(&mut cargo, 600).expect("compiling the command line");
        let executable = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut executable = executable.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        executable.next().expect("cargo names the program that it compiled")
    })
}

/// Runs it.
pub fn backstage_build<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    run(Command::new(program()).args(args), 60)
}

/// `plan DIR --json`.
pub fn plan(dir: &Path) -> String {
    backstage_build([Path::new("plan"), dir, Path::new("--json")]).expect("the plan")
}

/// `plan DIR`, as a person reads it.
pub fn plan_text(dir: &Path) -> String {
    backstage_build([Path::new("plan"), dir]).expect("the plan")
}

/// What `plan DIR` says of a mistake.
pub fn complaint(dir: &Path) -> Complaint {
    let output = backstage_build([Path::new("plan"), dir]);
    assert!(!output.ok, "`plan` was to fail; it says:\n{}", output.stdout);
    let line = |start: &str| {
        let found = output.stderr.lines().find_map(|line| line.trim_start().split_once(start));
        found.map(|(_, text)| text.to_owned()).unwrap_or_default()
    };
    Complaint { headline: line("]: "), place: line("--> "), help: line("help: "), all: output.stderr.clone() }
}

/// A mistake, as the command line shows it.
#[derive(Debug)]
pub struct Complaint {
    /// What is wrong.
    pub headline: String,
    /// Where: `file:line:column`.
    pub place: String,
    /// What to do.
    pub help: String,
    /// Everything.
    pub all: String,
}

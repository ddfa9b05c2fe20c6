//! Programs, each with an end.

use std::process::{Command, Stdio};
use std::time::Instant;

/// What a program left.
#[derive(Debug, Clone)]
pub struct Output {
    /// Whether it succeeded.
    pub ok: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it took.
    pub seconds: f64,
}

impl Output {
    /// Standard output of a program that must have succeeded.
    pub fn expect(self, what: &str) -> String {
        assert!(self.ok, "{what} failed after {:.1} s:\n{}{}", self.seconds, self.stdout, self.stderr);
        self.stdout
    }
}

/// Runs a program to its end, which comes after `seconds` at the latest.
pub fn run(command: &mut Command, seconds: u64) -> Output {
    let mut bounded = Command::new("timeout");
    bounded.args(["--kill-after=5", &seconds.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        bounded.current_dir(dir);
    }
    let start = Instant::now();
    let output = bounded.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert_ne!(output.status.code(), Some(124), "{command:?} did not end within {seconds} s");
    Output {
        ok: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        seconds: start.elapsed().as_secs_f64(),
    }
}

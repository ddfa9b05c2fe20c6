//! Repositories served over git's own protocol, on this host only.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::run::run;

/// A git server with one repository, which ends with the value.
#[derive(Debug)]
pub struct GitServer {
    dir: TempDir,
    server: Child,
    port: u16,
}

impl GitServer {
    /// Commits a directory and serves it.
    pub fn of(source: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        commit(source);
        let bare = dir.path().join("repo.git");
        run(Command::new("git").args(["clone", "--quiet", "--bare"]).arg(source).arg(&bare), 60).expect("git clone");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new("git")
            .args(["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", &format!("--port={port}")])
            .arg(format!("--base-path={}", dir.path().display()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let served = Self { dir, server, port };
        let up = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(up, "git daemon does not answer on port {port}");
        served
    }

    /// Where it is to be had.
    pub fn url(&self) -> String {
        format!("git://127.0.0.1:{}/repo.git", self.port)
    }

    /// The commit that it serves.
    pub fn commit(&self) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.dir.path().join("repo.git")).args(["rev-parse", "HEAD"]);
        run(&mut git, 20).expect("git rev-parse").trim().to_owned()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        // `git daemon` is a child of `git`, and ends with it when it is asked to.
        let _ = Command::new("kill").arg(self.server.id().to_string()).status();
        let _ = self.server.wait();
    }
}

/// Makes a directory a git repository, on branch `main`, with everything committed.
pub fn commit(dir: &Path) {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(dir).args(["-c", "user.name=e2e", "-c", "user.email=e2e@example.com"]).args(args);
        command.env("GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z").env("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z");
        run(&mut command, 60).expect("git");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all", "--force"]);
    git(&["commit", "--quiet", "--message=all"]);
}

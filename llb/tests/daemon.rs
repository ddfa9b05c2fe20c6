//! Every op and every kind of mount in a real daemon: the one at `BUILDKIT_HOST`, by way of
//! buildctl.
//!
//! The graph is `examples/every_op.rs`; its steps check from inside that they got what was asked
//! for. With `BUILDKIT_FLOOR` set it leaves out what BuildKit 0.17 does not have.
#![allow(clippy::disallowed_methods, reason = "a test has to write the files that it builds")]

#[path = "../examples/every_op.rs"]
mod every_op;

use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use buildkit_llb::file::{FileOp, Mkfile};
use buildkit_llb::{Definition, Digest, Input};
use prost::Message as _;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[test]
fn every_op_runs() {
    if std::env::var_os("BUILDKIT_HOST").is_none() {
        eprintln!("SKIPPED: no op was run in a daemon, BUILDKIT_HOST is not set");
        return;
    }
    run().unwrap();
}

fn run() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let dir = temp.path();
    for (path, content) in [
        ("context/a.txt", "a"),
        ("context/skip.log", "no"),
        ("context/packages/one/package.json", "{}"),
        ("context/packages/two/package.json", "{}"),
        ("secret", "hidden"),
        ("repo/sub/file", "committed"),
    ] {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        fs::write(path, content)?;
    }

    let git = serve_git(dir)?;
    let key = make_key(dir);
    let settings = every_op::Settings {
        http: Some(serve_http(b"a file")?),
        git: git.as_ref().map(|git| git.url.clone()),
        layout: Some(export_layout(&dir.join("layout"))?),
        ssh: key.is_some(),
        floor: std::env::var_os("BUILDKIT_FLOOR").is_some(),
        ..every_op::Settings::default()
    };
    let definition = every_op::definition(&settings)?;
    let mut args = vec![
        format!("--local=context={}", dir.join("context").display()),
        format!("--secret=id=token,src={}", dir.join("secret").display()),
        format!("--oci-layout=layout={}", dir.join("layout").display()),
    ];
    args.extend(key.map(|key| format!("--ssh=default={}", key.display())));
    let progress = build(&definition, &args)?;
    for vertex in definition.vertices() {
        let digest = vertex.node().digest();
        assert!(progress.contains(digest.as_str()), "the daemon has no vertex {digest}: {}", vertex.title());
    }
    Ok(())
}

/// Gives the progress as JSON, with the digests that the daemon gave to the vertices.
fn build(definition: &Definition, args: &[String]) -> Result<String> {
    let mut buildctl = Command::new("buildctl")
        .args(["build", "--no-cache", "--progress=rawjson"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = buildctl.stdin.take().ok_or("no stdin")?;
    stdin.write_all(&definition.to_pb().encode_to_vec())?;
    drop(stdin);
    let output = buildctl.wait_with_output()?;
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(progress) } else { Err(progress.into()) }
}

/// Makes an OCI layout and gives the digest of its image.
fn export_layout(dir: &Path) -> Result<String> {
    let tree = FileOp::new(Input::Scratch, Mkfile::new("/from-layout", 0o644, "yes")).build()?;
    let output = format!("--output=type=oci,tar=false,dest={}", dir.display());
    build(&Definition::new(tree), &[output])?;
    let index: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("index.json"))?)?;
    let digest = index.pointer("/manifests/0/digest").and_then(|digest| digest.as_str());
    Ok(digest.ok_or("no manifest")?.to_owned())
}

/// Makes a key, which buildctl offers as an agent.
fn make_key(dir: &Path) -> Option<PathBuf> {
    let key = dir.join("key");
    let status = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    if status.is_ok_and(|status| status.success()) {
        return Some(key);
    }
    eprintln!("SKIPPED: no SSH agent was mounted, there is no `ssh-keygen`");
    None
}

/// Answers every request with the same file. The thread ends with the test.
fn serve_http(content: &'static [u8]) -> Result<(String, String)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/file", listener.local_addr()?);
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
            let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(content));
        }
    });
    Ok((url, Digest::of(content).to_string()))
}

/// A git daemon, which ends with this value.
struct GitDaemon {
    url: String,
    process: Child,
}

impl Drop for GitDaemon {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Makes a repository of `repo` and serves it, where git can.
fn serve_git(dir: &Path) -> Result<Option<GitDaemon>> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let output = Command::new("git").current_dir(dir.join("repo")).args(identity).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // `git daemon` would be a process of its own that outlives the one that we can end.
    let programs = git(&["init", "-q", "-b", "main"])
        .and_then(|_| git(&["add", "."]))
        .and_then(|_| git(&["commit", "-q", "-m", "one"]))
        .and_then(|_| git(&["--exec-path"]));
    let daemon = programs.map(|programs| Path::new(&programs).join("git-daemon")).filter(|daemon| daemon.exists());
    let Some(daemon) = daemon else {
        eprintln!("SKIPPED: no git source was run, there is no `git daemon`");
        return Ok(None);
    };
    let process = Command::new(daemon)
        .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1", &format!("--port={port}")])
        .arg(format!("--base-path={}", dir.display()))
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let daemon = GitDaemon { url: format!("git://127.0.0.1:{port}/repo"), process };
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(Some(daemon));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("git daemon does not answer".into())
}

//! A frontend as a process of its own, on pipes and sockets, as BuildKit starts it.
//!
//! This program plays both parts: it starts itself with `GATEWAY_CHILD` set, which makes it the frontend, and is the daemon
//! at the other end. It has no test harness, for that writes to stdout.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

#[path = "gateway/daemon.rs"]
mod daemon;

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use buildkit_frontend::gateway::{self, Client, Evaluation, Failure, ResultBuilder, SolveRequest};
use daemon::Daemon;
use tokio::net::unix::pipe;

const CHILD: &str = "GATEWAY_CHILD";

fn main() -> ExitCode {
    match std::env::var(CHILD) {
        Ok(mode) => gateway::serve(daemon::TEST, async |client| frontend(client, &mode).await),
        Err(_) => daemons(),
    }
}

async fn frontend(client: Client, mode: &str) -> Result<ResultBuilder, Failure> {
    assert!(gateway::is_frontend_environment());
    let mut stdout = std::io::stdout();
    writeln!(stdout, "a stray line").unwrap();
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).unwrap();
    match mode {
        "panic" => panic!("no way"),
        "sleep" => tokio::time::sleep(Duration::from_secs(3600)).await,
        "fail" => return Err(Failure::new(client.environment().opts["why"].clone())),
        _ => {}
    }
    let request = SolveRequest { evaluation: Evaluation::Now, ..SolveRequest::default() };
    Ok(ResultBuilder::single(client.solve(request).await?))
}

/// How a frontend ended.
struct End {
    code: Option<i32>,
    stderr: String,
}

fn start(mode: &str, stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env(CHILD, mode)
        .env("BUILDKIT_SESSION_ID", "s")
        .env("BUILDKIT_WORKERS", "[]")
        .env("BUILDKIT_FRONTEND_OPT_3", "why=because=so")
        .env("RUST_BACKTRACE", "0")
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a frontend, but not for ever.
async fn end(mut child: Child) -> End {
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > Duration::from_secs(30) => {
                child.kill().unwrap();
                panic!("the frontend hangs");
            }
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    End { code: status.code(), stderr }
}

/// A frontend on pipes, and its daemon.
fn on_pipes(mode: &str, daemon: &Daemon) -> Child {
    let mut child = start(mode, Stdio::piped(), Stdio::piped());
    let to = pipe::Sender::from_owned_fd(OwnedFd::from(child.stdin.take().unwrap())).unwrap();
    let from = pipe::Receiver::from_owned_fd(OwnedFd::from(child.stdout.take().unwrap())).unwrap();
    daemon.listen(tokio::io::join(from, to));
    child
}

async fn a_result_on_pipes() {
    let daemon = Daemon::default();
    let end = end(on_pipes("ok", &daemon)).await;
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(daemon.returned().result.is_some());
    assert!(end.stderr.contains("a stray line"), "what is printed goes to stderr");
}

async fn a_result_on_one_socket() {
    let daemon = Daemon::default();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = start("ok", OwnedFd::from(theirs.try_clone().unwrap()), OwnedFd::from(theirs));
    ours.set_nonblocking(true).unwrap();
    daemon.listen(tokio::net::UnixStream::from_std(ours).unwrap());
    assert_eq!(end(child).await.code, Some(0));
    assert!(daemon.returned().result.is_some());
}

async fn a_failure_and_a_panic() {
    let daemon = Daemon::default();
    assert_eq!(end(on_pipes("fail", &daemon)).await.code, Some(0), "it could say so");
    assert_eq!(daemon.error().message, "because=so");

    let daemon = Daemon::default();
    let end = end(on_pipes("panic", &daemon)).await;
    assert_eq!(end.code, Some(0));
    assert!(
        daemon.error().message.contains("no way, at frontend/tests/gateway_process.rs:"),
        "{}",
        daemon.error().message
    );
    assert!(end.stderr.contains("no way"), "the daemon's log has it too");
}

async fn a_daemon_that_leaves() {
    let daemon = Daemon::default();
    let child = on_pipes("sleep", &daemon);
    while daemon.calls("Ping") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    daemon.hang_up();
    let end = end(child).await;
    assert_eq!(end.code, Some(1));
    assert!(end.stderr.contains("the connection to BuildKit ended before the build was done"), "{}", end.stderr);
}

async fn no_daemon_at_all() {
    let lost = end(start("ok", Stdio::null(), Stdio::piped())).await;
    assert_eq!(lost.code, Some(1));
    assert!(lost.stderr.contains("BuildKit"), "{}", lost.stderr);

    let mut child = start("ok", Stdio::piped(), Stdio::piped());
    drop((child.stdin.take(), child.stdout.take()));
    let lost = end(child).await;
    assert_eq!(lost.code, Some(1));
    assert!(lost.stderr.contains("BuildKit"), "{}", lost.stderr);
}

fn daemons() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        a_result_on_pipes().await;
        a_result_on_one_socket().await;
        a_failure_and_a_panic().await;
        a_daemon_that_leaves().await;
        no_daemon_at_all().await;
    });
    runtime.shutdown_background();
    assert!(!gateway::is_frontend_environment());
    eprintln!("a frontend as a process: ok");
    ExitCode::SUCCESS
}

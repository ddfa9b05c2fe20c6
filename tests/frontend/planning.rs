//! Builds whose plan a step makes: what the frontend asks for, and what it does with each kind of answer.
#![allow(clippy::disallowed_methods, reason = "a test's own files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use backstage_build::frontend;
use buildkit_frontend::gateway::{Environment, ServeError};
use buildkit_llb::source::Image;
use buildkit_llb::{Definition, ImageRef};
use buildkit_proto::frontend::{ResolveSourceImageResponse, ResolveSourceMetaResponse};
use buildkit_proto::pb::{self, op::Op};
use bytes::Bytes;
use tonic::Status;

use crate::daemon::{Act, Daemon, Inner};

/// The solves before that of the step: the build file, the facts.
const BEFORE: usize = 2;

/// The smallest of the golden cases.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/minimal/repo")
}

/// All its files, and those that are given.
fn files(more: &[(&'static str, Vec<u8>)]) -> BTreeMap<&'static str, Bytes> {
    fn read(root: &Path, dir: &Path, files: &mut BTreeMap<&'static str, Bytes>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name.leak(), std::fs::read(&path).unwrap().into());
            }
        }
    }
    let mut files = BTreeMap::from([("backstage.build.yaml", Bytes::from_static(b"# syntax=backstage-build\n"))]);
    read(&repository(), &repository(), &mut files);
    files.extend(more.iter().map(|(name, data)| (*name, Bytes::from(data.clone()))));
    files
}

fn daemon(files: BTreeMap<&'static str, Bytes>) -> Daemon {
    Daemon::new(inner(files))
}

fn inner(files: BTreeMap<&'static str, Bytes>) -> Inner {
    let config = br#"{"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]}, "rootfs": {"type": "layers", "diff_ids": []}}"#;
    let resolved = ResolveSourceMetaResponse {
        source: Some(pb::SourceOp {
            identifier: "docker-image://docker.io/library/node:22".into(),
            ..Default::default()
        }),
        image: Some(ResolveSourceImageResponse {
            digest: format!("sha256:{}", "0".repeat(64)),
            config: Bytes::from_static(config),
            ..Default::default()
        }),
        ..Default::default()
    };
    Inner { files, resolved: Some(resolved), bound: Duration::from_secs(60), ..Inner::default() }
}

/// A frontend that was started from an image.
fn environment(opts: &[(&str, &str)]) -> Environment {
    let image: ImageRef = "registry.example.com/backstage-build:1".parse().unwrap();
    let opts = [("filename", "backstage.build.yaml")].iter().chain(opts);
    Environment {
        opts: opts.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        frontend: Some(Definition::new(Image::new(&image).build()).to_pb()),
        ..Environment::default()
    }
}

async fn build(daemon: &Daemon, opts: &[(&str, &str)]) -> Result<(), ServeError> {
    daemon.serve_with(environment(opts), frontend::build).await
}

/// The graphs that were solved and end in the step.
fn steps(daemon: &Daemon) -> Vec<Definition> {
    let log = daemon.0.log.lock().unwrap();
    let definitions = log.solves.iter().map(|solve| Definition::from_pb(solve.definition.as_ref().unwrap()).unwrap());
    definitions.filter(|definition| definition.vertices().last().unwrap().title() == "[internal] plan").collect()
}

/// What the program itself answers to the task that stands in a graph.
fn answer(step: &Definition, out: &Path) -> Vec<u8> {
    let task = step.vertices().iter().find_map(|vertex| match &vertex.node().op().op {
        Some(Op::File(op)) => match op.actions.first()?.action.as_ref()? {
            pb::file_action::Action::Mkfile(file) => Some(file.data.clone()),
            _ => None,
        },
        _ => None,
    });
    let path = out.join("task.json");
    std::fs::write(&path, task.unwrap()).unwrap();
    let run = step.vertices().iter().find_map(|vertex| match &vertex.node().op().op {
        Some(Op::Exec(op)) => op.meta.clone(),
        _ => None,
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstage-build"));
    assert!(
        command.arg(&run.unwrap().args[1]).args([&path, &repository(), &out.to_owned()]).status().unwrap().success()
    );
    std::fs::read(out.join("answer.json")).unwrap()
}

/// A build whose step answers nothing that can be read: its graph.
async fn asked(opts: &[(&str, &str)]) -> Definition {
    let daemon = daemon(files(&[]));
    build(&daemon, opts).await.unwrap();
    let mut steps = steps(&daemon);
    assert_eq!(steps.len(), 1);
    steps.remove(0)
}

fn warnings(daemon: &Daemon) -> Vec<String> {
    let log = daemon.0.log.lock().unwrap();
    log.warnings.iter().map(|warning| String::from_utf8(warning.short.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_plan_is_taken_from_the_step() {
    let out = tempfile::tempdir().unwrap();
    let answer = answer(&asked(&[]).await, out.path());
    let daemon = daemon(files(&[("answer.json", answer)]));
    build(&daemon, &[]).await.unwrap();
    assert!(daemon.returned().result.is_some());
    assert_eq!(warnings(&daemon), Vec::<String>::new());
    // Nobody read the lockfile, and what steps write is taken from where the step left it.
    let log = daemon.0.log.lock().unwrap();
    let reads: Vec<&str> = log.reads.iter().map(|read| read.file_path.as_str()).collect();
    assert!(reads.contains(&"/answer.json") && !reads.contains(&"/yarn.lock"), "{reads:?}");
    let image = Definition::from_pb(log.solves.last().unwrap().definition.as_ref().unwrap()).unwrap();
    assert!(
        image.vertices().len() > 10 && image.caps().iter().next().is_none(),
        "they were asked for: {:?}",
        image.caps()
    );
    let copied = image.vertices().iter().flat_map(|vertex| match &vertex.node().op().op {
        Some(Op::File(op)) => op.actions.clone(),
        _ => Vec::new(),
    });
    let copied = copied.filter_map(|action| match action.action.unwrap() {
        pb::file_action::Action::Copy(copy) => Some(copy.src),
        _ => None,
    });
    let folders: Vec<PathBuf> = copied.filter(|src| src.starts_with("/files/")).map(PathBuf::from).collect();
    assert!(!folders.is_empty());
    assert!(folders.iter().all(|src| out.path().join(src.strip_prefix("/").unwrap()).exists()), "{folders:?}");
}

#[tokio::test]
async fn what_a_daemon_lacks_is_named_before_it_gets_the_graph() {
    let daemon = Daemon::new(Inner { without: &["exec.mount.cache"], ..inner(files(&[])) });
    build(&daemon, &[]).await.unwrap();
    let message = daemon.error().message;
    assert!(message.contains("`exec.mount.cache`") && message.contains("yarn install"), "{message}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_a_build_that_works_and_a_warning() {
    let unreadable = vec![("answer.json", b"{\"plan\": 1}".to_vec())];
    let not_there = Vec::new();
    for (more, fails) in [(unreadable, false), (not_there, false), (Vec::new(), true)] {
        let mut daemon = daemon(files(&more));
        if fails {
            for _ in 0..BEFORE {
                daemon = daemon.when("Solve", Act::Wait(Duration::ZERO));
            }
            daemon = daemon.when("Solve", Act::Fail(Status::unknown("process did not complete: exit code 137")));
        }
        build(&daemon, &[]).await.unwrap();
        assert!(daemon.returned().result.is_some(), "{:?}", daemon.returned().error);
        assert_eq!(steps(&daemon).len(), 1, "it is asked once");
        let warnings = warnings(&daemon);
        assert!(warnings.len() == 1 && warnings[0].contains("this plan is not remembered"), "{warnings:?}");
    }
}

#[tokio::test]
async fn a_mistake_is_told_by_the_frontend() {
    let manifest = br#"{"name": "root", "workspaces": 7}"#.to_vec();
    let daemon = daemon(files(&[("answer.json", b"\"nothing\"".to_vec()), ("package.json", manifest)]));
    build(&daemon, &[]).await.unwrap();
    let error = daemon.error();
    assert!(error.message.contains("workspaces"), "{}", error.message);
    assert_eq!(warnings(&daemon), Vec::<String>::new());
}

#[tokio::test]
async fn a_daemon_that_leaves_in_the_step_is_lost() {
    let mut daemon = daemon(files(&[]));
    for _ in 0..BEFORE {
        daemon = daemon.when("Solve", Act::Wait(Duration::ZERO));
    }
    let daemon = daemon.when("Solve", Act::Cut);
    assert!(matches!(build(&daemon, &[]).await, Err(ServeError::Lost(_))));
}

#[tokio::test]
async fn the_step_runs_this_program_over_the_facts() {
    let step = asked(&[("no-cache", "")]).await;
    let run = step.vertices().last().unwrap();
    assert!(step.to_pb().metadata[run.node().digest().as_str()].ignore_cache);
    let Some(Op::Exec(op)) = &run.node().op().op else { panic!("{run:?}") };
    assert_eq!(op.network, pb::NetMode::None as i32);
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    assert_eq!(op.meta.as_ref().unwrap().args, [&program, "planning-step", "/task/task.json", "/facts", "/out"]);
    let mounts: Vec<(&str, bool)> = op.mounts.iter().map(|mount| (mount.dest.as_str(), mount.readonly)).collect();
    assert_eq!(mounts, [("/", false), ("/facts", true), ("/out", false), ("/task", true)]);
    let known: Vec<&str> = include_str!("../../frontend/tests/gateway/caps-0.17.txt").lines().collect();
    let caps = step.caps();
    let beyond: Vec<&str> = caps.iter().map(|cap| cap.as_str()).filter(|cap| !known.contains(cap)).collect();
    assert!(beyond.is_empty(), "BuildKit 0.17 has no {beyond:?}");
}

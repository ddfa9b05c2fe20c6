//! The same input, the same bytes.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use e2e::attestation::{member, provenance, remove};
use e2e::git::GitServer;
use e2e::{Build, Image, Repo, cli, report, run, unique};
use serde_json::Value;

/// Two checkouts of one commit: other times, another order of files on disk, another folder.
#[test]
fn two_checkouts_are_one_build() {
    let first = Repo::mini();
    e2e::git::commit(first.path());
    let second = Repo::empty();
    second.remove("backstage.build.yaml");
    let mut git = Command::new("git");
    git.arg("-C").arg(first.path()).args(["ls-files", "-z"]);
    let listing = run(&mut git, 20).expect("git ls-files");
    let mut files: Vec<&str> = listing.split('\0').filter(|file| !file.is_empty()).collect();
    files.reverse();
    for (age, file) in files.into_iter().enumerate() {
        second.write(file, fs::read(first.at(file)).unwrap());
        let time = SystemTime::now() - Duration::from_secs(86_400 * (age as u64 + 1));
        fs::File::options().write(true).open(second.at(file)).unwrap().set_modified(time).unwrap();
    }
    let build = |repo: &Repo| Build::of(repo).args(["--provenance=mode=max"]).pass();
    // A test beside this one that ignores the cache may be running the same steps, and a build joins steps that run. One
    // that does not is enough, but each try is a pair of its own: what ran once would not run again.
    let mut tries = (0..3).map(|n| {
        let edit = format!("\n// {n} {}\n", unique());
        first.append("packages/backend/src/index.js", &edit);
        second.append("packages/backend/src/index.js", &edit);
        (build(&first), build(&second))
    });
    let (one, two) = tries.find(|(_, two)| two.ran().is_empty()).expect("a second checkout to run nothing");
    let (one, two) = (one.image(), two.image());
    assert_eq!(one.layers(), two.layers());
    assert_eq!(graph(&one), graph(&two));
}

/// The graph that BuildKit ran, without the name of the session that files came through.
fn graph(image: &Image) -> Value {
    let provenance = provenance(image);
    let mut graph = member(&provenance, "llbDefinition").expect("mode=max holds the graph").clone();
    remove(&mut graph, "local.session");
    graph
}

#[test]
fn fifty_plans_are_equal() {
    let repo = Repo::mini();
    let first = cli::plan(repo.path());
    for _ in 1..50 {
        assert_eq!(cli::plan(repo.path()), first);
    }
}

/// The digests that BuildKit knows steps by. Of a git context, because files of a client carry the name of a session.
#[test]
fn graphs_are_equal() {
    let repo = Repo::mini();
    let server = GitServer::of(repo.path());
    let nowhere = Repo::empty();
    let build = || Build::at(nowhere.path()).dry().context(server.url()).pass();
    let first = build();
    for _ in 1..10 {
        assert_eq!(build().step_digests(), first.step_digests());
    }
    report("graphs_are_equal", format!("{} steps", first.step_digests().len()));
}

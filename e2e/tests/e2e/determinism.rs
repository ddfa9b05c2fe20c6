//! The same input, the same bytes.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use e2e::{Build, Repo, cli, report, run};

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
    let one = Build::of(&first).args(["--provenance=mode=max"]).pass();
    let two = Build::of(&second).args(["--provenance=mode=max"]).pass();
    assert_eq!(one.step_digests(), two.step_digests(), "BuildKit knows the steps by the same names");
    assert_eq!(two.ran(), Vec::<&str>::new());
    assert_eq!(one.image().layers(), two.image().layers());
    report("two_checkouts_are_one_build", format!("{} steps", one.step_digests().len()));
}

#[test]
fn fifty_plans_are_equal() {
    let repo = Repo::mini();
    let first = cli::plan(repo.path());
    for _ in 1..50 {
        assert_eq!(cli::plan(repo.path()), first);
    }
}

/// In a build the graph is made anew each time: its digests are those of the first.
#[test]
fn graphs_are_equal() {
    let repo = Repo::mini();
    let first = Build::of(&repo).dry().pass();
    for _ in 1..8 {
        assert_eq!(Build::of(&repo).dry().pass().step_digests(), first.step_digests());
    }
}

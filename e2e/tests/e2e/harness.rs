//! What the benchmark and the demo rely on.

use std::process::Command;

use e2e::engine::hack;
use e2e::{Build, Engine, Postgres, Repo, report, run, unique};
use serde_json::Value;

/// A cold build finds nothing: no record, whatever was built before. And what it took is told step by step.
#[test]
fn a_fresh_engine_keeps_nothing() {
    let engine = Engine::named("fresh", "");
    let kept = || run(engine.command("buildctl").args(["du", "--format", "{{json .}}"]), 60).expect("buildctl du");
    let repo = Repo::mini();
    Build::of(&repo).on(&engine).dry().pass();
    assert!(kept().contains("\"id\""), "{}", kept());
    // How long the machine has to be quiet concerns figures alone.
    let mut fresh = engine.command(hack("fresh-engine").to_str().unwrap());
    let state = run(fresh.env("QUIET_SECONDS", "0"), 120).expect("a new root");
    assert_eq!(state, "busy\n", "it was not waited for");
    assert_eq!(kept().trim(), "null");

    let (archive, steps) = (repo.at("image.tar"), repo.at("steps.json"));
    let mut build = engine.command(hack("build").to_str().unwrap());
    build.arg("cold").args([&archive, repo.path(), &repo.at("backstage.build.yaml")]).env("BUILD_STEPS", &steps);
    let seconds: f64 = run(&mut build, 300).expect("a cold build").trim().parse().unwrap();
    let steps: Vec<Value> = serde_json::from_str(&repo.read("steps.json")).unwrap();
    report("fresh", format!("{seconds} s, {steps:?}"));
    let took = |step: &Value| step["seconds"].as_f64().unwrap();
    assert!(steps.is_sorted_by(|a, b| took(a) >= took(b)), "{steps:?}");
    for name in ["[install] yarn", "[backend] yarn", "[app] yarn"] {
        let step = steps.iter().find(|step| step["name"].as_str().unwrap().starts_with(name));
        assert!(step.is_some_and(|step| took(step) > 0.0 && took(step) <= seconds), "{name}: {steps:?}");
    }
}

/// No daemon but one of our own loses its root.
#[test]
fn a_daemon_of_somebody_else_is_left_alone() {
    for host in ["", "unix:///run/buildkit/buildkitd.sock", "docker-container://buildx_buildkit_default0"] {
        let refused = run(Command::new(hack("fresh-engine")).env("BUILDKIT_HOST", host), 60);
        assert!(!refused.ok && refused.stderr.contains("not a daemon of our own"), "{}", refused.stderr);
    }
}

/// Each Postgres has a network and data of its own, and both are gone with it.
#[test]
fn a_postgres_is_its_own_and_ends() {
    let listed = || run(Command::new(hack("stop")).arg("--list"), 60).expect("stop --list");
    let (first, second) = (Postgres::start(), Postgres::start());
    assert_ne!(first.network(), second.network());
    assert_ne!(first.settings().collect::<Vec<_>>(), second.settings().collect::<Vec<_>>(), "one password for both");
    let names = [first.name().to_owned(), second.name().to_owned()];
    for name in &names {
        assert!(listed().contains(&format!("postgres/{name}\n")), "{}", listed());
    }
    drop((first, second));
    for name in &names {
        assert!(!listed().contains(name.as_str()), "{}", listed());
    }
    let refused = run(Command::new(hack("postgres")).arg(format!("../{}", unique())), 60);
    assert!(!refused.ok && refused.stderr.contains("usage: postgres"), "{}", refused.stderr);
}

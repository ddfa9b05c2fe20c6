//! Other releases of BuildKit.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use e2e::engine::hack;
use e2e::{Build, Built, Engine, Repo, report, run, unique};

/// One build at a time on the oldest: while another build that shares its base images runs there, BuildKit 0.17 uses
/// nothing of its cache behind them, whichever frontend asks (moby/buildkit#4674).
static FLOOR: Mutex<()> = Mutex::new(());

/// The oldest that works.
#[test]
fn floor() {
    let _alone = FLOOR.lock().unwrap_or_else(PoisonError::into_inner);
    works("floor", "0.17.3");
}

/// The release line before that of all other tests.
#[test]
fn previous() {
    works("previous", "0.33.1");
}

/// A whole build, an edit, a check, a mistake.
fn works(name: &str, version: &str) {
    let engine = Engine::named(name, version);
    let repo = Repo::mini();
    let own = unique();
    repo.build_file(&format!("node: 22\nchecks:\n  - {{name: own, run: 'echo {own}'}}\n"));
    let build = || Build::of(&repo).on(&engine);
    let built = build().args(["--provenance=mode=max", "--label=a=b"]).pass();
    report(name, format!("{version}: {:.1} s, ran {:?}", built.seconds, built.ran_groups()));
    assert!(built.vertex("[own]").log.contains(&own));
    assert_eq!(built.image().setting("Labels")["a"], "b");
    let again = build().pass();
    assert_eq!(again.ran(), Vec::<&str>::new());
    assert!(!again.vertex("[internal] plan").executed());
    let same = Build::of(&repo).pass();
    assert_eq!(built.image().app(), same.image().app(), "the same files as from the newest daemon");
    repo.append("packages/backend/src/index.js", &format!("// {}\n", unique()));
    let edited = build().pass();
    assert!(edited.vertex("[backend] yarn").ran());
    assert!(!edited.vertex("[app] yarn").ran() && !edited.vertex("[install] yarn").ran(), "{:#?}", edited.ran());
    repo.build_file("node: 22\nchecks:\n  - {name: own, run: 'exit 4'}\n");
    build().dry().fail().says(&["backstage.build.yaml:4", "exit code: 4", ">>>   - {name: own"]);
    repo.build_file("nod: 22\n");
    build().dry().fail().says(&["backstage.build.yaml:2", "unknown key `nod`", ">>> nod: 22"]);
}

/// The reference app on it, where there is time.
#[test]
fn floor_builds_the_app() {
    if left_out("floor_builds_the_app", "builds the app on BuildKit 0.17.3") {
        return;
    }
    let _alone = FLOOR.lock().unwrap_or_else(PoisonError::into_inner);
    let built = Build::of(&Repo::portal()).on(&Engine::named("floor", "0.17.3")).dry().within(900).pass();
    report("floor_builds_the_app", format!("{:.1} s, ran {:?}", built.seconds, built.ran_groups()));
}

/// An image for arm64 from a machine of another kind, and from one that says it is of that kind. Its native module, which the
/// backend loads when it starts, was compiled by either.
#[test]
fn arm64() {
    if left_out("arm64", "makes base images for arm64, and runs programs under qemu") {
        return;
    }
    let arm64 = Engine::arm64();
    let repo = Repo::mini();
    repo.json("packages/backend/package.json", |backend| backend["dependencies"]["bcrypt"] = "6.0.0".into());
    repo.write("yarn.lock", include_str!("prebuilt.lock"));
    repo.append("packages/backend/src/index.js", "require('bcrypt').hashSync('a password', 4);\n");
    repo.build_file("install: {natives: source}\n");
    let crossed = Build::of(&repo).args(["--platform", "linux/arm64"]).within(400).pass();
    super::platforms::machine_fits(&crossed.image(), 183);
    report("arm64", format!("crossed: {:.1} s", crossed.seconds));
    let own = Build::of(&repo).on(&arm64).within(600).pass();
    report("arm64", format!("the worker's own: {:.1} s", own.seconds));
    for built in [&crossed, &own] {
        assert_eq!(built.image().config["architecture"], "arm64");
        let command = &mut Command::new(hack("run-image"));
        command.arg(built.archive()).args(["--get", "/"]).env("SETTLE_SECONDS", "0");
        let ran = run(command, 180).expect("running the image");
        report("arm64", &ran);
        assert!(ran.contains("\"html\": true"), "{ran}");
    }
    let but_binaries = |built: &Built| {
        let app = built.image().app().into_iter();
        app.filter(|(path, _)| !path.ends_with(".node")).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(but_binaries(&own), but_binaries(&crossed), "the same files");
    // The other of its platforms is not the default, and can be asked for.
    let other = Build::of(&repo).on(&arm64).args(["--platform", "linux/amd64"]).within(600).pass();
    assert_eq!(other.image().config["architecture"], "amd64");
}

/// Whether a test is for those who have the time: with `E2E_FULL=1`.
pub(super) fn left_out(test: &str, what: &str) -> bool {
    let full = std::env::var("E2E_FULL").is_ok_and(|full| !full.is_empty());
    if !full {
        report(test, format!("left out; E2E_FULL=1 {what} as well"));
    }
    !full
}

#[test]
fn below_the_floor() {
    let old = Engine::named("old", "0.14.1");
    let built = Build::of(&Repo::mini()).on(&old).dry().fail();
    let said: Vec<&str> = built.text.lines().filter(|line| line.contains("ERROR")).collect();
    report("below_the_floor", said.join("\n"));
    assert_eq!(said.len(), 1, "{}", built.text);
    built.says(&["BuildKit 0.17 or newer is needed"]);
    assert!(!built.text.contains("panicked"), "{}", built.text);
    assert!(built.ran().is_empty());
}

//! Other releases of BuildKit.

use e2e::{Build, Engine, Repo, report, unique};

/// The oldest that works: a whole build, an edit, a check, a mistake.
#[test]
fn floor() {
    let floor = Engine::named("floor", "0.17.3");
    let repo = Repo::mini();
    let own = unique();
    repo.build_file(&format!("node: 22\nchecks:\n  - {{name: own, run: 'echo {own}'}}\n"));
    let build = || Build::of(&repo).on(&floor);
    let built = build().args(["--provenance=mode=max", "--label=a=b"]).pass();
    report("floor", format!("0.17.3: {:.1} s, ran {:?}", built.seconds, built.ran_groups()));
    assert!(built.vertex("[own]").log.contains(&own));
    assert_eq!(built.image().setting("Labels")["a"], "b");
    let again = build().pass();
    assert_eq!(again.ran(), Vec::<&str>::new());
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
    if std::env::var("E2E_FULL").is_ok_and(|full| !full.is_empty()) {
        let built = Build::of(&Repo::portal()).on(&Engine::named("floor", "0.17.3")).dry().within(900).pass();
        report("floor_builds_the_app", format!("{:.1} s, ran {:?}", built.seconds, built.ran_groups()));
    } else {
        report("floor_builds_the_app", "left out; E2E_FULL=1 builds the app on BuildKit 0.17.3 as well");
    }
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

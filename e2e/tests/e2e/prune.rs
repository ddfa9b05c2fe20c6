//! What the image has of the installed packages.

use e2e::{Build, Repo, report};
use serde_json::Value;

/// `@sentry-internal/node-cpu-profiler` asks for `node-abi` when it runs, which otherwise only builds packages. What only
/// node-gyp needs goes.
#[test]
fn a_build_tool_that_is_asked_for_stays() {
    let repo = Repo::mini();
    repo.json("packages/backend/package.json", |backend| {
        backend["dependencies"]["@sentry-internal/node-cpu-profiler"] = "2.4.1".into();
    });
    repo.write("yarn.lock", include_str!("asked.lock"));
    repo.build_file("install: {natives: skip}\n");
    let built = Build::of(&repo).pass();
    report("prune", &built.vertex("[deps] production").log);
    let app = built.image().app();
    for (path, wanted) in [
        ("node_modules/@sentry-internal/node-cpu-profiler/package.json", true),
        ("node_modules/node-abi/index.js", true),
        ("node_modules/semver/index.js", true),
        ("node_modules/node-gyp/package.json", false),
        ("node_modules/tinyglobby/package.json", false),
        ("node_modules/clsx/package.json", false),
    ] {
        assert_eq!(app.contains_key(path), wanted, "{path}");
    }
    let other = |path: &&String| path.contains("node-cpu-profiler") && path.contains("darwin");
    assert_eq!(app.keys().find(other), None);
    // The target says why.
    let target = Build::of(&repo).target("deps").pass();
    let text = std::fs::read_to_string(target.files().join("deps.json")).unwrap();
    let deps: Value = serde_json::from_str(&text).unwrap();
    let why = deps["kept"]["node_modules/node-abi"].as_str().unwrap();
    assert!(why.contains("@sentry-internal/node-cpu-profiler asks for it"), "{why}");
    assert_eq!(deps["leftOut"]["node_modules/node-gyp"]["rule"], "build-only");
}

/// What `prune.drop` takes from a package that loads it ends the build, at the line that says so.
#[test]
fn what_is_loaded_must_not_be_dropped() {
    let repo = Repo::mini();
    repo.json("packages/backend/package.json", |backend| {
        backend["dependencies"]["@sentry-internal/node-cpu-profiler"] = "2.4.1".into();
    });
    repo.write("yarn.lock", include_str!("asked.lock"));
    repo.build_file("install: {natives: skip}\nprune: {drop: [detect-libc]}\n");
    let built = Build::of(&repo).fail();
    let log = &built.vertex("[deps] production").log;
    report("prune", log);
    assert!(log.contains("node-cpu-profiler loads `detect-libc`") && log.contains("prune.keep"), "{log}");
    built.says(&["backstage.build.yaml:3"]);
}

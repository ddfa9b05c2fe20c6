//! The same input gives the same graph, and an edit reruns what it must and nothing else.
//!
//! What reruns is told from plans alone. A step's key is made of what the step does, of the keys of the steps that it
//! uses and of the files of the repository that it copies or mounts: the daemon's own cache key, so far as it can be
//! known here.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

#[path = "../planned/mod.rs"]
mod planned;
mod random;
mod repo;

use std::collections::{BTreeMap, BTreeSet};

use backstage_build::pipeline::Prepared;
use buildkit_frontend::path::ContextPath;
use buildkit_llb::{Definition, Digest};
use random::Random;
use repo::Repo;

fn prepare(files: &[(ContextPath, Vec<u8>)]) -> Prepared {
    let source = planned::source(planned::syntax_only());
    planned::of_files(&source, files).unwrap_or_else(|errors| panic!("{errors}"))
}

fn graph(prepared: &Prepared) -> Definition {
    let target = planned::image_target(&prepared.plan);
    planned::whole_definition(prepared, &planned::syntax_only(), &planned::build_platform(), target)
}

/// The graph of the image, with all that its steps write.
fn encoded(prepared: &Prepared) -> Vec<u8> {
    planned::bytes(&graph(prepared))
}

/// The steps whose keys differ.
fn changed(before: &BTreeMap<String, Digest>, after: &Repo) -> BTreeSet<String> {
    let after = after.keys();
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    ids.into_iter().filter(|id| before.get(*id) != after.get(*id)).cloned().collect()
}

/// The digests of the vertices by their titles.
fn digests(repo: &Repo) -> BTreeMap<String, Digest> {
    let definition = graph(&repo.prepare());
    definition.vertices().iter().map(|vertex| (vertex.title(), vertex.node().digest().clone())).collect()
}

/// Steps that install, in any order; with those that only put their files together.
fn installs(step: &str) -> bool {
    ["install", "deps", "yarn", "native", "toolchain", "tools"].iter().any(|start| step.starts_with(start))
}

fn steps(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What is made once a process, such as the seed of a hash map, differs between maps and threads.
fn fifty_runs_give_one_graph(repo: &Repo) {
    let first = repo.prepare();
    // Narrowed once: matching patterns is most of the time that a test build takes.
    let files = planned::shown(&repo.files(), &first.read_set);
    let first = encoded(&first);
    let source = planned::source(planned::syntax_only());
    std::thread::scope(|scope| {
        for thread in 0..7 {
            let (files, source, first) = (&files, &source, &first);
            scope.spawn(move || {
                for run in 0..7 {
                    let again = planned::of_memory(source, files).unwrap();
                    assert!(encoded(&again) == *first, "run {run} of thread {thread} gives another graph");
                }
            });
        }
    });
}

#[test]
fn fifty_runs_of_the_reference_app_give_one_graph() {
    fifty_runs_give_one_graph(&Repo::portal());
}

#[test]
fn fifty_runs_of_a_large_repository_give_one_graph() {
    fifty_runs_give_one_graph(&Repo::large());
}

#[test]
fn order_of_the_input_means_nothing() {
    let mut random = Random::new();
    let seed = random.0;
    for repo in [Repo::portal(), Repo::large()] {
        let wanted = encoded(&repo.prepare());
        for _ in 0..3 {
            let mut files = repo.files();
            for (path, data) in files.iter_mut().filter(|(path, _)| path.name() == "package.json") {
                let mut json = random.reorder(&serde_json::from_slice(data).unwrap());
                if path.as_str() == "package.json" {
                    random.shuffle(json["workspaces"].as_array_mut().unwrap());
                }
                *data = format!("{json:#}\n").into_bytes();
            }
            random.shuffle(&mut files);
            assert!(encoded(&prepare(&files)) == wanted, "another order gives another graph (SEED={seed})");
        }
    }
}

#[test]
fn what_no_install_reads_installs_nothing() {
    let repo = Repo::portal();
    let (keys, before) = (repo.keys(), digests(&repo));
    for edited in [
        repo.clone().json("package.json", |json| json["scripts"]["clean"] = "rm -rf dist".into()),
        repo.clone().json("package.json", |json| json["version"] = "2.0.0".into()),
        repo.clone().json("package.json", |json| json["description"] = "A portal".into()),
        repo.clone().json("packages/app/package.json", |json| json["version"] = "9.9.9".into()),
        repo.clone().json("packages/backend/package.json", |json| json["scripts"]["new"] = "true".into()),
        repo.clone().edit("packages/backend/src/index.ts", "export {}", "export const a = 1"),
    ] {
        let changed = changed(&keys, &edited);
        let again: Vec<&String> = changed.iter().filter(|step| installs(step)).collect();
        assert!(again.is_empty(), "{again:?}");
        assert!(!changed.is_empty());
        // The vertices as well, not only what we think of them.
        let after = digests(&edited);
        for (title, digest) in
            before.iter().filter(|(title, _)| title.starts_with("[install]") || title.starts_with("[deps]"))
        {
            assert_eq!(after.get(title), Some(digest), "{title}");
        }
    }
}

#[test]
fn a_text_that_nothing_reads_changes_nothing() {
    for repo in [Repo::portal(), Repo::large()] {
        let edited = repo.clone().with("README.md", "# Another\n").with("docs/new.md", "");
        assert_eq!(changed(&repo.keys(), &edited), BTreeSet::new());
        assert!(encoded(&repo.prepare()) == encoded(&edited.prepare()));
    }
}

#[test]
fn an_edit_runs_what_it_touches() {
    let repo = Repo::portal();
    let keys = repo.keys();
    let edited = |path: &str| changed(&keys, &repo.clone().with(path, "export const edited = 1;\n"));
    let checks = ["check-files", "check typecheck", "checks", "image"];
    let with = |names: &[&str]| steps(&[&checks, names].concat());
    assert_eq!(edited("packages/backend/src/index.ts"), with(&["backend-files", "backend", "bundle", "bundle-check"]));
    assert_eq!(edited("packages/app/src/index.tsx"), with(&["app-files", "app", "image-app"]));
    assert_eq!(edited("packages/backend/src/index.test.ts"), with(&[]));
    let config = changed(&keys, &repo.clone().edit("app-config.production.yaml", "7007", "7008"));
    assert_eq!(config, steps(&["image-files", "image-app", "image"]));
}

#[test]
fn a_dependency_of_the_frontend_selects_the_same_packages() {
    let repo = Repo::portal();
    let keys = repo.keys();
    for (name, from, to) in [("cross-env", "7.0.3", "7.0.99"), ("@backstage/plugin-kubernetes", "0.12.23", "0.12.99")] {
        let bumped = repo.clone().edit(
            "yarn.lock",
            &format!("  version: {from}\n  resolution: \"{name}@npm:{from}\""),
            &format!("  version: {to}\n  resolution: \"{name}@npm:{to}\""),
        );
        let changed = changed(&keys, &bumped);
        assert!(changed.contains("install") && changed.contains("deps"), "{name}");
        let other = |step: &&String| step.starts_with("native ") || ["toolchain", "deps-task"].contains(&step.as_str());
        let again: Vec<&String> = changed.iter().filter(other).collect();
        assert!(again.is_empty(), "{name}: {again:?}");
    }
}

#[test]
fn a_dependency_of_the_backend_leaves_natives_alone() {
    let repo = Repo::portal();
    let lock = repo.text("yarn.lock");
    let entry = lock.split("\n\n").find(|entry| entry.contains("resolution: \"pg@npm:")).unwrap();
    let version = entry.lines().find_map(|line| line.strip_prefix("  version: ")).unwrap();
    let bumped = entry
        .replace(&format!("version: {version}"), "version: 8.99.0")
        .replace(&format!("\"pg@npm:{version}\""), "\"pg@npm:8.99.0\"");
    let changed = changed(&repo.keys(), &repo.clone().with("yarn.lock", lock.replace(entry, &bumped)));
    assert!(["install", "deps", "deps-task", "natives"].iter().all(|step| changed.contains(*step)), "{changed:?}");
    assert!(!changed.iter().any(|step| step.starts_with("native ") || step == "toolchain"), "{changed:?}");
    // Nor does a release of Backstage.
    let keys = repo.clone().with("backstage.json", "{\"version\": \"1.60.0\"}\n").keys();
    let changed = self::changed(&keys, &repo.clone().with("backstage.json", "{\"version\": \"1.61.0\"}\n"));
    assert!(!changed.is_empty() && !changed.iter().any(|step| step.starts_with("native ")), "{changed:?}");
}

#[test]
fn an_edit_in_a_plugin_runs_what_uses_it() {
    let repo = Repo::large();
    let keys = repo.keys();
    let edited = |path: &str| changed(&keys, &repo.clone().with(path, "export const edited = 1;\n"));
    // Of the app's: the backend ships its output and nothing of its sources.
    let app = edited("plugins/p290/src/index.ts");
    assert!(app.contains("app") && !app.contains("backend"), "{app:?}");
    let backend = edited("plugins/p294/src/index.ts");
    assert!(backend.contains("backend") && !backend.contains("app"), "{backend:?}");
    // Used by nobody: checks alone look at it.
    assert_eq!(edited("plugins/p298/src/index.ts"), steps(&["check-files", "check typecheck", "checks", "image"]));
}

#[test]
fn the_graph_needs_nothing_that_is_newer_than_the_floor() {
    for repo in [Repo::portal(), Repo::large()] {
        let prepared = repo.prepare();
        for target in &prepared.plan.targets {
            let definition =
                planned::definition(&prepared, &planned::syntax_only(), &planned::build_platform(), target);
            assert_eq!(planned::beyond_the_floor(&definition), [""; 0], "{}", target.name);
            assert!(definition.caps().iter().all(|cap| cap.as_str() != "mergeop"), "{}", target.name);
        }
    }
}

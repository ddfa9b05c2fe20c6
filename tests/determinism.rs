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

mod planned;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use backstage_build::files::PatternMatcher;
use backstage_build::path::{ContextPath, ImagePath};
use backstage_build::pipeline::Prepared;
use backstage_build::plan::{Action, FileAction, MountKind, Tree};
use buildkit_llb::{Definition, Digest};
use serde_json::{Map, Value};

/// A repository in memory.
#[derive(Clone)]
struct Repo(BTreeMap<ContextPath, Vec<u8>>);

impl Repo {
    fn portal() -> Self {
        static READ: OnceLock<Repo> = OnceLock::new();
        let read = || {
            let files = planned::files(&planned::test_path("data/portal"));
            let sources = [
                ("README.md", "# Portal\n"),
                ("app-config.yaml", "app:\n  baseUrl: http://localhost:7007\n"),
                ("app-config.production.yaml", "backend:\n  listen: ':7007'\n"),
                ("packages/app/src/index.tsx", "export {};\n"),
                ("packages/backend/src/index.ts", "export {};\n"),
                ("tsconfig.json", "{}\n"),
            ];
            sources.into_iter().fold(Self(files.into_iter().collect()), |repo, (path, text)| repo.with(path, text))
        };
        READ.get_or_init(read).clone()
    }

    /// An app, a backend and 299 plugins, each of which uses some of those before it; every fifth is the app's.
    fn large() -> Self {
        let manifest = |value: Value| format!("{value:#}\n");
        let mut repo = Self(BTreeMap::new())
            .with(".yarnrc.yml", "nodeLinker: node-modules\n")
            .with("backstage.json", "{\"version\": \"1.52.0\"}\n")
            .with("tsconfig.json", "{}\n")
            .with("app-config.yaml", "backend:\n  listen: ':7007'\n");
        let mut locked = BTreeMap::from([(
            "ms@npm:2.1.3".to_owned(),
            "  version: 2.1.3\n  resolution: \"ms@npm:2.1.3\"\n  checksum: 10c0/00\n  languageName: node\n  linkType: hard\n"
                .to_owned(),
        )]);
        let mut add = |dir: &str, mut json: Value, uses: Vec<String>| {
            let mut dependencies: Map<String, Value> =
                uses.iter().map(|name| (name.clone(), Value::from("workspace:^"))).collect();
            dependencies.insert("ms".to_owned(), Value::from("2.1.3"));
            let mut lines: Vec<String> = uses.iter().map(|name| format!("    \"{name}\": \"workspace:^\"\n")).collect();
            lines.push("    ms: \"npm:2.1.3\"\n".to_owned());
            lines.sort();
            let name = json["name"].as_str().unwrap().to_owned();
            json["dependencies"] = Value::Object(dependencies);
            locked.insert(
                format!("{name}@workspace:^, {name}@workspace:{dir}"),
                format!(
                    "  version: 0.0.0-use.local\n  resolution: \"{name}@workspace:{dir}\"\n  dependencies:\n{}  languageName: unknown\n  linkType: soft\n",
                    lines.concat()
                ),
            );
            repo = repo
                .clone()
                .with(&format!("{dir}/package.json"), manifest(json))
                .with(&format!("{dir}/src/index.ts"), "export {};\n");
        };
        let plugin = |index: usize| format!("@internal/plugin-p{index:03}");
        for index in 0..299_usize {
            let uses = [1, 7].iter().filter_map(|step| index.checked_sub(step * 5)).map(plugin).collect();
            let role = if index % 5 == 0 { "frontend-plugin" } else { "backend-plugin" };
            let json = serde_json::json!({
                "name": plugin(index), "version": "0.1.0", "backstage": { "role": role },
                "scripts": { "build": "backstage-cli package build" }, "files": ["dist"],
            });
            add(&format!("plugins/p{index:03}"), json, uses);
        }
        let app = serde_json::json!({
            "name": "app", "private": true, "bundled": true, "backstage": { "role": "frontend" },
            "scripts": { "build": "backstage-cli package build" },
        });
        add("packages/app", app, vec![plugin(290), plugin(295)]);
        let backend = serde_json::json!({
            "name": "backend", "private": true, "backstage": { "role": "backend" },
            "scripts": { "build": "backstage-cli package build" },
        });
        add(
            "packages/backend",
            backend,
            (293..298).filter(|index| index % 5 != 0).map(plugin).chain(["app".to_owned()]).collect(),
        );
        let root = serde_json::json!({
            "name": "root", "private": true, "workspaces": ["packages/*", "plugins/*"],
            "scripts": { "tsc": "tsc" }, "packageManager": "yarn@4.13.0",
        });
        let workspace = "  version: 0.0.0-use.local\n  resolution: \"root@workspace:.\"\n  languageName: unknown\n  linkType: soft\n";
        locked.insert("root@workspace:.".to_owned(), workspace.to_owned());
        let entries: Vec<String> = locked.iter().map(|(key, entry)| format!("\"{key}\":\n{entry}")).collect();
        let lock = format!("__metadata:\n  version: 8\n  cacheKey: 10c0\n\n{}", entries.join("\n"));
        repo.with("package.json", manifest(root)).with("yarn.lock", lock)
    }

    fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(ContextPath::new(path).unwrap(), text.into());
        self
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.0[&ContextPath::new(path).unwrap()].clone()).unwrap()
    }

    /// Replaces a text that must be there.
    fn edit(self, path: &str, from: &str, to: &str) -> Self {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        self.with(path, text.replace(from, to))
    }

    fn json(self, path: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut json = serde_json::from_str(&self.text(path)).unwrap();
        change(&mut json);
        self.with(path, format!("{json:#}\n"))
    }

    fn files(&self) -> Vec<(ContextPath, Vec<u8>)> {
        self.0.iter().map(|(path, data)| (path.clone(), data.clone())).collect()
    }

    fn prepare(&self) -> Prepared {
        prepare(&self.files())
    }

    /// The key of each step.
    fn keys(&self) -> BTreeMap<String, Digest> {
        let prepared = self.prepare();
        let plan = &prepared.plan;
        let hidden = PatternMatcher::new(&plan.context.exclude).unwrap();
        let shown = prepared.read_set.matcher().unwrap();
        let mut keys: BTreeMap<String, Digest> = BTreeMap::new();
        for step in &plan.steps {
            let mut key = serde_json::to_vec(&step.action).unwrap();
            let mut take = |tree: &Tree, src: &ImagePath, exclude: &[String]| {
                let exclude = PatternMatcher::new(exclude).unwrap();
                let src = ContextPath::new(src.as_str().trim_start_matches('/')).unwrap();
                let visible = |path: &ContextPath| match tree {
                    Tree::Context => !hidden.matches(path.as_str()),
                    Tree::Facts => shown.contains(path),
                    _ => false,
                };
                for (path, data) in self.0.iter().filter(|(path, _)| path.is_in(&src) && visible(path)) {
                    let below = path.as_str()[src.as_str().len()..].trim_start_matches('/');
                    if below.is_empty() || !exclude.matches(below) {
                        key.extend(path.as_str().bytes().chain([0]).chain(data.iter().copied()).chain([0]));
                    }
                }
            };
            match &step.action {
                Action::Files(files) => {
                    for action in &files.actions {
                        if let FileAction::Copy(copy) = action {
                            take(&copy.from, &copy.src, &copy.exclude);
                        }
                    }
                }
                Action::Run(run) => {
                    for mount in &run.mounts {
                        if let MountKind::Read { tree, src, .. } = &mount.kind {
                            take(tree, src, &[]);
                        }
                    }
                }
            }
            for used in step.action.trees().into_iter().filter_map(Tree::step) {
                key.extend(keys[used.as_str()].as_str().bytes());
            }
            keys.insert(step.id.to_string(), Digest::of(&key));
        }
        keys
    }
}

fn prepare(files: &[(ContextPath, Vec<u8>)]) -> Prepared {
    let source = planned::source(planned::syntax_only(), &planned::build_platform());
    planned::of_files(&source, files).unwrap_or_else(|errors| panic!("{errors}"))
}

fn graph(prepared: &Prepared) -> Definition {
    let target = planned::image_target(&prepared.plan);
    planned::definition(prepared, &planned::syntax_only(), &planned::build_platform(), target)
}

/// The graph of the image, as the daemon gets it.
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
    ["install", "deps", "yarn", "native ", "toolchain", "tools", "image-deps", "image-natives"]
        .iter()
        .any(|start| step.starts_with(start))
}

fn steps(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A generator of numbers; a test says its seed when it fails.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        Self(
            seed.unwrap_or_else(|| u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos()) | 1),
        )
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }

    /// The same document with the keys of all its objects in another order; but for `resolutions`, of which Yarn takes
    /// the first that fits.
    fn reorder(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut pairs: Vec<(String, Value)> = map
                    .iter()
                    .map(|(key, value)| {
                        (key.clone(), if key == "resolutions" { value.clone() } else { self.reorder(value) })
                    })
                    .collect();
                self.shuffle(&mut pairs);
                Value::Object(pairs.into_iter().collect())
            }
            other => other.clone(),
        }
    }
}

/// What is made once a process, such as the seed of a hash map, differs between maps and threads.
fn fifty_runs_give_one_graph(repo: &Repo) {
    let first = repo.prepare();
    // Narrowed once: matching patterns is most of the time that a test build takes.
    let files = planned::shown(&repo.files(), &first.read_set);
    let first = encoded(&first);
    let source = planned::source(planned::syntax_only(), &planned::build_platform());
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
    assert_eq!(edited("packages/backend/src/index.ts"), with(&["backend-files", "backend", "bundle"]));
    assert_eq!(edited("packages/app/src/index.tsx"), with(&["app-files", "app", "image-app"]));
    assert_eq!(edited("packages/backend/src/index.test.ts"), with(&[]));
    let config = changed(&keys, &repo.clone().edit("app-config.production.yaml", "7007", "7008"));
    assert_eq!(config, steps(&["image-files", "image-app", "image"]));
}

#[test]
fn a_dependency_of_the_frontend_leaves_production_alone() {
    let repo = Repo::portal();
    let keys = repo.keys();
    for (name, from, to) in [("cross-env", "7.0.3", "7.0.99"), ("@backstage/plugin-kubernetes", "0.12.23", "0.12.99")] {
        let bumped = repo.clone().edit(
            "yarn.lock",
            &format!("  version: {from}\n  resolution: \"{name}@npm:{from}\""),
            &format!("  version: {to}\n  resolution: \"{name}@npm:{to}\""),
        );
        let changed = changed(&keys, &bumped);
        assert!(changed.contains("install"), "{name}");
        let again: Vec<&String> =
            changed.iter().filter(|step| installs(step) && !step.starts_with("install")).collect();
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
    assert!(
        ["install", "deps", "image-deps", "image-natives"].iter().all(|step| changed.contains(*step)),
        "{changed:?}"
    );
    assert!(!changed.iter().any(|step| step.starts_with("native ") || step == "toolchain"), "{changed:?}");
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

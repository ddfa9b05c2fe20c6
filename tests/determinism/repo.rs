//! Repositories in memory, and what their plans' steps are keyed by.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use backstage_build::pipeline::Prepared;
use backstage_build::plan::{Action, FileAction, MountKind, StepId, Tree};
use buildkit_frontend::files::PatternMatcher;
use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_llb::Digest;
use serde_json::{Map, Value};

use crate::{planned, prepare};

/// A repository in memory.
#[derive(Clone)]
pub struct Repo(BTreeMap<ContextPath, Vec<u8>>);

impl Repo {
    pub fn portal() -> Self {
        static READ: OnceLock<Repo> = OnceLock::new();
        let read = || {
            let files = planned::files(&planned::test_path("data/portal-1.52"));
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
    pub fn large() -> Self {
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

    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(ContextPath::new(path).unwrap(), text.into());
        self
    }

    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.0[&ContextPath::new(path).unwrap()].clone()).unwrap()
    }

    /// Replaces a text that must be there.
    pub fn edit(self, path: &str, from: &str, to: &str) -> Self {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        self.with(path, text.replace(from, to))
    }

    pub fn json(self, path: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut json = serde_json::from_str(&self.text(path)).unwrap();
        change(&mut json);
        self.with(path, format!("{json:#}\n"))
    }

    pub fn files(&self) -> Vec<(ContextPath, Vec<u8>)> {
        self.0.iter().map(|(path, data)| (path.clone(), data.clone())).collect()
    }

    pub fn prepare(&self) -> Prepared {
        prepare(&self.files())
    }

    /// The key of each step.
    pub fn keys(&self) -> BTreeMap<String, Digest> {
        let prepared = self.prepare();
        let plan = &prepared.plan;
        let hidden = PatternMatcher::new(&plan.context.exclude).unwrap();
        let shown = prepared.read_set.matcher().unwrap();
        let mut keys: BTreeMap<String, Digest> = BTreeMap::new();
        for step in &plan.steps {
            let mut key = serde_json::to_vec(&step.action).unwrap();
            let name = |id: &StepId| plan.step(id).unwrap().names().remove(0);
            let mut take = |tree: &Tree, src: &ImagePath, only: &[String], exclude: &[String]| {
                let all = only.is_empty();
                let [only, exclude] = [only, exclude].map(|patterns| PatternMatcher::new(patterns).unwrap());
                let src = match src.as_str() {
                    "/" => ContextPath::root(),
                    src => ContextPath::new(src.trim_start_matches('/')).unwrap(),
                };
                let visible = |path: &ContextPath| match tree {
                    Tree::Context => !hidden.matches(path.as_str()),
                    Tree::Facts => shown.contains(path),
                    _ => false,
                };
                for (path, data) in self.0.iter().filter(|(path, _)| path.is_in(&src) && visible(path)) {
                    let below = path.as_str()[src.as_str().len()..].trim_start_matches('/');
                    if below.is_empty() || ((all || only.matches(below)) && !exclude.matches(below)) {
                        key.extend(path.as_str().bytes().chain([0]).chain(data.iter().copied()).chain([0]));
                    }
                }
            };
            match &step.action {
                Action::Files(files) => {
                    for action in &files.actions {
                        if let FileAction::Copy(copy) = action {
                            take(&copy.from, &copy.src, &copy.only, &copy.exclude);
                        }
                    }
                }
                Action::Run(run) => {
                    for mount in &run.mounts {
                        if let MountKind::Read { tree, src, .. } = &mount.kind {
                            take(tree, src, &[], &[]);
                        }
                    }
                }
            }
            for used in step.action.trees().into_iter().filter_map(Tree::step) {
                key.extend(keys[&name(used)].as_str().bytes());
            }
            keys.insert(step.names().remove(0), Digest::of(&key));
        }
        keys
    }
}

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::repo::Needs;

use super::rules::Rule;
use super::write::Amount;
use super::*;
use crate::epoch::FIXED_TIME;

/// An installed tree, and what is asked of it.
struct Case {
    dir: TempDir,
    task: Task,
    state: Option<BTreeMap<String, String>>,
}

impl Case {
    /// With a lockfile: packages say what they need by locator.
    fn locked() -> Self {
        Self { state: Some(BTreeMap::new()), ..Self::unlocked() }
    }

    /// Without one: manifests decide.
    fn unlocked() -> Self {
        let prune = Prune { safe: true, source_maps: true, ..Prune::default() };
        let task = Task { prune, ..Task::default() };
        let case = Self { dir: tempfile::tempdir().unwrap(), task, state: None };
        fs::create_dir_all(case.install()).unwrap();
        case
    }

    fn install(&self) -> PathBuf {
        self.dir.path().join("install")
    }

    fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.install().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A workspace, and what it needs.
    fn workspace(&mut self, dir: &str, dependencies: &[&str], optional: &[&str]) -> &mut Self {
        self.task.workspaces.insert(dir.to_owned(), needs(dependencies, optional));
        fs::create_dir_all(self.install().join(dir)).unwrap();
        self
    }

    /// A package with one script.
    fn package(&mut self, place: &str, id: &str, dependencies: &[&str], script: &str) -> &mut Self {
        let (name, version) = id.rsplit_once('@').unwrap();
        let map = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!("*"))).collect();
        let mut manifest = json!({ "name": name, "version": version });
        let locator = format!("{name}@npm:{version}");
        match &mut self.state {
            Some(state) => {
                state.insert(place.to_owned(), locator.clone());
                self.task.packages.insert(locator, needs(dependencies, &[]));
            }
            None => manifest["dependencies"] = serde_json::Value::Object(map(dependencies)),
        }
        self.file(&format!("{place}/package.json"), &manifest.to_string());
        self.file(&format!("{place}/index.js"), script);
        self
    }

    /// Adds to the manifest of a package.
    fn manifest(&self, place: &str, more: serde_json::Value) -> &Self {
        let path = self.install().join(place).join("package.json");
        let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fs::write(path, manifest.to_string()).unwrap();
        self
    }

    fn link(&self, at: &str, to: &str) -> &Self {
        let at = self.install().join(at);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(to, at).unwrap();
        self
    }

    fn run(&self) -> io::Result<Report> {
        if let Some(state) = &self.state {
            let mut text = "__metadata:\n  version: 1\n".to_owned();
            for (place, locator) in state {
                text += &format!("\n\"{locator}\":\n  locations:\n    - \"{place}\"\n");
            }
            self.file("node_modules/.yarn-state.yml", &text);
        }
        let task = self.dir.path().join("task.json");
        fs::write(&task, serde_json::to_vec(&self.task).unwrap()).unwrap();
        let _ = fs::remove_dir_all(self.out());
        self.run_onto(&task)
    }

    /// The same onto what is there.
    fn run_onto(&self, task: &Path) -> io::Result<Report> {
        let report = self.dir.path().join("report");
        fs::create_dir_all(&report).unwrap();
        work("x64", task, &self.install(), &self.out(), &report)
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// Paths of files and links that were written.
    fn written(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk::files(&self.out(), &mut |path, entry| {
            if !matches!(entry, walk::Entry::Directory) {
                found.push(path.to_owned());
            }
            Ok(true)
        })
        .unwrap();
        found.sort();
        found
    }
}

fn needs(dependencies: &[&str], optional: &[&str]) -> Needs {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Needs { dependencies: list(dependencies), optional: list(optional) }
}

fn left_out(report: &Report) -> Vec<(&str, Rule)> {
    report.left_out.values().map(|missing| (missing.package.as_str(), missing.rule)).collect()
}

#[test]
fn what_node_finds_from_the_backend_is_taken() {
    let mut case = Case::locked();
    case.workspace("", &[], &[])
        .workspace("packages/backend", &["a", "app", "@s/b", "alias"], &["nowhere"])
        .workspace("packages/app", &[], &[])
        .package("node_modules/a", "a@1.0.0", &["c"], "")
        .package("node_modules/@s/b", "@s/b@1.0.0", &["c"], "")
        .package("node_modules/@s/b/node_modules/c", "c@1.0.0", &[], "")
        .package("packages/backend/node_modules/alias", "real@1.0.0", &[], "")
        // The frontend's: at the root, where a would look for its c if it had none nearer.
        .package("node_modules/react", "react@1.0.0", &[], "")
        .package("node_modules/c", "c@2.0.0", &["extended"], "")
        // Nobody's manifest has it: an extension of the lockfile's.
        .package("node_modules/extended", "extended@1.0.0", &[], "")
        // Beside the workspace that names it.
        .link("packages/backend/node_modules/app", "../../app");
    let report = case.run().unwrap();
    assert_eq!(left_out(&report), []);
    assert_eq!(
        case.written(),
        [
            "node_modules/@s/b/index.js",
            "node_modules/@s/b/node_modules/c/index.js",
            "node_modules/@s/b/node_modules/c/package.json",
            "node_modules/@s/b/package.json",
            "node_modules/a/index.js",
            "node_modules/a/package.json",
            // For those who forget to say that they need what lies beside the workspace.
            "node_modules/alias",
            "node_modules/app",
            "node_modules/c/index.js",
            "node_modules/c/package.json",
            "node_modules/extended/index.js",
            "node_modules/extended/package.json",
            "packages/backend/node_modules/alias/index.js",
            "packages/backend/node_modules/alias/package.json",
            "packages/backend/node_modules/app",
        ]
    );
    let link = |path: &str| fs::read_link(case.out().join(path)).unwrap();
    assert_eq!(link("node_modules/app"), Path::new("../packages/app"));
    assert_eq!(link("node_modules/alias"), Path::new("../packages/backend/node_modules/alias"));
}

/// Yarn's state file has a portal at the place of its link, and the lockfile what it needs.
#[test]
fn a_portal_brings_what_it_needs() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["portal", "linked"], &[])
        .package("node_modules/needed", "needed@1.0.0", &[], "")
        .package("node_modules/other", "other@1.0.0", &[], "");
    for (name, needs) in [("portal", vec!["needed"]), ("linked", vec![])] {
        case.link(&format!("node_modules/{name}"), &format!("../vendor/{name}"));
        case.file(&format!("vendor/{name}/package.json"), r#"{"dependencies": {"other": "*"}}"#);
        let locator = format!("{name}@portal:vendor/{name}");
        case.state.as_mut().unwrap().insert(format!("node_modules/{name}"), locator.clone());
        case.task.packages.insert(locator, self::needs(&needs, &[]));
    }
    let report = case.run().unwrap();
    assert_eq!(report.packages.values().collect::<Vec<_>>(), ["needed 1.0.0"]);
}

/// Backstage resolves `backend/package.json` from the root, and goes on from there to the config schemas of all packages.
#[test]
fn a_workspace_is_found_by_its_own_name() {
    let mut case = Case::locked();
    case.workspace("", &[], &[])
        .workspace("packages/backend", &[], &[])
        .workspace("plugins/limited", &[], &[])
        .workspace("plugins/other", &[], &[])
        .workspace("plugins/unlinked", &[], &[]);
    for (dir, name) in [
        ("", "root"),
        ("packages/backend", "backend"),
        ("packages/tool", "tool"),
        ("plugins/limited", "@s/limited"),
        ("plugins/other", "taken"),
        ("plugins/unlinked", "unlinked"),
    ] {
        case.file(Path::new(dir).join("package.json").to_str().unwrap(), &json!({ "name": name }).to_string());
    }
    case.link("node_modules/backend", "../packages/backend")
        // Not shipped.
        .link("node_modules/tool", "../packages/tool")
        // Where hoisting ends at workspaces, it lies below its own.
        .link("plugins/limited/node_modules/@s/limited", "../../../limited")
        // Another has the name at the root.
        .link("node_modules/taken", "../packages/tool");
    case.package("node_modules/root", "root@1.0.0", &[], "");
    case.run().unwrap();
    let links = ["node_modules/@s/limited", "node_modules/backend", "plugins/limited/node_modules/@s/limited"];
    assert_eq!(case.written(), links);
    let link = |path: &str| fs::read_link(case.out().join(path)).unwrap();
    assert_eq!(link("node_modules/backend"), Path::new("../packages/backend"));
    assert_eq!(link("node_modules/@s/limited"), Path::new("../../plugins/limited"));
}

#[test]
fn without_a_state_file_manifests_decide() {
    let mut case = Case::unlocked();
    case.workspace("packages/backend", &["a"], &[])
        .package("node_modules/a", "a@1.0.0", &["b"], "")
        .package("node_modules/a/node_modules/b", "b@2.0.0", &["c"], "")
        .package("node_modules/b", "b@1.0.0", &[], "")
        .package("node_modules/c", "c@1.0.0", &[], "")
        .package("node_modules/d", "d@1.0.0", &[], "");
    let packages = case.run().unwrap().packages;
    let packages: Vec<_> = packages.values().map(String::as_str).collect();
    assert_eq!(packages, ["a 1.0.0", "b 2.0.0", "c 1.0.0"]);
}

#[test]
fn a_dependency_that_is_not_there_ends_the_build() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["a"], &[]).package("node_modules/a", "a@1.0.0", &["gone", "lost"], "");
    let error = case.run().unwrap_err().to_string();
    assert!(error.contains("a (node_modules/a) needs `gone`") && error.contains("1 more"), "{error}");
}

#[test]
fn packages_of_other_platforms_are_left_out_by_their_manifest() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &[], &["linux", "arm", "musl", "not-windows"]);
    for (name, more) in [
        ("linux", json!({ "os": ["linux"], "cpu": ["x64"], "libc": ["glibc"] })),
        ("arm", json!({ "cpu": ["arm64"] })),
        ("musl", json!({ "libc": ["musl"] })),
        ("not-windows", json!({ "os": ["!win32"] })),
    ] {
        case.package(&format!("node_modules/{name}"), &format!("{name}@1.0.0"), &[], "");
        case.manifest(&format!("node_modules/{name}"), more);
    }
    let report = case.run().unwrap();
    assert_eq!(left_out(&report), [("arm 1.0.0", Rule::Platform), ("musl 1.0.0", Rule::Platform)]);
    assert_eq!(report.packages.len(), 2);
}

#[test]
fn build_tools_go_with_what_only_they_need_unless_something_asks_for_them() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["native", "profiler"], &[])
        .package("node_modules/native", "native@1.0.0", &["node-gyp", "node-abi"], "// builds with node-gyp")
        .package(
            "node_modules/profiler",
            "profiler@1.0.0",
            &["node-abi"],
            "exports.abi = () => { try { require('node-abi') } catch {} }",
        )
        .package("node_modules/node-abi", "node-abi@3.0.0", &["semver"], "require('semver')")
        .package("node_modules/semver", "semver@7.0.0", &[], "")
        .package("node_modules/node-gyp", "node-gyp@10.0.0", &["tar", "undeclared-friend"], "require('tar')")
        .package("node_modules/tar", "tar@6.0.0", &[], "")
        .package("node_modules/undeclared-friend", "undeclared-friend@1.0.0", &[], "");
    // It never said that it needs what only node-gyp does.
    case.file("node_modules/profiler/lib.mjs", "import x from 'undeclared-friend/x.js'");
    let report = case.run().unwrap();
    assert_eq!(left_out(&report), [("node-gyp 10.0.0", Rule::BuildOnly), ("tar 6.0.0", Rule::Orphan)]);
    let kept: Vec<_> = report.kept.iter().map(|(place, why)| format!("{place}: {why}")).collect();
    assert_eq!(
        kept,
        [
            "node_modules/node-abi: profiler asks for it in index.js",
            "node_modules/undeclared-friend: profiler asks for it in lib.mjs"
        ]
    );
    case.task.prune.safe = false;
    assert_eq!(left_out(&case.run().unwrap()), []);
}

/// A tree as Backstage's: config-loader asks for the compiler, for schemas alone.
fn with_typescript() -> Case {
    let mut case = Case::locked();
    let loader = "require('typescript'); require('ts-json-schema-generator')";
    case.workspace("packages/backend", &["@backstage/config-loader", "plugin"], &[])
        .package(
            "node_modules/@backstage/config-loader",
            "@backstage/config-loader@1.0.0",
            &["typescript", "ts-json-schema-generator"],
            loader,
        )
        .package(
            "node_modules/ts-json-schema-generator",
            "ts-json-schema-generator@2.0.0",
            &["typescript"],
            "require('typescript')",
        )
        .package("node_modules/typescript", "typescript@5.0.0", &[], "")
        .package("node_modules/plugin", "plugin@1.0.0", &[], "");
    case.file("node_modules/plugin/config.d.ts", "export interface Config {}");
    case
}

#[test]
fn typescript_goes_where_no_schema_is_written_in_it() {
    let case = with_typescript();
    case.manifest("node_modules/plugin", json!({ "configSchema": "config.schema.json" }));
    let report = case.run().unwrap();
    assert_eq!(
        left_out(&report),
        [("ts-json-schema-generator 2.0.0", Rule::Schemas), ("typescript 5.0.0", Rule::Schemas)]
    );
    assert!(!case.written().contains(&"node_modules/plugin/config.d.ts".to_owned()));
    assert_eq!(report.files_left_out[&Rule::TypeScript], Amount { files: 1, bytes: 26 });
}

#[test]
fn typescript_stays_where_a_schema_is_written_in_it() {
    let mut case = with_typescript();
    case.manifest("node_modules/plugin", json!({ "configSchema": "config.d.ts" }));
    let report = case.run().unwrap();
    assert_eq!((left_out(&report), report.typescript.as_deref()), (vec![], Some("plugin 1.0.0")));
    assert!(case.written().contains(&"node_modules/plugin/config.d.ts".to_owned()));
    // Also where it is a workspace's.
    case.manifest("node_modules/plugin", json!({ "configSchema": "config.schema.json" }));
    case.task.typescript_schemas = vec!["@internal/plugin".to_owned()];
    assert_eq!(case.run().unwrap().typescript.as_deref(), Some("@internal/plugin"));
}

#[test]
fn what_a_workspace_names_stays_unless_it_only_builds() {
    let mut case = with_typescript();
    case.workspace("packages/backend", &["@backstage/config-loader", "plugin", "typescript", "node-gyp"], &[]).package(
        "node_modules/node-gyp",
        "node-gyp@10.0.0",
        &[],
        "",
    );
    let report = case.run().unwrap();
    assert_eq!(
        left_out(&report),
        [("node-gyp 10.0.0", Rule::BuildOnly), ("ts-json-schema-generator 2.0.0", Rule::Schemas)]
    );
}

#[test]
fn tests_and_texts_go_unless_something_asks_for_them() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["a", "b"], &[])
        .package("node_modules/a", "a@1.0.0", &["b"], "require('b/examples/one'); read(join(__dirname, 'docs'))")
        .package("node_modules/b", "b@1.0.0", &[], "exports.text = read('./usage.md')");
    case.manifest("node_modules/b", json!({ "exports": { "./spec": "./spec/index.js" } }));
    for (path, text) in [
        ("a/test/index.js", "require('../test/other')"),
        ("a/docs/index.js", ""),
        ("a/guide.md", ""),
        ("a/LICENSE.md", ""),
        ("a/lib/test/index.js", ""),
        ("a/.eslintrc.json", ""),
        ("b/examples/one.js", ""),
        ("b/spec/index.js", ""),
        ("b/tests/index.js", ""),
        ("b/usage.md", ""),
    ] {
        case.file(&format!("node_modules/{path}"), text);
    }
    case.run().unwrap();
    assert_eq!(
        case.written(),
        [
            "a/LICENSE.md",
            "a/docs/index.js",
            "a/index.js",
            "a/lib/test/index.js",
            "a/package.json",
            "b/examples/one.js",
            "b/index.js",
            "b/package.json",
            "b/spec/index.js",
            "b/usage.md",
        ]
        .map(|path| format!("node_modules/{path}"))
    );
    case.task.prune.safe = false;
    case.run().unwrap();
    assert!(case.written().contains(&"node_modules/a/test/index.js".to_owned()));
}

#[test]
fn the_compiler_stays_for_others_than_schemas() {
    let mut case = with_typescript();
    case.package("node_modules/plugin", "plugin@1.0.0", &["typescript"], "const ts = require('typescript')");
    case.manifest("node_modules/plugin", json!({}));
    case.file("node_modules/typescript/lib/lib.d.ts", "").file("node_modules/plugin/index.d.ts", "");
    let report = case.run().unwrap();
    assert_eq!(left_out(&report), [("ts-json-schema-generator 2.0.0", Rule::Schemas)]);
    // Its own declarations are what it compiles with.
    let written = case.written();
    assert!(written.contains(&"node_modules/typescript/lib/lib.d.ts".to_owned()));
    assert!(!written.contains(&"node_modules/plugin/index.d.ts".to_owned()));
}

#[test]
fn natives_that_are_not_built_go_where_they_are_of_no_use() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["user"], &[])
        .package(
            "node_modules/user",
            "user@1.0.0",
            &["keytar", "ssh2", "prebuilt"],
            "try { require('keytar') } catch {}",
        )
        .package("node_modules/keytar", "keytar@7.0.0", &[], "var keytar = require('../build/Release/keytar.node')")
        .package(
            "node_modules/ssh2",
            "ssh2@1.0.0",
            &[],
            "let binding; try { binding = require('./build/x.node') } catch {}",
        )
        .package(
            "node_modules/prebuilt",
            "prebuilt@1.0.0",
            &[],
            "module.exports = require('node-gyp-build')(__dirname)",
        );
    case.file("node_modules/prebuilt/prebuilds/linux-x64/x.node", "");
    case.task.unbuilt = ["keytar@7.0.0", "ssh2@1.0.0", "prebuilt@1.0.0"].map(str::to_owned).into();
    assert_eq!(left_out(&case.run().unwrap()), [("keytar 7.0.0", Rule::Unbuilt)]);
}

#[test]
fn natives_that_are_not_used_go_unless_something_loads_them() {
    let mut case = Case::locked();
    let lazy = "exports.open = () => require('better-sqlite3')";
    case.workspace("packages/backend", &["knex", "better-sqlite3"], &[])
        .package("node_modules/knex", "knex@3.0.0", &[], lazy)
        .package("node_modules/better-sqlite3", "better-sqlite3@12.0.0", &["bindings"], "require('bindings')")
        .package("node_modules/bindings", "bindings@1.0.0", &[], "");
    case.task.unused.insert("better-sqlite3@12.0.0".to_owned(), "the database is Postgres".to_owned());
    let report = case.run().unwrap();
    assert_eq!(left_out(&report), [("better-sqlite3 12.0.0", Rule::Unused), ("bindings 1.0.0", Rule::Orphan)]);
    assert_eq!(report.left_out["node_modules/better-sqlite3"].why, "the database is Postgres");
    case.package("node_modules/knex", "knex@3.0.0", &[], "const sqlite = require('better-sqlite3')");
    let report = case.run().unwrap();
    assert_eq!(left_out(&report), []);
    assert_eq!(report.kept["node_modules/better-sqlite3"], "knex asks for it in index.js");
}

#[test]
fn what_a_user_leaves_out_must_not_be_loaded() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["a", "b"], &[])
        .package("node_modules/a", "a@1.0.0", &["b"], "\nconst b = require('b');\nconst part = require('./lib/part');")
        .package("node_modules/b", "b@1.0.0", &[], "");
    case.file("node_modules/a/lib/part.js", "")
        .file("node_modules/a/docs/x.html", "")
        .file("node_modules/a/docs/y.html", "");
    case.task.prune.drop = vec!["b".to_owned()];
    let error = case.run().unwrap_err().to_string();
    assert!(error.contains("a loads `b` (node_modules/a/index.js:2)") && error.contains("prune.drop"), "{error}");
    case.task.prune.drop = vec!["a/lib/**".to_owned()];
    let error = case.run().unwrap_err().to_string();
    assert!(error.contains("a loads `./lib/part` (node_modules/a/index.js:3)"), "{error}");
    case.task.prune.keep = vec!["a/lib/part.js".to_owned()];
    case.run().unwrap();
    // What nobody loads goes, but for what is kept.
    case.task.prune.drop = vec!["a/docs".to_owned()];
    case.task.prune.keep = vec!["a/docs/y.html".to_owned()];
    let report = case.run().unwrap();
    assert_eq!(report.files_left_out[&Rule::Dropped].files, 1);
    assert!(case.written().contains(&"node_modules/a/docs/y.html".to_owned()));
    // Asked for only when it is used: the user's own decision.
    case.package("node_modules/a", "a@1.0.0", &["b"], "exports.f = () => require('b')");
    case.task.prune = Prune { drop: vec!["b".to_owned()], ..case.task.prune.clone() };
    assert_eq!(left_out(&case.run().unwrap()), [("b 1.0.0", Rule::Dropped)]);
}

#[test]
fn what_came_in_an_archive_comes_along() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["a"], &[]).package("node_modules/a", "a@1.0.0", &[], "").package(
        "node_modules/a/node_modules/frontends",
        "frontends@1.0.0",
        &[],
        "",
    );
    case.file("node_modules/a/node_modules/bundled/index.js", "")
        .file("node_modules/a/node_modules/@s/bundled/index.js", "")
        .file("node_modules/a/lib/node_modules/own/index.js", "")
        .file("node_modules/a/node_modules/.bin/x", "");
    case.run().unwrap();
    let written = case.written();
    for (path, wanted) in [
        ("node_modules/a/node_modules/bundled/index.js", true),
        ("node_modules/a/node_modules/@s/bundled/index.js", true),
        ("node_modules/a/lib/node_modules/own/index.js", true),
        ("node_modules/a/node_modules/frontends/index.js", false),
        ("node_modules/a/node_modules/.bin/x", false),
    ] {
        assert_eq!(written.contains(&path.to_owned()), wanted, "{path}");
    }
}

#[test]
fn nothing_leads_out_of_the_tree() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["a", "../../../etc"], &[]).package("node_modules/a", "a@1.0.0", &[], "");
    case.link("node_modules/a/passwd", "/etc/passwd")
        .link("node_modules/a/up", "../../..")
        .link("node_modules/a/in", "index.js");
    // A name that is none is found nowhere.
    assert!(case.run().unwrap_err().to_string().contains("../../../etc"));
    case.workspace("packages/backend", &["a"], &[]);
    let report = case.run().unwrap();
    assert_eq!(report.files_left_out[&Rule::Link].files, 2);
    assert_eq!(case.written(), ["node_modules/a/in", "node_modules/a/index.js", "node_modules/a/package.json"]);
    case.workspace("packages/backend", &["a", "out"], &[]).link("node_modules/out", "/etc");
    assert!(case.run().unwrap_err().to_string().contains("leads out of the repository"));
}

#[test]
fn the_same_packages_are_the_same_layer() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["a"], &[]).package("node_modules/a", "a@1.0.0", &[], "");
    case.file("node_modules/a/bin/run.js", "#!/usr/bin/env node");
    let set = |path: &str, mode: u32| {
        fs::set_permissions(case.install().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("node_modules/a/bin/run.js", 0o700);
    set("node_modules/a/index.js", 0o600);
    case.run().unwrap();
    for (path, mode) in [
        ("", 0o755),
        ("node_modules", 0o755),
        ("node_modules/a", 0o755),
        ("node_modules/a/bin", 0o755),
        ("node_modules/a/bin/run.js", 0o755),
        ("node_modules/a/index.js", 0o644),
    ] {
        let metadata = fs::symlink_metadata(case.out().join(path)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.mtime()), (mode, FIXED_TIME), "{path}");
    }
}

#[test]
fn built_natives_land_where_their_packages_are() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let package = |name: &str, version: &str| json!({ "name": name, "version": version }).to_string();
    for (place, name, version) in [
        ("node_modules/n", "n", "1.0.0"),
        ("node_modules/alias", "n", "2.0.0"),
        ("node_modules/@s/n", "@s/n", "1.0.0"),
        ("node_modules/user/node_modules/n", "n", "2.0.0"),
        ("packages/backend/node_modules/n", "n", "2.0.0"),
        ("node_modules/user", "user", "1.0.0"),
    ] {
        write(&format!("app/{place}/package.json"), &package(name, version));
        write(&format!("app/{place}/index.js"), "the same");
    }
    // What Node takes, too, and a link that leads round in a circle.
    write("app/node_modules/marked/package.json", &format!("\u{feff}{}", package("marked", "1.0.0")));
    write("app/node_modules/empty/package.json", "");
    symlink("../packages/backend", dir.path().join("app/node_modules/backend")).unwrap();
    let mut built = Vec::new();
    for (at, name, version) in [("0", "n", "1.0.0"), ("1", "n", "2.0.0"), ("2", "@s/n", "1.0.0"), ("0", "n", "3.0.0")] {
        write(&format!("built/{at}/package.json"), &package(name, version));
        write(&format!("built/{at}/index.js"), "the same");
        write(&format!("built/{at}/build/Release/n.node"), &binary('>', at));
        write(&format!("built/{at}/lib/n-linux-x64-127.node"), &binary('>', at));
        write(&format!("built/{at}/lib/n-darwin-x64-127.node"), at);
        write(&format!("built/{at}/lib/n.glibc.node"), &binary('(', at));
        write(&format!("built/{at}/build/Release/obj.target/n.o"), "");
        write(&format!("built/{at}/src/n.cc"), "");
        write(&format!("built/{at}/node_modules/other/index.js"), "");
        built.push(Built { name: name.into(), version: version.into(), folder: dir.path().join("built").join(at) });
    }
    let app = dir.path().join("app");
    let untouched = fs::symlink_metadata(app.join("node_modules/n/index.js")).unwrap().mtime();
    let places = place_natives(&app, "x64", &built).unwrap();
    assert_eq!(places["n@3.0.0"], Vec::<String>::new());
    assert_eq!(places["n@2.0.0"].len(), 3);
    for (place, at) in [
        ("node_modules/n", "0"),
        ("node_modules/alias", "1"),
        ("node_modules/@s/n", "2"),
        ("node_modules/user/node_modules/n", "1"),
        ("packages/backend/node_modules/n", "1"),
    ] {
        let folder = app.join(place);
        assert_eq!(fs::read_to_string(folder.join("build/Release/n.node")).unwrap(), binary('>', at), "{place}");
        assert!(folder.join("lib/n-linux-x64-127.node").exists(), "{place}");
        for none in [
            "build/Release/obj.target",
            "src/n.cc",
            "node_modules/other",
            "lib/n-darwin-x64-127.node",
            "lib/n.glibc.node",
        ] {
            assert!(!folder.join(none).exists(), "{place} {none}");
        }
    }
    // What is the same is left as it is: the layer holds binaries alone.
    assert_eq!(fs::symlink_metadata(app.join("node_modules/n/index.js")).unwrap().mtime(), untouched);
    let other = place_natives(&app, "arm64", &built).unwrap_err().to_string();
    assert!(other.contains("build/Release/n.node is not for arm64") && other.contains("source"), "{other}");
}

/// The start of an ELF file for a machine whose number is that of a character (`>` is x64, `(` is arm), with something behind it.
fn binary(machine: char, text: &str) -> String {
    format!("\u{7f}ELF\u{2}\u{1}{}{machine}\0{text}", "\0".repeat(12))
}

/// A bundle of a backend that ships a workspace, and the tree that was selected for it.
fn bundled(case: &Case, script: &str) -> io::Result<()> {
    case.run().unwrap();
    let bundle = case.dir.path().join("bundle");
    let write = |path: &str, text: &str| {
        let path = bundle.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("packages/backend/package.json", r#"{"name": "backend", "main": "dist/index.cjs.js"}"#);
    write(
        "packages/backend/dist/index.cjs.js",
        "require('./inner.cjs.js'); require('node:fs'); require('fs/promises')",
    );
    write("packages/backend/dist/inner.cjs.js", "require('plugin')");
    write("packages/backend/dist/never.cjs.js", "require('not-loaded')");
    write("plugins/plugin/package.json", r#"{"name": "plugin", "main": "./dist/index.cjs.js"}"#);
    write("plugins/plugin/dist/index.cjs.js", script);
    let report = case.dir.path().join("report").join(REPORT);
    check_bundle(&bundle, &case.out(), "packages/backend", &report)
}

#[test]
fn a_bundle_finds_what_it_loads_or_the_build_ends() {
    let mut case = Case::locked();
    case.workspace("packages/backend", &["plugin", "node-gyp"], &[])
        .workspace("plugins/plugin", &["a"], &[])
        .package("node_modules/node-gyp", "node-gyp@10.0.0", &[], "")
        .package("plugins/plugin/node_modules/a", "a@1.0.0", &[], "");
    case.link("node_modules/plugin", "../plugins/plugin");
    bundled(&case, "const a = require('a/lib'); exports.later = () => require('nowhere')").unwrap();
    let error = bundled(&case, "const a = require('a');\nconst gyp = require('node-gyp');").unwrap_err().to_string();
    assert!(error.contains("plugins/plugin/dist/index.cjs.js:2 loads `node-gyp`"), "{error}");
    assert!(error.contains("only builds other packages") && error.contains("keep: [\"node-gyp\"]"), "{error}");
    let error = bundled(&case, "import x from 'nowhere/x.js'").unwrap_err().to_string();
    assert!(error.contains("`nowhere/x.js`") && error.contains("devDependencies"), "{error}");
    case.task.prune.keep = vec!["node-gyp".to_owned()];
    bundled(&case, "require('node-gyp')").unwrap();
}

/// What lies in a package is nobody's choice but its author's.
#[test]
fn odd_files_are_no_trap() {
    let mut case = Case::unlocked();
    case.workspace("packages/backend", &["piped", "linked", "large"], &[]);
    case.package("node_modules/piped", "piped@1.0.0", &[], "");
    case.package("node_modules/linked", "linked@1.0.0", &[], "");
    case.package("node_modules/large", "large@1.0.0", &[], "");
    let at = |path: &str| case.install().join(path);
    // A pipe in the place of a manifest would be waited for, a link out of the tree read.
    fs::remove_file(at("node_modules/piped/package.json")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("node_modules/piped/package.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let outside = case.dir.path().join("outside.json");
    fs::write(&outside, json!({ "name": "x", "version": "1.0.0", "dependencies": { "absent": "1" } }).to_string())
        .unwrap();
    fs::remove_file(at("node_modules/linked/package.json")).unwrap();
    symlink(&outside, at("node_modules/linked/package.json")).unwrap();
    // More than is searched: a program without an extension, as tools ship them.
    let tool = fs::File::create(at("node_modules/large/tool")).unwrap();
    tool.set_len(super::requires::MAX_SCRIPT + 1).unwrap();
    case.run().unwrap();
    assert!(case.out().join("node_modules/large/tool").exists());
}

/// Only a base image can have links on the way to where packages go.
#[test]
fn a_link_in_the_base_is_not_followed() {
    let mut case = Case::unlocked();
    case.workspace("packages/backend", &["a"], &[]);
    case.package("node_modules/a", "a@1.0.0", &[], "");
    let outside = case.dir.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    case.run().unwrap();
    for link in ["", "node_modules"] {
        let _ = fs::remove_dir_all(case.out());
        let at = case.out().join(link);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(&outside, at.as_os_str().to_str().unwrap().trim_end_matches('/')).unwrap();
        let error = case.run_onto(&case.dir.path().join("task.json")).unwrap_err().to_string();
        assert!(error.contains("the base image has a link there"), "{link}: {error}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{link}");
        let _ = fs::remove_file(case.out());
    }
}

#[test]
fn a_dropped_alias_is_found_by_its_folder() {
    let mut case = Case::unlocked();
    case.workspace("packages/backend", &["foo", "user"], &[]);
    case.package("node_modules/foo", "bar@1.0.0", &[], "");
    case.package("node_modules/user", "user@1.0.0", &["foo"], "require('foo')");
    case.task.prune.drop = vec!["foo".to_owned()];
    let error = case.run().unwrap_err().to_string();
    assert!(error.contains("user loads `foo`"), "{error}");
}

#[test]
fn a_manifest_of_many_names_takes_no_longer() {
    let names = |start: &str| -> serde_json::Map<String, serde_json::Value> {
        (0..60_000).map(|i| (format!("{start}{i}"), "1".into())).collect()
    };
    let case = Case::unlocked();
    let manifest = json!({ "name": "backend", "dependencies": {}, "optionalDependencies": names("o") });
    case.file("packages/backend/package.json", &manifest.to_string());
    let begin = std::time::Instant::now();
    let json = json!({ "dependencies": names("d"), "optionalDependencies": names("o") });
    assert_eq!(super::tree::Manifest::of(&json).dependencies.len(), 60_000);
    // Each against each would be minutes.
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
}

#[test]
fn a_dropped_file_of_another_package_is_found() {
    for (pattern, script, loads) in [
        ("foo/index.js", "require('foo')", true),
        ("foo/*", "require('foo')", true),
        ("foo/lib", "require('foo/lib/x')", true),
        ("foo/lib", "require('foo')", false),
        ("foo/docs", "require('foo')", false),
    ] {
        let mut case = Case::unlocked();
        case.workspace("packages/backend", &["foo", "user"], &[]);
        case.package("node_modules/foo", "foo@1.0.0", &[], "");
        case.file("node_modules/foo/lib/x.js", "").file("node_modules/foo/docs/x.js", "");
        case.package("node_modules/user", "user@1.0.0", &["foo"], script);
        case.task.prune.drop = vec![pattern.to_owned()];
        assert_eq!(case.run().is_err(), loads, "{pattern} {script}");
    }
}

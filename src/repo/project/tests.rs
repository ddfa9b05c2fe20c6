//! Projects made from a repository with every kind of dependency (tests/data/yarn/kitchen); that Yarn accepts them is
//! proven in tests/repo_yarn.rs.

use buildkit_frontend::files::{DirectoryFiles, MemoryFiles};
use buildkit_frontend::path::ContextPath;

use crate::repo::lock::{Edges, Lockfile};
use crate::repo::{Repository, read, read_set};

use super::*;

fn case(name: &str) -> Repository {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yarn").join(name);
    let files = DirectoryFiles::new(root, &read_set(&[], None)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read(&files, &[])).unwrap().0
}

fn names<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> Vec<&'a str> {
    manifests.into_iter().map(|m| m.name.as_str()).collect()
}

fn texts<'a>(paths: impl IntoIterator<Item = &'a ContextPath>) -> Vec<&'a str> {
    paths.into_iter().map(ContextPath::as_str).collect()
}

#[test]
fn closures() {
    let repo = case("kitchen");
    assert_eq!(
        names(repo.dist_closure("backend")),
        ["app", "backend", "@internal/common", "@internal/common-node", "nested", "inner", "versioned"]
    );
    assert_eq!(names(repo.source_closure("app")), ["app", "@internal/common", "@internal/common-node"]);
    assert!(repo.dist_closure("no such").is_empty());
}

#[test]
fn production_of_everything() {
    let repo = case("kitchen");
    let project = Production::of(&repo, "backend").project();
    assert_eq!(
        texts(&project.workspaces),
        [
            "packages/app",
            "packages/backend",
            "plugins/common",
            "plugins/common-node",
            "plugins/nested",
            "plugins/nested/inner",
            "plugins/versioned"
        ]
    );
    assert_eq!(
        texts(&project.inputs),
        [
            ".yarn/patches/is-even.patch",
            ".yarnrc.yml",
            "plugins/common/patches/array-flatten.patch",
            "vendor/folder",
            "vendor/portal/deep",
            "vendor/portal/package.json",
        ]
    );
    assert_eq!(texts(&project.links), ["vendor/linked", "vendor/portal"]);
    let manifests = project.files.iter().filter(|(path, _)| path.name() == "package.json");
    insta::assert_snapshot!(manifests.map(|(path, text)| format!("# {path}\n{text}")).collect::<String>());
}

#[test]
fn a_frontend_dependency_does_not_touch_production() {
    let before = case("kitchen");
    let mut after = before.clone();
    let text = after.lock.file.text.replace("\"react@npm:18.", "\"react@npm:18.99.");
    assert_ne!(after.lock.file.text, text);
    after.lock = Lockfile::parse(&buildkit_frontend::diagnostic::SourceFile::new("yarn.lock", text)).unwrap();
    after.edges = Edges::of(&after.lock);
    let project = |repo: &Repository| Production::of(repo, "backend").project();
    assert_eq!(project(&before), project(&after));
}

#[test]
fn the_manifest_of_a_release() {
    let manifest = backstage_manifest(&case("backstage")).unwrap();
    let value: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(value["releaseVersion"], "1.52.0");
    assert_eq!(value["packages"][0], serde_json::json!({"name": "@backstage/errors", "version": "1.3.1"}));
    assert_eq!(value["packages"].as_array().map(Vec::len), Some(3));
    // Production asks for less, so that a plugin of the frontend does not touch it.
    let production = Production::of(&case("backstage"), "backend").project();
    let value: Value = serde_json::from_str(&production.backstage_manifest.unwrap()).unwrap();
    assert_eq!(value["packages"].as_array().map(Vec::len), Some(1));
}

#[test]
fn natives_of_everything() {
    let list = |case_name: &str| {
        let repo = case(case_name);
        Production::of(&repo, "backend").natives().into_iter().map(|n| (n.name, n.required)).collect::<Vec<_>>()
    };
    assert_eq!(list("kitchen"), [("bufferutil".to_owned(), false), ("utf-8-validate".to_owned(), true)]);
}

/// The repository tests/data/yarn/formats with the lockfile of a Yarn.
fn locked_by(release: &str) -> Repository {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yarn/formats");
    let names = ["package.json", ".yarnrc.yml", "plugins/resolve/package.json"];
    let more = ["packages/app/package.json", "packages/backend/package.json", "patches/bufferutil.patch"];
    let lock = format!("locks/yarn-{release}.lock");
    let pairs = names.into_iter().chain(more).map(|name| (name, name)).chain([("yarn.lock", lock.as_str())]);
    let files = pairs.fold(MemoryFiles::default(), |files, (name, from)| {
        #[allow(clippy::disallowed_methods)]
        let text = std::fs::read_to_string(dir.join(from)).unwrap();
        files.with(ContextPath::new(name).unwrap(), text)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read(&files, &[])).unwrap().0
}

/// The formats differ in how they write things, not in what these are.
#[test]
fn every_format_says_the_same() {
    for (release, format) in
        [("2.4.2", 4), ("3.1.1", 5), ("3.8.7", 6), ("4.0.0-rc.45", 7), ("4.13.0", 8), ("4.14.1", 9), ("4.18.1", 10)]
    {
        let repo = locked_by(release);
        assert_eq!((repo.lock.version, repo.yarn.version.version.to_string().as_str()), (format, release));
        let production = Production::of(&repo, "backend");
        let required = production.natives().into_iter().filter(|native| native.required);
        let natives: Vec<_> = required.map(|native| native.name).collect();
        assert_eq!(natives, ["bufferutil", "utf-8-validate"], "{release}");
        // A directory without a name is no dependency that is called like it.
        assert_eq!(texts(&production.project().workspaces), ["packages/app", "packages/backend"], "{release}");
        let lock = &production.project().files[&ContextPath::new("yarn.lock").unwrap()];
        assert!(lock.starts_with(&repo.lock.preamble) && !lock.contains("plugins/resolve"), "{release}");
    }
}

/// What is bound to the repository's root is asked for in its short form by a root of that name; the lockfile keeps both.
#[test]
fn a_native_that_is_bound_to_the_root() {
    for release in ["2.4.2", "3.8.7", "4.18.1"] {
        let repo = locked_by(release);
        let natives = Production::of(&repo, "backend").natives();
        let project = |name: &str| {
            let native = natives.iter().find(|native| native.name == name && native.required).unwrap();
            let files = crate::repo::native_project(&repo, native).unwrap().files;
            let text = |name: &str| files[&ContextPath::new(name).unwrap()].clone();
            (serde_json::from_str::<Value>(&text("package.json")).unwrap(), text("yarn.lock"))
        };
        let (manifest, lock) = project("bufferutil");
        let range = "patch:bufferutil@npm%3A4.0.8#./patches/bufferutil.patch";
        assert_eq!((&manifest["name"], &manifest["dependencies"]["bufferutil"]), (&"root".into(), &range.into()));
        assert!(lock.contains(&format!("\n\"bufferutil@{range}::locator=root%40workspace%3A.\":\n")), "{lock}");
        let (manifest, lock) = project("utf-8-validate");
        assert_eq!(manifest["name"], "native");
        assert!(lock.contains("\"native@workspace:.\"") && !lock.contains("root@workspace"), "{lock}");
    }
}

/// Where a registry keeps an archive is said of what was found, and asked for by nobody.
#[test]
fn a_native_with_an_address_of_its_own() {
    let mut repo = case("kitchen");
    let at = "::__archiveUrl=https%3A%2F%2Fnpm.example.com%2Fdownload%2Fx";
    let before = repo.lock.file.text.to_string();
    let resolution = "  resolution: \"utf-8-validate@npm:";
    let version = before.split_once(resolution).and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
    let text = before.replace(&format!("{resolution}{version}"), &format!("{resolution}{version}{at}"));
    repo.lock = Lockfile::parse(&buildkit_frontend::diagnostic::SourceFile::new("yarn.lock", text)).unwrap();
    repo.edges = Edges::of(&repo.lock);
    let natives = Production::of(&repo, "backend").natives();
    let native = natives.iter().find(|native| native.name == "utf-8-validate").unwrap();
    assert!(native.locator.reference.ends_with(at));
    let files = crate::repo::native_project(&repo, native).unwrap().files;
    let text = |name: &str| &files[&ContextPath::new(name).unwrap()];
    let manifest: Value = serde_json::from_str(text("package.json")).unwrap();
    assert_eq!(manifest["dependencies"]["utf-8-validate"], format!("npm:{version}"));
    let lock = text("yarn.lock");
    assert!(lock.contains(&format!("\n\"utf-8-validate@npm:{version}\":\n")), "{lock}");
    assert!(lock.contains(&format!("  resolution: \"utf-8-validate@npm:{version}{at}\"\n")), "{lock}");
    assert_eq!(lock.matches(at).count(), 1);
}

/// Workspaces whose schema stays TypeScript, of a repository with a `config.d.ts` and with the given releases of the CLI's
/// builder.
fn schemas(builders: &[&str]) -> Vec<String> {
    let mut lock = String::from("__metadata:\n  version: 8\n");
    for version in builders {
        let name = "@backstage/cli-module-build";
        lock.push_str(&format!(
            "\n\"{name}@npm:{version}\":\n  version: {version}\n  resolution: \"{name}@npm:{version}\"\n  languageName: node\n  linkType: hard\n"
        ));
    }
    for (name, dir) in [("backend", "b"), ("plugin", "p"), ("root", ".")] {
        lock.push_str(&format!(
            "\n\"{name}@workspace:^, {name}@workspace:{dir}\":\n  version: 0.0.0-use.local\n  resolution: \"{name}@workspace:{dir}\"\n  linkType: soft\n"
        ));
    }
    let path = |text: &str| ContextPath::new(text).unwrap();
    let files = MemoryFiles::default()
        .with(path("package.json"), "{\"name\": \"root\", \"workspaces\": [\"b\", \"p\"]}")
        .with(path("b/package.json"), "{\"name\": \"backend\", \"dependencies\": {\"plugin\": \"workspace:^\"}}")
        .with(path("p/package.json"), "{\"name\": \"plugin\", \"configSchema\": \"config.d.ts\"}")
        .with(path(".yarnrc.yml"), "nodeLinker: node-modules\n")
        .with(path("yarn.lock"), lock);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let repo = runtime.block_on(read(&files, &[])).unwrap().0;
    Production::of(&repo, "backend").typescript_schemas()
}

#[test]
fn schemas_of_workspaces_are_json_once_the_builder_writes_it() {
    assert_eq!(schemas(&[]), ["plugin"]);
    assert_eq!(schemas(&["0.1.4"]), ["plugin"]);
    assert_eq!(schemas(&["0.1.5"]), Vec::<String>::new());
    assert_eq!(schemas(&["0.1.4", "0.2.0"]), ["plugin"]);
}

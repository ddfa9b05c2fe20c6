//! Native modules that do not lie where one would look first.

use e2e::{Build, Repo, report};
use serde_json::json;

/// `bufferutil` twice, of which Yarn puts one below the plugin that wants it, and `utf-8-validate` under another name.
pub(super) fn repo_with_natives() -> Repo {
    let repo = Repo::mini();
    repo.json("packages/backend/package.json", |backend| backend["dependencies"]["bufferutil"] = "4.0.9".into());
    repo.json("plugins/greeting/package.json", |plugin| {
        plugin["dependencies"] = json!({"bufferutil": "4.1.0", "renamed": "npm:utf-8-validate@6.0.5"});
    });
    repo.write("yarn.lock", include_str!("natives.lock"));
    repo.build_file("install: {natives: source}\n");
    repo
}

#[test]
fn two_versions_and_an_alias() {
    let repo = repo_with_natives();
    let built = Build::of(&repo).within(400).pass();
    let placed = &built.vertex("[natives]").log;
    report("two_versions_and_an_alias", placed);
    let app = built.image().app();
    for (dir, version, binary) in [
        ("node_modules/bufferutil", "4.0.9", "bufferutil.node"),
        ("plugins/greeting/node_modules/bufferutil", "4.1.0", "bufferutil.node"),
        ("node_modules/renamed", "6.0.5", "validation.node"),
    ] {
        let manifest = String::from_utf8_lossy(&app[&format!("{dir}/package.json")]).into_owned();
        assert!(manifest.contains(&format!("\"version\": \"{version}\"")), "{dir}: {manifest}");
        let files: Vec<_> = app.keys().filter(|path| path.starts_with(dir)).collect();
        assert!(app.contains_key(&format!("{dir}/build/Release/{binary}")), "{files:#?}");
        let residue = |path: &&&String| path.ends_with(".o") || path.contains("/prebuilds/win32");
        assert_eq!(files.iter().find(residue), None, "{files:#?}");
    }
}

//! A repository of a large company.

use std::fs;

use e2e::{Build, Repo, report};
use serde_json::json;

const WORKSPACES: usize = 1000;
const INSTALLED: usize = 20_000;

#[test]
fn a_thousand_workspaces_and_what_the_client_installed() {
    let repo = Repo::mini();
    let lock = repo.read("yarn.lock");
    let (head, entries) = lock.split_once("\n\n\"").unwrap();
    let mut entries: Vec<String> = format!("\"{entries}").split("\n\n").map(|entry| entry.trim().to_owned()).collect();
    for n in 0..WORKSPACES {
        let manifest = json!({"name": format!("@large/p{n}"), "version": "1.0.0", "dependencies": {"ms": "^2.1.3"}});
        repo.write(&format!("plugins/p{n}/package.json"), manifest.to_string());
        repo.write(&format!("plugins/p{n}/src/index.js"), format!("exports.n = {n};\n"));
        entries.push(format!(
            "\"@large/p{n}@workspace:plugins/p{n}\":\n  version: 0.0.0-use.local\n  resolution: \
             \"@large/p{n}@workspace:plugins/p{n}\"\n  dependencies:\n    ms: \"npm:^2.1.3\"\n  languageName: unknown\n  linkType: soft"
        ));
    }
    entries.sort();
    repo.write("yarn.lock", format!("{head}\n\n{}\n", entries.join("\n\n")));
    let content = "x".repeat(1024);
    for n in 0..INSTALLED {
        let dir = repo.at(&format!("node_modules/package-{}/lib", n / 20));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("{}.js", n % 20)), &content).unwrap();
    }
    let build = || Build::of(&repo).target("plan").pass();
    let first = build();
    let again = build();
    let sent: Vec<(&str, u64)> =
        first.vertices.values().filter(|v| v.name.contains("load")).map(|v| (v.name.as_str(), v.bytes)).collect();
    report("large", format!("plan: {:.1} s, again {:.1} s, transfers {sent:?}", first.seconds, again.seconds));
    let total: u64 = sent.iter().map(|(_, bytes)| bytes).sum();
    assert!(total < 5_000_000, "{total} bytes were sent of a repository whose own files are far fewer: {sent:?}");
    let plan = fs::read_to_string(first.files().join("plan.json")).unwrap();
    assert!(plan.contains("plugins/p999"));
    super::plans::equal("large", &repo);

    // What the backend does not import is not copied for it; the context that is sent has no node_modules either.
    let bundle = Build::of(&repo).target("bundle").pass();
    let sent: u64 = bundle.vertices.values().filter(|v| v.name.contains("load")).map(|v| v.bytes).sum();
    report("large", format!("bundle: {:.1} s, {sent} bytes sent", bundle.seconds));
    assert!(sent < 5_000_000, "{sent} bytes");
}

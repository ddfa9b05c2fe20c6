//! Every folder of `examples/` is built.

use std::fs;

use e2e::engine::checkout;
use e2e::repo::with_syntax;
use e2e::{Build, Repo, report};
use serde_json::json;

#[test]
fn each_builds() {
    let mut folders: Vec<_> =
        fs::read_dir(checkout().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 5, "{folders:?}");
    for folder in folders {
        let text = fs::read_to_string(folder.join("backstage.build.yaml")).unwrap();
        let (syntax, rest) = text.split_once('\n').unwrap();
        assert_eq!(syntax, "# syntax=registry.example.com/platform/backstage-build:1", "{}", folder.display());
        let repo = Repo::mini();
        repo.write("backstage.build.yaml", with_syntax(rest));
        repo.write("app-config.production.yaml", "app:\n  title: Production\n");
        repo.write("examples/entities.yaml", "kind: Component\n").write("catalog-info.yaml", "kind: Component\n");
        // The small repository is no TypeScript: that the check is run is enough here.
        repo.json("package.json", |root| root["scripts"]["tsc"] = json!("node --version"));
        let built = Build::of(&repo).pass();
        report("examples", format!("{}: {:.1} s", folder.display(), built.seconds));
        assert_ne!(built.image().setting("User"), &json!("root"), "{}", folder.display());
    }
}

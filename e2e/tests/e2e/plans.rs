//! The plan is the same wherever it is made.

use std::fs;

use e2e::{Build, Repo, cli, report, unique};
use serde_json::{Value, json};

/// Asserts that a build and the command line make the same plan of a repository.
pub fn equal(name: &str, repo: &Repo) -> Value {
    let told = cli::plan(repo.path());
    let built = Build::of(repo).target("plan").pass();
    report("plan", format!("{name}: {:.1} s in a build", built.seconds));
    let written = fs::read_to_string(built.files().join("plan.json")).unwrap();
    let text = fs::read_to_string(built.files().join("plan.txt")).unwrap();
    let (told, written): (Value, Value) =
        (serde_json::from_str(&told).unwrap(), serde_json::from_str(&written).unwrap());
    differ(name, "", &told, &written);
    assert_eq!(text, cli::plan_text(repo.path()), "{name}");
    told
}

/// Fails at the first place where two plans differ.
fn differ(name: &str, at: &str, told: &Value, written: &Value) {
    match (told, written) {
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{name}: at {at}");
            a.iter().for_each(|(key, value)| differ(name, &format!("{at}.{key}"), value, &b[key]));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(i, (a, b))| differ(name, &format!("{at}[{i}]"), a, b));
        }
        _ => assert_eq!(told, written, "{name}: at {at}"),
    }
}

#[test]
fn of_the_small_repository() {
    equal("mini", &Repo::mini());
}

#[test]
fn with_every_noun() {
    let repo = Repo::mini();
    repo.write("app-config.production.yaml", "app:\n  baseUrl: https://portal.example\n").write("docs/a.md", "a");
    repo.write("packages/app/src/extra.txt", "");
    repo.build_file(
        "node: 22\nbackend: packages/backend\nfrontend: bundled\n\
         config: [app-config.yaml, app-config.production.yaml]\nfiles: [docs]\nexclude: ['**/*.orig']\n\
         install: {immutable: true}\nbuild: {env: {MODE: production}, memory: 2gb}\n\
         checks:\n  - {name: own, run: node --version}\n\
         prune: safe\nruntime: {base: slim, port: 8080, env: {A: b}, labels: {x: y}}\nnetwork: {}\n",
    );
    equal("every noun", &repo);
}

#[test]
fn with_config_files_that_include_others() {
    let repo = Repo::mini();
    repo.write("app-config.production.yaml", "app: {$include: config/app.yaml}\n");
    repo.write("config/app.yaml", "title: {$include: deeper/title.yaml}\n").write("config/deeper/title.yaml", unique());
    let plan = equal("includes", &repo).to_string();
    assert!(plan.contains("config/deeper/title.yaml"), "{plan}");
    let again = Build::of(&repo).target("plan").pass();
    let planned = again.vertices.values().filter(|vertex| vertex.name == "[internal] plan");
    assert_eq!(planned.map(|vertex| vertex.executed()).collect::<Vec<_>>(), [false, false, false], "a round each");
}

/// What config and build file name may be made by a build or mounted into the container: nothing fails where it is not there.
#[test]
fn with_files_that_exist_at_run_time_only() {
    let repo = Repo::mini();
    repo.build_file("runtime: {preload: [packages/backend/dist/later.js, 'here/[now].js']}\n");
    repo.write("app-config.production.yaml", "a: {$file: run/secret.txt}\nb: {$file: ./here/note.txt}\n");
    repo.write("here/[now].js", "").write("here/note.txt", "here").write("here/n.js", "");
    equal("run-time files", &repo);
    let app = Build::of(&repo).pass().image().app();
    let named: Vec<_> = app.keys().filter(|path| path.starts_with("here/")).collect();
    assert_eq!(named, ["here/[now].js", "here/note.txt"]);
    assert!(!app.keys().any(|path| path.ends_with("later.js") || path.starts_with("run/")), "{:#?}", app.keys());
}

/// What is named and is a link stands for what it leads to.
#[test]
fn with_links() {
    let repo = Repo::mini();
    repo.build_file("files: [linked.txt, folder]\nruntime: {preload: [lnk/in.js]}\n");
    repo.write("real/in.js", "module").write("note.txt", "note");
    for (to, link) in [("note.txt", "linked.txt"), ("real", "lnk"), ("real", "folder")] {
        std::os::unix::fs::symlink(to, repo.at(link)).unwrap();
    }
    equal("links", &repo);
    let app = Build::of(&repo).pass().image().app();
    assert_eq!(app["linked.txt"], b"note");
    assert_eq!((&app["lnk/in.js"], &app["folder/in.js"]), (&b"module".to_vec(), &b"module".to_vec()));
}

#[test]
fn with_workspaces_as_an_array() {
    let repo = Repo::mini();
    repo.json("package.json", |root| root["workspaces"] = json!(["packages/app", "packages/*", "plugins/*"]));
    let plan = equal("array", &repo);
    assert_eq!(plan["backend"]["value"], "packages/backend");
    Build::of(&repo).pass();
}

#[test]
fn with_nested_globs() {
    let repo = Repo::mini();
    repo.json("package.json", |root| root["workspaces"]["packages"] = json!(["packages/*", "plugins/**"]));
    fs::create_dir_all(repo.at("plugins/team/deep")).unwrap();
    fs::rename(repo.at("plugins/greeting"), repo.at("plugins/team/deep/greeting")).unwrap();
    let lock = repo.read("yarn.lock").replace("plugins/greeting", "plugins/team/deep/greeting");
    repo.write("yarn.lock", lock);
    repo.write(
        "packages/backend/build.mjs",
        repo.read("packages/backend/build.mjs").replace("plugins/greeting", "plugins/team/deep/greeting"),
    );
    equal("nested", &repo);
    let app = Build::of(&repo).pass().image().app();
    assert!(app.contains_key("plugins/team/deep/greeting/dist/index.cjs.js"), "{:#?}", app.keys());
}

/// `patch:` as `yarn patch` leaves it, on a package of the backend.
#[test]
fn with_a_patch() {
    let repo = patched();
    equal("patch", &repo);
    let app = Build::of(&repo).pass().image().app();
    let patched = String::from_utf8_lossy(&app["node_modules/ms/index.js"]).into_owned();
    assert!(patched.starts_with("// patched"), "{}", &patched[..100.min(patched.len())]);
}

fn patched() -> Repo {
    let repo = Repo::mini();
    let patch = "diff --git a/index.js b/index.js\n--- a/index.js\n+++ b/index.js\n@@ -1,3 +1,4 @@\n+// patched\n /**\n  * Helpers.\n  */\n";
    repo.write(".yarn/patches/ms-npm-2.1.3-81ff3cfac1.patch", patch);
    repo.json("package.json", |root| {
        root["resolutions"] =
            json!({"ms@npm:^2.1.3": "patch:ms@npm%3A2.1.3#~/.yarn/patches/ms-npm-2.1.3-81ff3cfac1.patch"});
    });
    repo.write("yarn.lock", include_str!("patched.lock"));
    repo
}

/// create-app's own `.dockerignore`, which is written for a build on the host.
#[test]
fn with_the_ignore_file_of_create_app() {
    let repo = Repo::mini();
    repo.write(".dockerignore", ".git\n.yarn/cache\n.yarn/install-state.gz\nnode_modules\npackages/*/src\npackages/*/node_modules\nplugins\n*.local.yaml\n");
    let plan = equal(".dockerignore", &repo);
    let exclude = plan["context"]["exclude"].to_string();
    assert!(exclude.contains("packages/*/src"), "{exclude}");
    let hidden = Build::of(&repo).pass().image();
    repo.remove(".dockerignore");
    assert_eq!(hidden.app(), Build::of(&repo).pass().image().app());
}

/// A zero install, and a Yarn of the repository's own.
#[test]
fn with_yarn_path() {
    let repo = Repo::mini();
    let fetched = tempfile::tempdir().unwrap();
    // In a step of its own: this host may have no npm.
    repo.write("fetch/Dockerfile", "FROM node:22-trixie-slim AS fetch\nENV NODE_USE_SYSTEM_CA=1\nRUN npm install --prefix /out -g --ignore-scripts @yarnpkg/cli-dist@4.13.0\nFROM scratch\nCOPY --from=fetch /out/lib/node_modules/@yarnpkg/cli-dist/bin/yarn.js /yarn.cjs\n");
    let mut docker = std::process::Command::new("docker");
    docker
        .args(["buildx", "build", "--quiet", &format!("--output=type=local,dest={}", fetched.path().display())])
        .arg(repo.at("fetch"));
    e2e::run(&mut docker, 120).expect("fetching Yarn");
    repo.remove("fetch");
    repo.write(".yarn/releases/yarn-4.13.0.cjs", fs::read(fetched.path().join("yarn.cjs")).unwrap());
    repo.append(".yarnrc.yml", "yarnPath: .yarn/releases/yarn-4.13.0.cjs\n");
    let plan = equal("yarnPath", &repo);
    assert!(!plan.to_string().contains("npm install"), "{plan}");
    let image = Build::of(&repo).pass().image();
    assert!(!image.app().keys().any(|path| path.contains(".yarn/")), "{:#?}", image.app().keys());
}

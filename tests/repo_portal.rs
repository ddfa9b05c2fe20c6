//! The reference app's manifests and lockfile, as facts and as smaller projects.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

mod planned;

use std::path::Path;

use backstage_build::plan::{self, Plan, Step};
use backstage_build::prune::Task;
use backstage_build::repo::project::Production;
use backstage_build::repo::{self, Repository, project};
use buildkit_frontend::diagnostic::{Diagnostic, SourceFile};
use buildkit_frontend::files::DirectoryFiles;
use buildkit_frontend::path::ContextPath;
use buildkit_proto::pb::file_action::Action;
use buildkit_proto::pb::op::Op;

fn portal() -> (Repository, Vec<Diagnostic>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portal-1.52");
    let files = DirectoryFiles::new(root, &repo::read_set(&[], None)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(repo::read(&files, &[])).unwrap()
}

#[test]
fn the_reference_app_is_read_whole() {
    let (repo, warnings) = portal();
    assert_eq!(warnings, []);
    assert_eq!(repo.lock.entries.len(), 2925);
    let dirs: Vec<_> = repo.workspaces.iter().map(|w| w.dir.as_str()).collect();
    assert_eq!(dirs, ["packages/app", "packages/backend"]);
    assert_eq!(repo.yarn.version.version.to_string(), "4.13.0");
    assert_eq!(repo.yarn.version.because, "packageManager");
    let names = |closure: Vec<&repo::Manifest>| closure.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(repo.dist_closure("backend")), ["app", "backend"]);
    assert_eq!(names(repo.source_closure("app")), ["app"]);
    assert_eq!(Production::of(&repo, "backend").typescript_schemas(), Vec::<String>::new());
    assert_eq!(project::backstage_manifest(&repo), None);
}

#[test]
fn production_is_a_fraction() {
    let (repo, _) = portal();
    let production = Production::of(&repo, "backend").project();
    assert_eq!(production.entries, 1129);
    let development = project::development(&repo);
    assert_eq!(development.entries, 2925);
    let path = |text: &str| ContextPath::new(text).unwrap();
    assert!(development.inputs.contains(&path("yarn.lock")));
    assert!(!development.files.contains_key(&path("yarn.lock")));
    assert_eq!(production.files[&path("yarn.lock")].len(), 415_552);
    for name in ["package.json", "packages/app/package.json", "packages/backend/package.json"] {
        insta::assert_snapshot!(format!("production_{}", name.replace('/', "_")), production.files[&path(name)]);
    }
}

/// The graph of a plan that was read from JSON, which names long texts by digest: what steps write is copied.
#[test]
fn the_graph_of_a_remembered_plan_holds_nothing_that_is_written() {
    let platform = planned::build_platform();
    let file = planned::syntax_only();
    let mut prepared =
        planned::of_directory(&planned::source(file.clone()), &planned::test_path("data/portal-1.52")).unwrap();
    let image = planned::image_target(&prepared.plan).clone();
    let whole = planned::bytes(&planned::whole_definition(&prepared, &file, &platform, &image));
    let json = serde_json::to_string(&prepared.plan).unwrap();
    prepared.plan = serde_json::from_str(&json).unwrap();
    prepared.plan.locate(&file);
    assert_eq!(serde_json::to_string(&prepared.plan).unwrap(), json);
    let definition = planned::definition(&prepared, &file, &platform, &image);
    assert_eq!(planned::beyond_the_floor(&definition), Vec::<String>::new());
    let mut used = Vec::new();
    for vertex in definition.vertices() {
        match vertex.node().op().op.as_ref() {
            Some(Op::File(op)) => used.extend(op.actions.iter().filter_map(|action| match &action.action {
                Some(Action::Copy(copy)) => copy.src.strip_prefix('/').map(str::to_owned),
                Some(Action::Mkfile(file)) => panic!("{file:?}"),
                _ => None,
            })),
            Some(Op::Exec(op)) => {
                used.extend(op.mounts.iter().filter_map(|mount| mount.selector.strip_prefix('/').map(str::to_owned)));
            }
            _ => {}
        }
    }
    for (folder, files) in prepared.plan.written() {
        assert!(used.iter().any(|path| path.starts_with(&folder)), "{folder}: {files:?}");
    }
    let small = planned::bytes(&definition);
    assert!(whole.len() > 150_000 && small.len() < 30_000, "{} and {} bytes", whole.len(), small.len());
}

#[test]
fn the_native_module_is_found() {
    let (repo, _) = portal();
    let natives = Production::of(&repo, "backend").natives();
    let list: Vec<String> =
        natives.iter().map(|n| format!("{} {} {}: {}", n.name, n.version, n.required, n.because)).collect();
    insta::assert_snapshot!(list.join("\n"));
    let sqlite = natives.iter().find(|n| n.required).unwrap();
    let native = repo::native_project(&repo, sqlite).unwrap();
    let path = |text: &str| ContextPath::new(text).unwrap();
    insta::assert_snapshot!(native.files[&path("package.json")]);
    assert!(native.entries < 140, "{}", native.entries);
}

/// What is built of JavaScript is built once, however many platforms there are: Yarn runs for one of them for natives alone.
#[test]
fn javascript_is_for_all_platforms() {
    let file = SourceFile::new("backstage.build.yaml", "# syntax=x\ninstall: {natives: {better-sqlite3: source}}\n");
    let plan = |platforms: &[&str]| {
        let platforms: Vec<_> = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
        let source = planned::source_for(file.clone(), &platforms);
        planned::of_directory(&source, &planned::test_path("data/portal-1.52")).unwrap().plan
    };
    let runs_yarn = |plan: &Plan| -> Vec<Step> {
        let runs = |step: &&Step| matches!(&step.action, plan::Action::Run(run) if run.args.iter().any(|arg| arg.contains("yarn.mjs")));
        plan.steps.iter().filter(runs).cloned().collect()
    };
    let (one, both) = (runs_yarn(&plan(&["linux/amd64"])), runs_yarn(&plan(&["linux/amd64", "linux/arm64"])));
    let shared = |steps: &[Step]| -> Vec<String> {
        let shared = steps.iter().filter(|step| step.id.platform().is_none());
        shared.map(|step| serde_json::to_string(step).unwrap()).collect()
    };
    assert!(shared(&one).len() >= 4, "{one:#?}");
    assert_eq!(shared(&one), shared(&both), "the same steps, to the letter");
    let own: Vec<&str> = both.iter().filter(|step| step.id.platform().is_some()).map(|step| step.id.kind()).collect();
    assert_eq!(own, ["native-packages", "native", "native-packages", "native"]);
}

/// create-app's packages under its production config: nothing is compiled, and nothing of SQLite is in the image.
#[test]
fn a_driver_that_the_config_does_not_use_is_left_out() {
    let dir = planned::test_path("data/portal-1.52");
    let plan = |config: &str, build_file: &str| {
        let mut files = planned::files(&dir);
        let config = format!("backend:\n  database:\n    client: {config}\n");
        files.push((ContextPath::new("app-config.yaml").unwrap(), config.into_bytes()));
        let file = SourceFile::new("backstage.build.yaml", format!("node: 22\n{build_file}"));
        planned::of_files(&planned::source(file), &files).unwrap().plan
    };
    let natives = |plan: &Plan| -> Vec<String> {
        let native = |step: &&Step| step.id.kind().starts_with("native") || step.id.kind() == "toolchain";
        plan.steps.iter().filter(native).map(|step| step.names().remove(0)).collect()
    };
    // What the step is told not to take.
    let unused = |plan: &Plan| -> Vec<String> {
        let written = plan.written().flat_map(|(_, files)| files);
        let task = written.filter(|(path, _)| path.as_str() == "/task.json").map(|(_, file)| file.text.text()).next();
        let task: Task = serde_json::from_str(task.flatten().unwrap()).unwrap();
        task.unused.into_keys().collect()
    };
    let sqlite = plan("better-sqlite3", "");
    assert_eq!(natives(&sqlite).len(), 5, "{:?}", natives(&sqlite));
    assert_eq!((sqlite.left_out.as_slice(), unused(&sqlite)), (&[][..], vec![]));
    let gone = vec!["better-sqlite3@12.11.1".to_owned()];
    for build_file in ["", "install: {natives: {better-sqlite3: skip}}", "install: {natives: {keytar: skip}}"] {
        let pg = plan("pg", build_file);
        assert_eq!((natives(&pg), unused(&pg)), (vec![], gone.clone()), "{build_file}");
        let [left_out] = pg.left_out.as_slice() else { panic!("{:?}", pg.left_out) };
        assert_eq!((left_out.name.as_str(), left_out.version.as_str()), ("better-sqlite3", "12.11.1"));
        let json: Plan = serde_json::from_str(&serde_json::to_string(&pg).unwrap()).unwrap();
        assert_eq!(json.left_out, pg.left_out);
    }
    for word in ["auto", "prebuilt", "source", "{better-sqlite3: auto}"] {
        let said = plan("pg", &format!("install: {{natives: {word}}}"));
        assert!(natives(&said).contains(&"native better-sqlite3@12.11.1".to_owned()), "{word}: {:?}", natives(&said));
        assert_eq!((said.left_out.as_slice(), unused(&said)), (&[][..], vec![]), "{word}");
    }
}

/// A backend with more natives than can be right.
fn many_natives() -> Vec<(ContextPath, Vec<u8>)> {
    let mut lock = "__metadata:\n  version: 8\n".to_owned();
    let mut entry = |key: &str, more: &str, link: &str| {
        lock.push_str(&format!("\n\"{key}\":\n  version: 1.0.0\n  resolution: \"{key}\"\n{more}  linkType: {link}\n"));
    };
    entry("root@workspace:.", "", "soft");
    entry("app@workspace:packages/app", "", "soft");
    entry("backend@workspace:packages/backend", "", "soft");
    entry("nan@npm:1.0.0", "", "hard");
    let names: Vec<String> = (0..65).map(|i| format!("native-{i}")).collect();
    for name in &names {
        entry(&format!("{name}@npm:1.0.0"), "  dependencies:\n    nan: \"npm:1.0.0\"\n", "hard");
    }
    let natives: Vec<String> = names.iter().map(|name| format!("\"{name}\": \"1.0.0\"")).collect();
    let package = |name: &str, role: &str, dependencies: &str| {
        format!(
            "{{\"name\": \"{name}\", \"version\": \"1.0.0\", \"backstage\": {{\"role\": \"{role}\"}}, \
             \"scripts\": {{\"build\": \"x\"}}, \"dependencies\": {{{dependencies}}}}}"
        )
    };
    [
        ("package.json", "{\"name\": \"root\", \"workspaces\": [\"packages/*\"]}".to_owned()),
        ("packages/app/package.json", package("app", "frontend", "")),
        ("packages/backend/package.json", package("backend", "backend", &natives.join(", "))),
        (".yarnrc.yml", "nodeLinker: node-modules\n".to_owned()),
        ("app-config.yaml", "app: {title: x}\n".to_owned()),
        ("yarn.lock", lock),
    ]
    .map(|(path, text)| (ContextPath::new(path).unwrap(), text.into_bytes()))
    .into()
}

#[test]
fn natives_that_are_skipped_are_not_too_many() {
    let plan = |text: &str| {
        let file = SourceFile::new("backstage.build.yaml", format!("{text}\nchecks: []\n"));
        planned::of_files(&planned::source(file), &many_natives())
    };
    let error = plan("").unwrap_err().to_string();
    assert!(error.contains("the backend has 65 native modules"), "{error}");
    let skipped = plan("install: {natives: skip}").unwrap().plan;
    assert!(skipped.steps.iter().all(|step| !step.id.kind().starts_with("native")));
}

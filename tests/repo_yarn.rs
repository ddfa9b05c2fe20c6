//! Yarn's own verdict on the projects that are made from a repository.
//!
//! `yarn install --immutable` fails if Yarn would write another lockfile, so a pass proves the cut byte for byte. Needs
//! node, a network or warm cache, and `BACKSTAGE_BUILD_YARN_TEST=/path/to/yarn.cjs` (bin/yarn.js of `@yarnpkg/cli-dist`);
//! `BACKSTAGE_BUILD_YARN3_TEST` names one of Yarn 3 for the cases that are locked by it. Says so and passes otherwise.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod planned;

use std::path::{Path, PathBuf};
use std::process::Command;

use backstage_build::files::DirectoryFiles;
use backstage_build::plan::{Action, FileAction};
use backstage_build::repo::project::{Production, SyntheticProject};
use backstage_build::repo::{self, Repository, project};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read(root: &Path) -> Repository {
    let files = DirectoryFiles::new(root, &repo::read_set(&[], None)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(repo::read(&files, &[])).unwrap_or_else(|errors| panic!("{}: {errors}", root.display())).0
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.exists() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

fn write(root: &Path, project: &SyntheticProject, to: &Path) {
    for input in &project.inputs {
        copy(&root.join(input.as_str()), &to.join(input.as_str()));
    }
    for (path, text) in &project.files {
        let path = to.join(path.as_str());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Runs the install and answers what Yarn said if it failed.
fn install(yarn: &str, dir: &Path) -> Result<(), String> {
    let manifest = dir.join(".backstage-manifest.json");
    let cache = std::env::temp_dir().join("backstage-build-yarn-test");
    let output = Command::new("node")
        .args([yarn, "install", "--immutable", "--mode=skip-build"])
        .current_dir(dir)
        .env("YARN_GLOBAL_FOLDER", cache)
        .env("BACKSTAGE_MANIFEST_FILE", manifest)
        .env("YARN_ENABLE_TELEMETRY", "0")
        .env("YARN_IGNORE_PATH", "1")
        .env("YARN_ENABLE_PROGRESS_BARS", "0")
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned()) }
}

fn yarn(case: &str) -> Option<String> {
    let variable = if case.starts_with("yarn3") { "BACKSTAGE_BUILD_YARN3_TEST" } else { "BACKSTAGE_BUILD_YARN_TEST" };
    let yarn = std::env::var(variable).ok();
    if yarn.is_none() {
        eprintln!("skipped {case}: {variable} is not set");
    }
    yarn
}

/// Installs the repository itself, then every project made from it.
fn check(case: &str, root: &Path) {
    let Some(yarn) = yarn(case) else { return };
    let repo = read(root);
    let backend = repo.workspaces.iter().find(|w| w.role.as_deref() == Some("backend")).unwrap().name.clone();
    let mut projects = vec![
        ("development".to_owned(), project::development(&repo)),
        ("production".to_owned(), Production::of(&repo, &backend).project()),
    ];
    for native in Production::of(&repo, &backend).natives() {
        let name = format!("native {} {}", native.name, native.version);
        projects.extend(repo::native_project(&repo, &native).map(|project| (name, project)));
    }
    let mut failures = Vec::new();
    for (name, project) in projects {
        let dir = tempfile::tempdir().unwrap();
        write(root, &project, dir.path());
        if let Some(manifest) = &project.backstage_manifest {
            std::fs::write(dir.path().join(".backstage-manifest.json"), manifest).unwrap();
        }
        if let Err(said) = install(&yarn, dir.path()) {
            failures.push(format!("{case}, {name}:\n{said}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The test itself is worth something: what does not fit is refused.
#[test]
fn a_lockfile_that_lacks_an_entry_is_refused() {
    let Some(yarn) = yarn("kitchen") else { return };
    let root = data("yarn/kitchen");
    let mut project = Production::of(&read(&root), "backend").project();
    let lock = project.files.iter_mut().find(|(path, _)| path.as_str() == "yarn.lock").unwrap().1;
    let start = lock.find("\n\"is-odd@").unwrap();
    let end = lock[start + 1..].find("\n\n").unwrap() + start + 1;
    lock.replace_range(start..end, "");
    let dir = tempfile::tempdir().unwrap();
    write(&root, &project, dir.path());
    assert!(install(&yarn, dir.path()).unwrap_err().contains("YN0028"));
}

/// A repository that is developed on several platforms says so in `.yarnrc.yml`; an image is for one.
#[test]
fn the_platform_of_the_image_wins() {
    let Some(yarn) = yarn("yarn-architectures") else { return };
    let root = planned::test_path("cases/yarn-architectures/repo");
    let arm64 = "linux/arm64".parse().unwrap();
    let plan = planned::of_directory(&planned::source(planned::syntax_only(), &arm64), &root).unwrap().plan;
    let dir = tempfile::tempdir().unwrap();
    let step = |id: &str| plan.steps.iter().find(|step| step.id.as_str() == id).map(|step| &step.action);
    let (Some(Action::Files(files)), Some(Action::Run(run))) = (step("install-files"), step("install")) else {
        panic!()
    };
    for action in &files.actions {
        let FileAction::Write(files) = action else { continue };
        for (path, file) in files {
            let path = dir.path().join(path.as_str().trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.text.text().unwrap()).unwrap();
        }
    }
    copy(&root.join(".yarnrc.yml"), &dir.path().join("repo/.yarnrc.yml"));
    let architectures = |cwd: &str| {
        let mut command = Command::new("node");
        let command = command.args([&yarn, "config", "get", "supportedArchitectures", "--json"]);
        let output = command.current_dir(dir.path().join(cwd)).env("YARN_IGNORE_PATH", "1").output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let wanted = serde_json::json!({ "os": ["linux"], "cpu": ["arm64"], "libc": ["glibc"] });
    assert_eq!(architectures(run.cwd.as_str().strip_prefix("/build/").unwrap()), wanted);
    assert_ne!(architectures("repo"), wanted);
}

#[test]
fn the_reference_app() {
    // Minutes, and every end-to-end build of the app proves the same.
    if std::env::var_os("BACKSTAGE_BUILD_YARN_PORTAL").is_none() {
        eprintln!("skipped portal: BACKSTAGE_BUILD_YARN_PORTAL is not set");
        return;
    }
    check("portal", &data("portal"));
}

#[test]
fn small_repositories() {
    let Ok(cases) = std::fs::read_dir(data("yarn")) else { return };
    let mut cases: Vec<_> = cases.map(|case| case.unwrap().path()).collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        check(&name, &case);
    }
}

//! Yarn's own verdict on the projects that are made from a repository.
//!
//! `yarn install --immutable` fails if Yarn would write another lockfile, so a pass proves the cut byte for byte. The
//! repositories of the golden cases are judged without a network: Yarn resolves them anew and must write the same file.
//!
//! `BACKSTAGE_BUILD_YARNS_TEST` lists programs, `/path/to/yarn.js:...` (`hack/yarn VERSION` fetches one). Each judges what is
//! locked in the format that it writes: a Yarn of another format would change the file. Needs node, and a network or a warm
//! cache. Without the variable all is left out, except in CI, where that is a failure.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod planned;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use backstage_build::plan::{Action, FileAction, Files};
use backstage_build::repo::project::{Production, SyntheticProject};
use backstage_build::repo::{self, Repository, project};
use buildkit_frontend::files::DirectoryFiles;

/// Where a project has what Backstage's plugin would fetch.
const RELEASE_MANIFEST: &str = ".backstage-manifest.json";

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
    if let Some(manifest) = &project.backstage_manifest {
        std::fs::write(to.join(RELEASE_MANIFEST), manifest).unwrap();
    }
}

/// What a step writes.
fn written(files: &Files, to: &Path) {
    for action in &files.actions {
        let FileAction::Write(files) = action else { continue };
        for (path, file) in files {
            let path = to.join(path.as_str().trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.text.text().unwrap()).unwrap();
        }
    }
}

/// A release of Yarn.
struct Yarn {
    program: String,
    version: semver::Version,
    /// What its lockfiles say of themselves.
    format: Format,
}

/// `__metadata.version`, and whether checksums are those of Yarn 2, which shares a version with Yarn 3.0.
type Format = (u64, bool);

fn format(lock: &str) -> Format {
    let field = |key: &str| lock.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let version = field("  version:").unwrap_or_else(|| panic!("no version in {lock}")).parse().unwrap();
    (version, version == 4 && field("  cacheKey:") == Some("7"))
}

/// All releases, asked once what they write. None where there are none to judge.
fn yarns() -> &'static [Yarn] {
    static ALL: LazyLock<Vec<Yarn>> = LazyLock::new(|| {
        let list = std::env::var("BACKSTAGE_BUILD_YARNS_TEST").unwrap_or_default();
        list.split(':').filter(|program| !program.is_empty()).map(Yarn::of).collect()
    });
    if ALL.is_empty() {
        assert!(!in_ci(), "BACKSTAGE_BUILD_YARNS_TEST is not set: nothing would be judged");
        eprintln!("left out: BACKSTAGE_BUILD_YARNS_TEST is not set");
    }
    &ALL
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Those that write the format of a lockfile.
fn yarns_of(case: &str, format: Format) -> Vec<&'static Yarn> {
    let found: Vec<&Yarn> = yarns().iter().filter(|yarn| yarn.format == format).collect();
    if found.is_empty() && !yarns().is_empty() {
        assert!(!in_ci(), "{case}: no Yarn of BACKSTAGE_BUILD_YARNS_TEST writes format {format:?}");
        eprintln!("left out: {case}: no Yarn of BACKSTAGE_BUILD_YARNS_TEST writes format {format:?}");
    }
    found
}

/// Those that can judge a repository that was locked by a release. The patches that Yarn has of its own differ from
/// release to release, and their hashes stand in the lockfile: then that release alone can.
fn judges(case: &str, repo: &Repository, wrote: &semver::Version) -> Vec<&'static Yarn> {
    let text = &repo.lock.file.text;
    let mut found = yarns_of(case, format(text));
    found.retain(|yarn| yarn.version == *wrote || !text.contains("builtin<compat/"));
    assert!(!in_ci() || !found.is_empty(), "{case}: Yarn {wrote} is not in BACKSTAGE_BUILD_YARNS_TEST");
    found
}

impl Yarn {
    fn of(program: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("package.json"), "{}").unwrap();
        std::fs::write(dir.path().join("yarn.lock"), "").unwrap();
        let run = |args: &[&str]| {
            let output =
                command(program, dir.path()).args(args).env("YARN_ENABLE_IMMUTABLE_INSTALLS", "0").output().unwrap();
            assert!(output.status.success(), "{program} {args:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let version: semver::Version = run(&["--version"]).trim().parse().unwrap();
        run(&["install"]);
        let (format, _) = format(&std::fs::read_to_string(dir.path().join("yarn.lock")).unwrap());
        Self { program: program.to_owned(), format: (format, version.major == 2), version }
    }

    /// Has it install a project as a build does, and answers what it said if it failed.
    fn install(&self, dir: &Path) -> Result<(), String> {
        let skip = if self.version.major < 3 { "--skip-builds" } else { "--mode=skip-build" };
        said(command(&self.program, dir).args(["install", "--immutable", skip]))
    }

    /// Has it resolve a project anew, with nothing but its files, and answers what it said or wrote if that is no more
    /// than was there. Yarn 2 cannot do that without fetching everything.
    fn resolve(&self, dir: &Path) -> Result<(), String> {
        if self.version.major < 3 {
            return self.install(dir);
        }
        let lock = || std::fs::read_to_string(dir.join("yarn.lock")).unwrap();
        let before = lock();
        let mut run = command(&self.program, dir);
        run.args(["install", "--no-immutable", "--mode=update-lockfile"]).env("YARN_ENABLE_NETWORK", "0");
        said(&mut run)?;
        let after = lock();
        if before == after { Ok(()) } else { Err(format!("YN0028: the lockfile became\n{after}")) }
    }
}

fn command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new("node");
    command
        .arg(program)
        .current_dir(dir)
        .env("YARN_GLOBAL_FOLDER", std::env::temp_dir().join("backstage-build-yarn-test"))
        .env("BACKSTAGE_MANIFEST_FILE", dir.join(RELEASE_MANIFEST))
        .env("YARN_ENABLE_GLOBAL_CACHE", "1")
        .env("YARN_ENABLE_TELEMETRY", "0")
        .env("YARN_IGNORE_PATH", "1")
        .env("YARN_ENABLE_PROGRESS_BARS", "0");
    // Settings that want a variable get one: no registry is asked for what is in the lockfile.
    let rc = std::fs::read_to_string(dir.join(".yarnrc.yml")).unwrap_or_default();
    for (name, _) in rc.split("${").skip(1).filter_map(|part| part.split_once('}')) {
        command.env(name, "x");
    }
    command
}

fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned()) }
}

/// Every project that is made from a repository.
fn cuts(repo: &Repository) -> Vec<(String, SyntheticProject)> {
    let mut projects = vec![("development".to_owned(), project::development(repo))];
    for backend in repo.workspaces.iter().filter(|workspace| workspace.role.as_deref() == Some("backend")) {
        let production = Production::of(repo, &backend.name);
        projects.push((format!("production of {}", backend.dir), production.project()));
        for native in production.natives() {
            let name = format!("native {} {}", native.name, native.version);
            let project = repo::native_project(repo, &native);
            // A patch beside a workspace: a build says so.
            projects.extend(project.map(|project| (name, project)));
        }
    }
    projects
}

/// Has each Yarn that can judge each project that is made from a repository. `wrote` is the release that locked it.
fn check(case: &str, root: &Path, wrote: &str, judge: impl Fn(&Yarn, &Path) -> Result<(), String>) {
    let repo = read(root);
    let mut failures = Vec::new();
    let yarns = judges(case, &repo, &wrote.parse().unwrap());
    for (name, project) in cuts(&repo) {
        let cut = project.files.iter().find(|(path, _)| path.as_str() == "yarn.lock");
        // What Yarn derives from the format must not change.
        assert_eq!(cut.map_or(format(&repo.lock.file.text), |(_, lock)| format(lock)), format(&repo.lock.file.text));
        for yarn in &yarns {
            let dir = tempfile::tempdir().unwrap();
            write(root, &project, dir.path());
            if let Err(said) = judge(yarn, dir.path()) {
                failures.push(format!("{case}, {name}, Yarn {}:\n{said}", yarn.version));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The test itself is worth something: what does not fit is refused, by every Yarn and in both ways.
#[test]
fn a_lockfile_that_lacks_an_entry_is_refused() {
    let root = data("yarn/kitchen");
    let repo = read(&root);
    let mut project = Production::of(&repo, "backend").project();
    let lock = project.files.iter_mut().find(|(path, _)| path.as_str() == "yarn.lock").unwrap().1;
    let start = lock.find("\n\"is-odd@").unwrap();
    let end = lock[start + 1..].find("\n\n").unwrap() + start + 1;
    lock.replace_range(start..end, "");
    for yarn in judges("kitchen", &repo, &semver::Version::new(4, 13, 0)) {
        for judge in [Yarn::install, Yarn::resolve] {
            let dir = tempfile::tempdir().unwrap();
            write(&root, &project, dir.path());
            let said = judge(yarn, dir.path()).unwrap_err();
            assert!(said.contains("YN0028") || said.contains("is-odd"), "{said}");
        }
    }
}

/// A repository that is developed on several platforms says so in `.yarnrc.yml`. What the images need counts: here nothing that is for
/// one CPU only.
#[test]
fn the_platform_of_the_image_wins() {
    let root = planned::test_path("cases/yarn-architectures/repo");
    let platforms = ["linux/arm64", "linux/amd64"].map(|platform| platform.parse().unwrap());
    let source = planned::source_for(planned::syntax_only(), &platforms);
    let plan = planned::of_directory(&source, &root).unwrap().plan;
    let dir = tempfile::tempdir().unwrap();
    let step = |kind: &str| plan.steps.iter().find(|step| step.id.kind() == kind).map(|step| &step.action);
    let (Some(Action::Files(files)), Some(Action::Run(run))) = (step("install-files"), step("install")) else {
        panic!()
    };
    written(files, dir.path());
    copy(&root.join(".yarnrc.yml"), &dir.path().join("repo/.yarnrc.yml"));
    let lock = std::fs::read_to_string(root.join("yarn.lock")).unwrap();
    for yarn in yarns_of("yarn-architectures", format(&lock)) {
        let architectures = |cwd: &str| {
            let mut command = command(&yarn.program, &dir.path().join(cwd));
            let output = command.args(["config", "get", "supportedArchitectures", "--json"]).output().unwrap();
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
        };
        let wanted = serde_json::json!({ "os": ["linux"], "cpu": ["current"], "libc": ["glibc"] });
        assert_eq!(architectures(run.cwd.as_str().strip_prefix("/build/").unwrap()), wanted);
        assert_ne!(architectures("repo"), wanted);
    }
}

/// Before Yarn 4 two installs must not share a cache at the same time.
static OLD: Mutex<()> = Mutex::new(());

/// One repository, locked by a Yarn of each format: no `yarnPath` and no `packageManager` says which.
fn formats() -> Vec<(String, tempfile::TempDir)> {
    let mut locks: Vec<_> =
        std::fs::read_dir(data("yarn/formats/locks")).unwrap().map(|lock| lock.unwrap().path()).collect();
    locks.sort();
    let copied = locks.into_iter().map(|lock| {
        let dir = tempfile::tempdir().unwrap();
        for part in ["package.json", ".yarnrc.yml", "packages", "plugins", "patches"] {
            copy(&data("yarn/formats").join(part), &dir.path().join(part));
        }
        copy(&lock, &dir.path().join("yarn.lock"));
        (lock.file_stem().unwrap().to_string_lossy().into_owned(), dir)
    });
    copied.collect()
}

#[test]
fn every_format() {
    let _alone = OLD.lock();
    for (name, dir) in formats() {
        check(&name, dir.path(), name.trim_start_matches("yarn-"), Yarn::install);
    }
}

/// The Yarn that is chosen where nothing names one writes the very format of the lockfile, and takes the arguments and
/// settings with which a build runs it.
#[test]
fn the_yarn_of_a_format() {
    let _alone = OLD.lock();
    for (name, repo) in formats() {
        let chosen = read(repo.path()).yarn.version.version;
        let lock = std::fs::read_to_string(repo.path().join("yarn.lock")).unwrap();
        let yarns = yarns_of(&name, format(&lock));
        assert!(yarns.is_empty() || yarns.iter().any(|yarn| yarn.version == chosen), "{name}: {chosen}");
        let plan = planned::of_directory(&planned::source(planned::syntax_only()), repo.path()).unwrap().plan;
        let step = |kind: &str| plan.steps.iter().find(|step| step.id.kind() == kind).map(|step| &step.action);
        let (Some(Action::Files(files)), Some(Action::Run(run))) = (step("install-files"), step("install")) else {
            panic!()
        };
        for yarn in yarns.into_iter().filter(|yarn| yarn.version == chosen && name == format!("yarn-{chosen}")) {
            let dir = tempfile::tempdir().unwrap();
            let development = project::development(&read(repo.path()));
            write(repo.path(), &development, &dir.path().join("repo"));
            written(files, dir.path());
            let arguments = run.args.iter().skip_while(|arg| *arg != "install");
            let settings =
                run.env.iter().filter(|(name, _)| name.starts_with("YARN_") && *name != "YARN_GLOBAL_FOLDER");
            let result = said(command(&yarn.program, &dir.path().join("repo")).args(arguments).envs(settings));
            assert_eq!(result, Ok(()), "{name}");
        }
    }
}

#[test]
fn the_reference_app() {
    // Minutes, and every end-to-end build of the app proves the same.
    if std::env::var_os("BACKSTAGE_BUILD_YARN_PORTAL").is_none() {
        eprintln!("skipped portal: BACKSTAGE_BUILD_YARN_PORTAL is not set");
        return;
    }
    check("portal", &data("portal"), "4.13.0", Yarn::install);
}

#[test]
fn small_repositories() {
    for name in ["kitchen", "patched", "backstage"] {
        check(name, &data("yarn").join(name), "4.13.0", |yarn, dir| {
            yarn.install(dir)?;
            yarn.resolve(dir)
        });
    }
}

/// The repositories of the golden cases; those whose names say so are refused, and one is of a format that no Yarn writes.
#[test]
fn golden_cases() {
    let mut cases: Vec<_> =
        std::fs::read_dir(planned::test_path("cases")).unwrap().map(|case| case.unwrap().path()).collect();
    cases.retain(|case| case.join("repo/yarn.lock").exists());
    cases.sort();
    let mut seen = BTreeSet::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("error-") && name != "lock-format-newer" {
            let repo = read(&case.join("repo"));
            // Many cases differ in what no install depends on.
            let rc = repo.yarn.rc.as_ref().map(|file| file.text.to_string());
            if !seen.insert(format!("{rc:?} {:?} {}", cuts(&repo), repo.lock.file.text)) {
                continue;
            }
            // By 4.13.0, but for those of a format that only another one writes.
            check(&name, &case.join("repo"), &repo.lock.written_by().to_string(), Yarn::resolve);
        }
    }
}

//! The step's answer, carried over as JSON, is the plan that the frontend would make itself: for each golden case.
#![allow(clippy::disallowed_methods, reason = "a test's own files")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use buildkit_frontend::diagnostic::render::{Colour, terminal};
use buildkit_frontend::diagnostic::{Diagnostics, Severity, Span};
use buildkit_frontend::files::{DirectoryFiles, ReadSet, parse_ignore_file};
use buildkit_frontend::path::ContextPath;

use crate::pipeline::{self, Prepared};
use crate::plan::{Origin, Text};
use crate::spec;

use super::work::answer;
use super::*;

fn amd64() -> Platform {
    Platform::new("linux", "amd64", "")
}

const BUILD_FILE: &str = "backstage.build.yaml";

struct Case {
    name: String,
    context: PathBuf,
    source: Source,
}

/// The golden cases whose build file can be read.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut dirs: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    dirs.retain(|path| path.is_dir());
    dirs.sort();
    let cases: Vec<Case> = dirs.iter().filter_map(|dir| case(&folder, dir)).collect();
    assert!(cases.len() > 50, "{}", cases.len());
    cases
}

fn case(folder: &Path, dir: &Path) -> Option<Case> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).ok();
    let args = read("args").unwrap_or_default();
    let values = |flag: &str| -> Vec<String> {
        args.lines().filter_map(|line| line.strip_prefix(flag)?.strip_prefix(' ')).map(str::to_owned).collect()
    };
    let build_args = values("--build-arg").into_iter().map(|arg| {
        let (name, value) = arg.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    let source = Source {
        file: spec::decode(BUILD_FILE, &std::fs::read(dir.join(BUILD_FILE)).unwrap()).ok()?,
        ignore: read("backstage.build.yaml.dockerignore").as_deref().map(parse_ignore_file),
        build_args: build_args.collect(),
        platforms: values("--platform")
            .first()
            .map_or("linux/amd64", String::as_str)
            .split(',')
            .map(|platform| platform.parse().unwrap())
            .collect(),
        build: amd64(),
    };
    let context = values("--context").first().map_or_else(|| dir.join("repo"), |path| folder.join(path));
    Some(Case { name: dir.file_name().unwrap().to_str().unwrap().to_owned(), context, source })
}

fn here<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn in_process(case: &Case) -> Result<Prepared, Diagnostics> {
    let open = async |set: &ReadSet| Ok::<_, Diagnostics>(DirectoryFiles::new(&case.context, set).unwrap());
    here(pipeline::prepare_from(&case.source, open))
}

fn through_json<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}

/// What the daemon sends of a repository: the files of a read set, links as links.
fn facts(case: &Case, set: &ReadSet) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path, path: &str, shown: &buildkit_frontend::files::ReadSetMatcher) {
        for entry in std::fs::read_dir(from.join(path)).unwrap() {
            let entry = entry.unwrap();
            let path = Path::new(path).join(entry.file_name()).to_str().unwrap().to_owned();
            let (kind, to_file) = (entry.file_type().unwrap(), to.join(&path));
            if kind.is_dir() {
                copy(from, to, &path, shown);
            } else if shown.contains(&ContextPath::new(&path).unwrap()) {
                std::fs::create_dir_all(to_file.parent().unwrap()).unwrap();
                if kind.is_symlink() {
                    std::os::unix::fs::symlink(std::fs::read_link(entry.path()).unwrap(), to_file).unwrap();
                } else {
                    std::fs::copy(entry.path(), to_file).unwrap();
                }
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&case.context, dir.path(), "", &set.matcher().unwrap());
    dir
}

/// What the frontend gets from the step; `None` where it has to look itself.
fn from_step(case: &Case, out: &Path) -> Option<Prepared> {
    let mut reading = PlanSession::start(&case.source).ok()?;
    loop {
        let task = through_json(&Task::of(&reading));
        let facts = facts(case, &reading.read_set());
        match through_json(&answer(&task, facts.path(), out).unwrap()) {
            Answer::Plan(made) => return Some(made.into_prepared(&reading)),
            Answer::NeedsFiles(included) => reading.include(included),
            Answer::Unavailable => return None,
        }
    }
}

/// The files below a folder, with their permission bits. Every directory has the same.
fn tree(root: &Path) -> BTreeMap<String, (String, u32)> {
    let (mut found, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(dir) = open.pop() {
        for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
            if path.is_dir() {
                assert_eq!(mode, 0o755, "{}", path.display());
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(name, (std::fs::read_to_string(&path).unwrap(), mode));
        }
    }
    found
}

/// The files of the places that a plan names.
fn origins(plan: &Plan) -> impl Iterator<Item = Arc<SourceFile>> {
    let decisions = [&plan.node.origin, &plan.yarn.origin, &plan.backend.origin].into_iter();
    let decisions = decisions.chain(plan.frontend.as_ref().map(|frontend| &frontend.origin));
    let all = decisions.chain(plan.images.values().map(|image| &image.origin));
    let all = all.chain(plan.steps.iter().map(|step| &step.origin));
    all.filter_map(|origin| match origin {
        Origin::Explicit(span) => Some(Arc::clone(&span.file)),
        Origin::Default(_) => None,
    })
}

#[test]
fn the_step_comes_to_what_the_frontend_would() {
    let (mut plans, mut warnings, mut files) = (0, 0, 0);
    for case in cases() {
        let out = tempfile::tempdir().unwrap();
        let name = &case.name;
        let (ours, step) = (in_process(&case), from_step(&case, out.path()));
        let (ours, step) = match (ours, step) {
            (Ok(ours), Some(step)) => (ours, step),
            (Err(_), None) => continue,
            (ours, step) => panic!("{name}: {} but {}", ours.is_ok(), step.is_some()),
        };
        let json = |prepared: &Prepared| serde_json::to_string_pretty(&prepared.plan).unwrap();
        assert_eq!(json(&step), json(&ours), "{name}");
        assert_eq!(Text(&step.plan).to_string(), Text(&ours.plan).to_string(), "{name}");
        assert_eq!(step.read_set, ours.read_set, "{name}");
        assert_eq!(step.warnings.len(), ours.warnings.len(), "{name}");
        for prepared in [&step, &ours] {
            assert!(origins(&prepared.plan).all(|file| file == case.source.file), "{name}: a place in another file");
        }
        let told = |prepared: &Prepared| terminal(&prepared.warnings, Colour::Never);
        assert_eq!(told(&step), told(&ours), "{name}");
        assert!(step.warnings.iter().all(|warning| warning.severity == Severity::Warning), "{name}");
        // What steps write lies there, and nothing else.
        let mut written = BTreeMap::new();
        for (folder, files) in ours.plan.written() {
            for (path, file) in files {
                written.insert(format!("{folder}{path}"), (file.text.text().unwrap().to_owned(), file.mode));
            }
        }
        assert_eq!(tree(out.path()), written, "{name}");
        plans += 1;
        warnings += ours.warnings.len();
        files += written.len();
    }
    assert!(plans > 30 && warnings > 5 && files > 10 * plans, "{plans} plans, {warnings} warnings, {files} files");
}

#[test]
fn proxies_are_in_no_answer_and_those_of_build_args_in_no_task() {
    let text = "# syntax=x\nnetwork: {proxy: {http: \"http://hidden:1\"}}\n";
    let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portal-1.52");
    let source = Source {
        file: SourceFile::new(BUILD_FILE, text),
        ignore: None,
        build_args: BTreeMap::new(),
        platforms: vec![amd64()],
        build: amd64(),
    };
    let case = Case { name: "proxies".to_owned(), context, source };
    let out = tempfile::tempdir().unwrap();
    let task = Task::of(&PlanSession::start(&case.source).unwrap());
    let answer = serde_json::to_string(&answer(&task, &case.context, out.path()).unwrap()).unwrap();
    assert!(answer.contains("\"plan\"") && !answer.contains("hidden"));
    let build_args = [("network.proxy.http".to_owned(), "http://hidden:1".to_owned())].into();
    let by_arg = Source { file: SourceFile::new(BUILD_FILE, "# syntax=x\n"), build_args, ..case.source.clone() };
    let task = serde_json::to_string(&Task::of(&PlanSession::start(&by_arg).unwrap())).unwrap();
    assert!(!task.contains("hidden"), "{task}");
    let proxy = |prepared: Prepared| prepared.proxy.http.unwrap();
    assert_eq!(proxy(from_step(&case, out.path()).unwrap()), proxy(in_process(&case).unwrap()));
}

#[test]
fn a_password_in_a_build_arg_is_refused_before_it_is_a_task() {
    let build_args = [("network.proxy.http".to_owned(), "http://jane:hidden@proxy:1".to_owned())].into();
    let file = SourceFile::new(BUILD_FILE, "# syntax=x\n");
    let source = Source { file, ignore: None, build_args, platforms: vec![amd64()], build: amd64() };
    let refused = PlanSession::start(&source).unwrap_err();
    assert_eq!(refused.0.first().unwrap().code, "spec/literal-secret");
}

/// The task is part of the graph, and a layer that a cache exports.
#[test]
fn what_comments_say_is_in_no_task() {
    let text = "# syntax=hidden\n# the old password: hidden\nnode: 22 # npm_hidden0123456789abcdefghij\n";
    let source = Source {
        file: SourceFile::new(BUILD_FILE, text),
        ignore: None,
        build_args: BTreeMap::new(),
        platforms: vec![amd64()],
        build: amd64(),
    };
    let task = Task::of(&PlanSession::start(&source).unwrap());
    assert!(!task.text.contains("hidden") && task.text.contains("\nnode: 22 #"), "{}", task.text);
    assert_eq!(task.text.len(), text.len(), "places stay true");
}

/// A repository's file that only a warning points at: what is told of it is a layer.
#[test]
fn a_warning_tells_a_few_lines_without_secrets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut case = case(&folder, &folder.join("minimal")).unwrap();
    let dir = facts(&case, &ReadSet::default());
    case.context = dir.path().to_owned();
    let config = "# a: b\n".repeat(30) + "token: ghp_0123456789abcdefghijklmnopqrstuvwx12\n  broken: [\n";
    std::fs::write(dir.path().join("app-config.other.yaml"), config).unwrap();
    let manifest = std::fs::read_to_string(dir.path().join("package.json")).unwrap();
    let far = format!("{{\n  \"far\": \"from here\",{}", "\n".repeat(40));
    let near = "\"//\": \"https://jane:hidden@host\", \"scripts\": {\n\"postinstall\": \"node x.js\",";
    let manifest = manifest.replacen('{', &far, 1).replacen("\"scripts\": {", near, 1);
    std::fs::write(dir.path().join("package.json"), manifest).unwrap();

    let out = tempfile::tempdir().unwrap();
    let task = Task::of(&PlanSession::start(&case.source).unwrap());
    let json = serde_json::to_string(&answer(&task, dir.path(), out.path()).unwrap()).unwrap();
    for hidden in ["ghp_", "hidden", "from here", "a: b"] {
        assert!(!json.contains(hidden), "{hidden}: {json}");
    }
    let (ours, step) = (in_process(&case).unwrap(), from_step(&case, out.path()).unwrap());
    assert!(step.warnings.len() >= 2, "{:?}", step.warnings);
    let places = |prepared: &Prepared| -> Vec<_> {
        let labels = prepared.warnings.iter().flat_map(|warning| &warning.labels);
        labels.map(|label| (label.span.file.name.clone(), label.span.first_line(), label.span.last_line())).collect()
    };
    assert_eq!(places(&step), places(&ours));
    let told = |prepared: &Prepared| terminal(&prepared.warnings, Colour::Never);
    assert_eq!(told(&step), told(&ours));
}

#[test]
fn what_is_cut_off_a_line_or_lies_above_an_excerpt_still_hides_a_secret() {
    let build_file = SourceFile::new(BUILD_FILE, "");
    let blanks = |secret: &str, shown: usize| " ".repeat(2000 - shown) + secret;
    let key: String = (0..20).map(|line| format!("# MIIEhidden{line}\n")).collect();
    for text in [
        blanks("https://jane:hidden1234567890@host/x", 27),
        blanks("ghp_hidden0123456789abcdefghijklmnopqrs1", 14),
        format!("# -----BEGIN RSA PRIVATE KEY-----\n{key}# -----END RSA PRIVATE KEY-----"),
    ] {
        let text = format!("{text}\nhere: x\n");
        let at = text.find("here").unwrap();
        let span = Span::new(&SourceFile::new("yarn.lock", text.as_str()), at..at.saturating_add(4));
        let told = SerializedDiagnostic::of(&Diagnostic::warning("a/b", "c").at(span), &build_file);
        let json = serde_json::to_string(&told).unwrap();
        assert!(!json.contains("hidden"), "{json}");
        let label = &told.located(&build_file).labels[0];
        assert_eq!(label.span.file.text.get(label.span.range.clone()), Some("here"));
    }
}

/// More than are shown are only counted.
#[test]
fn warnings_without_number_are_counted() {
    let source = Source {
        file: SourceFile::new(BUILD_FILE, "# syntax=x\n"),
        ignore: None,
        build_args: BTreeMap::new(),
        platforms: vec![amd64()],
        build: amd64(),
    };
    let warnings: Vec<Diagnostic> =
        (0..70).map(|i| Diagnostic::warning("a/b", i.to_string()).at(Span::line(&source.file, 1))).collect();
    let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portal-1.52");
    let case = Case { name: "portal".to_owned(), context, source: source.clone() };
    let made = through_json(&PlanResult::of(in_process(&case).unwrap().plan, &warnings, &source.file));
    let taken = made.into_prepared(&PlanSession::start(&source).unwrap());
    assert_eq!((taken.warnings.len(), taken.omitted_warnings), (MOST_WARNINGS, 20));
}

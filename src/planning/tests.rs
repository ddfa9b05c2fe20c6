//! The step's answer, carried over as JSON, is the plan that the frontend would make itself: for each golden case.
#![allow(clippy::disallowed_methods, reason = "a test's own files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::work::answer;
use super::*;
use crate::diagnostic::render::{Colour, terminal};
use crate::diagnostic::{Diagnostics, Severity};
use crate::files::{DirectoryFiles, ReadSet, parse_ignore_file};
use crate::pipeline::{self, Prepared};
use crate::plan::Text;
use crate::{digest, spec};

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
        arch: values("--platform").first().map_or("amd64", |value| value.rsplit('/').next().unwrap()).to_owned(),
    };
    let context = values("--context").first().map_or_else(|| dir.join("repo"), |path| folder.join(path));
    Some(Case { name: dir.file_name().unwrap().to_str().unwrap().to_owned(), context, source })
}

fn here<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn in_process(case: &Case) -> Result<Prepared, Diagnostics> {
    let open = async |set: &ReadSet| Ok::<_, Diagnostics>(DirectoryFiles::new(&case.context, set).unwrap());
    here(pipeline::prepare(&case.source, open))
}

fn through_json<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}

/// What the frontend gets from the step; `None` where it has to look itself.
fn from_step(case: &Case, out: &Path) -> Option<Prepared> {
    let mut reading = Reading::start(&case.source).ok()?;
    loop {
        let task = through_json(&Task::of(&reading));
        match through_json(&answer(&task, &case.context, out).unwrap()) {
            Answer::Plan(made) => {
                let (plan, warnings) = made.located(&case.source.file);
                return Some(reading.planned(plan, warnings));
            }
            Answer::More(included) => reading.include(included),
            Answer::Mistake => return None,
        }
    }
}

#[test]
fn the_step_comes_to_what_the_frontend_would() {
    let (mut plans, mut warnings, mut texts) = (0, 0, 0);
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
        assert_eq!(step.warnings, ours.warnings, "{name}");
        let told = |prepared: &Prepared| terminal(&prepared.warnings, Colour::Never);
        assert_eq!(told(&step), told(&ours), "{name}");
        assert!(step.warnings.iter().all(|warning| warning.severity == Severity::Warning), "{name}");
        // The step's plan holds no long text, and each lies where its digest says.
        assert_eq!(step.plan.long_texts().count(), 0, "{name}");
        let long: BTreeMap<String, &str> = ours.plan.long_texts().collect();
        for (sha256, text) in &long {
            let stored = std::fs::read_to_string(out.path().join("texts").join(sha256)).unwrap();
            assert!(stored == *text && digest::sha256(text) == *sha256, "{name}: {sha256}");
        }
        assert_eq!(std::fs::read_dir(out.path().join("texts")).unwrap().count(), long.len(), "{name}");
        plans += 1;
        warnings += ours.warnings.len();
        texts += long.len();
    }
    assert!(plans > 30 && warnings > 5 && texts > plans, "{plans} plans, {warnings} warnings, {texts} texts");
}

#[test]
fn proxies_stay_out_of_the_answer() {
    let text = "# syntax=x\nnetwork: {proxy: {http: \"http://hidden:1\"}}\n";
    let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portal");
    let source = Source {
        file: SourceFile::new(BUILD_FILE, text),
        ignore: None,
        build_args: BTreeMap::new(),
        arch: "amd64".to_owned(),
    };
    let case = Case { name: "proxies".to_owned(), context, source };
    let out = tempfile::tempdir().unwrap();
    let task = Task::of(&Reading::start(&case.source).unwrap());
    let answer = serde_json::to_string(&answer(&task, &case.context, out.path()).unwrap()).unwrap();
    assert!(answer.contains("\"plan\"") && !answer.contains("hidden"));
    let proxy = |prepared: Prepared| prepared.plan.proxy.http.unwrap();
    assert_eq!(proxy(from_step(&case, out.path()).unwrap()), proxy(in_process(&case).unwrap()));
}

#[test]
fn a_password_in_a_build_arg_is_refused_before_it_is_a_task() {
    let build_args = [("network.proxy.http".to_owned(), "http://jane:hidden@proxy:1".to_owned())].into();
    let file = SourceFile::new(BUILD_FILE, "# syntax=x\n");
    let source = Source { file, ignore: None, build_args, arch: "amd64".to_owned() };
    let refused = Reading::start(&source).unwrap_err();
    assert_eq!(refused.0.first().unwrap().code, "spec/literal-secret");
}

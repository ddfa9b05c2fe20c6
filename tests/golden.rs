//! Golden cases: a repository and a build file go in; the plan, the graph, the image configuration and what a person is
//! told come out. A folder of `tests/cases` is a test; `tests/cases/README.md` says what is in one.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` writes what comes out, to be read before it is committed.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

mod planned;
#[path = "golden/written.rs"]
mod written;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use backstage_build::pipeline::{Prepared, Source};
use backstage_build::plan::{Action, FileAction, MountKind, Plan, StepId, Text, Tree};
use backstage_build::spec;
use buildkit_frontend::diagnostic::render::{Colour, terminal};
use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics};
use buildkit_frontend::files::{PatternMatcher, parse_ignore_file};
use buildkit_frontend::path::ContextPath;
use buildkit_llb::{Definition, Platform};
use libtest_mimic::{Arguments, Failed, Trial};

const BUILD_FILE: &str = "backstage.build.yaml";
/// What a case may lead to.
const GOLDEN: [&str; 4] = ["plan.txt", "llb.txt", "config.json", "diagnostics.txt"];
/// Stands for a credential wherever a case has one; no output may hold it.
const SECRET: &str = "hidden-token";

fn main() {
    let cases = std::fs::read_dir(planned::test_path("cases")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = cases.filter(|path| path.is_dir()).collect();
    cases.sort();
    let trials = cases.into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        Trial::test(name, move || Case::read(&path).check().map_err(Failed::from))
    });
    let trials = trials.collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A folder of `tests/cases`.
struct Case {
    dir: PathBuf,
    context: PathBuf,
    build_file: Vec<u8>,
    ignore: Option<String>,
    build_args: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    platforms: Vec<Platform>,
}

impl Case {
    fn read(dir: &Path) -> Self {
        let mut case = Self {
            dir: dir.to_owned(),
            context: dir.join("repo"),
            build_file: std::fs::read(dir.join(BUILD_FILE)).unwrap(),
            ignore: std::fs::read_to_string(dir.join(format!("{BUILD_FILE}.dockerignore"))).ok(),
            build_args: BTreeMap::new(),
            labels: BTreeMap::new(),
            platforms: vec![planned::build_platform()],
        };
        let args = std::fs::read_to_string(dir.join("args")).unwrap_or_default();
        for (flag, value) in args.lines().map(|line| line.split_once(' ').unwrap()) {
            let pair = || value.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
            match flag {
                "--context" => case.context = dir.parent().unwrap().join(value),
                "--platform" => case.platforms = value.split(',').map(|platform| platform.parse().unwrap()).collect(),
                "--build-arg" => case.build_args.extend([pair()]),
                "--label" => case.labels.extend([pair()]),
                _ => panic!("{}: {flag} is unknown", dir.display()),
            }
        }
        assert!(case.context.is_dir(), "{} is missing", case.context.display());
        case
    }

    fn check(&self) -> Result<(), String> {
        let (found, mut wrong) = self.run();
        let update = std::env::var_os("UPDATE_GOLDEN").is_some();
        for name in GOLDEN {
            let path = self.dir.join(name);
            let wanted = std::fs::read_to_string(&path).ok();
            let found = found.get(name);
            if update {
                match found {
                    Some(text) => std::fs::write(&path, text).unwrap(),
                    None if wanted.is_some() => std::fs::remove_file(&path).unwrap(),
                    None => {}
                }
            } else if wanted.as_ref() != found {
                let texts = [&wanted, &found.cloned()].map(|text| text.clone().unwrap_or_default());
                wrong.push(format!("{name} is another one:\n{}", difference(&texts[0], &texts[1])));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// What comes out, by the name of its file, and what is wrong with it whatever a golden file says.
    fn run(&self) -> (BTreeMap<&'static str, String>, Vec<String>) {
        let mut found = BTreeMap::new();
        let told = |diagnostics: &[Diagnostic]| terminal(diagnostics, Colour::Never);
        let prepared = match self.prepare() {
            Ok(prepared) => prepared,
            Err(Diagnostics(all)) => {
                found.insert("diagnostics.txt", told(&all));
                let wrong = leaks(&found);
                return (found, wrong);
            }
        };
        if !prepared.warnings.is_empty() {
            found.insert("diagnostics.txt", told(&prepared.warnings));
        }
        let file = spec::decode(BUILD_FILE, &self.build_file).unwrap();
        let target = planned::image_target(&prepared.plan);
        let graphs =
            self.by_platform(|platform| planned::whole_definition(&prepared, &file, platform, target).to_string());
        let configs =
            self.by_platform(|platform| format!("{:#}\n", planned::config(&prepared.plan, platform, &self.labels)));
        found.insert("plan.txt", Text(&prepared.plan).to_string());
        found.insert("llb.txt", graphs);
        found.insert("config.json", configs);
        let mut wrong = leaks(&found);
        let written = prepared.plan.written().flat_map(|(_, files)| files);
        wrong.extend(
            written
                .filter(|(_, file)| file.text.text().is_none_or(|text| text.contains(SECRET)))
                .map(|(path, _)| format!("{path} is written with a secret")),
        );
        wrong.extend(self.sources(&prepared));
        wrong.extend(self.sent(&prepared));
        let pairs = prepared.plan.targets.iter().flat_map(|t| self.platforms.iter().map(move |platform| (t, platform)));
        for (target, platform) in pairs {
            let definition = planned::definition(&prepared, &file, platform, target);
            let whole = planned::whole_definition(&prepared, &file, platform, target);
            wrong.extend(written::differences(&prepared.plan, &definition, &whole));
            let beyond = planned::beyond_the_floor(&definition);
            if !beyond.is_empty() {
                wrong.push(format!("{} needs more than BuildKit 0.17 can: {}", target.name, beyond.join(", ")));
            }
            match Definition::from_pb(&definition.to_pb()) {
                Ok(read) if planned::bytes(&read) == planned::bytes(&definition) => {}
                Ok(_) => wrong.push(format!("the graph of {} is read as another one", target.name)),
                Err(error) => wrong.push(format!("the graph of {} cannot be read: {error}", target.name)),
            }
        }
        (found, wrong)
    }

    /// A text for each platform, under its name where there are several.
    fn by_platform(&self, text: impl Fn(&Platform) -> String) -> String {
        match self.platforms.as_slice() {
            [platform] => text(platform),
            several => several.iter().map(|platform| format!("== {platform}\n{}", text(platform))).collect(),
        }
    }

    fn prepare(&self) -> Result<Prepared, Diagnostics> {
        let source = Source {
            ignore: self.ignore.as_deref().map(parse_ignore_file),
            build_args: self.build_args.clone(),
            ..planned::source_for(spec::decode(BUILD_FILE, &self.build_file)?, &self.platforms)
        };
        let prepared = planned::of_directory(&source, &self.context)?;
        // The same repository, seen through the other backing.
        let in_memory = planned::of_files(&source, &planned::files(&self.context))?;
        let json = |plan: &Plan| serde_json::to_string_pretty(plan).unwrap();
        let (one, other) = (json(&prepared.plan), json(&in_memory.plan));
        assert!(one == other, "a directory and memory differ:\n{}", difference(&one, &other));
        Ok(prepared)
    }

    /// Files that hold a secret and that the client sends; Yarn's own settings are needed by installs.
    fn sent(&self, prepared: &Prepared) -> Vec<String> {
        let context = &prepared.plan.context;
        let hidden = PatternMatcher::new(&context.exclude).unwrap();
        let facts = prepared.read_set.matcher().unwrap();
        let files = planned::files(&self.context);
        let asked = |file: &ContextPath| context.paths.iter().any(|path| file.is_in(&context_path(path)));
        let sent = files.iter().filter(|(file, text)| {
            let holds = text.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
            let shown = facts.contains(file) || (asked(file) && !hidden.matches(file.as_str()));
            holds && shown && file.name() != ".yarnrc.yml"
        });
        sent.map(|(file, _)| format!("{file} holds a secret and is sent")).collect()
    }

    /// What steps take from the repository must be asked for, must be there, and must not be hidden.
    fn sources(&self, prepared: &Prepared) -> Vec<String> {
        let plan = &prepared.plan;
        let files = planned::files(&self.context);
        let hidden = PatternMatcher::new(&plan.context.exclude).unwrap();
        let shown = prepared.read_set.matcher().unwrap();
        let mut wrong = Vec::new();
        for (step, tree, src, optional) in taken(plan) {
            let path = context_path(src);
            let mut below = files.iter().map(|(file, _)| file).filter(|file| file.is_in(&path));
            if *tree == Tree::Context && !plan.context.paths.iter().any(|asked| path.is_in(&context_path(asked))) {
                wrong.push(format!("step {step} takes {path}, which nobody asks the client for"));
            }
            let visible = match tree {
                Tree::Context => below.any(|file| !hidden.matches(file.as_str())),
                _ => below.any(|file| shown.contains(file)),
            };
            if !visible && !optional {
                wrong.push(format!("step {step} takes {path} of the {tree}, where no file of it is shown"));
            }
        }
        wrong
    }
}

fn context_path(text: &str) -> ContextPath {
    if text.is_empty() { ContextPath::root() } else { ContextPath::new(text).unwrap() }
}

/// What each step takes from the repository: the tree, the path in it, and whether it may be missing.
fn taken(plan: &Plan) -> Vec<(&StepId, &Tree, &str, bool)> {
    let mut taken = Vec::new();
    for step in &plan.steps {
        let id = &step.id;
        match &step.action {
            Action::Files(files) => {
                for action in &files.actions {
                    let FileAction::Copy(copy) = action else { continue };
                    match copy.only.as_slice() {
                        [] => taken.push((id, &copy.from, copy.src.as_str().trim_start_matches('/'), false)),
                        // Of the root; names without a character that patterns have.
                        only => taken.extend(only.iter().map(|path| (id, &copy.from, path.as_str(), true))),
                    }
                }
            }
            Action::Run(run) => taken.extend(run.mounts.iter().filter_map(|mount| match &mount.kind {
                MountKind::Read { tree, src, .. } => Some((id, tree, src.as_str().trim_start_matches('/'), false)),
                _ => None,
            })),
        }
    }
    taken.retain(|(_, tree, ..)| matches!(tree, Tree::Context | Tree::Facts));
    taken
}

/// The files that hold a secret.
fn leaks(found: &BTreeMap<&'static str, String>) -> Vec<String> {
    let holding = found.iter().filter(|(_, text)| text.contains(SECRET));
    holding.map(|(name, _)| format!("{name} holds a secret")).collect()
}

/// The lines that differ, first those of the golden file, with the lines around them left out.
fn difference(wanted: &str, found: &str) -> String {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), found.lines().collect());
    let same = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let rest = wanted.len().min(found.len()) - same;
    let end = wanted.iter().rev().zip(found.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut text = format!("  from line {}\n", same + 1);
    for (sign, lines) in [('-', &wanted), ('+', &found)] {
        for line in lines[same..lines.len() - end].iter().take(40) {
            writeln!(text, "  {sign} {line}").unwrap();
        }
    }
    text
}

//! What the targets share: repositories in memory, and what must hold of every message.

use std::collections::BTreeMap;

use backstage_build::pipeline::{self, Prepared, Source};
use backstage_build::plan::Text;
use backstage_build::repo;
use buildkit_frontend::diagnostic::render::{Colour, terminal};
use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use buildkit_frontend::files::{MemoryFiles, ReadSet, parse_ignore_file};
use buildkit_frontend::gateway::Failure;
use buildkit_frontend::path::ContextPath;
use buildkit_llb::Platform;

/// The build file's name.
pub const BUILD_FILE: &str = "backstage.build.yaml";

/// Where a file of an input begins: a line of its own, the path behind it.
const FILE: &str = "=== ";

/// The files of an input: each begins with a line `=== PATH`. What is no path of ours is left out.
pub fn files(text: &str) -> BTreeMap<ContextPath, String> {
    let mut all = BTreeMap::new();
    for part in format!("\n{text}").split(&format!("\n{FILE}")).skip(1) {
        let (path, data) = part.split_once('\n').unwrap_or((part, ""));
        let path = ContextPath::new(path).ok().filter(|path| !path.is_root());
        all.extend(path.map(|path| (path, format!("{data}\n"))));
    }
    all
}

/// A small repository in which all is well, with some files changed or added.
pub fn repository(changes: impl IntoIterator<Item = (ContextPath, String)>) -> BTreeMap<ContextPath, String> {
    let mut all = files(include_str!("repository.txt"));
    all.extend(changes);
    all
}

/// A path that is known to be one.
pub fn path(text: &str) -> ContextPath {
    ContextPath::new(text).expect("the path is written here")
}

fn shown(files: &BTreeMap<ContextPath, String>, set: &ReadSet) -> Result<MemoryFiles, Diagnostics> {
    let refused = |error: buildkit_frontend::files::PatternError| Diagnostic::error("fuzz/pattern", error.to_string());
    let matcher = set.matcher().map_err(refused)?;
    let files = files.iter().filter(|(path, _)| matcher.contains(path));
    Ok(files.fold(MemoryFiles::default(), |all, (path, data)| all.with(path.clone(), data.clone())))
}

/// Reads the facts of a repository, and looks at what is told.
pub fn read(files: &BTreeMap<ContextPath, String>) -> Option<repo::Repository> {
    let set = repo::read_set(&[], None);
    let Ok(files) = shown(files, &set) else { return None };
    match block_on(repo::read(&files, &[])) {
        Ok((repo, warnings)) => {
            told(&warnings);
            Some(repo)
        }
        Err(Diagnostics(errors)) => {
            failed(errors);
            None
        }
    }
}

/// Makes the plan of a repository that holds its build file, and looks at what is told.
pub fn plan(files: &BTreeMap<ContextPath, String>) {
    let text = |name: &str| files.get(&path(name)).map(String::as_str);
    let source = Source {
        file: SourceFile::new(BUILD_FILE, text(BUILD_FILE).unwrap_or("# syntax=x\n")),
        ignore: text("backstage.build.yaml.dockerignore").map(parse_ignore_file),
        build_args: BTreeMap::new(),
        platforms: ["linux/amd64", "linux/arm64"].iter().filter_map(|text| text.parse().ok()).collect(),
        build: Platform::new("linux", "amd64", ""),
    };
    let open = async |set: &ReadSet| shown(files, set);
    match block_on(pipeline::prepare_from(&source, open)) {
        Ok(Prepared { plan, warnings, .. }) => {
            told(&warnings);
            printable(&Text(&plan).to_string());
            serde_json::to_string(&plan).expect("a plan is data");
        }
        Err(Diagnostics(errors)) => failed(errors),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// What must hold of errors: there are some.
pub fn failed(errors: Vec<Diagnostic>) {
    assert!(!errors.is_empty(), "it failed without saying why");
    told(&errors);
    let status = Failure::from(Diagnostics(errors)).into_status();
    assert!(status.message().len() < 1 << 20);
}

/// What must hold of messages: they are bounded, and cannot steer a terminal.
pub fn told(diagnostics: &[Diagnostic]) {
    let text = terminal(diagnostics, Colour::Never);
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    printable(&text);
}

fn printable(text: &str) {
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(steers), "{text:?}");
    for (at, _) in text.match_indices("ghp_0123456789abcdefghij") {
        // In the middle of a word it is no token.
        let before = text[..at].chars().next_back();
        assert!(before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_'), "{text}");
    }
}

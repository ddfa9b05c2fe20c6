//! What only the command line can tell: no frontend is started for a build file that does not name it, and a build sees
//! the repository's own files too late.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span};
use buildkit_frontend::files::{DirectoryFiles, Files as _, Kind, PatternMatcher, ReadSet, ignore_pattern};
use buildkit_frontend::path::ContextPath;
use buildkit_frontend::text::nearest;

use crate::hidden::is_template_content;
use crate::plan::{Action, FileAction, Plan, Step, Tree};

/// Whether Docker would start a frontend like this one for a file, and if not, why. The name of the image is no matter.
pub(super) fn syntax_line(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let lines = || (1..).zip(file.text.lines().map(str::trim));
    let mut directives = lines().skip_while(|(_, line)| line.starts_with("#!")).map_while(|(number, line)| {
        let (name, value) = directive(line)?;
        Some((number, name, value))
    });
    let named = directives.find(|(_, name, _)| name.eq_ignore_ascii_case("syntax"));
    let write =
        "write `# syntax=` and the frontend's image into line 1, or name it with `--build-arg BUILDKIT_SYNTAX=`";
    match named {
        Some((number, _, image)) if is_dockerfile(image) => Some(
            Diagnostic::warning("cli/syntax-line", "Docker would read this file as a Dockerfile")
                .help("line 1 names the frontend that reads Dockerfiles: name this one")
                .at(Span::line(file, number)),
        ),
        Some(_) => None,
        None => {
            let misplaced = lines().find(|(_, line)| directive(line).is_some_and(|(name, _)| name == "syntax"));
            let (number, message) = match misplaced {
                Some((number, _)) => (number, "Docker looks for the syntax line in line 1 only"),
                None => (1, "there is no syntax line: Docker would read this file as a Dockerfile"),
            };
            Some(Diagnostic::warning("cli/syntax-line", message).help(write).at(Span::line(file, number)))
        }
    }
}

/// A line `# name=value`, as BuildKit reads them at the head of a file.
fn directive(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_name =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    (is_name && !value.is_empty()).then_some((name, value))
}

fn is_dockerfile(image: &str) -> bool {
    let name = image.split(['@', ' ']).next().unwrap_or_default();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("docker/dockerfile").is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '-']))
}

/// Paths that steps copy and that are not in the directory, or are hidden: a build would end at them.
pub(super) async fn missing(directory: &Path, plan: &Plan, default: &Span) -> Vec<Diagnostic> {
    let shown = ReadSet { include: Vec::new(), exclude: plan.context.exclude.clone() };
    let Ok(files) = DirectoryFiles::new(directory, &shown) else { return Vec::new() };
    let mut found = Vec::new();
    for step in &plan.steps {
        let Action::Files(action) = &step.action else { continue };
        for action in &action.actions {
            let FileAction::Copy(copy) = action else { continue };
            let Ok(path) = ContextPath::new(copy.src.as_str().trim_start_matches('/')) else { continue };
            let asked = copy.from == Tree::Context && !path.is_root();
            if !asked || !matches!(files.stat(&path).await, Ok(None)) {
                continue;
            }
            let names = files.list_many(std::slice::from_ref(&path.parent())).await.unwrap_or_default();
            let names: Vec<String> = names.into_iter().flatten().flatten().map(|entry| entry.name).collect();
            let near = nearest(path.name(), names.iter().map(String::as_str));
            let help = match near.and_then(|near| path.parent().join(near).ok()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "check its path and what `.dockerignore` and `exclude` hide".to_owned(),
            };
            found.push(
                Diagnostic::warning(
                    "cli/no-such-path",
                    format!("`{path}` is not in the repository: a build would fail"),
                )
                .help(help)
                .at(step.origin.span(default.clone())),
            );
        }
    }
    found
}

/// What copies by pattern pass over: they do not look behind links to directories.
pub(super) fn behind_links(directory: &Path, plan: &Plan, default: &Span) -> Vec<Diagnostic> {
    // By pattern, the first step that wants it.
    let mut wanted: BTreeMap<&str, &Step> = BTreeMap::new();
    for step in &plan.steps {
        let Action::Files(files) = &step.action else { continue };
        for action in &files.actions {
            let FileAction::Copy(copy) = action else { continue };
            for pattern in &copy.only {
                wanted.entry(pattern).or_insert(step);
            }
        }
    }
    let told = plan.context.paths.iter().filter_map(|path| {
        let step = wanted.get(ignore_pattern(path).as_str())?;
        let path = ContextPath::new(path).ok()?;
        let is_link = |dir: &ContextPath| !dir.is_root() && directory.join(dir.as_str()).is_symlink();
        let link = path.parent().with_parents().find(is_link)?;
        let message = format!("`{path}` is not put into the image: it lies behind the link `{link}`");
        let note = Diagnostic::warning("cli/behind-link", message).help("name it in `files`, or by its own path");
        Some(note.at(step.origin.span(default.clone())))
    });
    told.collect()
}

/// Names of a folder that are looked at.
const MOST_NAMES: usize = 10_000;
/// Files that are named in one note.
const MOST_SHOWN: usize = 5;

/// Files of a template's content that the image does not get with their folder: no build sees them unless they are named. What a
/// build is told of them it cannot say, since nobody sends it their names.
pub(super) async fn left_out(directory: &Path, plan: &Plan, default: &Span) -> Vec<Diagnostic> {
    // Folders that the image gets whole, and what is named by its own path.
    let (mut folders, mut named) = (BTreeMap::new(), BTreeSet::new());
    for step in plan.steps.iter().filter(|step| step.id.kind() == "image-files") {
        let Action::Files(files) = &step.action else { continue };
        for action in &files.actions {
            let FileAction::Copy(copy) = action else { continue };
            if copy.from != Tree::Context {
                continue;
            }
            let path = ContextPath::new(copy.src.as_str().trim_start_matches('/')).unwrap_or_default();
            if copy.only.is_empty() {
                named.insert(path.clone());
                folders.insert(path, (step, &copy.exclude));
                continue;
            }
            let patterns: BTreeSet<&str> = copy.only.iter().map(String::as_str).collect();
            let paths = plan.context.paths.iter().filter(|path| patterns.contains(ignore_pattern(path).as_str()));
            folders.extend(paths.filter_map(|path| Some((ContextPath::new(path).ok()?, (step, &copy.exclude)))));
        }
    }
    let installed = ReadSet { include: Vec::new(), exclude: vec!["**/node_modules".to_owned(), "**/.git".to_owned()] };
    let (Ok(files), Ok(hidden)) =
        (DirectoryFiles::new(directory, &installed), PatternMatcher::new(&plan.context.exclude))
    else {
        return Vec::new();
    };
    let mut told = Vec::new();
    let outer = folders.keys().filter(|path| !path.parent().with_parents().any(|dir| folders.contains_key(&dir)));
    for folder in outer {
        let Some((step, exclude)) = folders.get(folder) else { continue };
        let Ok(excluded) = PatternMatcher::new(exclude) else { continue };
        let found = names(&files, folder).await.into_iter().filter(|file| {
            let is_left_out = hidden.matches(file.as_str()) || excluded.matches(file.as_str());
            is_left_out
                && is_template_content(file)
                && !file.with_parents().any(|path| path != *folder && named.contains(&path))
        });
        let found: Vec<String> = found.map(|file| format!("`{file}`")).collect();
        if found.is_empty() {
            continue;
        }
        let shown = found.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = found.len().saturating_sub(MOST_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("`{folder}` goes into the image without files of a template: {shown}{more}");
        let note = Diagnostic::warning("cli/left-out", message)
            .help("files like these usually hold secrets, local settings or build output; name each under `files` by its own path if the template needs it");
        told.push(note.at(step.origin.span(default.clone())));
    }
    told
}

/// The files below a folder, sorted, as far as anybody looks.
async fn names(files: &DirectoryFiles, folder: &ContextPath) -> Vec<ContextPath> {
    let (mut found, mut open, mut seen) = (Vec::new(), vec![folder.clone()], 0_usize);
    while let Some(dir) = open.pop() {
        let listed = files.list_many(std::slice::from_ref(&dir)).await.unwrap_or_default();
        for entry in listed.into_iter().flatten().flatten() {
            seen = seen.saturating_add(1);
            let Ok(path) = dir.join(&entry.name) else { continue };
            match entry.kind {
                Kind::Directory => open.push(path),
                _ => found.push(path),
            }
        }
        if seen > MOST_NAMES {
            break;
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use buildkit_frontend::diagnostic::Diagnostics;
    use buildkit_frontend::platform;

    use super::*;
    use crate::pipeline::{Source, prepare_from};

    #[test]
    fn the_syntax_line_is_where_docker_looks_for_it() {
        let said = |text: &str| {
            syntax_line(&SourceFile::new("backstage.build.yaml", text))
                .map(|told| (told.message, told.labels.first().map(|label| label.span.first_line())))
        };
        for good in [
            "# syntax=registry.example.com:5000/team/backstage-build:1\nnode: 22\n",
            "#syntax = x\n",
            "# escape=`\n# Syntax=x@sha256:0\n",
            "#!/usr/bin/env x\n# syntax=x\n",
            "# syntax=registry.example.com/docker/dockerfile\n",
        ] {
            assert_eq!(said(good), None, "{good}");
        }
        let place = |text: &str| said(text).and_then(|(_, line)| line);
        assert_eq!(place("node: 22\n# syntax=x\n"), Some(2));
        assert_eq!(place("# A comment\n# syntax=x\n"), Some(2));
        assert_eq!(place("node: 22\n"), Some(1));
        for dockerfile in ["docker/dockerfile", "docker/dockerfile:1", "docker.io/docker/dockerfile:1@sha256:0"] {
            let (message, _) = said(&format!("# syntax={dockerfile}\n")).unwrap();
            assert!(message.contains("as a Dockerfile"), "{message}");
        }
    }

    /// What `notes` says of a directory with this text as its build file.
    fn told(
        directory: &Path,
        text: &str,
        notes: impl AsyncFnOnce(&Path, &Plan, &Span) -> Vec<Diagnostic>,
    ) -> Vec<Diagnostic> {
        let file = SourceFile::new("backstage.build.yaml", format!("# syntax=x\n{text}"));
        let default = Span::line(&file, 1);
        let source = Source {
            file,
            ignore: None,
            build_args: Default::default(),
            platforms: vec![platform::host()],
            build: platform::host(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let open = async |set: &ReadSet| Ok::<_, Diagnostics>(DirectoryFiles::new(directory, set).unwrap());
            let plan = prepare_from(&source, open).await.unwrap().plan;
            notes(directory, &plan, &default).await
        })
    }

    #[test]
    fn what_a_template_loses_is_told() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/template-dotfiles/repo");
        let told = |text: &str| told(&directory, text, left_out);
        let message = |text: &str| told(text).into_iter().map(|told| told.message).collect::<Vec<_>>();
        let all = "`templates/node` goes into the image without files of a template: `templates/node/skeleton/.env.example`, \
                   `templates/node/skeleton/.npmrc`, `templates/node/skeleton/.yarnrc.yml`, \
                   `templates/node/skeleton/app-config.local.yaml`, `templates/node/skeleton/dist/keep.js` and 1 more";
        assert_eq!(message(""), [all]);
        assert_eq!(message("files: [templates]\n"), [all.replacen("templates/node", "templates", 1)]);
        let kept = ".env.example .npmrc .yarnrc.yml app-config.local.yaml dist".split(' ');
        let kept: String = kept.map(|name| format!("- templates/node/skeleton/{name}\n")).collect();
        let rest =
            "`templates/node` goes into the image without files of a template: `templates/node/skeleton/tls.key`";
        assert_eq!(message(&format!("files:\n{kept}")), [rest]);
    }

    #[test]
    fn a_path_that_is_not_there_is_told() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portal-1.52");
        let told = |text: &str| told(&directory, text, missing);
        let found = told("files: [package.jsn]\n");
        let of_files = found.iter().find(|told| told.message.contains("`package.jsn`")).unwrap();
        assert_eq!(of_files.help.as_deref(), Some("did you mean `package.json`?"));
        assert!(!told("files: [package.json]\n").iter().any(|told| told.message.contains("package.js")));
    }
}

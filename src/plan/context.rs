//! What the build may see of the repository.
//!
//! The client sends nothing that is not asked for, so the filter is ours. `<build file>.dockerignore` holds to the
//! letter. The repository's `.dockerignore` is usually written for the host build and hides sources: its lines hold,
//! then every path that a step needs is shown again, then come the deny-list and what a build must not inherit.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Span};
use buildkit_frontend::files::{PatternMatcher, cleaned, could_match, drop_redundant, ignore_pattern};
use buildkit_frontend::ignore;
use buildkit_frontend::path::ContextPath;

use crate::hidden::{SETTINGS, deny_patterns, is_matched, is_secret, is_template_content, matches};
use crate::spec::model::FileSource;

use super::Planner;

/// Never sent: what the host installed would shadow what the build installs.
const INSTALLED: [&str; 2] = ["**/node_modules", ".yarn/install-state.gz"];
/// Not sent unless an ignore file of ours says otherwise: what the host built.
const BUILT: [&str; 2] = ["**/dist", "**/dist-types"];

/// Bytes of ignore lines times bytes of paths that are tried: with more, every needed path is shown again, and the lines hold
/// only where nothing is needed; the context is larger than it would have to be.
const MAX_TRIED: usize = 200_000_000;

/// Bytes of paths that the client is asked for; for more, all of the context is. They travel in the header of a request, which
/// gRPC refuses above a mebibyte.
const MAX_PATHS: usize = 512 << 10;

impl Planner<'_> {
    /// Fills in the patterns, once all steps have said what they copy.
    pub(super) fn finish_context(&mut self) -> Result<(), Diagnostics> {
        let mut exclude = match (self.inputs.ignore, &self.repo().dockerignore) {
            (Some(lines), _) => lines.to_vec(),
            (None, Some(file)) => ignore::patterns(file)?,
            (None, None) => Vec::new(),
        };
        if self.inputs.ignore.is_none() {
            self.show_what_is_needed(&mut exclude);
        }
        if bytes(&self.context.paths) > MAX_PATHS {
            self.context.paths.insert(String::new());
        }
        exclude.extend(self.spec().exclude.iter().map(|pattern| pattern.value.clone()));
        exclude.extend(deny_patterns());
        exclude.push(SETTINGS.to_owned());
        exclude.extend(self.kept().iter().flat_map(|path| shown(path.as_str())));
        exclude.extend(INSTALLED.map(str::to_owned));
        exclude.extend(self.withheld_patterns());
        self.context.exclude = drop_redundant(&exclude);
        Ok(())
    }

    /// Appends to the lines of the repository's `.dockerignore` what shows needed paths again, and hides what the host built.
    fn show_what_is_needed(&self, exclude: &mut Vec<String>) {
        let lines = exclude.clone();
        let length = bytes(&lines);
        let few = |paths: usize| length.saturating_mul(paths) <= MAX_TRIED;
        let reaching: Vec<String> = lines.iter().map(|line| cleaned(line)).collect();
        let all = !few(bytes(&self.context.paths));
        let hidden = |path: &&String| all || reaching.iter().any(|line| could_match(line, path));
        exclude.extend(self.context.paths.iter().filter(hidden).flat_map(|path| shown(path)));
        let mut built: Vec<String> = BUILT.map(str::to_owned).into();
        built.extend(self.as_built().iter().flat_map(|path| shown(path)));
        exclude.extend(built.iter().cloned());
        let needed = self.needed_files();
        if !few(bytes(&needed)) {
            return;
        }
        // What hides nothing that is needed holds below the needed paths as well. `!packages` shows nothing that was built.
        let again: Vec<String> = lines.into_iter().filter(|line| !hides(line, &needed)).collect();
        let shows = again.iter().any(|line| line.starts_with('!'));
        exclude.extend(again);
        exclude.extend(built.into_iter().filter(|_| shows));
    }

    /// Paths that an ignore line must not hide: what steps copy, and in workspaces what every build reads.
    fn needed_files(&self) -> Vec<String> {
        let mut needed: Vec<String> = self.context.paths.iter().filter(|path| !path.is_empty()).cloned().collect();
        needed.extend(self.repo().yarn.links.iter().map(|path| format!("{path}/dist")));
        for manifest in &self.repo().workspaces {
            needed.extend(
                ["package.json", "src", "src/index.ts", "src/index.tsx"].map(|name| format!("{}/{name}", manifest.dir)),
            );
        }
        needed
    }

    /// Paths that are shown though patterns of the deny-list match them: those that the build file names or a config refers to
    /// by exactly this path, and that are exceptions or content of a template. Paths, never patterns: with a wildcard in an
    /// exception the client walks through all of `node_modules`.
    fn kept(&self) -> Vec<ContextPath> {
        let paths = self.context.paths.iter().filter_map(|path| ContextPath::new(path).ok());
        let hidden = paths.filter(|path| !path.is_root() && (is_matched(path) || is_secret(path)));
        hidden.filter(|path| !is_secret(path) || is_template_content(path)).collect()
    }

    /// Paths that are taken as the host built them: what `files` names in such a folder, and packages outside the
    /// workspaces, which no build here builds. In a folder that `files` names what the host built stays hidden.
    fn as_built(&self) -> Vec<String> {
        let named = self.spec().files.iter().filter(|file| file.source == FileSource::Context).map(|file| &file.from);
        let built = named.filter(|path| matches(&BUILT, path.as_str()));
        built.chain(&self.repo().yarn.links).map(|path| path.as_str().to_owned()).collect()
    }

    /// What a person should know, though nothing is wrong.
    pub(super) fn notes(&mut self) {
        for manifest in std::iter::once(&self.repo().root).chain(&self.repo().workspaces) {
            for name in ["preinstall", "install", "postinstall", "prepare"] {
                if manifest.scripts.get(name).is_none_or(|script| is_hook(script)) {
                    continue;
                }
                let message = format!("the `{name}` script of {} is not run in the build", manifest.name);
                self.warnings.push(
                    Diagnostic::warning("plan/install-script", message)
                        .help("where a build needs what it does, run it as a step: `build: {before: [...]}`")
                        .at(manifest.place(&["scripts", name])),
                );
            }
        }
    }

    /// A file of the deny-list that is asked for by name is a mistake, not a wish.
    pub(super) fn refuse_secrets(&self, path: &ContextPath, span: &Span) -> Result<(), Diagnostics> {
        if is_secret(path) && !is_template_content(path) {
            return Err(Diagnostic::error(
                "plan/secret-file",
                format!("`{path}` is never put into an image: files like it hold secrets or local settings"),
            )
            .help("mount it when the container starts, or pass values as environment variables")
            .at(span.clone())
            .into());
        }
        Ok(())
    }
}

fn bytes<'a>(texts: impl IntoIterator<Item = &'a String>) -> usize {
    texts.into_iter().map(String::len).sum()
}

/// Exceptions that show a path. Both forms: BuildKit takes one for a directory as one for what lies below only where the
/// directory itself was hidden. Its client still prunes by patterns that end in `/**`.
fn shown(path: &str) -> Vec<String> {
    if path.is_empty() {
        return Vec::new();
    }
    let path = ignore_pattern(path);
    vec![format!("!{path}"), format!("!{path}/**")]
}

/// Git hooks are of no use in a build.
fn is_hook(script: &str) -> bool {
    ["husky", "lefthook", "simple-git-hooks"].iter().any(|tool| script.contains(tool))
}

/// Whether an ignore line hides one of these paths. Exceptions hide nothing.
fn hides(line: &String, paths: &[String]) -> bool {
    PatternMatcher::new(std::slice::from_ref(line)).is_ok_and(|matcher| paths.iter().any(|path| matcher.matches(path)))
}

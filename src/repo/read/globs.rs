//! Workspace globs: which directories `workspaces` names.
//!
//! Yarn hands the patterns to fast-glob (`Workspace.setup` in `@yarnpkg/core`): relative to the manifest, directories
//! only, `node_modules`, `.git` and `.yarn` left out wherever they lie, names that start with a dot matched by a dot
//! only, `!` patterns applied to every result and to what lies below it. Directories are listed level by level, all of a
//! level in one call.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::files::{Entry, Files, FilesError, Kind, ignore_pattern};
use buildkit_frontend::path::{ContextPath, PathError};

/// Directories looked at, at most: `**` in a large repository must not walk for ever.
const MAX_DIRECTORIES: usize = 20_000;
/// Names in them, at most: links make many directories of one.
const MAX_NAMES: usize = 40_000;
/// Steps from directory to directory, over the manifests of all workspaces.
const MAX_STEPS: usize = 200_000;
/// Names tried against patterns, over the manifests of all workspaces; long ones count as more.
const MAX_TRIED: usize = 8_000_000;
/// Directories listed in one call.
const TOGETHER: usize = 500;
/// Patterns of one manifest, braces expanded, and those of them that take back.
const MAX_PATTERNS: usize = 10_000;
const MAX_NEGATIVE: usize = 200;
/// Bytes of a pattern.
const MAX_PATTERN: usize = 1024;
/// Patterns that braces may stand for.
const MAX_EXPANDED: usize = 1_000;

/// Why globs could not be expanded.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum GlobError {
    /// The pattern with this index is not one of ours.
    #[error("{reason}")]
    Pattern { index: usize, reason: &'static str },
    /// More directories than anyone has.
    #[error("the patterns match more than {MAX_DIRECTORIES} directories")]
    TooMany,
    /// Many patterns, each on many directories.
    #[error("the patterns, times the directories that they are tried on, are too many")]
    TooMuch,
    /// More patterns than anyone writes.
    #[error(
        "there are more than {MAX_PATTERNS} patterns, {MAX_NEGATIVE} that begin with `!`, or {MAX_EXPANDED} that the braces of one \
         stand for"
    )]
    TooManyPatterns,
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// One component of a pattern.
#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    /// A pattern, and whether it names dot files.
    Glob(Pattern, bool),
    /// `**`
    Any,
}

/// What is known of a repository's directories from one manifest to the next.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Nothing is listed twice.
    listings: BTreeMap<ContextPath, Vec<Entry>>,
    names: usize,
    /// Names of the directory that has most.
    largest: usize,
    steps: usize,
    tried: usize,
}

impl Tree {
    async fn list(&mut self, files: &dyn Files, mut dirs: &[ContextPath]) -> Result<(), GlobError> {
        while !dirs.is_empty() {
            // No more in one call than what is left would hold, were all as large as the largest.
            let left = MAX_NAMES.saturating_sub(self.names).checked_div(self.largest.max(1)).unwrap_or_default();
            let (now, later) = dirs.split_at_checked(left.clamp(1, TOGETHER)).unwrap_or((dirs, &[]));
            for (dir, listing) in now.iter().zip(list(files, now).await?) {
                self.names = self.names.saturating_add(listing.len());
                self.largest = self.largest.max(listing.len());
                self.listings.insert(dir.clone(), listing);
            }
            if self.listings.len() > MAX_DIRECTORIES || self.names > MAX_NAMES {
                return Err(GlobError::TooMany);
            }
            dirs = later;
        }
        Ok(())
    }

    /// Counts what is about to be tried, one pattern on many texts or many on one: how often, and bytes of both in all.
    fn count(&mut self, tries: usize, patterns: usize, texts: usize) -> Result<(), GlobError> {
        let long = patterns.saturating_mul(texts).checked_div(256).unwrap_or_default();
        self.tried = self.tried.saturating_add(tries).saturating_add(long);
        if self.tried > MAX_TRIED { Err(GlobError::TooMuch) } else { Ok(()) }
    }

    /// Directories and links that a glob names, of a directory that has been listed.
    fn matching(&mut self, dir: &ContextPath, glob: &Pattern, dots: bool) -> Result<Vec<String>, GlobError> {
        let entries = self.listings.get(dir).into_iter().flatten();
        let dirs = entries.filter(|entry| matches!(entry.kind, Kind::Directory | Kind::Symlink));
        let mut names: Vec<String> = dirs.map(|entry| entry.name.clone()).collect();
        self.count(names.len(), glob.0.len(), names.iter().map(String::len).sum())?;
        names.retain(|name| (dots || !name.starts_with('.')) && glob.is_match(name));
        Ok(names)
    }

    /// What `**` goes down to in a directory that has been listed. Links are not followed: one may lead back.
    fn any(&self, dir: &ContextPath) -> Vec<String> {
        let entries = self.listings.get(dir).into_iter().flatten();
        let dirs = entries.filter(|entry| entry.kind == Kind::Directory && !entry.name.starts_with('.'));
        dirs.map(|entry| entry.name.clone()).collect()
    }
}

/// Directories that the patterns name, relative to the context; whether they hold a manifest is not asked here.
pub(crate) async fn expand(
    files: &dyn Files,
    base: &ContextPath,
    patterns: &[&str],
    tree: &mut Tree,
) -> Result<BTreeSet<ContextPath>, GlobError> {
    let mut written = BTreeSet::new();
    let mut expanded = 0_usize;
    // By text, so that none is looked for twice.
    let (mut positive, mut negative) = (BTreeMap::new(), BTreeMap::new());
    for (index, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| written.insert(**pattern)) {
        let (target, text) = match pattern.strip_prefix('!') {
            Some(text) => (&mut negative, text),
            None => (&mut positive, *pattern),
        };
        if text.len() > MAX_PATTERN {
            return Err(GlobError::Pattern { index, reason: "the pattern is longer than 1024 bytes" });
        }
        for text in braces(text).ok_or(GlobError::TooManyPatterns)? {
            expanded = expanded.saturating_add(1);
            target.entry(rooted(base, index, &text)?).or_insert(index);
        }
        if expanded > MAX_PATTERNS || negative.len() > MAX_NEGATIVE {
            return Err(GlobError::TooManyPatterns);
        }
    }
    let negative = negative.iter().map(|(text, index)| excluder(*index, text)).collect::<Result<Vec<_>, _>>()?;
    let negative_length: usize =
        negative.iter().map(|(whole, below)| whole.0.len().saturating_add(below.0.len())).sum();

    let mut programs = Vec::new();
    for (text, index) in &positive {
        programs.push(parts(*index, text)?);
    }
    let mut found = BTreeSet::new();
    let mut seen: BTreeSet<(ContextPath, usize, usize)> = BTreeSet::new();
    let mut level: Vec<(ContextPath, usize, usize)> =
        (0..programs.len()).map(|program| (ContextPath::root(), program, 0)).collect();
    while !level.is_empty() {
        // Before anything of this level is listed: links make directories that have no end.
        tree.steps = tree.steps.saturating_add(level.len());
        if level.len() > MAX_DIRECTORIES || tree.steps > MAX_STEPS {
            return Err(GlobError::TooMany);
        }
        let wanted: BTreeSet<&ContextPath> = level
            .iter()
            .filter(|(dir, program, at)| {
                let part = programs.get(*program).and_then(|parts| parts.get(*at));
                matches!(part, Some(Part::Glob(..) | Part::Any)) && !tree.listings.contains_key(dir)
            })
            .map(|(dir, ..)| dir)
            .collect();
        let wanted: Vec<ContextPath> = wanted.into_iter().cloned().collect();
        tree.list(files, &wanted).await?;
        if found.len() > MAX_DIRECTORIES || seen.len() > MAX_DIRECTORIES {
            return Err(GlobError::TooMany);
        }
        let mut next = Vec::new();
        for (dir, program, at) in level {
            let Some(part) = programs.get(program).and_then(|parts| parts.get(at)) else {
                found.insert(dir);
                continue;
            };
            let behind = at.saturating_add(1);
            let (names, on) = match part {
                Part::Literal(name) => (vec![name.clone()], behind),
                Part::Glob(glob, dots) => (tree.matching(&dir, glob, *dots)?, behind),
                Part::Any => (tree.any(&dir), at),
            };
            let mut reached: Vec<_> = names.iter().filter_map(|name| Some((dir.join(name).ok()?, on))).collect();
            reached.extend(matches!(part, Part::Any).then_some((dir, behind)));
            for (dir, at) in reached {
                let text = dir.as_str();
                tree.count(negative.len(), negative_length, text.len())?;
                let hidden = ["node_modules", ".git", ".yarn"].contains(&dir.name())
                    || negative.iter().any(|(whole, below)| whole.is_match(text) || below.is_match(text));
                if !hidden && seen.insert((dir.clone(), program, at)) {
                    next.push((dir, program, at));
                }
            }
        }
        level = next;
    }
    found.remove(base);
    Ok(found)
}

/// A directory that is not there, or is none, has no names.
pub(super) async fn list(files: &dyn Files, dirs: &[ContextPath]) -> Result<Vec<Vec<Entry>>, FilesError> {
    if dirs.is_empty() {
        return Ok(Vec::new());
    }
    match files.list_many(dirs).await {
        Ok(listings) => Ok(listings.into_iter().map(Option::unwrap_or_default).collect()),
        // `packages/*/x` may meet a link to a file: find out which one it is.
        Err(FilesError::WrongKind { .. }) => {
            let mut listings = Vec::with_capacity(dirs.len());
            for dir in dirs {
                listings.push(match files.list_many(std::slice::from_ref(dir)).await {
                    Ok(mut one) => one.pop().flatten().unwrap_or_default(),
                    Err(FilesError::WrongKind { .. }) => Vec::new(),
                    Err(error) => return Err(error),
                });
            }
            Ok(listings)
        }
        Err(error) => Err(error),
    }
}

fn reason(error: PathError) -> &'static str {
    match error {
        PathError::Escapes => "the pattern leaves the build context",
        PathError::Absolute => "the pattern is absolute",
        _ => "the pattern is not a path",
    }
}

/// The pattern from the context's root, cleaned. One with escapes keeps its text: a path would lose them.
fn rooted(base: &ContextPath, index: usize, text: &str) -> Result<String, GlobError> {
    let fail = |error| GlobError::Pattern { index, reason: reason(error) };
    let plain = base.join(&text.replace('\\', "")).map_err(fail)?;
    if plain.is_in(base) {
        let base = ignore_pattern(base.as_str());
        let text = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/");
        return Ok(if base.is_empty() { text } else { format!("{base}/{text}") });
    }
    Ok(plain.to_string())
}

/// A glob that is known to be one.
#[derive(Debug, Clone)]
struct Pattern(String);

impl Pattern {
    fn is_match(&self, path: &str) -> bool {
        fast_glob::glob_match(&self.0, path)
    }
}

fn glob(index: usize, text: &str) -> Result<Pattern, GlobError> {
    match fast_glob::validate(text) {
        Ok(()) => Ok(Pattern(text.to_owned())),
        Err(_) => Err(GlobError::Pattern { index, reason: "the pattern is not a glob" }),
    }
}

/// Matches what a negative pattern names, and everything below it.
fn excluder(index: usize, text: &str) -> Result<(Pattern, Pattern), GlobError> {
    let base = text.strip_suffix("/**").unwrap_or(text);
    Ok((glob(index, base)?, glob(index, &format!("{base}/**"))?))
}

fn parts(index: usize, text: &str) -> Result<Vec<Part>, GlobError> {
    let extended = ["@(", "+(", "?(", "*(", "!("];
    if extended.iter().any(|form| text.contains(form)) {
        return Err(GlobError::Pattern { index, reason: "patterns with parentheses are not supported" });
    }
    text.split('/')
        .map(|part| match part {
            "**" => Ok(Part::Any),
            part if part.contains(['*', '?', '[', ']', '\\', '{']) => {
                Ok(Part::Glob(glob(index, part)?, part.starts_with('.')))
            }
            part => Ok(Part::Literal(part.to_owned())),
        })
        .collect()
}

/// Expands `{a,b/c}`: all of them, since matching one pattern with several takes for ever. `None` where they are too many.
/// Numeric ranges stay, nobody names workspaces so.
fn braces(text: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut todo = vec![text.to_owned()];
    while let Some(text) = todo.pop() {
        match split_braces(&text) {
            Some((before, choices, after)) => {
                todo.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
            }
            None => done.push(text),
        }
        if done.len().saturating_add(todo.len()) > MAX_EXPANDED {
            return None;
        }
    }
    Some(done)
}

/// The first `{...}` with a comma on its own level.
fn split_braces(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    // Of each open brace its place, and those of its commas.
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut bytes = text.bytes().enumerate();
    let mut first: Option<(usize, Vec<usize>, usize)> = None;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'{' => open.push((at, Vec::new())),
            b',' => open.last_mut().into_iter().for_each(|(_, commas)| commas.push(at)),
            b'}' => {
                let closed = open.pop().filter(|(_, commas)| !commas.is_empty());
                let found = closed.map(|(start, commas)| (start, commas, at));
                first = [first, found].into_iter().flatten().min_by_key(|(start, ..)| *start);
            }
            _ => {}
        }
    }
    let (start, commas, end) = first?;
    let behind = |at: usize| at.saturating_add(1);
    let starts = std::iter::once(start).chain(commas.iter().copied()).map(behind);
    let ends = commas.iter().copied().chain([end]);
    let choices = starts.zip(ends).map(|(start, end)| text.get(start..end)).collect::<Option<Vec<_>>>()?;
    Some((text.get(..start)?, choices, text.get(behind(end)..)?))
}

#[cfg(test)]
mod tests;

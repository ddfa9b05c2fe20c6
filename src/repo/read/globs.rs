//! Workspace globs: which directories `workspaces` names.
//!
//! Yarn hands the patterns to fast-glob (`Workspace.setup` in `@yarnpkg/core`): relative to the manifest, directories
//! only, `node_modules`, `.git` and `.yarn` left out wherever they lie, names that start with a dot matched by a dot
//! only, `!` patterns applied to every result and to what lies below it. Directories are listed level by level, all of a
//! level in one call.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::{Entry, Files, FilesError, Kind};
use crate::path::{ContextPath, PathError};
use crate::repo::read_set::escaped;

/// Directories looked at, at most: `**` in a large repository must not walk for ever.
const MAX_DIRECTORIES: usize = 20_000;
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

/// Directories that the patterns name, relative to the context; whether they hold a manifest is not asked here.
/// Listings are kept in `known`, so that nothing is listed twice.
pub(crate) async fn expand<F: Files>(
    files: &F,
    base: &ContextPath,
    patterns: &[&str],
    known: &mut BTreeMap<ContextPath, Vec<Entry>>,
) -> Result<BTreeSet<ContextPath>, GlobError> {
    let mut positive = Vec::new();
    let mut negative = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let (target, text) = match pattern.strip_prefix('!') {
            Some(text) => (&mut negative, text),
            None => (&mut positive, *pattern),
        };
        if text.len() > MAX_PATTERN {
            return Err(GlobError::Pattern { index, reason: "the pattern is longer than 1024 bytes" });
        }
        for text in braces(text) {
            target.push((index, rooted(base, index, &text)?));
        }
    }
    let negative = negative.iter().map(|(index, text)| excluder(*index, text)).collect::<Result<Vec<_>, _>>()?;
    let hidden = |path: &ContextPath| {
        let text = path.as_str();
        ["node_modules", ".git", ".yarn"].contains(&path.name())
            || negative.iter().any(|(whole, below)| whole.is_match(text) || below.is_match(text))
    };

    let mut programs = Vec::new();
    for (index, text) in &positive {
        programs.push(parts(*index, text)?);
    }
    let mut found = BTreeSet::new();
    let mut seen: BTreeSet<(ContextPath, usize, usize)> = BTreeSet::new();
    let mut level: Vec<(ContextPath, usize, usize)> =
        (0..programs.len()).map(|program| (ContextPath::root(), program, 0)).collect();
    while !level.is_empty() {
        // Before anything of this level is listed: links make directories that have no end.
        if level.len() > MAX_DIRECTORIES {
            return Err(GlobError::TooMany);
        }
        let wanted: BTreeSet<&ContextPath> = level
            .iter()
            .filter(|(dir, program, at)| {
                let part = programs.get(*program).and_then(|parts| parts.get(*at));
                matches!(part, Some(Part::Glob(..) | Part::Any)) && !known.contains_key(dir)
            })
            .map(|(dir, ..)| dir)
            .collect();
        let wanted: Vec<ContextPath> = wanted.into_iter().cloned().collect();
        for (dir, listing) in wanted.iter().zip(list(files, &wanted).await?) {
            known.insert(dir.clone(), listing);
        }
        if known.len() > MAX_DIRECTORIES || found.len() > MAX_DIRECTORIES || seen.len() > MAX_DIRECTORIES {
            return Err(GlobError::TooMany);
        }
        let mut next = Vec::new();
        for (dir, program, at) in level {
            let Some(part) = programs.get(program).and_then(|parts| parts.get(at)) else {
                found.insert(dir);
                continue;
            };
            let behind = at.saturating_add(1);
            let mut push = |dir: ContextPath, at: usize| {
                if !hidden(&dir) && seen.insert((dir.clone(), program, at)) {
                    next.push((dir, program, at));
                }
            };
            match part {
                Part::Literal(name) => {
                    if let Ok(dir) = dir.join(name) {
                        push(dir, behind);
                    }
                }
                Part::Glob(glob, dots) => {
                    let entries = known.get(&dir).into_iter().flatten();
                    let names = entries.filter(|e| matches!(e.kind, Kind::Directory | Kind::Symlink)).map(|e| &e.name);
                    for name in names.filter(|name| (*dots || !name.starts_with('.')) && glob.is_match(name)) {
                        dir.join(name).into_iter().for_each(|dir| push(dir, behind));
                    }
                }
                Part::Any => {
                    // A link is not followed by `**`: it may lead back.
                    let entries = known.get(&dir).into_iter().flatten().filter(|e| e.kind == Kind::Directory);
                    for name in entries.map(|e| &e.name).filter(|name| !name.starts_with('.')) {
                        dir.join(name).into_iter().for_each(|dir| push(dir, at));
                    }
                    push(dir, behind);
                }
            }
        }
        level = next;
    }
    found.remove(base);
    Ok(found)
}

/// A directory that is not there, or is none, has no names.
async fn list<F: Files>(files: &F, dirs: &[ContextPath]) -> Result<Vec<Vec<Entry>>, FilesError> {
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
        let base = escaped(base.as_str());
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
    if is_closed(text) {
        Ok(Pattern(text.to_owned()))
    } else {
        Err(GlobError::Pattern { index, reason: "the pattern is not a glob" })
    }
}

/// Whether every `[` has its `]` and no escape is left open: what does not is no glob, and would match nothing silently.
fn is_closed(text: &str) -> bool {
    let mut class = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '[' => class = true,
            ']' => class = false,
            _ => {}
        }
    }
    !class
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

/// Expands `{a,b/c}`; numeric ranges stay, nobody names workspaces so.
fn braces(text: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut todo = vec![text.to_owned()];
    while let Some(text) = todo.pop() {
        match split_braces(&text) {
            Some((before, choices, after)) if done.len().saturating_add(todo.len()) < MAX_EXPANDED => {
                todo.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
            }
            _ => done.push(text),
        }
    }
    done
}

/// The first `{...}` with a comma on its own level.
fn split_braces(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = text.find('{')?;
    let mut depth = 0_usize;
    let mut commas = vec![open];
    for (i, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth = depth.saturating_add(1),
            b',' if depth == 1 => commas.push(i),
            b'}' if depth == 1 => {
                commas.push(i);
                let choice = |pair: &[usize]| match pair {
                    [a, b] => text.get(a.saturating_add(1)..*b),
                    _ => None,
                };
                let choices: Vec<&str> = commas.windows(2).filter_map(choice).collect();
                let after = text.get(i.saturating_add(1)..)?;
                return (choices.len() > 1).then_some((text.get(..open)?, choices, after));
            }
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;

    fn tree() -> MemoryFiles {
        let mut files = MemoryFiles::default();
        for path in [
            "packages/app",
            "packages/backend",
            "packages/.hidden",
            "plugins/a",
            "plugins/a-common",
            "plugins/group/b",
            "plugins/group/test/c",
            "plugins/a/node_modules/x",
            "other/deep/er/d",
            "pa[x]",
        ] {
            files = files.with(ContextPath::new(&format!("{path}/package.json")).unwrap(), "{}");
        }
        files.with(ContextPath::new("packages/README.md").unwrap(), "")
    }

    async fn expanded(base: &str, patterns: &[&str]) -> Result<Vec<String>, GlobError> {
        let base = ContextPath::new(base).unwrap();
        let found = expand(&tree(), &base, patterns, &mut BTreeMap::new()).await?;
        Ok(found.into_iter().map(|dir| dir.to_string()).collect())
    }

    #[tokio::test(flavor = "current_thread")]
    async fn patterns() {
        for (base, patterns, wanted) in [
            ("", &["packages/*"][..], &["packages/app", "packages/backend"][..]),
            ("", &["./packages/app/", "packages/app"], &["packages/app"]),
            ("", &["packages/.*"], &["packages/.hidden"]),
            ("", &["{packages,plugins}/a*"], &["packages/app", "plugins/a", "plugins/a-common"]),
            ("", &["plugins/{a,group/b}"], &["plugins/a", "plugins/group/b"]),
            (
                "",
                &["plugins/**", "!**/test"],
                &["plugins", "plugins/a", "plugins/a-common", "plugins/group", "plugins/group/b"],
            ),
            ("", &["plugins/*", "!plugins/a"], &["plugins/a-common", "plugins/group"]),
            ("", &["plugins/*", "!plugins/group/**"], &["plugins/a", "plugins/a-common"]),
            ("plugins", &["group/*", "../packages/app"], &["packages/app", "plugins/group/b", "plugins/group/test"]),
            ("", &["pa\\[x\\]"], &["pa[x]"]),
            ("", &["plugins/[ag]*p"], &["plugins/group"]),
            ("", &["nowhere/*"], &[]),
            ("", &["packages/*/node_modules/*"], &[]),
        ] {
            assert_eq!(expanded(base, patterns).await.unwrap(), wanted, "{patterns:?}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_leaves_the_context_is_refused() {
        for pattern in ["../x", "packages/../../x", "/etc", "@(a|b)/c", "a/[", "{a,../b}"] {
            assert!(expanded("", &["ok", pattern]).await.is_err(), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in "[a-c*?{},!\\[\\]/.\\\\()@-]{0,24}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(expanded("plugins", &[&pattern]));
        }
    }
}

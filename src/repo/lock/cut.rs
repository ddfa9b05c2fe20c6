//! Writes the lockfile of a smaller project, as Yarn itself would.
//!
//! `yarn install --immutable` compares bytes. Entries of packages keep their text; their keys are trimmed to the
//! descriptors still in use and sorted anew; entries of workspaces are written from the smaller manifests. Facts:
//! `Project.generateLockfile` and `Manifest.exportTo` of `@yarnpkg/core`, `stringifySyml` of `@yarnpkg/parsers`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Descriptor, Locator, Lockfile, Walk};

/// What the lockfile says of a workspace, beyond its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceEntry {
    /// `name@workspace:dir`.
    pub locator: Locator,
    /// All dependencies as in [`super::Seed`], ranges as the manifest writes them.
    pub dependencies: BTreeMap<String, String>,
    /// `peerDependencies`.
    pub peer_dependencies: BTreeMap<String, String>,
    /// `dependenciesMeta`, with `optional: true` for `optionalDependencies`.
    pub dependencies_meta: BTreeMap<String, BTreeMap<String, bool>>,
    /// `peerDependenciesMeta`.
    pub peer_dependencies_meta: BTreeMap<String, BTreeMap<String, bool>>,
    /// `bin`: name to path.
    pub bin: BTreeMap<String, String>,
}

impl Lockfile {
    /// The lockfile that holds what a walk reached and no more.
    pub fn cut(&self, walk: &Walk, workspaces: &[WorkspaceEntry]) -> String {
        self.write(walk, workspaces, &BTreeMap::new())
    }

    /// As [`Self::cut`], with other descriptors for some entries (by index).
    pub(crate) fn write(
        &self,
        walk: &Walk,
        workspaces: &[WorkspaceEntry],
        renamed: &BTreeMap<usize, Vec<Descriptor>>,
    ) -> String {
        let written: BTreeMap<String, &WorkspaceEntry> =
            workspaces.iter().map(|workspace| (workspace.locator.to_string(), workspace)).collect();
        let mut blocks: Vec<(String, Cow<'_, str>)> = Vec::with_capacity(walk.entries.len());
        for (index, entry) in walk.entries.iter().filter_map(|i| self.entries.get(i).map(|entry| (i, entry))) {
            let descriptors = match renamed.get(&index) {
                Some(descriptors) => descriptors.iter().map(Descriptor::to_string).collect(),
                None => self.used(walk, Some(index)).map(Descriptor::to_string).collect(),
            };
            let workspace = Some(entry).filter(|entry| entry.soft).map(|entry| entry.locator.to_string());
            let body = match workspace.and_then(|locator| written.get(&locator)) {
                Some(workspace) => Cow::from(workspace.body(self.version)),
                None => Cow::from(entry.text(&self.file.text)),
            };
            blocks.push((key(descriptors), body));
        }
        let reached = walk.entries.iter().filter_map(|i| self.entries.get(i)).filter(|entry| entry.soft);
        let reached: BTreeSet<String> = reached.map(|entry| entry.locator.to_string()).collect();
        for workspace in workspaces.iter().filter(|w| !reached.contains(&w.locator.to_string())) {
            blocks.push((workspace.locator.to_string(), workspace.body(self.version).into()));
        }
        blocks.sort_by(|a, b| utf16(&a.0, &b.0));
        // Up to format 7 Yarn took the cache's key from the first checksum: without any it has none to write.
        let keyless = self.version <= 7 && !blocks.iter().any(|(_, body)| body.contains("\n  checksum: "));
        let kept = self.preamble.trim_end().lines().filter(|line| !(keyless && line.starts_with("  cacheKey:")));
        let mut file = kept.fold(String::new(), |file, line| file + line + "\n");
        for (key, body) in blocks {
            let key = quoted(&key);
            let long = key.len() > 1024 && key.encode_utf16().count() > 1024;
            let (before, after) = if long { ("? ", "\n:") } else { ("", ":") };
            for part in ["\n", before, &key, after, "\n", &body] {
                file.push_str(part);
            }
            // The last line of the repository's file may lack its line break.
            if !file.ends_with('\n') {
                file.push('\n');
            }
        }
        file
    }
}

impl WorkspaceEntry {
    fn body(&self, version: u32) -> String {
        let mut out = String::from("  version: 0.0.0-use.local\n");
        let _ = writeln!(out, "  resolution: {}", quoted(&self.locator.to_string()));
        let dependencies = self.dependencies.iter().map(|(name, range)| {
            let descriptor = Descriptor::new(&**name, &**range);
            // Yarn 2 and 3 wrote workspaces' ranges as the manifest has them.
            (name, if version > 6 { descriptor.normalized().range } else { descriptor.range }.to_string())
        });
        section(&mut out, "dependencies", dependencies);
        section(&mut out, "peerDependencies", self.peer_dependencies.iter().map(|(k, v)| (k, v.clone())));
        meta(&mut out, "dependenciesMeta", &self.dependencies_meta);
        meta(&mut out, "peerDependenciesMeta", &self.peer_dependencies_meta);
        section(&mut out, "bin", self.bin.iter().map(|(k, v)| (k, v.clone())));
        out.push_str("  languageName: unknown\n  linkType: soft\n");
        out
    }
}

fn section<'a>(out: &mut String, name: &str, pairs: impl Iterator<Item = (&'a String, String)>) {
    let mut pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() {
        return;
    }
    pairs.sort_by(|a, b| field_order(a.0, b.0));
    let _ = writeln!(out, "  {name}:");
    for (key, value) in pairs {
        let _ = writeln!(out, "    {}: {}", quoted(key), quoted(&value));
    }
}

fn meta(out: &mut String, name: &str, packages: &BTreeMap<String, BTreeMap<String, bool>>) {
    let mut packages: Vec<_> = packages.iter().filter(|(_, flags)| !flags.is_empty()).collect();
    if packages.is_empty() {
        return;
    }
    packages.sort_by(|a, b| field_order(a.0, b.0));
    let _ = writeln!(out, "  {name}:");
    for (package, flags) in packages {
        let _ = writeln!(out, "    {}:", quoted(package));
        for (flag, value) in flags {
            let _ = writeln!(out, "      {flag}: {value}");
        }
    }
}

fn key(mut descriptors: Vec<String>) -> String {
    descriptors.sort_by(|a, b| utf16(a, b));
    descriptors.join(", ")
}

/// JavaScript's own order of strings: by UTF-16 units.
fn utf16(a: &str, b: &str) -> Ordering {
    // Bytes have the same order but beyond the first 65,536 characters, and are compared at once.
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// Keys that syml puts first, on every level: also a dependency of such a name.
const FIRST: [&str; 8] = [
    "__metadata",
    "version",
    "resolution",
    "dependencies",
    "peerDependencies",
    "dependenciesMeta",
    "peerDependenciesMeta",
    "binaries",
];

fn field_order(a: &str, b: &str) -> Ordering {
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    rank(a).cmp(&rank(b)).then_with(|| utf16(a, b))
}

/// Quotes what syml quotes: all but what matches its pattern for simple strings.
fn quoted(text: &str) -> String {
    if is_simple(text) {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_else(|_| format!("{text:?}"))
}

/// `/^(?![-?:,\][{}#&*!|>'"%@` \t\r\n]).([ \t]*(?![,\][{}:# \t\r\n]).)*$/`
fn is_simple(text: &str) -> bool {
    let starts_well = text.chars().next().is_some_and(|c| !"-?:,][{}#&*!|>'\"%@` \t\r\n".contains(c));
    let inner = text.chars().skip(1).all(|c| !",][{}:#\r\n".contains(c));
    starts_well && inner && !text.ends_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_quoted_as_syml_does() {
        for (text, wanted) in [
            ("npm:^1", "\"npm:^1\""),
            ("^3.25.28 || ^4", "^3.25.28 || ^4"),
            ("@scope/name", "\"@scope/name\""),
            ("*", "\"*\""),
            (">=1", "\">=1\""),
            ("workspace:^", "\"workspace:^\""),
            ("plain-name", "plain-name"),
            ("", "\"\""),
            ("a b", "a b"),
            ("a ", "\"a \""),
        ] {
            assert_eq!(quoted(text), wanted);
        }
    }

    #[test]
    fn the_key_of_the_cache_goes_with_the_last_checksum_of_an_old_format() {
        let entry =
            "\n\"a@npm:1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  checksum: 00\n  linkType: hard\n";
        for (version, kept) in [(4, false), (7, false), (8, true), (10, true)] {
            let text = format!("# comment\n\n__metadata:\n  version: {version}\n  cacheKey: 8\n{entry}");
            let lock =
                Lockfile::parse(&buildkit_frontend::diagnostic::SourceFile::new("yarn.lock", text.as_str())).unwrap();
            let mut all = Walk::default();
            all.entries.insert(0);
            all.used.insert(0);
            assert_eq!(lock.cut(&all, &[]), text);
            assert_eq!(lock.cut(&Walk::default(), &[]).contains("cacheKey"), kept, "{version}");
        }
    }

    #[test]
    fn a_dependency_named_like_a_field_comes_first() {
        let mut names = vec!["zod", "a", "resolution", "version"];
        names.sort_by(|a, b| field_order(a, b));
        assert_eq!(names, ["version", "resolution", "a", "zod"]);
    }
}

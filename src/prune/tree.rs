//! An installed tree: which package lies where, and what Node finds from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use serde_json::Value;

use crate::repo::is_name;

/// Where Yarn's `node-modules` linker says what it has put where.
const STATE: &str = "node_modules/.yarn-state.yml";
/// Bytes of it; that of an app of 2,900 packages has 340,000.
const MAX_STATE: u64 = 64 << 20;
/// Fields of a manifest that name its files.
const ENTRY_POINTS: [&str; 7] = ["main", "module", "browser", "exports", "imports", "bin", "configSchema"];
/// Bytes of a manifest.
const MAX_MANIFEST: u64 = 16 << 20;

/// A tree that a package manager has installed.
#[derive(Debug)]
pub(super) struct Installed {
    root: PathBuf,
    /// Locators by place, if Yarn left a state file.
    locators: Option<BTreeMap<String, Arc<str>>>,
}

/// What Node finds for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A package in a folder of its own.
    Package(String),
    /// A link, and the folder that it leads to: a workspace, or a directory of the repository.
    Link { at: String, to: String },
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To a package.
    Package,
    /// To a directory of the repository.
    Link(String),
}

/// The part of a manifest that decides something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) dependencies: Vec<String>,
    pub(super) optional: Vec<String>,
    pub(super) peers: Vec<String>,
    /// What lies in its archive, below its own `node_modules`.
    pub(super) bundled: Vec<String>,
    pub(super) os: Vec<String>,
    pub(super) cpu: Vec<String>,
    pub(super) libc: Vec<String>,
    /// A file of it, or nothing where the schema stands in the manifest itself.
    pub(super) config_schema: Option<String>,
    /// What names files of it: `main`, `exports` and the like, as JSON.
    pub(super) entry_points: String,
    /// `main`.
    pub(super) main: String,
    /// Whether `exports` decides what its names mean.
    pub(super) has_exports: bool,
}

impl Installed {
    /// Opens a tree.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        let state = read(&root.join(STATE), MAX_STATE)?;
        let locators = state.map(|data| locators(&String::from_utf8_lossy(&data)));
        Ok(Self { root, locators })
    }

    /// A path of the tree in the file system.
    pub(super) fn path(&self, place: &str) -> PathBuf {
        if place.is_empty() { self.root.clone() } else { self.root.join(place) }
    }

    /// The locator of what lies at a place, if Yarn says one.
    pub(super) fn locator(&self, place: &str) -> Option<&str> {
        self.locators.as_ref()?.get(place).map(AsRef::as_ref)
    }

    /// Whether a folder below a package's `node_modules` came with the package's archive.
    pub(super) fn is_bundled(&self, place: &str, name: &str, parent: &Manifest) -> bool {
        match &self.locators {
            // Programs that the package manager links, and what tools keep there.
            _ if name.starts_with('.') => false,
            Some(locators) => !locators.contains_key(place),
            None => parent.bundled.iter().any(|bundled| bundled == name),
        }
    }

    /// The manifest of the package at a place. What Node takes is taken: a byte order mark, an empty file. A link that leads out
    /// of the tree is none.
    pub(super) fn manifest(&self, place: &str) -> io::Result<Option<Manifest>> {
        let path = self.path(place).join("package.json");
        let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        if is_link && !fs::canonicalize(&path).is_ok_and(|target| target.starts_with(&self.root)) {
            return Ok(None);
        }
        let Some(data) = read(&path, MAX_MANIFEST)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&data);
        let json = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or(Value::Null);
        Ok(Some(Manifest::of(&json)))
    }

    /// What `require(name)` finds from a folder, whether the target of a link is there or not: its path as far as links
    /// in it are relative and lead to nothing that is above the root.
    pub(super) fn place(&self, from: &str, name: &str) -> io::Result<Option<Place>> {
        for dir in folders(from, name) {
            let at = join(dir, &format!("node_modules/{name}"));
            let path = self.path(&at);
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if !metadata.is_symlink() {
                return Ok(Some(Place::Package));
            }
            let target = fs::read_link(&path)?;
            return Ok(Some(
                lexical(&at, &target).filter(|to| !to.contains("node_modules")).map_or(Place::Package, Place::Link),
            ));
        }
        Ok(None)
    }

    /// What `require(name)` finds from a folder: the nearest `node_modules` that has it.
    pub(super) fn find(&self, from: &str, name: &str) -> io::Result<Option<Found>> {
        for dir in folders(from, name) {
            let at = join(dir, &format!("node_modules/{name}"));
            // Only the last part may be a link: no package manager makes others, and what is behind one has another place.
            let plain = |place: &str| fs::symlink_metadata(self.path(place)).is_ok_and(|metadata| metadata.is_dir());
            let scope = name.split_once('/').map(|(scope, _)| join(dir, &format!("node_modules/{scope}")));
            if !plain(&join(dir, "node_modules")) || scope.is_some_and(|scope| !plain(&scope)) {
                continue;
            }
            let path = self.path(&at);
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() {
                return Ok(Some(Found::Package(at)));
            }
            if metadata.is_symlink() {
                // One that leads nowhere is as good as none.
                let Ok(target) = fs::canonicalize(&path) else { continue };
                let inside = target.strip_prefix(&self.root).ok().and_then(Path::to_str);
                let to =
                    inside.ok_or_else(|| io::Error::other(format!("the link {at} leads out of the repository")))?;
                return Ok(Some(Found::Link { at, to: to.to_owned() }));
            }
        }
        Ok(None)
    }
}

impl Manifest {
    pub(super) fn of(json: &Value) -> Self {
        let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let names = |key: &str| -> Vec<String> {
            json.get(key).and_then(Value::as_object).into_iter().flat_map(|map| map.keys().cloned()).collect()
        };
        let list = |key: &str| -> Vec<String> {
            match json.get(key) {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            }
        };
        let optional = names("optionalDependencies");
        let mut dependencies = names("dependencies");
        let can_miss: BTreeSet<&String> = optional.iter().collect();
        dependencies.retain(|name| !can_miss.contains(name));
        let bundled = match (json.get("bundleDependencies"), json.get("bundledDependencies")) {
            (Some(Value::Bool(true)), _) | (_, Some(Value::Bool(true))) => dependencies.clone(),
            _ => [list("bundleDependencies"), list("bundledDependencies")].concat(),
        };
        Self {
            name: text("name"),
            version: text("version"),
            main: text("main"),
            has_exports: json.get("exports").is_some(),
            peers: names("peerDependencies"),
            os: list("os"),
            cpu: list("cpu"),
            libc: list("libc"),
            config_schema: json.get("configSchema").and_then(Value::as_str).map(str::to_owned),
            entry_points: ENTRY_POINTS.iter().filter_map(|key| json.get(key)).map(Value::to_string).collect(),
            dependencies,
            optional,
            bundled,
        }
    }

    /// Whether the package is for an image of Linux with this CPU, by npm's rules.
    pub(super) fn is_for(&self, cpu: &str) -> bool {
        allows(&self.os, "linux") && allows(&self.cpu, cpu) && allows(&self.libc, "glibc")
    }
}

/// npm's own reading of a list: any of them, or none of those with a `!`.
fn allows(list: &[String], value: &str) -> bool {
    let (refused, named): (Vec<_>, Vec<_>) = list.iter().partition(|entry| entry.starts_with('!'));
    !refused.iter().any(|entry| entry.strip_prefix('!') == Some(value))
        && (named.is_empty() || named.iter().any(|entry| *entry == value || *entry == "any"))
}

/// The directories in whose `node_modules` Node looks for a package from a folder; none for what is no name.
fn folders<'a>(from: &'a str, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let all = is_name(name).then(|| with_parents(from)).into_iter().flatten();
    all.filter(|dir| dir.rsplit('/').next() != Some("node_modules"))
}

/// A directory and those that it lies in, up to the root, which is empty.
pub(super) fn with_parents(dir: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(dir), |dir| match (dir.is_empty(), dir.rsplit_once('/')) {
        (true, _) => None,
        (_, Some((parent, _))) => Some(parent),
        (_, None) => Some(""),
    })
}

pub(super) fn join(dir: &str, rest: &str) -> String {
    if dir.is_empty() { rest.to_owned() } else { format!("{dir}/{rest}") }
}

/// Where a link at a place leads, by the text of its target.
fn lexical(at: &str, target: &Path) -> Option<String> {
    let mut parts: Vec<&str> = at.split('/').collect();
    parts.pop();
    for part in target.to_str()?.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!target.is_absolute()).then(|| parts.join("/"))
}

/// The start of a file, so many bytes of it at most; `None` as [`read`] has it. For texts that are searched: what a file of that
/// size has further on is not.
pub(super) fn read_start(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut data = Vec::new();
    file.take(limit).read_to_end(&mut data).map_err(|error| named(path, &error))?;
    Ok(Some(data))
}

/// A file with no more than so many bytes; `None` where there is none, or none that is plain: a pipe would be waited for.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut data = Vec::new();
    let length = file.take(limit.saturating_add(1)).read_to_end(&mut data).map_err(|error| named(path, &error))?;
    if length as u64 > limit {
        return Err(io::Error::other(format!("{} has more than {limit} bytes", path.display())));
    }
    Ok(Some(data))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty());
    match opened.map(File::from).map_err(io::Error::from) {
        Ok(file) => {
            let is_file = file.metadata().map_err(|error| named(path, &error))?.is_file();
            Ok(is_file.then_some(file))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(named(path, &error)),
    }
}

/// An error that says which file it is about.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Locators by place, out of Yarn's state file: syml, as `yarn.lock` is. Written by `NodeModulesLinker` of
/// `@yarnpkg/plugin-nm`.
fn locators(text: &str) -> BTreeMap<String, Arc<str>> {
    let mut found = BTreeMap::new();
    let mut locator: Arc<str> = Arc::from("");
    let mut section = "";
    for line in text.lines() {
        let indent = line.bytes().take_while(|byte| *byte == b' ').count();
        let content = line.trim();
        match (indent, content.strip_prefix("- ")) {
            // Keys of more than 1,024 characters have a form of their own.
            (0, _) if content.starts_with("? ") => locator = real(&scalar(content.get(2..).unwrap_or_default())).into(),
            (0, _) if content != ":" && content.ends_with(':') => {
                locator = real(&scalar(content.get(..content.len().saturating_sub(1)).unwrap_or_default())).into();
            }
            (2, None) => section = content,
            (_, Some(place)) if section == "locations:" => drop(found.insert(scalar(place), Arc::clone(&locator))),
            _ => {}
        }
    }
    found
}

/// A plain or JSON-quoted scalar.
fn scalar(text: &str) -> String {
    if text.starts_with('"') { serde_json::from_str(text).unwrap_or_default() } else { text.to_owned() }
}

/// The locator behind a virtual one, which stands for a package with a certain set of peers.
fn real(locator: &str) -> String {
    let parts = locator.split_once("@virtual:").and_then(|(name, rest)| Some((name, rest.split_once('#')?.1)));
    parts.map_or_else(|| locator.to_owned(), |(name, reference)| format!("{name}@{reference}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_from_the_state_file() {
        let long = "x".repeat(1100);
        let text = format!(
            "# Warning\n\n__metadata:\n  version: 1\n  nmMode: classic\n\n\"@s/a@npm:1.0.0\":\n  locations:\n    - \"node_modules/@s/a\"\n    \
             - \"packages/b/node_modules/@s/a\"\n  aliases:\n    - \"virtual:x#npm:1.0.0\"\n\n\"c@virtual:0123#npm:2.0.0\":\n  locations:\n    \
             - \"node_modules/c\"\n  bin:\n    \"node_modules/.bin/c\": \"x\"\n\n? \"{long}@npm:1\"\n:\n  locations:\n    - node_modules/long\n"
        );
        let found = locators(&text);
        let places: Vec<_> = found.iter().map(|(place, locator)| (place.as_str(), &**locator)).collect();
        assert_eq!(
            places,
            [
                ("node_modules/@s/a", "@s/a@npm:1.0.0"),
                ("node_modules/c", "c@npm:2.0.0"),
                ("node_modules/long", &*format!("{long}@npm:1")),
                ("packages/b/node_modules/@s/a", "@s/a@npm:1.0.0"),
            ]
        );
    }

    #[test]
    fn platforms_are_read_as_npm_reads_them() {
        let manifest = |json: &str| Manifest::of(&serde_json::from_str(json).unwrap());
        for (json, wanted) in [
            ("{}", true),
            (r#"{"os":["linux"],"cpu":["x64","arm64"]}"#, true),
            (r#"{"os":["darwin"]}"#, false),
            (r#"{"os":["!win32"]}"#, true),
            (r#"{"os":["!linux"]}"#, false),
            (r#"{"cpu":"arm64"}"#, false),
            (r#"{"cpu":["any"]}"#, true),
            (r#"{"libc":["musl"]}"#, false),
            (r#"{"libc":["glibc"],"os":[]}"#, true),
        ] {
            assert_eq!(manifest(json).is_for("x64"), wanted, "{json}");
        }
    }

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!(with_parents("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(with_parents("").collect::<Vec<_>>(), [""]);
    }
}

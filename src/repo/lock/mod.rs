//! Yarn's lockfile: entries, reachability, and the cut to a smaller project.
//!
//! In: the text of `yarn.lock` as Yarn 2 and later write it. Out: entries that keep their own text, so that a cut
//! reproduces what Yarn itself would write byte for byte. Knows nothing of files or of Backstage.
//!
//! Facts about the format were read in `@yarnpkg/core` (Project.setupResolutions, Project.generateLockfile) and
//! `@yarnpkg/parsers` (syml), and tried with the releases named in `format`.

mod cut;
mod descriptor;
mod extensions;
mod format;
mod parse;
mod resolutions;
mod resolver;
mod rules;
mod walk;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use buildkit_frontend::diagnostic::SourceFile;
use buildkit_frontend::path::ContextPath;
use bytestring::ByteString;
use indexmap::{Equivalent, IndexMap};

pub use cut::WorkspaceEntry;
pub use descriptor::{Descriptor, Locator, is_name};
pub use extensions::{Extension, Extensions};
pub use parse::{LockError, LockErrorKind};
pub use resolutions::{Resolution, Resolutions};
pub(crate) use resolver::Edge;
pub use resolver::{Edges, Resolver};
pub use rules::Rules;
pub use walk::{Marks, Missing, Seed, Walk};

pub(crate) use rules::{backstage_params, bound_parent};

/// A parsed lockfile.
#[derive(Debug, Clone)]
pub struct Lockfile {
    /// The file, line breaks as LF.
    pub file: Arc<SourceFile>,
    /// `__metadata.version`: 4 to 6 for Yarn 2 and 3, 7 and above for Yarn 4.
    pub version: u32,
    /// Everything before the first entry, `__metadata` included, as written.
    pub(crate) preamble: String,
    /// Entries in the order of the file.
    pub entries: Vec<Entry>,
    /// Descriptors, normalised (see [`Descriptor`]), with their places.
    index: IndexMap<Descriptor, Place>,
    /// The same, sorted, for the few that look for the beginning of a range.
    sorted: OnceCell<Vec<(Descriptor, Place)>>,
    /// Directory of each workspace (`.` for the root) to its entry.
    workspaces: BTreeMap<String, usize>,
}

/// Where a descriptor stands: the entry, and which of its descriptors it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) entry: usize,
    pub(crate) descriptor: usize,
}

/// One entry: everything that some descriptors resolve to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The descriptors of the key, in the order written.
    pub descriptors: Vec<Descriptor>,
    /// `resolution`.
    pub locator: Locator,
    /// `version`; `0.0.0-use.local` for what is in the repository.
    pub version: ByteString,
    /// `dependencies`: name and range, as and in the order written. Optional ones are in here too.
    pub dependencies: Vec<(ByteString, ByteString)>,
    /// Names in `dependenciesMeta` with `optional: true`.
    pub optional: BTreeSet<ByteString>,
    /// Names in `peerDependencies`.
    pub peers: Vec<ByteString>,
    /// `conditions`, such as `os=darwin & cpu=arm64`.
    pub conditions: Option<ByteString>,
    /// Whether `linkType` is `soft`: linked from the repository, not fetched.
    pub soft: bool,
    /// 1-based line of the key.
    pub line: usize,
    /// How many descriptors the entries before it have.
    pub(crate) first: usize,
    /// Where in the file the entry's text below its key stands.
    pub(crate) body: Range<usize>,
}

/// A descriptor by its parts, to look for one.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    name: &'a str,
    range: &'a str,
}

/// As [`Descriptor`] does it.
impl Hash for Wanted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.range.hash(state);
    }
}

impl Equivalent<Descriptor> for Wanted<'_> {
    fn equivalent(&self, key: &Descriptor) -> bool {
        key.name == self.name && key.range == self.range
    }
}

impl Entry {
    /// Whether it has a dependency of a name.
    pub fn depends_on(&self, name: &str) -> bool {
        self.dependencies.iter().any(|(known, _)| known == name)
    }

    /// What stands below its key, in the text of its file.
    pub(crate) fn text<'a>(&self, file: &'a str) -> &'a str {
        file.get(self.body.start..self.body.end.min(file.len())).unwrap_or_default()
    }

    /// Directory of the workspace that this entry stands for, relative to the root (`.` for the root itself).
    pub fn workspace_dir(&self) -> Option<&str> {
        self.locator.reference.strip_prefix("workspace:")
    }
}

impl Lockfile {
    /// The entry that a descriptor resolves to.
    pub fn entry(&self, descriptor: &Descriptor) -> Option<&Entry> {
        self.place(descriptor).and_then(|place| self.entries.get(place.entry))
    }

    /// All entries of a package.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.locator.name == name)
    }

    /// The first descriptor of a package whose range begins so, by the order of ranges.
    pub(crate) fn starting(&self, name: &str, start: &str) -> Option<&Descriptor> {
        let sorted = self.sorted.get_or_init(|| {
            let mut all: Vec<_> = self.index.iter().map(|(known, place)| (known.clone(), *place)).collect();
            all.sort();
            all
        });
        let first = sorted.partition_point(|(known, _)| (&*known.name, &*known.range) < (name, start));
        let (known, place) = sorted.get(first)?;
        let found = self.entries.get(place.entry)?.descriptors.get(place.descriptor)?;
        (known.name == name && found.range.starts_with(start)).then_some(found)
    }

    /// The entry of the workspace in a directory.
    pub fn workspace(&self, dir: &ContextPath) -> Option<&Entry> {
        self.entries.get(self.workspace_index(dir)?)
    }

    pub(crate) fn workspace_index(&self, dir: &ContextPath) -> Option<usize> {
        self.workspaces.get(&dir.to_string()).copied()
    }

    /// All descriptors that a walk used.
    pub(crate) fn used_all<'a>(&'a self, walk: &'a Walk) -> impl Iterator<Item = &'a Descriptor> {
        (0..self.entries.len()).flat_map(|entry| self.used(walk, Some(entry)))
    }

    /// The descriptors of an entry that a walk used.
    pub(crate) fn used<'a>(&'a self, walk: &'a Walk, entry: Option<usize>) -> impl Iterator<Item = &'a Descriptor> {
        let found = entry.and_then(|entry| self.entries.get(entry));
        found.into_iter().flat_map(|entry| {
            let numbered = (entry.first..).zip(&entry.descriptors);
            numbered.filter(|(number, _)| walk.used.contains(*number)).map(|(_, descriptor)| descriptor)
        })
    }

    /// The number of a descriptor among all of the file.
    pub(crate) fn number(&self, place: Place) -> Option<usize> {
        self.entries.get(place.entry)?.first.checked_add(place.descriptor)
    }

    pub(crate) fn place(&self, descriptor: &Descriptor) -> Option<Place> {
        // What an old file's keys were normalised by applies to what is looked up, too.
        let old = (self.version <= 6).then(|| self.indexed(descriptor));
        let Descriptor { name, range } = old.as_ref().unwrap_or(descriptor);
        self.known(name, range)
    }

    /// The place of a descriptor that is normalised.
    pub(crate) fn known(&self, name: &str, range: &str) -> Option<Place> {
        self.index.get(&Wanted { name, range }).copied()
    }
}

impl Default for Lockfile {
    fn default() -> Self {
        Self {
            file: SourceFile::new("yarn.lock", ""),
            version: 0,
            preamble: String::new(),
            entries: Vec::new(),
            index: IndexMap::new(),
            sorted: OnceCell::new(),
            workspaces: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_range_begins_with_is_looked_up() {
        // Compared one by one with all entries these would be 10^10 comparisons.
        let mut lock = Lockfile { version: 8, ..Lockfile::default() };
        for i in 0..100_000 {
            let range = format!("backstage:^{i}::backstage=1.0.0&npm={i}");
            lock.add(Entry { descriptors: vec![Descriptor::new("a", range)], ..Entry::default() }).unwrap();
        }
        for i in 0..100_000 {
            let found = lock.starting("a", &format!("backstage:^{i}::")).unwrap();
            assert!(found.range.ends_with(&format!("&npm={i}")));
            assert_eq!(lock.starting("a", &format!("backstage:^{i}:x")), None);
        }
        assert_eq!(lock.starting("b", ""), None);
    }
}

//! Which entries a project reaches.
//!
//! The same walk as `Project.resolveEverything`: workspaces first, then the dependencies of everything that was
//! reached, each through [`super::Rules`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::resolver::{Edge, Resolver};
use super::rules::{bound_parent, decode, patch_file, patch_paths};
use super::{Descriptor, Locator, Place};

/// Portals that lead to portals, followed.
const MAX_PORTALS: usize = 8;

/// A package of the repository to start from: what Yarn calls a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seed {
    /// `name@workspace:dir`.
    pub locator: Locator,
    /// What it asks for: `dependencies`, over them `optionalDependencies`, over them `devDependencies`.
    pub dependencies: BTreeMap<String, String>,
    /// Which of them it can do without.
    pub optional: BTreeSet<String>,
}

/// What a walk reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Numbers of the descriptors in use; a lockfile of the project holds exactly these.
    pub(crate) used: Marks,
    /// Indices of the entries reached, workspaces among them.
    pub entries: Marks,
    /// Indices of the resolutions that changed something.
    pub resolutions: BTreeSet<usize>,
    /// Directories of workspaces that are reached by a descriptor, relative to the root.
    pub workspaces: BTreeSet<String>,
    /// What has no entry.
    pub missing: Vec<Missing>,
    /// Files and directories that an install reads because descriptors name them: patches, targets of `file:` and `exec:`,
    /// manifests of `portal:` targets; relative to the root and not cleaned.
    pub files: BTreeSet<String>,
    /// Directories that an install links to, not cleaned either: targets of `link:` and `portal:`.
    pub links: BTreeSet<String>,
}

/// A dependency without an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Who asks.
    pub parent: Locator,
    /// What the lockfile should know.
    pub descriptor: Descriptor,
}

/// A set of small numbers, such as indices of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    marked: Vec<bool>,
    count: usize,
}

impl Marks {
    /// Adds a number and answers whether it is new.
    pub(crate) fn insert(&mut self, number: usize) -> bool {
        if self.marked.len() <= number {
            self.marked.resize(number.saturating_add(1), false);
        }
        let new = self.marked.get_mut(number).is_some_and(|marked| !std::mem::replace(marked, true));
        self.count = self.count.saturating_add(usize::from(new));
        new
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        self.marked.get(number).copied().unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.marked.iter().enumerate().filter(|(_, marked)| **marked).map(|(number, _)| number)
    }
}

impl Resolver<'_> {
    /// Walks from some workspaces.
    pub fn walk(&self, seeds: &[Seed]) -> Walk {
        let mut walk = Walk::default();
        self.extend(&mut walk, seeds);
        walk
    }

    /// Goes on from more workspaces.
    pub(crate) fn extend(&self, walk: &mut Walk, seeds: &[Seed]) {
        let mut queue: Vec<usize> = Vec::new();
        for seed in seeds {
            let anchor = Descriptor::new(seed.locator.name.clone(), seed.locator.reference.clone());
            match self.lock.place(&anchor) {
                Some(place) => {
                    self.mark(walk, place);
                    walk.entries.insert(place.entry);
                }
                None => walk.missing.push(Missing { parent: self.rules.root.clone(), descriptor: anchor }),
            }
            for (name, range) in &seed.dependencies {
                let wanted = Descriptor::new(&**name, &**range);
                let edge = self.edge(&seed.locator, wanted, seed.optional.contains(name));
                self.follow(walk, &seed.locator, &edge, &mut queue);
            }
        }
        self.drain(walk, queue);
    }

    /// Walks from an entry, without a descriptor of its own.
    pub(crate) fn walk_entry(&self, index: usize) -> Walk {
        let mut walk = Walk::default();
        if index < self.lock.entries.len() {
            walk.entries.insert(index);
            self.drain(&mut walk, vec![index]);
        }
        walk
    }

    /// Adds a descriptor, whether it was used before or not, and what it reaches to a walk.
    pub(crate) fn walk_descriptor(&self, walk: &mut Walk, descriptor: &Descriptor) {
        let mut queue = Vec::new();
        let place = self.lock.place(descriptor).inspect(|place| _ = self.mark(walk, *place));
        self.reach(walk, &self.rules.root, descriptor, place, &mut queue);
        self.drain(walk, queue);
    }

    fn drain(&self, walk: &mut Walk, mut queue: Vec<usize>) {
        while let Some(index) = queue.pop() {
            let Some(entry) = self.lock.entries.get(index) else { continue };
            for edge in self.edges(index) {
                self.follow(walk, &entry.locator, edge, &mut queue);
            }
        }
        walk.missing.sort();
        walk.missing.dedup();
    }

    fn follow(&self, walk: &mut Walk, parent: &Locator, edge: &Edge, queue: &mut Vec<usize>) {
        walk.resolutions.extend(edge.reduced.as_ref().and_then(|reduced| reduced.resolution));
        // What is known already was followed, and so was what comes with it.
        if edge.place.is_some_and(|place| !self.mark(walk, place)) {
            return;
        }
        match (&edge.reduced, edge.place) {
            (Some(reduced), place) => self.reach(walk, parent, &reduced.descriptor, place, queue),
            (None, Some(place)) => self.enter(walk, place, queue),
            (None, None) => {}
        }
    }

    /// Adds a descriptor that was marked, and those that must be resolved along with it as long as they are new.
    fn reach(
        &self,
        walk: &mut Walk,
        parent: &Locator,
        descriptor: &Descriptor,
        place: Option<Place>,
        queue: &mut Vec<usize>,
    ) {
        let mut next = Some((Cow::Borrowed(descriptor), place));
        while let Some((descriptor, place)) = next.take() {
            let Some(place) = place else {
                walk.missing.push(Missing { parent: parent.clone(), descriptor: descriptor.into_owned() });
                return;
            };
            named_files(&descriptor, walk);
            self.enter(walk, place, queue);
            let companion = self.rules.companion(&descriptor).map(|companion| {
                let place = self.lock.place(&companion);
                (Cow::Owned(companion), place)
            });
            next = companion.filter(|(_, place)| place.is_none_or(|place| self.mark(walk, place)));
        }
    }

    fn mark(&self, walk: &mut Walk, place: Place) -> bool {
        self.lock.number(place).is_some_and(|number| walk.used.insert(number))
    }

    /// Adds the entry of a descriptor. Workspaces are walked from as seeds only.
    fn enter(&self, walk: &mut Walk, place: Place, queue: &mut Vec<usize>) {
        let Some(entry) = self.lock.entries.get(place.entry) else { return };
        let new = walk.entries.insert(place.entry);
        match entry.workspace_dir() {
            Some(dir) => drop(walk.workspaces.insert(dir.to_owned())),
            None if new => queue.push(place.entry),
            None => {}
        }
    }
}

/// The files of the repository that a descriptor names, relative to the root.
fn named_files(descriptor: &Descriptor, walk: &mut Walk) {
    let base = bound_parent(&descriptor.range).and_then(|parent| directory(&parent, 0));
    for path in patch_paths(&descriptor.range) {
        match (patch_file(&path), &base) {
            (file, _) if file.starts_with("builtin<") || file.starts_with("~builtin<") || file.starts_with('/') => {}
            (file, _) if file.starts_with("~/") => drop(walk.files.insert(file.trim_start_matches("~/").to_owned())),
            (file, Some(base)) => drop(walk.files.insert(format!("{base}{file}"))),
            (_, None) => {}
        }
    }
    let Some((base, (protocol, path))) = base.zip(local(&descriptor.range)) else { return };
    let target = format!("{base}{path}");
    match protocol {
        "link:" => drop(walk.links.insert(target)),
        "portal:" => {
            walk.files.insert(format!("{target}/package.json"));
            walk.links.insert(target);
        }
        _ => drop(walk.files.insert(target)),
    }
}

/// Protocol and path of a range that names something in the repository.
fn local(range: &str) -> Option<(&'static str, String)> {
    let protocol = ["file:", "portal:", "exec:", "link:"].into_iter().find(|protocol| range.starts_with(protocol))?;
    let path = range.strip_prefix(protocol)?;
    Some((protocol, decode(path.split_once("::").map_or(path, |(path, _)| path))))
}

/// Directory of a package that lies in the repository, with a slash at its end; empty for the root. A portal may name
/// its own neighbours.
fn directory(locator: &Locator, depth: usize) -> Option<String> {
    if let Some(dir) = locator.reference.strip_prefix("workspace:") {
        return Some(if dir == "." { String::new() } else { format!("{dir}/") });
    }
    let ("portal:", path) = local(&locator.reference)? else { return None };
    let parent = bound_parent(&locator.reference).filter(|_| depth < MAX_PORTALS)?;
    Some(format!("{}{path}/", directory(&parent, depth.saturating_add(1))?))
}

//! Which entries a project reaches.
//!
//! The same walk as `Project.resolveEverything`: workspaces first, then the dependencies of everything that was
//! reached, each through [`Rules`].

use std::collections::{BTreeMap, BTreeSet};

use super::extensions::added;
use super::rules::{Rules, bound_parent, decode, patch_file, patch_paths};
use super::{Descriptor, Entry, Locator, Lockfile, Place};

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
    /// The descriptors in use; a lockfile of the project holds exactly these.
    pub(crate) used: BTreeSet<Place>,
    /// Indices of the entries reached, workspaces among them.
    pub entries: BTreeSet<usize>,
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

/// One edge of the graph.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    /// What is asked for; `None` for what the registry has and the file knows, of which there is nothing more to tell.
    pub(crate) descriptor: Option<Descriptor>,
    pub(crate) resolution: Option<usize>,
    pub(crate) place: Option<Place>,
    /// Whether the parent can do without it (`dependenciesMeta.*.optional`).
    pub(crate) optional: bool,
}

impl Lockfile {
    /// Walks from some workspaces.
    pub fn walk(&self, rules: &Rules, seeds: &[Seed]) -> Walk {
        let mut walk = Walk::default();
        let mut queue: Vec<(Locator, usize)> = Vec::new();
        for seed in seeds {
            let anchor = Descriptor::new(&*seed.locator.name, &*seed.locator.reference);
            match self.place(&anchor) {
                Some(place) => {
                    walk.used.insert(place);
                    walk.entries.insert(place.entry);
                }
                None => walk.missing.push(Missing { parent: rules.root.clone(), descriptor: anchor }),
            }
            for (name, range) in &seed.dependencies {
                let wanted = Descriptor::new(&**name, &**range);
                let edge = self.edge(rules, &seed.locator, wanted, seed.optional.contains(name));
                self.follow(rules, &mut walk, &seed.locator, edge, &mut queue);
            }
        }
        self.drain(rules, &mut walk, queue);
        walk
    }

    /// Walks from an entry, without a descriptor of its own.
    pub(crate) fn walk_entry(&self, rules: &Rules, index: usize) -> Walk {
        let mut walk = Walk::default();
        if let Some(entry) = self.entries.get(index) {
            walk.entries.insert(index);
            self.drain(rules, &mut walk, vec![(entry.locator.clone(), index)]);
        }
        walk
    }

    /// Adds what a descriptor reaches to a walk.
    pub(crate) fn walk_descriptor(&self, rules: &Rules, walk: &mut Walk, descriptor: &Descriptor) {
        let mut queue = Vec::new();
        let place = self.place(descriptor);
        if let Some(place) = place {
            walk.used.remove(&place);
        }
        let edge = Edge { descriptor: Some(descriptor.clone()), resolution: None, place, optional: false };
        self.follow(rules, walk, &rules.root, edge, &mut queue);
        self.drain(rules, walk, queue);
    }

    fn drain(&self, rules: &Rules, walk: &mut Walk, mut queue: Vec<(Locator, usize)>) {
        while let Some((locator, index)) = queue.pop() {
            let Some(entry) = self.entries.get(index) else { continue };
            for edge in self.edges(rules, entry) {
                self.follow(rules, walk, &locator, edge, &mut queue);
            }
        }
        walk.missing.sort();
        walk.missing.dedup();
    }

    /// The dependencies of an entry that is no workspace, those that Yarn adds included.
    pub(crate) fn edges(&self, rules: &Rules, entry: &Entry) -> Vec<Edge> {
        let own = entry.dependencies.iter().map(|(name, range)| (name.as_str(), range.as_str(), true));
        let more = added(entry, &rules.extensions).map(|(name, range)| (name, range, false));
        own.chain(more)
            .map(|(name, range, certain)| {
                let optional = entry.optional.contains(name);
                let plain = self.version > 6 && rules.leave(name, range);
                let edge = match self.known(name, range).filter(|_| plain) {
                    Some(place) => Edge { descriptor: None, resolution: None, place: Some(place), optional },
                    None => self.edge(rules, &entry.locator, Descriptor::new(name, range), optional),
                };
                (edge, certain)
            })
            // Which dependencies are added depends on Yarn's release: the file decides.
            .filter(|(edge, certain)| *certain || edge.place.is_some())
            .map(|(edge, _)| edge)
            .collect()
    }

    pub(crate) fn edge(&self, rules: &Rules, parent: &Locator, wanted: Descriptor, optional: bool) -> Edge {
        let reduced = rules.reduce(self, parent, wanted);
        let place = self.place(&reduced.descriptor);
        Edge { descriptor: Some(reduced.descriptor), resolution: reduced.resolution, place, optional }
    }

    fn follow(&self, rules: &Rules, walk: &mut Walk, parent: &Locator, edge: Edge, queue: &mut Vec<(Locator, usize)>) {
        walk.resolutions.extend(edge.resolution);
        let mut next = Some((edge.descriptor, edge.place));
        while let Some((descriptor, place)) = next.take() {
            let Some(place) = place else {
                walk.missing.extend(descriptor.map(|descriptor| Missing { parent: parent.clone(), descriptor }));
                return;
            };
            if !walk.used.insert(place) {
                return;
            }
            descriptor.iter().for_each(|descriptor| named_files(descriptor, walk));
            let Some(entry) = self.entries.get(place.entry) else { return };
            if let Some(dir) = entry.workspace_dir() {
                walk.workspaces.insert(dir.to_owned());
                walk.entries.insert(place.entry);
            } else if walk.entries.insert(place.entry) {
                queue.push((entry.locator.clone(), place.entry));
            }
            next = descriptor.and_then(|descriptor| rules.companion(&descriptor)).map(|companion| {
                let place = self.place(&companion);
                (Some(companion), place)
            });
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

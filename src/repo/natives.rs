//! Packages of the production closure that hold machine code.
//!
//! Decided from the lockfile alone: a package needs a binary if it depends on one of the tools that
//! build or find one; Yarn itself adds `node-gyp` where a script calls it. It is required if it can be reached without
//! an optional edge, and if the tool is no optional dependency of its own.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::path::ContextPath;
use serde_json::Value;

use super::Repository;
use super::lock::{Descriptor, Edge, Edges, Entry, Locator, Marks, Resolver, Rules, Seed, Walk, bound_parent};
use super::project::{Production, SyntheticProject};

/// A package with machine code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Native {
    /// The package's real name (an alias is resolved).
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its locator; a patched package says so here.
    pub locator: Locator,
    /// Whether the backend cannot do without it.
    pub required: bool,
    /// Why it is in the list.
    pub because: String,
}

/// What builds a binary, or finds one that others built.
const TOOLS: [&str; 9] = [
    "prebuild-install",
    "node-gyp-build",
    "node-gyp-build-optional-packages",
    "@mapbox/node-pre-gyp",
    "node-pre-gyp",
    "bindings",
    "nan",
    "node-addon-api",
    "node-gyp",
];

impl Production<'_> {
    /// What the lockfile says of the platforms of packages that are for some only (`os=linux & cpu=x64`), each once.
    pub fn conditions(&self) -> BTreeSet<&str> {
        let entries = self.walk.entries.iter().filter_map(|index| self.repo.lock.entries.get(index));
        entries.filter_map(|entry| entry.conditions.as_deref()).collect()
    }

    /// The packages that hold machine code, sorted by name and version.
    pub fn natives(&self) -> Vec<Native> {
        let lock = &self.repo.lock;
        let (resolver, seeds) = (self.repo.resolver(), self.seeds());
        let required = reached(resolver, &seeds, |edge| !edge.optional);
        // What a patch is made from is locked, and nobody installs it.
        let installed = reached(resolver, &seeds, |_| true);
        let entries = installed.iter().filter_map(|i| Some((i, lock.entries.get(i)?)));
        let mut natives: Vec<Native> =
            entries.filter_map(|(index, entry)| native(entry, required.contains(index))).collect();
        natives.sort_by(|a, b| (&a.name, &a.version, &a.locator).cmp(&(&b.name, &b.version, &b.locator)));
        natives
    }
}

fn native(entry: &Entry, reached: bool) -> Option<Native> {
    // An image is Linux: what only another system can load is never there.
    let elsewhere = entry.conditions.as_ref().is_some_and(|c| c.contains("os=") && !c.contains("os=linux"));
    // Formats before 6 tell no conditions; this one is in every old repository and loads on macOS only.
    let elsewhere = elsewhere || entry.locator.name == "fsevents";
    let is_tool = TOOLS.contains(&&*entry.locator.name);
    if entry.soft || is_tool || elsewhere {
        return None;
    }
    let names: Vec<&str> = TOOLS.into_iter().filter(|tool| entry.depends_on(tool)).collect();
    let certain = names.iter().any(|tool| !entry.optional.contains(*tool));
    let required = reached && certain;
    let because = match (names.as_slice(), reached, certain) {
        ([], ..) => return None,
        (tools, true, true) => format!("depends on {} and is not optional", tools.join(", ")),
        (tools, false, _) => format!("depends on {}; reached by optional dependencies only", tools.join(", ")),
        (tools, _, false) => format!("{} is optional to it", tools.join(", ")),
    };
    Some(Native {
        name: entry.locator.name.to_string(),
        version: entry.version.to_string(),
        locator: entry.locator.clone(),
        required,
        because,
    })
}

/// Entries that can be reached over some edges.
fn reached(resolver: Resolver<'_>, seeds: &[Seed], follows: impl Fn(&Edge) -> bool) -> Marks {
    let mut queue: Vec<usize> = Vec::new();
    let follow = |queue: &mut Vec<usize>, edge: &Edge| {
        queue.extend(edge.place.filter(|_| follows(edge)).map(|place| place.entry));
    };
    for seed in seeds {
        for (name, range) in &seed.dependencies {
            let wanted = Descriptor::new(&**name, &**range);
            follow(&mut queue, &resolver.edge(&seed.locator, wanted, seed.optional.contains(name)));
        }
    }
    let mut seen = Marks::default();
    while let Some(index) = queue.pop() {
        if seen.insert(index) {
            resolver.edges(index).iter().for_each(|edge| follow(&mut queue, edge));
        }
    }
    seen
}

/// A project that holds one native package of the repository and what it needs, at the locked versions.
///
/// Its key depends on that package alone, not on the rest of the lockfile. Build scripts: `dependenciesMeta` allows
/// them for the package itself, so that with `enableScripts: false` nothing else runs. `None` for a package whose patch
/// lies beside a workspace: it can be installed with the whole project only.
pub fn native_project(repo: &Repository, native: &Native) -> Option<SyntheticProject> {
    let index = repo.lock.entries.iter().position(|entry| entry.locator == native.locator)?;
    // Where a patch or an archive is bound to the repository's root, that name stands in the lockfile. Otherwise the root's
    // name is none of the package's business.
    let apart = Locator { name: "native".into(), reference: "workspace:.".into() };
    let own = repo.root.own_name().map(str::to_owned);
    below(repo, native, index, apart, Some("native".to_owned()))
        .or_else(|| below(repo, native, index, repo.yarn.rules.root.clone(), own))
}

/// The same below a root, and what its manifest calls itself.
fn below(
    repo: &Repository,
    native: &Native,
    index: usize,
    root: Locator,
    name: Option<String>,
) -> Option<SyntheticProject> {
    let lock = &repo.lock;
    let entry = lock.entries.get(index)?;
    let (range, descriptor) = asked_for(entry, &root)?;
    // The root's own dependency must stay as it is named here.
    let resolutions = repo.yarn.rules.resolutions.iter().filter(|line| !line.applies_everywhere_to(&native.name));
    let resolutions = resolutions.cloned().collect();
    let rules = Rules { root: root.clone(), resolutions, ..repo.yarn.rules.clone() };
    let edges = Edges::of(lock);
    let resolver = Resolver::new(lock, &rules, &edges);
    let mut walk = resolver.walk_entry(index);
    let mut renamed = BTreeMap::new();
    match descriptor {
        // What a patch is made from is locked too.
        Some(descriptor) => resolver.walk_descriptor(&mut walk, descriptor),
        None => {
            let mut descriptors: Vec<Descriptor> = lock.used(&walk, Some(index)).cloned().collect();
            descriptors.push(Descriptor::new(native.name.as_str(), range.as_str()));
            descriptors.sort();
            descriptors.dedup();
            renamed.insert(index, descriptors);
        }
    }
    if !walk.missing.is_empty() || walk.files.iter().any(|file| ContextPath::new(file).is_err()) {
        return None;
    }
    let mut manifest = super::project::InstallManifest { name, ..Default::default() };
    manifest.dependencies.insert(native.name.clone(), range);
    Some(project(repo, &rules, &walk, manifest, &renamed))
}

/// The range by which the root of a package's little project asks for it, and the descriptor of the lockfile that this
/// becomes; none where the lockfile is to be given one.
///
/// What Yarn writes behind `::` says where something was found or who asked (`__archiveUrl`, `locator`): no resolver takes
/// it in a range. Yarn finds the entry by the rest, and the entry's resolution keeps all of it.
fn asked_for<'a>(entry: &'a Entry, root: &Locator) -> Option<(String, Option<&'a Descriptor>)> {
    let plain = |range: &str| range.split_once("::").map_or(range, |(range, _)| range).to_owned();
    if entry.locator.protocol() == Some("npm:") {
        // Named exactly, so that another range for the same version changes nothing.
        return Some((plain(&entry.locator.reference), None));
    }
    let bound = |descriptor: &&Descriptor| bound_parent(&descriptor.range).is_none_or(|parent| parent == *root);
    let descriptor = entry.descriptors.iter().find(bound)?;
    Some((plain(&descriptor.range), Some(descriptor)))
}

fn project(
    repo: &Repository,
    rules: &Rules,
    walk: &Walk,
    mut manifest: super::project::InstallManifest,
    renamed: &BTreeMap<usize, Vec<Descriptor>>,
) -> SyntheticProject {
    for name in manifest.dependencies.keys() {
        manifest.dependencies_meta.insert(name.clone(), BTreeMap::from([("built".to_owned(), true)]));
    }
    let used = rules.resolutions.iter().enumerate().filter(|(i, _)| walk.resolutions.contains(i));
    manifest.resolutions = used.map(|(_, r)| (r.key.clone(), r.reference.clone())).collect();
    let package_manager = repo.root.json.get("packageManager").and_then(Value::as_str);
    manifest.package_manager = package_manager.map(str::to_owned);
    let lock = repo.lock.write(walk, &[manifest.entry(&rules.root)], renamed);
    let mut project = SyntheticProject { entries: walk.entries.len().saturating_add(1), ..Default::default() };
    for (name, text) in [("package.json", manifest.to_json()), ("yarn.lock", lock)] {
        project.files.extend(ContextPath::new(name).map(|path| (path, text)));
    }
    project.backstage_manifest = super::project::release_manifest(repo.lock.used_all(walk));
    project.inputs.extend(super::project::named(&walk.files, |_| false));
    // A release of Backstage is none of its business, unless a range of its own names one.
    let release = |path: &ContextPath| path.as_str() == "backstage.json" && project.backstage_manifest.is_none();
    let inputs: Vec<ContextPath> = super::project::common_inputs(repo).filter(|path| !release(path)).collect();
    project.inputs.extend(inputs);
    project
}

//! Synthetic projects: what an install sees in place of the repository.
//!
//! In: a [`Repository`]. Out: manifests reduced to what an install depends on, a lockfile, and the paths of the
//! repository that have to lie beside them. The development project stands for the whole repository with its own
//! lockfile; the production project holds the backend's closure alone, with a lockfile cut to it, for Yarn to judge.

mod manifest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::path::ContextPath;
use serde_json::Value;

use super::lock::{Descriptor, Rules, Seed, Walk, backstage_params};
use super::{Manifest, Repository};

pub use manifest::InstallManifest;

/// A project made of reduced manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyntheticProject {
    /// Files to write: manifests, and `yarn.lock` where it is cut.
    pub files: BTreeMap<ContextPath, String>,
    /// Files and directories to copy from the repository: `yarn.lock` where it is the repository's own, `.yarnrc.yml`,
    /// Yarn's releases and plugins, patches, local packages. Each exists as far as was read.
    pub inputs: BTreeSet<ContextPath>,
    /// Directories outside all workspaces that the installed tree links to: needed at run time, not by the install.
    pub links: Vec<ContextPath>,
    /// Directories of its workspaces, the root left out, sorted.
    pub workspaces: Vec<ContextPath>,
    /// Number of entries in its lockfile.
    pub entries: usize,
    /// What [`backstage_manifest`] says, for the packages of this project alone.
    pub backstage_manifest: Option<String>,
}

/// The whole repository: every workspace, development dependencies included, and its own `yarn.lock` (an input).
pub fn development(repo: &Repository) -> SyntheticProject {
    let mut project = SyntheticProject { entries: repo.lock.entries.len(), ..SyntheticProject::default() };
    for manifest in std::iter::once(&repo.root).chain(&repo.workspaces) {
        let mut reduced = InstallManifest::of(manifest, manifest.dir.is_root());
        let named =
            repo.lock.workspace(&manifest.dir).is_some_and(|e| e.descriptors.iter().any(manifest::needs_version));
        reduced.version = version(manifest).filter(|_| named && !manifest.dir.is_root());
        project.add(manifest, &reduced);
    }
    project.inputs.extend(repo.yarn.inputs.iter().cloned());
    project.links.clone_from(&repo.yarn.links);
    project.backstage_manifest = backstage_manifest(repo);
    project.inputs.extend(common_inputs(repo));
    project.inputs.extend(ContextPath::new("yarn.lock"));
    project
}

/// The release manifest that Backstage's Yarn plugin would fetch from versions.backstage.io, as far as the lockfile
/// knows it: the content of a file for `BACKSTAGE_MANIFEST_FILE`. `None` where nothing asks for `backstage:^`.
pub fn backstage_manifest(repo: &Repository) -> Option<String> {
    release_manifest(repo.lock.entries.iter().flat_map(|entry| &entry.descriptors))
}

pub(crate) fn release_manifest<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Option<String> {
    let mut packages: BTreeMap<&str, &str> = BTreeMap::new();
    let mut release = None;
    for descriptor in descriptors {
        if let Some((version, npm)) = backstage_params(descriptor) {
            release = Some(version);
            packages.insert(&descriptor.name, npm);
        }
    }
    let packages: Vec<Value> =
        packages.into_iter().map(|(name, version)| serde_json::json!({ "name": name, "version": version })).collect();
    Some(serde_json::json!({ "releaseVersion": release?, "packages": packages }).to_string())
}

impl SyntheticProject {
    fn add(&mut self, manifest: &Manifest, reduced: &InstallManifest) {
        if let Ok(path) = manifest.dir.join("package.json") {
            self.files.insert(path, reduced.to_json());
        }
        if !manifest.dir.is_root() {
            self.workspaces.push(manifest.dir.clone());
        }
    }
}

/// The backend's production closure: manifests without development dependencies, bundled packages without any, and what
/// of the lockfile they reach.
#[derive(Debug, Clone)]
pub struct Production<'a> {
    pub(crate) repo: &'a Repository,
    pub(crate) manifests: Vec<(&'a Manifest, InstallManifest)>,
    pub(crate) walk: Walk,
}

impl<'a> Production<'a> {
    /// Of the backend with this name.
    pub fn of(repo: &'a Repository, backend: &str) -> Self {
        let root = repo.root.dependencies.keys().chain(repo.root.optional_dependencies.keys()).map(String::as_str);
        let names = std::iter::once(backend).chain(root);
        let mut dirs: BTreeSet<&ContextPath> = repo.dist_closures(names).into_iter().map(|m| &m.dir).collect();
        let mut members: BTreeMap<&ContextPath, InstallManifest> = BTreeMap::new();
        let mut walk = Walk::default();
        let mut fresh: Vec<&Manifest> = std::iter::once(&repo.root).chain(repo.members(&dirs)).collect();
        // A package of the registry may ask for a workspace, which asks for more.
        while !fresh.is_empty() {
            let reduced: Vec<_> = fresh.into_iter().map(|manifest| (manifest, reduced(manifest))).collect();
            let seeds: Vec<_> = reduced.iter().map(|(m, reduced)| reduced.seed(&m.locator())).collect();
            repo.resolver().extend(&mut walk, &seeds);
            members.extend(reduced.into_iter().map(|(manifest, reduced)| (&manifest.dir, reduced)));
            let reached = walk.workspaces.iter().filter_map(|dir| ContextPath::new(dir).ok());
            let reached: BTreeSet<ContextPath> = reached.filter(|dir| !dirs.contains(dir)).collect();
            fresh = repo.workspaces.iter().filter(|w| reached.contains(&w.dir)).collect();
            dirs.extend(fresh.iter().map(|manifest| &manifest.dir));
        }
        let all = std::iter::once(&repo.root).chain(repo.members(&dirs));
        let mut manifests: Vec<_> = all.filter_map(|m| Some((m, members.remove(&m.dir)?))).collect();
        for (manifest, reduced) in &mut manifests {
            let place = repo.lock.workspace_index(&manifest.dir);
            let named = repo.lock.used(&walk, place).any(manifest::needs_version);
            if manifest.dir.is_root() {
                reduced.workspaces = Some(dirs.iter().map(|dir| Value::from(workspace_pattern(dir))).collect());
                reduced.resolutions = used_resolutions(&repo.yarn.rules, &walk);
            } else if named {
                reduced.version = version(manifest);
            }
        }
        Self { repo, manifests, walk }
    }

    /// As a project, with a lockfile cut to what it reaches. No build installs it: real Yarn takes it only if the closure is
    /// complete and holds no more than it has to, which is how tests prove what images are selected by.
    pub fn project(&self) -> SyntheticProject {
        let Self { repo, manifests, walk } = self;
        let mut project = SyntheticProject { entries: walk.entries.len(), ..SyntheticProject::default() };
        let mut entries = Vec::new();
        for (manifest, reduced) in manifests {
            entries.push(reduced.entry(&manifest.locator()));
            project.add(manifest, reduced);
        }
        let lock = repo.lock.cut(walk, &entries);
        project.files.extend(ContextPath::new("yarn.lock").map(|path| (path, lock)));
        project.backstage_manifest = release_manifest(repo.lock.used_all(walk));
        project.inputs.extend(named(&walk.files, |path| project.files.contains_key(path)));
        project.links = self.links();
        project.inputs.extend(common_inputs(repo));
        project
    }

    /// Directories outside all workspaces that the installed tree links to.
    pub fn links(&self) -> Vec<ContextPath> {
        named(&self.walk.links, |path| self.manifests.iter().any(|(manifest, _)| manifest.dir == *path))
    }

    /// What Yarn starts from.
    pub(crate) fn seeds(&self) -> Vec<Seed> {
        self.manifests.iter().map(|(manifest, reduced)| reduced.seed(&manifest.locator())).collect()
    }
}

/// A manifest for production. `bin` is dropped: the files that it names come with the bundle, later.
fn reduced(manifest: &Manifest) -> InstallManifest {
    let mut reduced = InstallManifest::of(manifest, manifest.dir.is_root());
    reduced.workspaces = None;
    for (name, range) in std::mem::take(&mut reduced.dev_dependencies) {
        // Named twice, Yarn takes the development range: the lockfile knows no other.
        for twice in [&mut reduced.dependencies, &mut reduced.optional_dependencies] {
            if let Some(known) = twice.get_mut(&name) {
                known.clone_from(&range);
            }
        }
    }
    reduced.bin.clear();
    if manifest.bundled {
        reduced.dependencies.clear();
        reduced.optional_dependencies.clear();
        reduced.peer_dependencies.clear();
        reduced.dependencies_meta.clear();
        reduced.peer_dependencies_meta.clear();
    }
    reduced
}

fn used_resolutions(rules: &Rules, walk: &Walk) -> Vec<(String, String)> {
    let used = rules.resolutions.iter().enumerate().filter(|(i, _)| walk.resolutions.contains(i));
    used.map(|(_, r)| (r.key.clone(), r.reference.clone())).collect()
}

fn version(manifest: &Manifest) -> Option<String> {
    manifest.json.get("version").and_then(Value::as_str).map(str::to_owned)
}

/// Paths that descriptors name, but for what lies in the project already.
pub(crate) fn named(paths: &BTreeSet<String>, mut there: impl FnMut(&ContextPath) -> bool) -> Vec<ContextPath> {
    let paths: BTreeSet<ContextPath> = paths.iter().filter_map(|path| ContextPath::new(path).ok()).collect();
    paths.into_iter().filter(|path| !path.is_root() && !there(path)).collect()
}

/// What every install needs of the repository.
pub(crate) fn common_inputs(repo: &Repository) -> impl Iterator<Item = ContextPath> {
    let rc = repo.yarn.rc.as_ref().and_then(|_| ContextPath::new(".yarnrc.yml").ok());
    let backstage = repo.root_files.contains("backstage.json").then(|| ContextPath::new("backstage.json").ok());
    let tools = repo.yarn.tools.iter().cloned();
    rc.into_iter().chain(backstage.flatten()).chain(tools)
}

/// A directory as a workspace pattern that matches it alone.
fn workspace_pattern(dir: &ContextPath) -> String {
    let mut out = String::new();
    for c in dir.as_str().chars() {
        if "*?[]{}()!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

//! Packages that only packages which are left out need.

use std::collections::BTreeSet;

use super::Repository;
use super::lock::{Marks, Seed};
use super::project::Production;

impl Production<'_> {
    /// Names of packages that nothing reaches any more once the packages named in `gone` are left out, those in `gone`
    /// included. A name is listed only if all its versions are unreachable. Sorted.
    pub fn orphans(&self, gone: &[&str]) -> Vec<String> {
        let repo = self.repo;
        let kept = reachable(repo, &self.seeds(), gone);
        // A workspace is no package that could be left out, whatever it is called.
        let entry = |index: usize| repo.lock.entries.get(index).filter(|entry| entry.workspace_dir().is_none());
        let name = |index: usize| entry(index).map(|entry| &*entry.locator.name);
        // An alias is a folder of that name, whatever lies in it.
        let aliases = kept.iter().filter_map(entry).flat_map(|entry| &entry.descriptors).map(|d| &*d.name);
        let kept: BTreeSet<&str> = kept.iter().filter_map(name).chain(aliases).collect();
        let all: BTreeSet<&str> = self.walk.entries.iter().filter_map(name).collect();
        let is_workspace = |name: &str| repo.root.name == name || repo.workspace(name).is_some();
        all.difference(&kept).filter(|name| !is_workspace(name)).map(|name| (*name).to_owned()).collect()
    }
}

/// Entries reached from the workspaces without stepping on a package in `gone`.
fn reachable(repo: &Repository, seeds: &[Seed], gone: &[&str]) -> Marks {
    let (lock, resolver) = (&repo.lock, repo.resolver());
    let mut queue: Vec<usize> = Vec::new();
    for seed in seeds {
        for (name, range) in &seed.dependencies {
            let wanted = super::lock::Descriptor::new(&**name, &**range);
            queue.extend(resolver.edge(&seed.locator, wanted, false).place.map(|place| place.entry));
        }
    }
    let mut seen = Marks::default();
    while let Some(index) = queue.pop() {
        let Some(entry) = lock.entries.get(index) else { continue };
        if gone.contains(&&*entry.locator.name) || !seen.insert(index) {
            continue;
        }
        // Workspaces are reached by their reduced manifests above, not by what the lockfile says of all their dependencies.
        if entry.workspace_dir().is_none() {
            queue.extend(resolver.edges(index).iter().filter_map(|edge| edge.place).map(|place| place.entry));
        }
    }
    seen
}

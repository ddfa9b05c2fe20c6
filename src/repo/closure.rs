//! Which workspaces belong together.
//!
//! By package name alone, as Backstage's CLI has it: protocol and range of a dependency are ignored (
//! `createDistWorkspace` in `@backstage/cli`). A workspace without a name of its own is no dependency of anything.

use std::collections::{BTreeMap, BTreeSet};

use super::{Manifest, Repository};

impl Repository {
    /// The workspaces that the CLI packs for a package, itself included: over `dependencies` and
    /// `optionalDependencies`; a package with `bundled: true` is a leaf. Sorted by path; empty if there is no such
    /// workspace.
    pub fn dist_closure(&self, name: &str) -> Vec<&Manifest> {
        self.dist_closures([name])
    }

    /// The same for several packages at once; names of none are left out.
    pub fn dist_closures<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<&Manifest> {
        self.closure(names, |m| {
            let open = !m.bundled;
            m.dependencies.keys().chain(m.optional_dependencies.keys()).filter(move |_| open)
        })
    }

    /// The workspaces that a build of a package may import from, itself included: over all four kinds of dependencies;
    /// an app that another package depends on is a leaf, since its output is shipped and nothing of it imported. Sorted
    /// by path; empty if there is no such workspace.
    pub fn source_closure(&self, name: &str) -> Vec<&Manifest> {
        self.closure([name], |m| {
            let open = m.own_name() == Some(name) || !(m.bundled || m.is_app());
            let development = m.dev_dependencies.keys().chain(m.peer_dependencies.keys());
            let all = m.dependencies.keys().chain(m.optional_dependencies.keys()).chain(development);
            all.filter(move |_| open)
        })
    }

    fn closure<'a, 'n, I: Iterator<Item = &'a String>>(
        &'a self,
        names: impl IntoIterator<Item = &'n str>,
        edges: impl Fn(&'a Manifest) -> I,
    ) -> Vec<&'a Manifest> {
        let named = self.workspaces.iter().filter_map(|workspace| Some((workspace.own_name()?, workspace)));
        let by_name: BTreeMap<&str, &Manifest> = named.collect();
        let mut seen = BTreeSet::new();
        let mut queue: Vec<&Manifest> = names.into_iter().filter_map(|name| by_name.get(name).copied()).collect();
        while let Some(manifest) = queue.pop() {
            if seen.insert(&manifest.dir) {
                queue.extend(edges(manifest).filter_map(|name| by_name.get(name.as_str()).copied()));
            }
        }
        self.workspaces.iter().filter(|w| seen.contains(&w.dir)).collect()
    }
}

//! What the production packages need, by name: whom to look for in an installed tree.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lock::{Descriptor, Entry};
use super::project::Production;

/// What one package needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Needs {
    /// What it cannot do without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// What may be missing: optional, or for some platforms only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub optional: Vec<String>,
}

impl Needs {
    fn add(&mut self, name: &str, optional: bool) {
        let list = if optional { &mut self.optional } else { &mut self.dependencies };
        list.push(name.to_owned());
    }

    fn sorted(mut self) -> Self {
        for list in [&mut self.dependencies, &mut self.optional] {
            list.sort();
            list.dedup();
        }
        self
    }
}

impl Production<'_> {
    /// What the workspaces need, by directory (empty for the root).
    pub fn workspace_needs(&self) -> BTreeMap<String, Needs> {
        let seeds = self.manifests.iter().zip(self.seeds());
        let needs = seeds.map(|((manifest, _), seed)| {
            let mut needs = Needs::default();
            for (name, range) in &seed.dependencies {
                let wanted = Descriptor::new(&**name, &**range);
                let place = self.repo.resolver().edge(&seed.locator, wanted, false).place;
                let entry = place.and_then(|place| self.repo.lock.entries.get(place.entry));
                needs.add(name, seed.optional.contains(name) || entry.is_some_and(is_conditional));
            }
            (manifest.dir.as_str().to_owned(), needs.sorted())
        });
        needs.collect()
    }

    /// What the packages of the closure need, by locator: dependencies as the lockfile has them, so what Yarn adds
    /// (`packageExtensions`) is among them.
    pub fn package_needs(&self) -> BTreeMap<String, Needs> {
        let lock = &self.repo.lock;
        let entries = self.walk.entries.iter().filter_map(|index| Some((index, lock.entries.get(index)?)));
        let packages = entries.filter(|(_, entry)| entry.workspace_dir().is_none());
        let needs = packages.map(|(index, entry)| {
            let mut needs = Needs::default();
            for edge in self.repo.resolver().edges(index) {
                let target = edge.place.and_then(|place| Some((place, lock.entries.get(place.entry)?)));
                let Some((place, target)) = target else { continue };
                let Some(descriptor) = target.descriptors.get(place.descriptor) else { continue };
                needs.add(&descriptor.name, edge.optional || is_conditional(target));
            }
            (entry.locator.to_string(), needs.sorted())
        });
        needs.collect()
    }

    /// Workspaces of the closure whose config schema stays TypeScript when they are bundled.
    ///
    /// Since `@backstage/cli-module-build` 0.1.5 (Backstage 1.53) the CLI writes JSON in its place.
    pub fn typescript_schemas(&self) -> Vec<String> {
        let oldest = Version::new(0, 1, 5);
        let writes_json = |entry: &Entry| Version::parse(&entry.version).is_ok_and(|version| version >= oldest);
        let mut builders = self.repo.lock.named("@backstage/cli-module-build").peekable();
        if builders.peek().is_some() && builders.all(writes_json) {
            return Vec::new();
        }
        let schema =
            |json: &serde_json::Map<String, Value>| json.get("configSchema").and_then(Value::as_str).map(str::to_owned);
        let typescript =
            self.manifests.iter().filter(|(m, _)| schema(&m.json).is_some_and(|file| file.ends_with(".ts")));
        typescript.map(|(manifest, _)| manifest.name.clone()).collect()
    }
}

/// Whether an entry is for some platforms only.
fn is_conditional(entry: &Entry) -> bool {
    entry.conditions.is_some()
}

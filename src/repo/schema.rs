//! Whether config schemas may lie in the production tree as TypeScript.
//!
//! Since `@backstage/cli-module-build` 0.1.5 (release 1.52) packages are published with `config.schema.json`; older ones
//! ship `config.d.ts`, which config-loader compiles at start-up with the TypeScript compiler.

use semver::Version;

use super::Repository;
use super::project::Production;

/// In which form config schemas may lie in the production tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaStyle {
    /// All are JSON: `.d.ts` files and the TypeScript compiler are of no use at run time.
    Json,
    /// Some may be `.d.ts`: they and the compiler have to stay.
    TypeScript {
        /// What says so.
        because: String,
    },
}

impl Production<'_> {
    /// Decides from the lockfile, on the safe side: JSON only if the release writes JSON and every production package
    /// that is made for Backstage is Backstage's own or a workspace.
    pub fn schema_style(&self) -> SchemaStyle {
        let typescript = |because: String| SchemaStyle::TypeScript { because };
        if !self.repo.writes_json_schemas() {
            return typescript("the Backstage release is older than 1.52.0".to_owned());
        }
        let entries = self.walk.entries.iter().filter_map(|i| self.repo.lock.entries.get(i));
        let foreign = entries.filter(|e| !e.soft && !e.locator.name.starts_with("@backstage/")).find(|entry| {
            let all = entry.dependencies.iter().map(|(name, _)| name).chain(&entry.peers);
            all.into_iter().any(|name| name.starts_with("@backstage/"))
        });
        match foreign {
            Some(entry) => typescript(format!("{} {} may ship its schema as .d.ts", entry.locator.name, entry.version)),
            None => SchemaStyle::Json,
        }
    }
}

impl Repository {
    fn writes_json_schemas(&self) -> bool {
        let at_least = |text: &str, bound: Version| Version::parse(text).is_ok_and(|version| version >= bound);
        let release = self.backstage.as_deref().is_some_and(|version| at_least(version, Version::new(1, 52, 0)));
        let mut builders = self.lock.named("@backstage/cli-module-build").peekable();
        let build = builders.peek().is_some() && builders.all(|entry| at_least(&entry.version, Version::new(0, 1, 5)));
        release || build
    }
}

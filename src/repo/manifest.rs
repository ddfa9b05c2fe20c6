//! Reads one package.json.

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span};
use buildkit_frontend::digest;
use buildkit_frontend::path::ContextPath;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::json::{self, Step};
use super::lock::{Locator, is_name};
use super::{Manifest, read};

impl Manifest {
    /// Whether it is an app: what a browser loads, not a plugin of one.
    pub fn is_app(&self) -> bool {
        self.role.as_deref() == Some("frontend")
    }

    /// The name by which dependencies, Backstage's CLI and the build file know it. A manifest without one has none: what
    /// Yarn calls it then is for yarn.lock alone, and its directory's name may be that of any package.
    pub fn own_name(&self) -> Option<&str> {
        self.named.then_some(self.name.as_str())
    }

    /// What Yarn knows it as when it is a workspace. The lockfile is not asked: one that says otherwise is outdated.
    pub(crate) fn locator(&self) -> Locator {
        Locator { name: self.name.as_str().into(), reference: format!("workspace:{}", self.dir).into() }
    }

    /// Reads the manifest of a directory. Values of a wrong type are left out, as Yarn does.
    pub(crate) fn parse(dir: &ContextPath, data: Bytes) -> Result<Self, Diagnostic> {
        let name = dir.join("package.json").map_or_else(|_| "package.json".to_owned(), |path| path.to_string());
        let file = read::source(&name, data);
        let json = json::object(&file, "repo/manifest")?;
        Ok(Self::of(dir, file, json))
    }

    /// Where the file says something, as deep as it does.
    pub fn place(&self, path: &[&str]) -> Span {
        let path: Vec<Step<'_>> = path.iter().map(|key| Step::Key(key)).collect();
        json::locate(&self.file, &path)
    }

    fn of(dir: &ContextPath, file: Arc<SourceFile>, json: Map<String, Value>) -> Self {
        let text = |key: &str| json.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        // A name that is none counts as missing, as in `Manifest.load` of `@yarnpkg/core`.
        let name = text("name").filter(|name| is_name(name));
        let map = |key: &str| strings(json.get(key));
        let files = json.get("files").and_then(Value::as_array).into_iter().flatten();
        let role = json.get("backstage").and_then(|b| b.get("role")).and_then(Value::as_str).map(str::to_owned);
        Self {
            named: name.is_some(),
            name: name.unwrap_or_else(|| invented(dir)),
            role,
            bundled: json.get("bundled") == Some(&Value::Bool(true)),
            scripts: map("scripts"),
            dependencies: map("dependencies"),
            dev_dependencies: map("devDependencies"),
            optional_dependencies: map("optionalDependencies"),
            peer_dependencies: map("peerDependencies"),
            config_schema: text("configSchema"),
            files: files.filter_map(Value::as_str).map(str::to_owned).collect(),
            dir: dir.clone(),
            file,
            json,
        }
    }

    /// `workspaces`: an array, or an object with `packages`. `None` where neither is there.
    pub fn workspace_globs(&self) -> Option<Vec<&str>> {
        let value = self.json.get("workspaces")?;
        let list = value.as_array().or_else(|| value.get("packages")?.as_array())?;
        Some(list.iter().filter_map(Value::as_str).collect())
    }
}

/// What Yarn calls a workspace without a name: its directory's name and the start of its path's hash, so that two
/// directories of one name differ. Source: `Workspace.setup` of `@yarnpkg/core`, the same from Yarn 2 to 4.
fn invented(dir: &ContextPath) -> String {
    let base = if dir.is_root() { "root-workspace" } else { dir.name() };
    let hash: String = digest::sha512(dir.to_string()).chars().take(6).collect();
    format!("{base}-{hash}")
}

fn strings(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_odd_ones_left_out() {
        let dir = ContextPath::new("packages/app").unwrap();
        let json = "\u{feff}{\"name\": 3, \"bundled\": true, \"backstage\": {\"role\": \"frontend\"}, \
                    \"dependencies\": {\"a\": \"^1\", \"b\": 2}, \"scripts\": [], \"files\": [\"dist\", 1], \
                    \"workspaces\": {\"packages\": [\"x/*\", 1]}}";
        let manifest = Manifest::parse(&dir, Bytes::from_static(json.as_bytes())).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.own_name()), ("app-7f127f", None));
        assert!(manifest.bundled);
        assert_eq!(manifest.role.as_deref(), Some("frontend"));
        assert_eq!(manifest.dependencies.len(), 1);
        assert_eq!(manifest.files, ["dist"]);
        assert_eq!(manifest.workspace_globs(), Some(vec!["x/*"]));
        assert_eq!(manifest.file.name, "packages/app/package.json");
    }

    #[test]
    fn what_has_no_name_is_called_as_yarn_calls_it() {
        // The names that Yarn 2.4.2 to 4.18.1 wrote for these directories.
        for (dir, wanted) in [
            ("", "root-workspace-0b6124"),
            ("plugins/beta/esm", "esm-b292f5"),
            ("plugins/alpha/esm", "esm-c5ffab"),
            ("p/a", "a-1cb9c2"),
        ] {
            for json in ["{}", "{\"name\": \"\"}", "{\"name\": 1}", "{\"name\": \"a/b/c\"}", "{\"name\": \"@a\"}"] {
                let dir = ContextPath::new(dir).unwrap_or_default();
                let manifest = Manifest::parse(&dir, Bytes::from_static(json.as_bytes())).unwrap();
                assert_eq!((manifest.name.as_str(), manifest.own_name()), (wanted, None), "{json}");
                assert_eq!(manifest.locator().to_string(), format!("{wanted}@workspace:{dir}"));
            }
        }
        let named = Manifest::parse(&ContextPath::root(), Bytes::from_static(b"{\"name\": \"@a/b\"}")).unwrap();
        assert_eq!(named.own_name(), Some("@a/b"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(data in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let _ = Manifest::parse(&ContextPath::root(), data.into());
        }
    }
}

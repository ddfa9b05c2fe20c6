//! The facts of a Backstage repository, as plain data.
//!
//! Read once, decided about in `plan`. Nothing here is a decision and nothing here knows the build file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buildkit_frontend::diagnostic::SourceFile;
use buildkit_frontend::path::ContextPath;
use serde::Serialize;
use serde_json::Value;

use super::Ignores;
use super::lock::{Edges, Lockfile, Resolver, Rules};

/// What is known of the repository after reading it.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The root manifest.
    pub root: Manifest,
    /// Every workspace but the root, sorted by path.
    pub workspaces: Vec<Manifest>,
    /// How Yarn is set up.
    pub yarn: YarnSetup,
    /// The lockfile.
    pub lock: Lockfile,
    /// What its entries depend on under the rules of [`YarnSetup`], as far as that was asked for.
    pub(crate) edges: Edges,
    /// `version` of backstage.json.
    pub backstage: Option<String>,
    /// What the repository says of its Node version, the strongest statement first.
    pub node_hints: Vec<NodeHint>,
    /// The config files read, by path: the `app-config*.yaml` at the root and those that the build file names.
    pub configs: BTreeMap<ContextPath, AppConfig>,
    /// Files at the root that are known to be there (those of the declared read set).
    pub root_files: BTreeSet<String>,
    /// Lines of the repository's `.dockerignore`, if there is one.
    pub dockerignore: Option<Arc<SourceFile>>,
    /// What the repository ignores of what its config files name.
    pub ignores: Ignores,
}

/// One package.json: the fields that anything here reads, and the whole text for pointing into.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Directory of the package; the root for the root manifest.
    pub dir: ContextPath,
    /// The file.
    pub file: Arc<SourceFile>,
    /// `name`; without one, what Yarn calls it: see [`Self::own_name`].
    pub name: String,
    /// Whether `name` is the manifest's own.
    pub(crate) named: bool,
    /// The whole document, an object, key order as written.
    pub json: serde_json::Map<String, Value>,
    /// `backstage.role`.
    pub role: Option<String>,
    /// `bundled`: its dependencies are part of its own build output.
    pub bundled: bool,
    /// `scripts`.
    pub scripts: BTreeMap<String, String>,
    /// `dependencies`.
    pub dependencies: BTreeMap<String, String>,
    /// `devDependencies`.
    pub dev_dependencies: BTreeMap<String, String>,
    /// `optionalDependencies`.
    pub optional_dependencies: BTreeMap<String, String>,
    /// `peerDependencies`.
    pub peer_dependencies: BTreeMap<String, String>,
    /// `configSchema`, when it is a path.
    pub config_schema: Option<String>,
    /// `files`.
    pub files: Vec<String>,
}

/// How Yarn is set up.
#[derive(Debug, Clone)]
pub struct YarnSetup {
    /// The version that will run: from `yarnPath`, else `packageManager`, else the lockfile's generation.
    pub version: YarnVersion,
    /// `.yarnrc.yml`, if there is one. It may hold credentials: never print it, never put it into a mkfile.
    pub rc: Option<Arc<SourceFile>>,
    /// `yarnPath`, when the file is in the repository.
    pub path: Option<ContextPath>,
    /// Directories and files that an install needs besides manifests and lockfile: `.yarn/releases`, `.yarn/plugins`,
    /// patches and local archives that descriptors name. Sorted.
    pub inputs: Vec<ContextPath>,
    /// `npmRegistryServer`, where it is an address and nothing else: plans and graphs are shown.
    pub registry: Option<String>,
    /// Which registries `.yarnrc.yml` names.
    pub registries: Registries,
    /// Names of `${VAR}` without a default in `.yarnrc.yml`: an install fails unless they are set.
    pub variables: Vec<String>,
    /// Whether `.yarnrc.yml` names `supportedArchitectures`, which would be added to those of an image.
    pub architectures: bool,
    /// Yarn's own files in the repository: the release, plugins. Part of [`Self::inputs`].
    pub tools: Vec<ContextPath>,
    /// Directories outside all workspaces that `link:` and `portal:` dependencies point at, sorted: the installed tree
    /// holds links to them, so that they are needed at run time.
    pub links: Vec<ContextPath>,
    /// How dependencies are resolved beyond the lockfile: resolutions, package extensions, catalogs.
    pub rules: Rules,
}

/// The registries of `.yarnrc.yml`, without what their addresses hold of logins, but with the variables: plans and graphs
/// are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Registries {
    /// `npmRegistryServer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// `npmRegistryServer` of each scope that has one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, String>,
    /// How the file spells `${NPM_TOKEN}`, if it uses it: it says then where the secret of that name goes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub token: BTreeSet<String>,
}

impl Registries {
    /// As JSON, unless there is nothing to say.
    pub fn text(&self) -> Option<String> {
        (*self != Self::default()).then(|| serde_json::to_string(self).ok()).flatten()
    }
}

/// Which Yarn runs, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YarnVersion {
    /// The exact version, such as `4.13.0`.
    pub version: semver::Version,
    /// What it was read from, for `explain`: such as `packageManager` or `yarnPath`.
    pub because: String,
}

/// One statement about the Node version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHint {
    /// The file that says it.
    pub file: Arc<SourceFile>,
    /// What is said: an exact version, a line, or a range.
    pub range: String,
    /// `.nvmrc`, `.node-version` or `engines.node`.
    pub kind: &'static str,
}

/// What one app-config file says of things that the image depends on. Merged in `plan`.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Parsed, with `$include` resolved where the file is known; other `$` values are kept as they are.
    pub value: Value,
    /// Files that it refers to by `$file` and `$include`, from the repository's root.
    pub references: Vec<ContextPath>,
    /// Those of `$include` that the files read did not show: the value lacks them.
    pub unread: Vec<ContextPath>,
}

impl Repository {
    /// The workspaces in some directories, sorted by path.
    pub(crate) fn members<'a>(&'a self, dirs: &BTreeSet<&ContextPath>) -> impl Iterator<Item = &'a Manifest> {
        self.workspaces.iter().filter(move |workspace| dirs.contains(&workspace.dir))
    }

    /// What each entry of the lockfile depends on.
    pub fn resolver(&self) -> Resolver<'_> {
        Resolver::new(&self.lock, &self.yarn.rules, &self.edges)
    }

    /// A workspace by package name.
    pub fn workspace(&self, name: &str) -> Option<&Manifest> {
        self.workspaces.iter().find(|w| w.own_name() == Some(name))
    }
}

//! The part of a package.json that an install depends on.
//!
//! Everything else (scripts, description, version, files, exports, key order) is left out, so that it cannot make an
//! install run again. Source of the list: `Manifest.load` of `@yarnpkg/core`; reference: `Workspace.setup`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::repo::Manifest;
use crate::repo::lock::{Descriptor, Locator, Seed, WorkspaceEntry, is_name};

/// Install-relevant fields of a manifest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstallManifest {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) package_manager: Option<String>,
    pub(crate) workspaces: Option<Value>,
    pub(crate) dependencies: BTreeMap<String, String>,
    pub(crate) dev_dependencies: BTreeMap<String, String>,
    pub(crate) optional_dependencies: BTreeMap<String, String>,
    pub(crate) peer_dependencies: BTreeMap<String, String>,
    pub(crate) dependencies_meta: BTreeMap<String, BTreeMap<String, bool>>,
    pub(crate) peer_dependencies_meta: BTreeMap<String, BTreeMap<String, bool>>,
    pub(crate) bin: BTreeMap<String, String>,
    pub(crate) install_config: Option<Value>,
    /// In their order: the first that matches wins.
    pub(crate) resolutions: Vec<(String, String)>,
}

impl InstallManifest {
    /// Takes the fields of a manifest, `version` left out. `root` keeps what counts at the root only.
    pub(crate) fn of(manifest: &Manifest, root: bool) -> Self {
        let json = &manifest.json;
        let map = |key: &str| strings(json.get(key));
        Self {
            name: json.get("name").and_then(Value::as_str).map(str::to_owned),
            version: None,
            package_manager: json.get("packageManager").and_then(Value::as_str).filter(|_| root).map(str::to_owned),
            workspaces: json.get("workspaces").map(patterns),
            dependencies: map("dependencies").into_iter().collect(),
            dev_dependencies: map("devDependencies").into_iter().collect(),
            optional_dependencies: map("optionalDependencies").into_iter().collect(),
            peer_dependencies: map("peerDependencies").into_iter().collect(),
            dependencies_meta: flags(json.get("dependenciesMeta"), &["built", "optional", "unplugged"]),
            peer_dependencies_meta: flags(json.get("peerDependenciesMeta"), &["optional"]),
            bin: bin(manifest),
            install_config: json.get("installConfig").filter(|v| v.is_object()).map(sorted),
            resolutions: if root { map("resolutions") } else { Vec::new() },
        }
    }

    /// `dependencies`, over them `optionalDependencies`, over them `devDependencies`, as Yarn merges them.
    fn merged(&self) -> BTreeMap<String, String> {
        let all = [&self.dependencies, &self.optional_dependencies, &self.dev_dependencies];
        let pairs = all.into_iter().flatten().filter(|(name, _)| is_name(name));
        pairs.map(|(name, range)| (name.clone(), range.clone())).collect()
    }

    pub(crate) fn seed(&self, locator: &Locator) -> Seed {
        let by_meta = self.dependencies_meta.iter().filter(|(_, flags)| flags.get("optional") == Some(&true));
        let optional: BTreeSet<String> =
            by_meta.map(|(name, _)| name.clone()).chain(self.optional_dependencies.keys().cloned()).collect();
        Seed { locator: locator.clone(), dependencies: self.merged(), optional }
    }

    pub(crate) fn entry(&self, locator: &Locator) -> WorkspaceEntry {
        let mut dependencies_meta = self.dependencies_meta.clone();
        for name in self.optional_dependencies.keys().filter(|name| is_name(name)) {
            dependencies_meta.entry(name.clone()).or_default().insert("optional".to_owned(), true);
        }
        let peers = self.peer_dependencies.iter().filter(|(name, _)| is_name(name)).map(|(name, range)| {
            // A peer that is no semver range counts as `*`.
            let plain = range.starts_with("workspace:") || !range.contains([':', '/']);
            (name.clone(), if plain { range.clone() } else { "*".to_owned() })
        });
        WorkspaceEntry {
            locator: locator.clone(),
            dependencies: self.merged(),
            peer_dependencies: peers.collect(),
            dependencies_meta,
            peer_dependencies_meta: self.peer_dependencies_meta.clone(),
            bin: self.bin.clone(),
        }
    }

    /// The manifest as text: fixed order of fields, sorted names, two spaces, a line break at the end.
    pub(crate) fn to_json(&self) -> String {
        let mut out = Map::new();
        let mut text = |key: &str, value: &Option<String>| {
            if let Some(value) = value {
                out.insert(key.to_owned(), Value::from(value.as_str()));
            }
        };
        text("name", &self.name);
        text("version", &self.version);
        text("packageManager", &self.package_manager);
        out.insert("private".to_owned(), Value::Bool(true));
        if let Some(workspaces) = &self.workspaces {
            out.insert("workspaces".to_owned(), workspaces.clone());
        }
        for (key, map) in [
            ("dependencies", &self.dependencies),
            ("devDependencies", &self.dev_dependencies),
            ("optionalDependencies", &self.optional_dependencies),
            ("peerDependencies", &self.peer_dependencies),
            ("bin", &self.bin),
        ] {
            if !map.is_empty() {
                out.insert(key.to_owned(), object(map.iter().map(|(k, v)| (k, Value::from(v.as_str())))));
            }
        }
        for (key, map) in
            [("dependenciesMeta", &self.dependencies_meta), ("peerDependenciesMeta", &self.peer_dependencies_meta)]
        {
            if !map.is_empty() {
                let flags = |flags: &BTreeMap<String, bool>| object(flags.iter().map(|(k, v)| (k, Value::Bool(*v))));
                out.insert(key.to_owned(), object(map.iter().map(|(k, v)| (k, flags(v)))));
            }
        }
        if let Some(config) = &self.install_config {
            out.insert("installConfig".to_owned(), config.clone());
        }
        if !self.resolutions.is_empty() {
            let resolutions = self.resolutions.iter().map(|(k, v)| (k, Value::from(v.as_str())));
            out.insert("resolutions".to_owned(), object(resolutions));
        }
        let mut json = serde_json::to_string_pretty(&Value::Object(out)).unwrap_or_default();
        json.push('\n');
        json
    }
}

/// Whether a descriptor of a workspace is only met when the workspace tells its version.
pub(crate) fn needs_version(descriptor: &Descriptor) -> bool {
    match descriptor.range.strip_prefix("workspace:") {
        Some("^" | "~" | "*") => false,
        // A path starts with a letter as a rule; what starts like a version is one, or costs nothing but a version.
        Some(range) => range.starts_with(|c: char| c.is_ascii_digit() || "^~<>=*".contains(c)),
        None => descriptor.range.starts_with("npm:"),
    }
}

fn object<'a>(pairs: impl Iterator<Item = (&'a String, Value)>) -> Value {
    Value::Object(pairs.map(|(key, value)| (key.clone(), value)).collect())
}

/// Workspace patterns, of either form, sorted: Yarn sorts what they match. With a `!` pattern among them the order stays,
/// since the globs of Yarn 3 apply it to those before it only.
fn patterns(workspaces: &Value) -> Value {
    let list = workspaces.as_array().or_else(|| workspaces.get("packages")?.as_array());
    let patterns: Option<Vec<&str>> = list.and_then(|list| list.iter().map(Value::as_str).collect());
    match patterns {
        Some(mut patterns) => {
            if !patterns.iter().any(|pattern| pattern.starts_with('!')) {
                patterns.sort_unstable();
                patterns.dedup();
            }
            patterns.into_iter().collect()
        }
        None => workspaces.clone(),
    }
}

/// The string values of an object, in order.
fn strings(value: Option<&Value>) -> Vec<(String, String)> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn flags(value: Option<&Value>, known: &[&str]) -> BTreeMap<String, BTreeMap<String, bool>> {
    let packages = value.and_then(Value::as_object).into_iter().flatten();
    packages
        .filter_map(|(package, flags)| {
            let flag = |name: &&str| Some(((*name).to_owned(), flags.get(*name)?.as_bool()?));
            Some((package.clone(), flags.as_object().map(|_| known.iter().filter_map(flag).collect())?))
        })
        .collect()
}

/// `bin` as Yarn reads it: a text is named by the package, scopes are dropped.
fn bin(manifest: &Manifest) -> BTreeMap<String, String> {
    let unscoped = |name: &str| name.rsplit_once('/').map_or(name, |(_, name)| name).to_owned();
    match manifest.json.get("bin") {
        Some(Value::String(path)) if !path.trim().is_empty() => manifest
            .json
            .get("name")
            .and_then(Value::as_str)
            .map(|name| (unscoped(name), path.clone()))
            .into_iter()
            .collect(),
        bin => strings(bin).into_iter().map(|(name, path)| (unscoped(&name), path)).collect(),
    }
}

/// The same value with the keys of all objects sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            object(ordered.into_iter())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

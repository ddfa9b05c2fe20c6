//! What the step is asked: plain data, made by the plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::repo::Needs;

/// Which packages of an installed tree the image needs, and what of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The workspaces that the backend ships, by directory (empty for the root), with what each needs.
    pub workspaces: BTreeMap<String, Needs>,
    /// The lockfile's production closure, by locator. Empty where there is no such lockfile: manifests decide then.
    pub packages: BTreeMap<String, Needs>,
    /// Native packages (`name@version`) that are not built, because others can do without them.
    pub unbuilt: BTreeSet<String>,
    /// Native packages (`name@version`) that are not built, because nothing in this image uses them, and why.
    pub unused: BTreeMap<String, String>,
    /// Workspaces whose config schema is TypeScript also when they are bundled.
    pub typescript_schemas: Vec<String>,
    /// What is left out of packages that stay.
    pub prune: Prune,
}

/// The `prune` and `sourceMaps` of a build file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prune {
    /// Whether the safe rules hold.
    pub safe: bool,
    /// Whether source maps go.
    pub source_maps: bool,
    /// Patterns, relative to any `node_modules`, of what goes besides.
    pub drop: Vec<String>,
    /// Patterns of what stays whatever else is said.
    pub keep: Vec<String>,
}

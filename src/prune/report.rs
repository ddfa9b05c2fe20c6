//! What the step says of its work.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::rules::Rule;
use super::select::Selection;
use super::write::{Amount, Written};

/// Packages that are named in the step's output.
const NAMED: usize = 40;

/// Which packages the image has, and what of the install it has not, with reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Files and bytes that were written.
    pub written: Amount,
    /// The packages, as `name version` by place.
    pub packages: BTreeMap<String, String>,
    /// Packages that are left out, by place.
    pub left_out: BTreeMap<String, Missing>,
    /// Packages that a rule would leave out, and why they stay, by place.
    pub kept: BTreeMap<String, String>,
    /// Files of packages that stay which are left out, by rule.
    pub files_left_out: BTreeMap<Rule, Amount>,
    /// Why TypeScript stays, if it does: what ships its config schema in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typescript: Option<String>,
}

/// A package that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// `name version`.
    pub package: String,
    /// The rule.
    pub rule: Rule,
    /// The reason.
    pub why: String,
}

impl Report {
    pub(super) fn of(selection: Selection, written: Written) -> Self {
        let named = |manifest: &super::tree::Manifest| format!("{} {}", manifest.name, manifest.version);
        Self {
            written: written.written,
            packages: selection.packages.iter().map(|(place, p)| (place.clone(), named(&p.manifest))).collect(),
            left_out: selection
                .left_out
                .into_iter()
                .map(|(place, left)| {
                    let package = named(&left.package.manifest);
                    (place, Missing { package, rule: left.rule, why: left.why })
                })
                .collect(),
            kept: selection.kept,
            files_left_out: written.left_out,
            typescript: selection.typescript,
        }
    }
}

impl Report {
    /// Why a package is not there, if it was left out wherever it lies.
    pub(super) fn left_out(&self, name: &str) -> Option<&str> {
        let is_it = |missing: &&Missing| missing.package.rsplit_once(' ').is_some_and(|(found, _)| found == name);
        self.left_out.values().find(is_it).map(|missing| missing.why.as_str())
    }
}

/// The summary that stands in the step's output.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
        let Amount { files, bytes } = self.written;
        writeln!(f, "{} packages, {files} files, {}", self.packages.len(), megabytes(bytes))?;
        for (rule, amount) in &self.files_left_out {
            writeln!(f, "left out: {} files, {} ({rule})", amount.files, megabytes(amount.bytes))?;
        }
        for missing in self.left_out.values().take(NAMED) {
            writeln!(f, "left out: {} ({})", missing.package, missing.why)?;
        }
        let more = self.left_out.len().saturating_sub(NAMED);
        if more > 0 {
            writeln!(f, "left out: {more} packages more; the target `deps` has all of them in {}", super::REPORT)?;
        }
        for (place, why) in self.kept.iter().take(NAMED) {
            writeln!(f, "kept: {place}, since {why}")?;
        }
        let more = self.kept.len().saturating_sub(NAMED);
        if more > 0 {
            writeln!(f, "kept: {more} packages more")?;
        }
        match &self.typescript {
            Some(by) => writeln!(f, "kept: TypeScript, since {by} ships its config schema in it"),
            None => Ok(()),
        }
    }
}

//! What this daemon can do.
//!
//! A capability is a name without a version: the daemon lists those it knows in its answer to Ping, and each may be
//! switched off. Everything that is optional is decided by these names, never by a version.

use std::collections::BTreeMap;
use std::fmt;

use buildkit_proto::apicaps::ApiCap;

/// The capabilities that mark the oldest daemon we work with, BuildKit 0.17. Two fields that we need
/// (`removeMountStubsRecursive`, symbolic copy modes) came no later than this one and have no registered name.
pub const FLOOR: &[&str] = &["exec.validexitcode"];

/// The capabilities of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapSet(BTreeMap<String, Cap>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cap {
    Enabled,
    /// Known to the daemon and switched off, with its reason if it gives one.
    Disabled(String),
}

impl CapSet {
    fn new(listed: Vec<ApiCap>, frozen: &[&str]) -> Self {
        if listed.is_empty() {
            return Self(frozen.iter().map(|name| ((*name).to_owned(), Cap::Enabled)).collect());
        }
        let cap = |c: ApiCap| match c.enabled {
            true => (c.id, Cap::Enabled),
            false => (c.id, Cap::Disabled(c.disabled_reason_msg)),
        };
        Self(listed.into_iter().map(cap).collect())
    }

    /// Whether a capability is there and switched on.
    pub fn supports(&self, cap: &str) -> bool {
        matches!(self.0.get(cap), Some(Cap::Enabled))
    }

    /// The names of all that is switched on, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, cap)| **cap == Cap::Enabled).map(|(name, _)| name.as_str())
    }
}

/// What the daemon can do: its calls, and the fields of the graph that it understands. No name is in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    /// Of the gateway's calls, such as `readdir`.
    pub gateway: CapSet,
    /// Of LLB, such as `exec.mount.cache`.
    pub llb: CapSet,
}

impl Caps {
    /// Reads what the daemon lists. An empty list stands for what there was before there were lists.
    pub(super) fn new(gateway: Vec<ApiCap>, llb: Vec<ApiCap>) -> Self {
        Self { gateway: CapSet::new(gateway, FROZEN_GATEWAY), llb: CapSet::new(llb, FROZEN_LLB) }
    }

    /// Whether a capability of either kind is there and switched on.
    pub fn supports(&self, cap: &str) -> bool {
        self.gateway.supports(cap) || self.llb.supports(cap)
    }

    /// Checks that all of `caps` are there.
    ///
    /// # Errors
    /// One error that names all that are not.
    pub fn require(&self, caps: &[&str], product: &str) -> Result<(), MissingCaps> {
        let missing: Vec<_> = caps
            .iter()
            .filter(|cap| !self.supports(cap))
            .map(|cap| MissingCap {
                name: (*cap).to_owned(),
                disabled: match self.gateway.0.get(*cap).or_else(|| self.llb.0.get(*cap)) {
                    Some(Cap::Disabled(reason)) => Some(reason.clone()),
                    _ => None,
                },
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(MissingCaps { missing, product: product.to_owned() }) }
    }
}

/// A capability that is needed and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCap {
    /// Its name.
    pub name: String,
    /// Set when the daemon knows it and has it switched off; its reason, which may be empty.
    pub disabled: Option<String>,
}

/// The daemon lacks something that is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MissingCaps {
    /// What it lacks; never empty.
    pub missing: Vec<MissingCap>,
    /// What the daemon calls itself: `buildkit`, or the product that it is part of.
    pub product: String,
}

impl fmt::Display for MissingCaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match self.product.as_str() {
            "" | "buildkit" => "BuildKit",
            other => other,
        };
        write!(f, "this {product} cannot do what this build needs: ")?;
        for (i, cap) in self.missing.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            f.write_str(&cap.name)?;
            match cap.disabled.as_deref() {
                None => {}
                Some("") => f.write_str(" (switched off)")?,
                Some(reason) => write!(f, " (switched off: {reason})")?,
            }
        }
        if self.missing.iter().all(|cap| cap.disabled.is_some()) {
            return f.write_str("; have it switched on in the daemon's configuration");
        }
        f.write_str("; BuildKit 0.17 or newer is needed")?;
        if product == "BuildKit" { Ok(()) } else { write!(f, ", so {product} has to be updated") }
    }
}

/// What the gateway could do when capabilities were introduced. Go's client assumes the same.
const FROZEN_GATEWAY: &[&str] = &["solve.base", "solve.inlinereturn", "resolveimage", "readfile"];

/// What LLB could say at that time. The misspelt name is the one on the wire.
const FROZEN_LLB: &[&str] = &[
    "constraints",
    "exec.meta.base",
    "exec.meta.proxyenv",
    "exec.mount.bind",
    "exec.mount.cache",
    "exec.mount.cache.sharing",
    "exec.mount.secret",
    "exec.mount.selector",
    "exec.mount.tmpfs",
    "meta.description",
    "meta.exportcache",
    "meta.ignorecache",
    "platform",
    "soruce.http.uidgid",
    "source.buildop.llbfilename",
    "source.git",
    "source.git.fullurl",
    "source.git.keepgitdir",
    "source.http",
    "source.http.checksum",
    "source.http.perm",
    "source.image",
    "source.local",
    "source.local.excludepatterns",
    "source.local.followpaths",
    "source.local.includepatterns",
    "source.local.sessionid",
    "source.local.sharedkeyhint",
    "source.local.unique",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn cap(id: &str, enabled: bool, reason: &str) -> ApiCap {
        ApiCap { id: id.into(), enabled, disabled_reason_msg: reason.into(), ..ApiCap::default() }
    }

    #[test]
    fn a_cap_counts_if_it_is_listed_and_switched_on() {
        let caps = Caps::new(vec![cap("readdir", true, "")], vec![cap("mergeop", false, "")]);
        assert!(caps.supports("readdir"));
        assert!(!caps.supports("mergeop"));
        assert!(!caps.supports("diffop"));
        assert_eq!(caps.gateway.names().collect::<Vec<_>>(), ["readdir"]);
        assert_eq!(caps.llb.names().count(), 0);
    }

    #[test]
    fn an_empty_list_is_the_frozen_one() {
        let caps = Caps::new(vec![], vec![]);
        assert!(caps.supports("readfile") && caps.supports("source.local.sharedkeyhint"));
        assert!(!caps.supports("readdir"));
        assert!(caps.require(FLOOR, "buildkit").is_err());
    }

    #[test]
    fn what_is_missing_is_named_once() {
        let caps = Caps::new(vec![cap("x", true, "")], vec![cap("mergeop", false, "by policy")]);
        let text = |caps: &Caps, names: &[&str], product: &str| caps.require(names, product).unwrap_err().to_string();
        insta::assert_snapshot!(text(&caps, &["x", "exec.validexitcode", "mergeop"], "buildkit"), @"this BuildKit cannot do what this build needs: exec.validexitcode, mergeop (switched off: by policy); BuildKit 0.17 or newer is needed");
        insta::assert_snapshot!(text(&caps, FLOOR, "docker"), @"this docker cannot do what this build needs: exec.validexitcode; BuildKit 0.17 or newer is needed, so docker has to be updated");
        insta::assert_snapshot!(text(&caps, &["mergeop"], ""), @"this BuildKit cannot do what this build needs: mergeop (switched off: by policy); have it switched on in the daemon's configuration");
    }
}

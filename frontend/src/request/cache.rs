//! Caches: which steps must not use one, where a remote one is read, which namespace cache mounts live in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use buildkit_llb::Platform;

use super::value::{Invalid, MAX_ITEMS, list, optional_name};

/// Which vertices must run even where a result is at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NoCache {
    /// None.
    #[default]
    Off,
    /// All (`--no-cache`).
    All,
    /// Those of some groups (`--no-cache-filter`), by lower-case name.
    Groups(BTreeSet<String>),
}

impl NoCache {
    /// Whether the vertices of a group must run. Upper and lower case are the same.
    pub fn applies_to(&self, group: &str) -> bool {
        match self {
            Self::Off => false,
            Self::All => true,
            Self::Groups(groups) => groups.contains(&group.to_lowercase()),
        }
    }

    /// The groups that were named and are none of `known`, so that a typing mistake can be told.
    pub fn unknown<'a>(&'a self, known: &[impl AsRef<str>]) -> Vec<&'a str> {
        match self {
            Self::Off | Self::All => Vec::new(),
            Self::Groups(groups) => {
                let known: BTreeSet<String> = known.iter().map(|name| name.as_ref().to_lowercase()).collect();
                groups.iter().filter(|group| !known.contains(*group)).map(String::as_str).collect()
            }
        }
    }
}

/// Option `no-cache`: empty for all, otherwise a list of groups.
pub(super) fn no_cache(text: &str) -> Result<NoCache, Invalid> {
    if text.is_empty() {
        return Ok(NoCache::All);
    }
    Ok(NoCache::Groups(list(text)?.into_iter().map(group).collect()))
}

/// A name as it is compared: in lower case, and a platform behind it in its normal form.
fn group(name: &str) -> String {
    let platform = name.rsplit_once(' ').filter(|(_, last)| last.contains('/'));
    let normal = platform.and_then(|(group, platform)| Some(format!("{group} {}", platform.parse::<Platform>().ok()?)));
    normal.unwrap_or_else(|| name.to_owned()).to_lowercase()
}

/// A place that build results may be read from, to be copied into every Solve. `Debug` shows of the attributes only
/// `ref`: the others can be a store's credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheImport {
    /// `registry`, `local`, `gha`, `s3`, `azblob`, or what the daemon else knows.
    pub kind: String,
    /// Attributes of that kind, such as `ref`.
    pub attrs: BTreeMap<String, String>,
}

impl fmt::Debug for CacheImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheImport")
            .field("kind", &self.kind)
            .field("ref", &self.attrs.get("ref"))
            .finish_non_exhaustive()
    }
}

/// The JSON of one entry. Go writes capital names and reads any case.
#[derive(serde::Deserialize)]
struct Entry {
    #[serde(rename = "Type", alias = "type", default)]
    kind: String,
    #[serde(rename = "Attrs", alias = "attrs", default)]
    attrs: Option<BTreeMap<String, String>>,
}

/// Option `cache-imports`: a JSON array.
pub(super) fn imports(text: &str) -> Result<Vec<CacheImport>, Invalid> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // serde_json's own message would quote the value, which may be a credential.
    let entries: Option<Vec<Entry>> =
        serde_json::from_str(text).map_err(|e| Invalid::Json { line: e.line().max(1), column: e.column().max(1) })?;
    let entries = entries.unwrap_or_default();
    if entries.len() > MAX_ITEMS {
        return Err(Invalid::TooMany);
    }
    let mut imports = Vec::with_capacity(entries.len());
    for (i, entry) in entries.into_iter().enumerate() {
        if entry.kind.is_empty() {
            return Err(Invalid::CacheType(i.saturating_add(1)));
        }
        imports.push(CacheImport { kind: entry.kind, attrs: entry.attrs.unwrap_or_default() });
    }
    Ok(imports)
}

/// Option `cache-from`, the old form: a list of references, each of a registry.
pub(super) fn legacy_imports(text: &str) -> Result<Vec<CacheImport>, Invalid> {
    let registry = |reference: &str| CacheImport {
        kind: "registry".to_owned(),
        attrs: BTreeMap::from([("ref".to_owned(), reference.to_owned())]),
    };
    Ok(list(text)?.into_iter().map(registry).collect())
}

/// Both forms together, in order, each place once.
pub(super) fn merge(mut imports: Vec<CacheImport>, legacy: Vec<CacheImport>) -> Vec<CacheImport> {
    for import in legacy {
        if !imports.contains(&import) {
            imports.push(import);
        }
    }
    imports
}

/// Build arg `BUILDKIT_CACHE_MOUNT_NS`.
pub(super) fn namespace(text: &str) -> Result<Option<String>, Invalid> {
    optional_name(text, 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_groups_run() {
        assert!(!NoCache::Off.applies_to("app"));
        assert!(no_cache("").unwrap().applies_to("app"));
        let some = no_cache("App, native").unwrap();
        assert!(some.applies_to("app") && some.applies_to("NATIVE"));
        assert!(!some.applies_to("backend"));
        assert_eq!(some.unknown(&["APP", "backend"]), ["native"]);
        assert_eq!(no_cache("app,,x"), Err(Invalid::EmptyItem));
        let one = no_cache("Deps linux/aarch64, check a/b c").unwrap();
        assert!(one.applies_to("deps linux/arm64") && one.applies_to("check a/b c") && !one.applies_to("deps"));
    }

    fn registry(reference: &str) -> CacheImport {
        CacheImport { kind: "registry".into(), attrs: BTreeMap::from([("ref".into(), reference.into())]) }
    }

    #[test]
    fn json_imports() {
        for (text, expected) in [
            ("", vec![]),
            ("[]", vec![]),
            ("null", vec![]),
            (r#"[{"Type":"registry","Attrs":{"ref":"r/c:1"}}]"#, vec![registry("r/c:1")]),
            (r#"[{"type":"registry","attrs":{"ref":"r/c:1"},"ID":7}]"#, vec![registry("r/c:1")]),
            (r#"[{"Type":"gha","Attrs":null}]"#, vec![CacheImport { kind: "gha".into(), attrs: BTreeMap::new() }]),
        ] {
            assert_eq!(imports(text), Ok(expected), "{text}");
        }
        assert!(matches!(imports("{"), Err(Invalid::Json { line: 1, .. })));
        assert!(matches!(imports(r#"{"Type":"registry"}"#), Err(Invalid::Json { .. })));
        assert_eq!(imports(r#"[{"Attrs":{"ref":"x"}}]"#), Err(Invalid::CacheType(1)));
    }

    #[test]
    fn old_and_new_form_together() {
        let legacy = legacy_imports("r/c:1,r/c:2").unwrap();
        assert_eq!(merge(vec![registry("r/c:1")], legacy), [registry("r/c:1"), registry("r/c:2")]);
        assert_eq!(legacy_imports("a,"), Err(Invalid::EmptyItem));
    }

    #[test]
    fn credentials_are_not_shown() {
        let mut import = registry("r/c:1");
        import.attrs.insert("secret_access_key".into(), "hunter2".into());
        assert!(!format!("{import:?}").contains("hunter2"));
        let error = imports(r#"[{"Type":"s3","Attrs":["hunter2"]}]"#).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn namespaces() {
        assert_eq!(namespace(""), Ok(None));
        assert_eq!(namespace("team-a"), Ok(Some("team-a".into())));
        assert!(namespace("a b").is_err());
    }
}

//! Named contexts (`--build-context name=value`): images, stages and sources replaced by name.
//!
//! A name is looked up as BuildKit does (`frontend/dockerui/namedcontext.go`): in its familiar form without `:latest`,
//! first with the platform of what asks, then without. A value is parsed when it is looked up, so one that is never
//! asked for can't fail a build.

use std::collections::BTreeMap;

use buildkit_llb::{Digest, ImageRef, Platform};

use crate::diagnostic::Diagnostic;

use super::git::GitRef;
use super::read::invalid;
use super::table;
use super::text::{Quoted, RemoteUrl, redacted};
use super::value::Invalid;

/// All named contexts of a request. `Debug` shows their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NamedContexts {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    value: String,
    shared_key: Option<String>,
    input_metadata: Option<String>,
}

/// One named context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedContext {
    /// The name it was found under, with its platform if it has one. BuildKit's vertex names hold it.
    pub name: String,
    /// What it stands for.
    pub source: NamedSource,
    /// Part of the name under which the daemon keeps a local one's files.
    pub shared_key: Option<String>,
}

/// What a named context stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedSource {
    /// Nothing (`docker-image://scratch`).
    Scratch,
    /// An image of a registry.
    Image(ImageRef),
    /// An image in a layout that the client offers.
    OciLayout {
        /// The name of the client's store.
        store: String,
        /// The image in it.
        digest: Digest,
    },
    /// A git repository.
    Git(GitRef),
    /// A file to be downloaded, never unpacked.
    Http(RemoteUrl),
    /// A directory that the client offers under this name.
    Local(String),
    /// Another build's result.
    Input {
        /// The name of the input.
        name: String,
        /// JSON that holds the result's image config in base64 under `containerimage.config`.
        metadata: Option<String>,
    },
}

impl NamedContexts {
    /// Collects them; each is given as it came: `name[::platform]` and value.
    pub(super) fn new<'a>(
        contexts: impl Iterator<Item = (&'a str, &'a str)>,
        shared_keys: &BTreeMap<String, String>,
        input_metadata: &BTreeMap<String, String>,
    ) -> Self {
        let entry = |name: &str, value: &str| Entry {
            value: value.to_owned(),
            shared_key: shared_keys.get(name).cloned(),
            input_metadata: value.strip_prefix("input:").and_then(|input| input_metadata.get(input)).cloned(),
        };
        Self { entries: contexts.map(|(name, value)| (name.to_owned(), entry(name, value))).collect() }
    }

    /// Names as they were given, with their platforms.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What `name` (of an image, a stage or a source) was replaced with, for a consumer of this platform.
    ///
    /// # Errors
    /// A value that is none of the known kinds, or one with a mistake in it.
    pub fn find(&self, name: &str, platform: &Platform) -> Result<Option<NamedContext>, Diagnostic> {
        let Some(key) = key(name) else {
            return Ok(None);
        };
        let with_platform = format!("{key}::{platform}");
        let Some((name, entry)) =
            self.entries.get_key_value(&with_platform).or_else(|| self.entries.get_key_value(&key))
        else {
            return Ok(None);
        };
        let source = source(&entry.value, entry.input_metadata.as_deref())
            .map_err(|e| invalid(&table::NAMED_CONTEXT, &format!("context:{}", Quoted(name)), &e))?;
        Ok(Some(NamedContext { name: name.clone(), source, shared_key: entry.shared_key.clone() }))
    }
}

impl std::fmt::Debug for NamedContexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// The form that names are compared in: familiar, without `:latest`. `None` for what is never replaced, and for what is
/// no name at all.
pub fn key(name: &str) -> Option<String> {
    if matches!(name, "scratch" | super::context::CONTEXT) {
        return None;
    }
    let familiar = name.parse::<ImageRef>().ok()?.familiar();
    Some(familiar.strip_suffix(":latest").unwrap_or(&familiar).to_owned())
}

fn source(value: &str, input_metadata: Option<&str>) -> Result<NamedSource, Invalid> {
    let unknown = || Invalid::Source(redacted(value));
    let (scheme, rest) = value.split_once(':').ok_or_else(unknown)?;
    let after_slashes = rest.strip_prefix("//").unwrap_or(rest);
    match scheme {
        "docker-image" if after_slashes == "scratch" => Ok(NamedSource::Scratch),
        "docker-image" => super::image(after_slashes).map(NamedSource::Image),
        "oci-layout" => layout(after_slashes),
        "local" if !rest.is_empty() => Ok(NamedSource::Local(rest.to_owned())),
        "input" if !rest.is_empty() => {
            Ok(NamedSource::Input { name: rest.to_owned(), metadata: input_metadata.map(str::to_owned) })
        }
        _ => match GitRef::parse(value)? {
            Some(git) => Ok(NamedSource::Git(git)),
            None if matches!(scheme, "http" | "https") => Ok(NamedSource::Http(RemoteUrl::new(value))),
            None => Err(unknown()),
        },
    }
}

/// `store[:tag]@digest`.
fn layout(text: &str) -> Result<NamedSource, Invalid> {
    let wrong = || Invalid::Source(text.to_owned());
    let (name, digest) = text.split_once('@').ok_or_else(wrong)?;
    let store = match name.rsplit_once(':') {
        Some((store, tag)) if !tag.contains('/') => store,
        _ => name,
    };
    if store.is_empty() || store.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong());
    }
    Ok(NamedSource::OciLayout { store: store.to_owned(), digest: digest.parse().map_err(|_| wrong())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn contexts(pairs: &[(&str, &str)]) -> NamedContexts {
        let pair = |k: &str| BTreeMap::from([(k.to_owned(), "more".to_owned())]);
        NamedContexts::new(pairs.iter().copied(), &pair("dir"), &pair("key"))
    }

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_compared_in_their_familiar_form() {
        for (name, expected) in [
            ("node", Some("node")),
            ("node:latest", Some("node")),
            ("docker.io/library/node:22", Some("node:22")),
            ("ghcr.io/a/b:latest", Some("ghcr.io/a/b")),
            ("my_stage", Some("my_stage")),
            ("scratch", None),
            ("context", None),
            ("no name", None),
            ("", None),
        ] {
            assert_eq!(key(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_consumer_s_platform_comes_first() {
        let contexts = contexts(&[("node:22", "docker-image://any"), ("node:22::linux/arm64", "docker-image://arm")]);
        let find = |name: &str, p: &str| contexts.find(name, &platform(p)).unwrap().map(|c| c.name);
        assert_eq!(find("node:22", "linux/arm64/v8").as_deref(), Some("node:22::linux/arm64"));
        assert_eq!(find("docker.io/library/node:22", "linux/amd64").as_deref(), Some("node:22"));
        assert_eq!(find("node", "linux/amd64"), None);
    }

    #[test]
    fn kinds() {
        let find = |value: &str| contexts(&[("dir", value)]).find("dir", &platform("linux/amd64"));
        let source = |value: &str| find(value).unwrap().unwrap().source;
        assert_eq!(source("docker-image://scratch"), NamedSource::Scratch);
        assert_eq!(source("docker-image://alpine"), NamedSource::Image("alpine:latest".parse().unwrap()));
        let layout = NamedSource::OciLayout { store: "abc".into(), digest: DIGEST.parse().unwrap() };
        assert_eq!(source(&format!("oci-layout://abc@{DIGEST}")), layout);
        assert_eq!(source(&format!("oci-layout://abc:tag@{DIGEST}")), layout);
        assert!(matches!(source("git@h:a.git#main"), NamedSource::Git(_)));
        assert!(matches!(source("git://h/a"), NamedSource::Git(_)));
        assert!(matches!(source("https://h/a.git"), NamedSource::Git(_)));
        assert_eq!(source("https://h/a.tgz"), NamedSource::Http(RemoteUrl::new("https://h/a.tgz")));
        assert_eq!(source("local:dir"), NamedSource::Local("dir".into()));
        assert_eq!(find("local:dir").unwrap().unwrap().shared_key.as_deref(), Some("more"));
        assert_eq!(source("input:key"), NamedSource::Input { name: "key".into(), metadata: Some("more".into()) });
        assert_eq!(source("input:other"), NamedSource::Input { name: "other".into(), metadata: None });
    }

    #[test]
    fn mistakes() {
        for value in [
            "alpine",
            "docker-image://UP",
            "docker-image://",
            "oci-layout://abc",
            "oci-layout://abc@sha256:1",
            "local:",
            "target:x",
            "https://h/a.git?x",
            "ftp://me:hunter2@h/x",
        ] {
            let error = contexts(&[("n", value)]).find("n", &platform("linux/amd64")).unwrap_err();
            assert!(error.message.contains("`--build-context`"), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }
}

//! References to images, in the full form that the daemon keeps. A short one would still build, but
//! the daemon would rewrite it, the digest of its vertex would change, and locations keyed by our
//! digest would be lost. Grammar read in `github.com/distribution/reference` v0.6.0 (`regexp.go`,
//! `normalize.go`).

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// A reference such as `docker.io/library/node:22-trixie-slim@sha256:…`: registry, repository, and
/// a tag or a digest or both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// What is wrong with a text that should refer to an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {problem}")]
pub struct InvalidImageRef {
    /// The text as it was given.
    pub text: String,
    /// What is wrong with it.
    pub problem: ImageRefProblem,
}

/// Part of an [`InvalidImageRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageRefProblem {
    /// No repository.
    #[error("it names no repository")]
    Empty,
    /// Upper case in the repository, which registries refuse.
    #[error("a repository's name is lower-case")]
    UpperCase,
    /// Another character that the repository may not have.
    #[error("a repository's name is made of letters, digits and single separators (. _ -) between slashes")]
    Repository,
    /// The registry's host or port.
    #[error("the registry is not a host name with an optional port")]
    Domain,
    /// The tag.
    #[error("a tag is at most 128 letters, digits, dots, dashes and underscores, and starts with none of . and -")]
    Tag,
    /// The digest.
    #[error("what follows @ is not a digest")]
    Digest,
}

impl ImageRef {
    /// The registry: host and optional port.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository without its registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same image, pinned.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The short form that people write: without `docker.io` and `library`.
    pub fn familiar(&self) -> String {
        let name = match (self.domain.as_str(), self.path.strip_prefix("library/")) {
            ("docker.io", Some(path)) if !path.contains('/') => path.to_owned(),
            // What looks like a registry would be read as one.
            ("docker.io", _) if !self.path.split('/').next().is_some_and(is_domain_like) => self.path.clone(),
            (domain, _) => format!("{domain}/{}", self.path),
        };
        name + &self.suffix()
    }

    fn suffix(&self) -> String {
        let mut out = String::new();
        if let Some(tag) = &self.tag {
            out.push(':');
            out.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            out.push('@');
            out.push_str(digest.as_str());
        }
        out
    }
}

impl FromStr for ImageRef {
    type Err = InvalidImageRef;

    /// Reads a full or a short reference. `node` becomes `docker.io/library/node:latest`.
    fn from_str(text: &str) -> Result<Self, InvalidImageRef> {
        parse(text).map_err(|problem| InvalidImageRef { text: text.into(), problem })
    }
}

fn parse(text: &str) -> Result<ImageRef, ImageRefProblem> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| ImageRefProblem::Digest)?)),
        None => (text, None),
    };
    // A colon before the last slash belongs to the registry's port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(ImageRefProblem::Tag);
    }
    let (domain, path) = match name.split_once('/') {
        Some((domain, path)) if is_domain_like(domain) => (domain, path.to_owned()),
        _ => ("docker.io", name.to_owned()),
    };
    let domain = if domain == "index.docker.io" { "docker.io" } else { domain };
    let path =
        if domain == "docker.io" && !path.contains('/') && !path.is_empty() { format!("library/{path}") } else { path };
    if path.is_empty() {
        return Err(ImageRefProblem::Empty);
    }
    if !is_domain(domain) {
        return Err(ImageRefProblem::Domain);
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ImageRefProblem::UpperCase);
    }
    if !path.split('/').all(is_component) {
        return Err(ImageRefProblem::Repository);
    }
    let tag = match (tag, &digest) {
        (Some(tag), _) => Some(tag.to_owned()),
        (None, None) => Some("latest".to_owned()),
        (None, Some(_)) => None,
    };
    Ok(ImageRef { domain: domain.into(), path, tag, digest })
}

/// What makes the first part of a name a registry rather than the start of a repository.
fn is_domain_like(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    }
    host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Lower-case words joined by one dot, one or two underscores, or any number of dashes.
fn is_component(component: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_are_words = bytes.first().is_some_and(|b| is_word(*b)) && bytes.last().is_some_and(|b| is_word(*b));
    ends_are_words
        && bytes
            .split(|b| is_word(*b))
            .all(|separator| matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && !tag.is_empty()
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.domain, self.path, self.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn full_forms() {
        for (text, full, familiar) in [
            ("node", "docker.io/library/node:latest", "node:latest"),
            ("node:22", "docker.io/library/node:22", "node:22"),
            ("docker.io/node:22", "docker.io/library/node:22", "node:22"),
            ("index.docker.io/library/node:22", "docker.io/library/node:22", "node:22"),
            ("me/app", "docker.io/me/app:latest", "me/app:latest"),
            ("docker.io/me.io/app", "docker.io/me.io/app:latest", "docker.io/me.io/app:latest"),
            ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest", "localhost:5000/a/b:latest"),
            ("ghcr.io/a/b__c--d.e:X", "ghcr.io/a/b__c--d.e:X", "ghcr.io/a/b__c--d.e:X"),
            ("[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000/a:b"),
        ] {
            let reference: ImageRef = text.parse().unwrap();
            assert_eq!(reference.to_string(), full);
            assert_eq!(reference.familiar(), familiar);
            assert_eq!(full.parse::<ImageRef>().unwrap(), reference);
        }
        let pinned: ImageRef = format!("node@{HEX}").parse().unwrap();
        assert_eq!(pinned.to_string(), format!("docker.io/library/node@{HEX}"));
        let both: ImageRef = format!("node:22@{HEX}").parse().unwrap();
        assert_eq!(both.to_string(), format!("docker.io/library/node:22@{HEX}"));
    }

    #[test]
    fn refused() {
        use ImageRefProblem::*;
        for (text, problem) in [
            ("", Empty),
            ("docker.io/", Empty),
            ("Node", UpperCase),
            ("ghcr.io/Foo", UpperCase),
            ("a//b", Repository),
            ("a..b", Repository),
            ("-a", Repository),
            ("a b", Repository),
            ("exa_mple.com/a", Domain),
            ("example.com:x/a", Domain),
            ("node:", Tag),
            ("node:-1", Tag),
            ("node@sha256:12", Digest),
        ] {
            assert_eq!(text.parse::<ImageRef>().unwrap_err().problem, problem, "{text}");
        }
    }
}

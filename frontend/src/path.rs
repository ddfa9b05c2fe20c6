//! Paths that cannot leave the place they belong to.
//!
//! A [`ContextPath`] lies in the repository, an [`ImagePath`] in the image. Both are clean by construction: no `.`,
//! no `..`, no empty component, no NUL, `/` as the only separator. What is not clean is refused at the edge with
//! [`PathError`].

use std::fmt;

/// Why a text is not a path that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It climbs out with `..`.
    #[error("the path leaves its root through `..`")]
    Escapes,
    /// It starts with `/` where a relative path is wanted.
    #[error("the path is absolute")]
    Absolute,
    /// It does not start with `/` where an absolute path is wanted.
    #[error("the path is not absolute")]
    Relative,
    /// It holds a NUL, a control character or a backslash.
    #[error("the path holds a character that is not allowed")]
    Character,
    /// It is longer than 3,072 bytes.
    #[error("the path is longer than {MAX_BYTES} bytes")]
    TooLong,
}

/// Linux takes 4,096 bytes, and steps see a path below directories of their own.
const MAX_BYTES: usize = 3072;

/// Cleans `text` lexically: drops `.` and empty components, resolves `..` within.
fn clean(text: &str) -> Result<String, PathError> {
    if text.len() > MAX_BYTES {
        return Err(PathError::TooLong);
    }
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return Err(PathError::Character);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(PathError::Escapes)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// A path in the repository: relative, clean, `/`-separated. The root itself is the empty path, shown as `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ContextPath(String);

impl ContextPath {
    /// The repository's root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Cleans a relative path; `..` may be used as long as the result stays inside.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        clean(text).map(Self)
    }

    /// Resolves `text` against this directory.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        clean(&format!("{}/{text}", self.0)).map(Self)
    }

    /// The directory that holds this path; the root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned())
    }

    /// This path, and every directory that it lies in, up to the root.
    pub fn with_parents(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(Some(self.clone()), |path| (!path.is_root()).then(|| path.parent()))
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The text, empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this path is `dir` or lies below it.
    pub fn is_in(&self, dir: &Self) -> bool {
        dir.is_root() || self.0.strip_prefix(&dir.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path as BuildKit wants it in copies and mounts: with a leading `/`.
    pub fn rooted(&self) -> String {
        format!("/{}", self.0)
    }
}

impl fmt::Display for ContextPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl serde::Serialize for ContextPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ContextPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A path in an image: absolute and clean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(String);

impl ImagePath {
    /// The image's root.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Cleans an absolute path.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::Relative);
        }
        clean(text).map(|path| Self(format!("/{path}")))
    }

    /// Resolves `text` against this directory; an absolute `text` stands for itself.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') { Self::new(text) } else { Self::new(&format!("{}/{text}", self.0)) }
    }

    /// This directory with a repository path below it.
    #[must_use]
    pub fn join_context(&self, path: &ContextPath) -> Self {
        match (self.0.as_str(), path.as_str()) {
            (_, "") => self.clone(),
            ("/", path) => Self(format!("/{path}")),
            (dir, path) => Self(format!("{dir}/{path}")),
        }
    }

    /// Whether this path is `dir` or lies below it.
    pub fn is_in(&self, dir: &Self) -> bool {
        let rest = self.0.strip_prefix(dir.0.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The text, with its leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for ImagePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for ImagePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_path_stays_inside() {
        assert_eq!(ContextPath::new("a/./b//c/../d").unwrap().as_str(), "a/b/d");
        assert_eq!(ContextPath::new(".").unwrap(), ContextPath::root());
        assert_eq!(ContextPath::new("a/../../b"), Err(PathError::Escapes));
        assert_eq!(ContextPath::new("/etc/passwd"), Err(PathError::Absolute));
        assert_eq!(ContextPath::new("a\0b"), Err(PathError::Character));
        assert_eq!(ContextPath::new("packages/app").unwrap().join("../../x").unwrap().as_str(), "x");
        assert_eq!(ContextPath::new("packages").unwrap().join("../../x"), Err(PathError::Escapes));
    }

    #[test]
    fn parents_and_membership() {
        let path = ContextPath::new("packages/app/src").unwrap();
        assert_eq!(path.parent().as_str(), "packages/app");
        assert_eq!(path.name(), "src");
        assert!(path.is_in(&ContextPath::new("packages/app").unwrap()));
        assert!(!ContextPath::new("packages/app2").unwrap().is_in(&ContextPath::new("packages/app").unwrap()));
        assert!(path.is_in(&ContextPath::root()));
    }

    #[test]
    fn an_image_path_is_absolute() {
        assert_eq!(ImagePath::new("app"), Err(PathError::Relative));
        let app = ImagePath::new("/app/").unwrap();
        assert_eq!(app.as_str(), "/app");
        assert_eq!(app.join("x/../y").unwrap().as_str(), "/app/y");
        assert_eq!(app.join("../../y"), Err(PathError::Escapes));
        assert_eq!(app.join_context(&ContextPath::new("packages/app").unwrap()).as_str(), "/app/packages/app");
    }
}

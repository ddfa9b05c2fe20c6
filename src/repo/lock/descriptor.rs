//! Yarn's names for things: a descriptor asks (`zod@npm:^3.0.0`), a locator answers (`zod@npm:3.25.76`).
//!
//! Facts: `structUtils` and `Configuration.normalizeDependency` of `@yarnpkg/core`.

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;

/// A package name and a range. Those of a lockfile share its text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Descriptor {
    /// Package name, with its scope.
    pub name: ByteString,
    /// The range, protocol included: `npm:^1.0.0`, `workspace:^`, `patch:...`.
    pub range: ByteString,
}

/// A package name and the one reference that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Locator {
    /// Package name, with its scope. For an alias the name of the real package.
    pub name: ByteString,
    /// The reference, protocol included: `npm:1.2.3`, `workspace:packages/app`, `patch:...`.
    pub reference: ByteString,
}

impl Descriptor {
    /// A descriptor of its parts.
    pub fn new(name: impl Into<ByteString>, range: impl Into<ByteString>) -> Self {
        Self { name: name.into(), range: range.into() }
    }

    /// Splits `name@range` or `@scope/name@range`.
    pub fn parse(text: &str) -> Option<Self> {
        split(text).map(|(name, range)| Self::new(name, range))
    }

    /// The same for a part of a text.
    pub(super) fn parse_in(whole: &ByteString, text: &str) -> Option<Self> {
        let (name, range) = split(text)?;
        Some(Self { name: shared(whole, name.into()), range: shared(whole, range.into()) })
    }

    /// Adds Yarn's default protocol `npm:` to a plain semver range or tag.
    ///
    /// Yarn asks node-semver whether the range is valid. A text without `:` and `/` is either that, a tag, or nothing
    /// that any resolver takes, so the two characters decide here.
    #[must_use]
    pub fn normalized(self) -> Self {
        if self.range.contains([':', '/']) {
            self
        } else {
            Self { range: format!("npm:{}", self.range).into(), ..self }
        }
    }

    /// The protocol with its colon, when there is one.
    pub fn protocol(&self) -> Option<&str> {
        protocol(&self.range)
    }
}

impl Locator {
    /// Splits `name@reference`.
    pub fn parse(text: &str) -> Option<Self> {
        split(text).map(|(name, reference)| Self { name: name.into(), reference: reference.into() })
    }

    /// The same for a part of a text.
    pub(super) fn parse_in(whole: &ByteString, text: &str) -> Option<Self> {
        let (name, reference) = split(text)?;
        Some(Self { name: shared(whole, name.into()), reference: shared(whole, reference.into()) })
    }

    /// The protocol with its colon, when there is one.
    pub fn protocol(&self) -> Option<&str> {
        protocol(&self.reference)
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.range)
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.reference)
    }
}

/// A part of a text, without a copy of it. What is no part of it is copied.
pub(super) fn shared(whole: &ByteString, part: Cow<'_, str>) -> ByteString {
    match part {
        Cow::Borrowed(part) if whole.as_bytes().as_ptr_range().contains(&part.as_ptr()) => whole.slice_ref(part),
        part => part.into_owned().into(),
    }
}

fn protocol(text: &str) -> Option<&str> {
    let end = text.find([':', '#'])?;
    text.get(..=end).filter(|p| p.ends_with(':'))
}

/// Splits at the first `@` that is not the scope's.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scope, rest) = match text.strip_prefix('@') {
        Some(scoped) => {
            let slash = scoped.find('/')?;
            let start = slash.saturating_add(2);
            (start, text.get(start..)?)
        }
        None => (0, text),
    };
    let at = rest.find('@')?;
    let name_end = scope.saturating_add(at);
    let (name, range) = (text.get(..name_end)?, text.get(name_end.saturating_add(1)..)?);
    (at > 0 && !range.is_empty() && !rest.get(..at)?.contains('/')).then_some((name, range))
}

/// Whether a text is a package name as Yarn takes it: `name` or `@scope/name`.
pub fn is_name(text: &str) -> bool {
    let (scope, name) = match text.strip_prefix('@') {
        Some(rest) => match rest.split_once('/') {
            Some((scope, name)) => (Some(scope), name),
            None => return false,
        },
        None => (None, text),
    };
    let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.chars().any(char::is_control);
    scope.is_none_or(is_part) && is_part(name) && !name.contains(['@', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ranges_are_split() {
        for (text, name, range) in [
            ("zod@npm:^3", "zod", "npm:^3"),
            ("@a/b@npm:x@^1", "@a/b", "npm:x@^1"),
            ("resolve@patch:resolve@npm%3A^1#x", "resolve", "patch:resolve@npm%3A^1#x"),
        ] {
            assert_eq!(Descriptor::parse(text), Some(Descriptor::new(name, range)));
        }
        for text in ["", "zod", "@a/b", "@a@1", "a/b@1", "@/b@", "x@"] {
            assert_eq!(Descriptor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_default_protocol_is_added() {
        for (range, normalized) in [
            ("^1.0.0", "npm:^1.0.0"),
            ("1 - 3", "npm:1 - 3"),
            (">=1 <2 || 3.x", "npm:>=1 <2 || 3.x"),
            ("latest", "npm:latest"),
            ("*", "npm:*"),
            ("", "npm:"),
            ("workspace:^", "workspace:^"),
            ("owner/repo", "owner/repo"),
            ("./x.tgz", "./x.tgz"),
            ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ] {
            assert_eq!(Descriptor::new("x", range).normalized().range, normalized);
        }
    }

    #[test]
    fn package_names() {
        for (text, good) in
            [("a", true), ("@a/b", true), ("@a", false), ("a/b", false), ("", false), ("@/b", false), ("a@b", false)]
        {
            assert_eq!(is_name(text), good, "{text}");
        }
    }
}

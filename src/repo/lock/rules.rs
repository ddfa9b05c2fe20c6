//! What stands between a dependency as a manifest writes it and the descriptor that the lockfile knows.
//!
//! Yarn runs each dependency through hooks before it resolves it: `resolutions` of the root (CorePlugin), builtin
//! patches (plugin-compat), catalogs (plugin-catalog), Backstage's own plugin; then the resolver binds what depends on
//! its parent. Facts: `Project.preparePackage`, `CorePlugin.reduceDependency` and the resolvers' `bindDescriptor` in
//! `@yarnpkg/core` and its plugins, `BackstageNpmResolver` in backstage/backstage packages/yarn-plugin.

use std::collections::BTreeMap;

use super::extensions::Extensions;
use super::resolutions::Resolutions;
use super::{Descriptor, Locator, Lockfile};

/// Names that Yarn itself patches.
const PATCHED: [&str; 3] = ["fsevents", "resolve", "typescript"];

/// The rules of one project.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Root `resolutions`.
    pub resolutions: Resolutions,
    /// `packageExtensions` of `.yarnrc.yml`.
    pub extensions: Extensions,
    /// `catalog` (under the empty name) and `catalogs` of `.yarnrc.yml`: catalog to package to range.
    pub catalogs: BTreeMap<String, BTreeMap<String, String>>,
    /// The root's own locator, to which resolutions are bound.
    pub root: Locator,
}

/// A dependency after all rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduced {
    /// What the lockfile knows it as.
    pub descriptor: Descriptor,
    /// Which of [`Rules::resolutions`] changed it.
    pub resolution: Option<usize>,
}

impl Rules {
    /// Applies all rules to a dependency of `parent` as its manifest writes it.
    pub fn reduce(&self, lock: &Lockfile, parent: &Locator, dependency: Descriptor) -> Reduced {
        let mut descriptor = dependency.normalized();
        let resolution = self.resolutions.first(parent, &descriptor);
        if let Some(found) = resolution.and_then(|i| self.resolutions.get(i)) {
            descriptor = Descriptor::new(descriptor.name, &*found.reference).normalized();
            descriptor = bind(descriptor, &self.root);
        }
        if let Some(range) = self.catalog_range(&descriptor) {
            descriptor = bind(Descriptor::new(descriptor.name, range.as_str()).normalized(), &self.root);
        }
        if PATCHED.contains(&&*descriptor.name) {
            descriptor = builtin_patch(lock, descriptor);
        }
        // Almost all are of the registry, and nothing else is said of those.
        if descriptor.range.starts_with("npm:") {
            return Reduced { descriptor, resolution };
        }
        if descriptor.range.starts_with("backstage:") {
            descriptor = backstage(lock, descriptor);
        }
        Reduced { descriptor: bind(descriptor, parent), resolution }
    }

    /// Whether a range of the registry stays what it is, whoever asks.
    pub(crate) fn leave(&self, name: &str, range: &str) -> bool {
        range.starts_with("npm:") && !PATCHED.contains(&name) && !self.resolutions.name(name)
    }

    fn catalog_range(&self, descriptor: &Descriptor) -> Option<&String> {
        let catalog = descriptor.range.strip_prefix("catalog:")?;
        self.catalogs.get(catalog)?.get(&*descriptor.name)
    }

    /// What must be resolved along with a descriptor: the source of a patch, the npm range behind `backstage:^`.
    pub fn companion(&self, descriptor: &Descriptor) -> Option<Descriptor> {
        if let Some(patch) = descriptor.range.strip_prefix("patch:") {
            let (source, _) = patch.split_once('#')?;
            return Some(bind(Descriptor::parse(&decode(source))?.normalized(), &self.root));
        }
        let npm = backstage_params(descriptor)?.1;
        Some(Descriptor::new(&*descriptor.name, format!("npm:^{npm}")))
    }
}

/// Backstage release and npm version of a bound `backstage:^` descriptor.
pub(crate) fn backstage_params(descriptor: &Descriptor) -> Option<(&str, &str)> {
    let (_, params) = descriptor.range.strip_prefix("backstage:")?.split_once("::")?;
    let value = |key: &str| params.split('&').find_map(|p| p.strip_prefix(key)?.strip_prefix('='));
    Some((value("backstage")?, value("npm")?))
}

/// Yarn 4 writes `#optional!builtin<compat/NAME>`, Yarn 3 `#~builtin<compat/NAME>`, Yarn 2 no flag: what the file has counts.
fn builtin_patch(lock: &Lockfile, descriptor: Descriptor) -> Descriptor {
    let source = encode(&descriptor.to_string());
    let name = descriptor.name;
    let range = |flag: &str| format!("patch:{source}#{flag}builtin<compat/{name}>");
    let old = ["~", ""].map(|flag| Descriptor::new(&*name, range(flag)));
    let known = old.into_iter().find(|old| lock.place(old).is_some());
    known.unwrap_or_else(|| Descriptor::new(&*name, range("optional!")))
}

/// The plugin binds `backstage:^` to the release and the version of its manifest; older plugins replaced it by `npm:^`
/// and that version. The file tells both.
fn backstage(lock: &Lockfile, descriptor: Descriptor) -> Descriptor {
    let bound = format!("{}::", descriptor.range);
    let known = lock.starting(&descriptor.name, &bound).or_else(|| lock.starting(&descriptor.name, "npm:^"));
    known.cloned().unwrap_or(descriptor)
}

/// Adds the parent to a range that is relative to it.
fn bind(descriptor: Descriptor, parent: &Locator) -> Descriptor {
    let Descriptor { name, range } = descriptor;
    if range.contains("::") {
        return Descriptor { name, range };
    }
    let range = if is_path(&range) { format!("file:{range}").into() } else { range };
    let relative = ["link:", "portal:", "file:", "exec:"].iter().any(|p| range.starts_with(p));
    if relative || patch_paths(&range).iter().any(|path| is_relative_patch(path)) {
        let parent = escape(&parent.to_string());
        return Descriptor { name, range: format!("{range}::locator={parent}").into() };
    }
    Descriptor { name, range }
}

fn is_path(range: &str) -> bool {
    ["/", "./", "../"].iter().any(|prefix| range.starts_with(prefix))
}

/// The patch files that a `patch:` range names, flags included.
pub(crate) fn patch_paths(range: &str) -> Vec<String> {
    let Some((_, rest)) = range.strip_prefix("patch:").and_then(|r| r.split_once('#')) else { return Vec::new() };
    let selector = rest.split_once("::").map_or(rest, |(selector, _)| selector);
    decode(selector).split('&').filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

fn is_relative_patch(path: &str) -> bool {
    let path = patch_file(path);
    !(path.starts_with("builtin<") || path.starts_with("~builtin<") || path.starts_with("~/") || path.starts_with('/'))
}

/// A patch path without its flags (`optional!`).
pub(crate) fn patch_file(path: &str) -> &str {
    path.rsplit_once('!').map_or(path, |(_, file)| file)
}

/// The locator that a bound range is relative to.
pub(crate) fn bound_parent(range: &str) -> Option<Locator> {
    let (_, params) = range.rsplit_once("::")?;
    let parent = params.split('&').find_map(|p| p.strip_prefix("locator="))?;
    Locator::parse(&decode(parent))
}

/// `structUtils.makeRange`: the three characters that would end a part.
fn encode(text: &str) -> String {
    text.replace('%', "%25").replace(':', "%3A").replace('#', "%23")
}

/// Percent-decoding; what is no escape stays.
pub(crate) fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = (byte == b'%').then(|| {
            let mut ahead = bytes.clone();
            let high = char::from(ahead.next()?).to_digit(16)?;
            let low = char::from(ahead.next()?).to_digit(16)?;
            u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()
        });
        match hex.flatten() {
            Some(decoded) => {
                out.push(decoded);
                bytes.next();
                bytes.next();
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Node's `querystring.escape`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Resolution;
    use super::*;

    fn root() -> Locator {
        Locator::parse("root@workspace:.").unwrap()
    }

    fn reduce(rules: &Rules, parent: &str, name: &str, range: &str) -> String {
        let parent = Locator::parse(parent).unwrap();
        rules.reduce(&Lockfile::default(), &parent, Descriptor::new(name, range)).descriptor.to_string()
    }

    fn rules(resolutions: &[(&str, &str)]) -> Rules {
        let resolutions = resolutions.iter().map(|(k, v)| Resolution::parse(k, v).unwrap()).collect();
        Rules { resolutions, root: root(), ..Rules::default() }
    }

    #[test]
    fn resolutions_in_all_their_forms() {
        let rules = rules(&[
            ("a@npm:^1", "1.5.0"),
            ("b@^1", "1.6.0"),
            ("p@npm:2.0.0/c", "3.0.0"),
            ("@s/p/d", "npm:4.0.0"),
            ("e", "patch:e@npm%3A1.0.0#~/.yarn/patches/e.patch"),
            ("f", "file:./vendor/f"),
        ]);
        for (parent, name, range, wanted) in [
            ("x@npm:1.0.0", "a", "^1", "a@npm:1.5.0"),
            ("x@npm:1.0.0", "a", "^2", "a@npm:^2"),
            ("x@npm:1.0.0", "b", "npm:^1", "b@npm:1.6.0"),
            ("p@npm:2.0.0", "c", "^1", "c@npm:3.0.0"),
            ("p@npm:2.0.1", "c", "^1", "c@npm:^1"),
            ("@s/p@npm:9.0.0", "d", "*", "d@npm:4.0.0"),
            ("p@npm:9.0.0", "d", "*", "d@npm:*"),
            ("x@npm:1.0.0", "e", "*", "e@patch:e@npm%3A1.0.0#~/.yarn/patches/e.patch"),
            ("x@workspace:x", "f", "*", "f@file:./vendor/f::locator=root%40workspace%3A."),
        ] {
            assert_eq!(reduce(&rules, parent, name, range), wanted);
        }
        assert_eq!(Resolution::parse("**/glob", "1"), None);
        assert_eq!(Resolution::parse("a/b/c", "1"), None);
        assert_eq!(Resolution::parse("", "1"), None);
    }

    #[test]
    fn what_is_relative_is_bound_to_its_parent() {
        let rules = rules(&[]);
        for (name, range, wanted) in [
            ("app", "link:../app", "app@link:../app::locator=backend%40workspace%3Apackages%2Fbackend"),
            ("x", "./x.tgz", "x@file:./x.tgz::locator=backend%40workspace%3Apackages%2Fbackend"),
            ("x", "workspace:^", "x@workspace:^"),
            (
                "x",
                "patch:x@npm%3A1.0.0#./a.patch",
                "x@patch:x@npm%3A1.0.0#./a.patch::locator=backend%40workspace%3Apackages%2Fbackend",
            ),
            ("typescript", "~5.8.0", "typescript@patch:typescript@npm%3A~5.8.0#optional!builtin<compat/typescript>"),
            ("old", "npm:new@^1", "old@npm:new@^1"),
        ] {
            assert_eq!(reduce(&rules, "backend@workspace:packages/backend", name, range), wanted);
        }
    }

    #[test]
    fn companions() {
        let rules = rules(&[]);
        let companion = |text: &str| rules.companion(&Descriptor::parse(text).unwrap()).map(|d| d.to_string());
        assert_eq!(
            companion("resolve@patch:resolve@npm%3A^1.1.7#optional!builtin<compat/resolve>").unwrap(),
            "resolve@npm:^1.1.7"
        );
        assert_eq!(companion("a@backstage:^::backstage=1.53.0&npm=1.7.10").unwrap(), "a@npm:^1.7.10");
        assert_eq!(companion("a@npm:1"), None);
    }

    #[test]
    fn escapes() {
        assert_eq!(decode("a%3Ab%zz%4"), "a:b%zz%4");
        assert_eq!(escape("@s/a@workspace:x y"), "%40s%2Fa%40workspace%3Ax%20y");
        let parent = "a@link:../b::locator=%40s%2Fa%40workspace%3Ax";
        assert_eq!(bound_parent(parent), Locator::parse("@s/a@workspace:x"));
    }
}

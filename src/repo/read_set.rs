//! The one declared set of what facts are read from.

use std::sync::LazyLock;

use crate::files::{PatternMatcher, ReadSet};
use crate::path::ContextPath;

/// What nobody's build may see unless it is named: secrets, local configuration, credentials.
///
/// Sources: backstage/backstage #15274 (`app-config.local.yaml` built in), #16520 (GitHub App key file), #3457 (npm
/// token in the container); create-app's own `.gitignore` (`*.local.yaml`, `*-credentials.yaml`, `.env*`); GitHub names App keys `*.private-key.pem`.
pub const DENY: [&str; 11] = [
    "**/.env*",
    "**/*.local.yaml",
    "**/*.local.yml",
    "**/*-credentials.yaml",
    "**/*-credentials.yml",
    "**/.npmrc",
    "**/*.private-key.pem",
    "**/*.key",
    "**/.netrc",
    "**/.git-credentials",
    "**/.git",
];

/// Whether the deny-list hides a path.
pub fn is_denied(path: &ContextPath) -> bool {
    static MATCHER: LazyLock<Option<PatternMatcher>> =
        LazyLock::new(|| PatternMatcher::new(&DENY.map(str::to_owned)).ok());
    // Our own patterns are patterns; were they not, hiding is the safe answer.
    MATCHER.as_ref().is_none_or(|deny| deny.matches(path.as_str()))
}

/// Whether a path may never be put into an image: what the deny-list hides, and `.yarnrc.yml`, which an install needs but
/// which may hold credentials.
pub fn is_secret(path: &ContextPath) -> bool {
    is_denied(path) || path.name() == ".yarnrc.yml"
}

/// Directories that hold nothing that is written by hand. Without a wildcard exception anywhere in the set the client
/// never walks into them (measured: BuildKit's client prunes by patterns unless an exception holds a wildcard).
const GENERATED: [&str; 5] = ["**/node_modules", "**/dist", "**/dist-types", "**/coverage", ".yarn/cache"];

/// Files at the root, beside every `package.json`.
pub(crate) const ROOT_FILES: [&str; 13] = [
    "yarn.lock",
    "package-lock.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "bun.lock",
    "bun.lockb",
    ".pnp.cjs",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    "backstage.json",
    ".dockerignore",
    "tsconfig.json",
];

/// Files at the root that configure builds and checks. Never read: that they are there is enough.
const ROOT_CONFIG: [&str; 16] = [
    "tsconfig*.json",
    "babel.config.*",
    ".babelrc*",
    ".browserslistrc",
    ".swcrc",
    "postcss.config.*",
    "tailwind.config.*",
    "rspack.config.*",
    "webpack.config.*",
    "jest.config.*",
    ".eslintrc*",
    ".eslintignore",
    "eslint.config.*",
    ".prettierrc*",
    ".prettierignore",
    "prettier.config.*",
];

const FOLDERS: [&str; 4] = [".yarn/releases", ".yarn/plugins", ".yarn/patches", "patches"];

/// The set to read facts from. `named` are the files that the build file names: they are shown whatever the deny-list
/// says, because they are named by their exact path. `ignore` holds the lines of a `<build file>.dockerignore`, which
/// hold to the letter, but for the deny-list: that comes after them.
pub fn read_set(named: &[ContextPath], ignore: Option<&[String]>) -> ReadSet {
    let own = |list: &[&str]| list.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>();
    let mut include = own(&["**/package.json", "app-config*.yaml"]);
    include.extend(own(&ROOT_FILES));
    include.extend(own(&ROOT_CONFIG));
    include.extend(own(&FOLDERS));
    let mut exclude = own(&GENERATED);
    exclude.extend(ignore.unwrap_or_default().iter().cloned());
    exclude.extend(own(&DENY));
    for path in named.iter().filter(|path| !path.is_root()).map(|path| escaped(path.as_str())) {
        // A literal exception does not switch off pruning on the client.
        exclude.push(format!("!{path}"));
        include.push(path);
    }
    ReadSet { include, exclude }
}

/// A path as a pattern that matches it alone. Patterns are trimmed, so that outer blanks have to be hidden in a class; a
/// backslash would be left alone at the end.
pub(crate) fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let last = path.char_indices().next_back().map_or(0, |(at, _)| at);
    for (at, c) in path.char_indices() {
        let outer = at == 0 || at == last;
        match c {
            c if outer && c.is_whitespace() => out.extend(['[', c, ']']),
            '*' | '?' | '[' | ']' | '\\' => out.extend(['\\', c]),
            '!' if at == 0 => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_is_shown_whatever_it_is_called() {
        for name in ["!app-config.yaml", " app-config.yaml ", "\u{a0}x", "[x]*?.yaml", "#x.yaml", "! x", "!"] {
            let path = ContextPath::new(name).unwrap();
            let named = std::slice::from_ref(&path);
            for set in [read_set(named, None), read_set(named, Some(&["**".to_owned()]))] {
                assert!(set.contains(&path), "{name:?}: {set:?}");
            }
            assert!(!read_set(named, None).contains(&ContextPath::new("x").unwrap()), "{name:?}");
        }
    }

    #[test]
    fn many_named_files_cost_no_more_than_one() {
        // Each of them against each pattern would be 10^8 matches for the set alone.
        let paths: Vec<ContextPath> =
            (0..9_000).map(|i| ContextPath::new(&format!("config/{i}.yaml")).unwrap()).collect();
        let shown = read_set(&paths, None).matcher().unwrap();
        for _ in 0..20 {
            assert!(paths.iter().all(|path| shown.contains(path)));
        }
    }
}

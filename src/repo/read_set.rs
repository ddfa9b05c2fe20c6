//! The one declared set of what facts are read from.

use buildkit_frontend::files::{ReadSet, ignore_pattern};
use buildkit_frontend::path::ContextPath;

use crate::hidden::{deny_patterns, is_denied, matches};

/// Directories that hold nothing that is written by hand. Without a wildcard exception anywhere in the set the client
/// never walks into them (measured: BuildKit's client prunes by patterns unless an exception holds a wildcard).
const GENERATED: [&str; 5] = ["**/node_modules", "**/dist", "**/dist-types", "**/coverage", ".yarn/cache"];

/// Files at the root, beside every `package.json` and [`ROOT_CONFIG`].
const ROOT_FILES: [&str; 11] = [
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
    ".dockerignore",
];

/// Who reads a file at the root that configures something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Builds and checks.
    Build,
    /// Checks only.
    Check,
}

/// Files at the root that configure builds and checks. Most are never read here: that they are there is enough.
const ROOT_CONFIG: [(&str, Reader); 18] = [
    ("package.json", Reader::Build),
    ("backstage.json", Reader::Build),
    ("tsconfig*.json", Reader::Build),
    ("babel.config.*", Reader::Build),
    (".babelrc*", Reader::Build),
    (".browserslistrc", Reader::Build),
    (".swcrc", Reader::Build),
    ("postcss.config.*", Reader::Build),
    ("tailwind.config.*", Reader::Build),
    ("rspack.config.*", Reader::Build),
    ("webpack.config.*", Reader::Build),
    ("jest.config.*", Reader::Check),
    (".eslintrc*", Reader::Check),
    (".eslintignore", Reader::Check),
    ("eslint.config.*", Reader::Check),
    (".prettierrc*", Reader::Check),
    (".prettierignore", Reader::Check),
    ("prettier.config.*", Reader::Check),
];

/// What git ignores must not go into an image because a config names it.
const IGNORE_FILES: &str = "**/.gitignore";

/// Yarn's own files, and patches.
const FOLDERS: [&str; 4] = [".yarn/releases", ".yarn/plugins", ".yarn/patches", "patches"];

/// Who reads a file at the root, if it configures anything.
pub fn root_config(name: &str) -> Option<Reader> {
    ROOT_CONFIG.iter().find(|(pattern, _)| matches(&[pattern], name)).map(|(_, reader)| *reader)
}

/// Whether a path is among the facts of every repository: a step that takes it from there does not wait for sources.
pub fn is_fact(path: &ContextPath) -> bool {
    let included = ROOT_FILES.iter().chain(ROOT_CONFIG.iter().map(|(pattern, _)| pattern)).chain(&FOLDERS);
    let included: Vec<&str> = included.copied().collect();
    matches(&included, path.as_str()) && !matches(&GENERATED, path.as_str()) && !is_denied(path)
}

/// The set to read facts from. `named` are the files that the build file names: they are shown whatever the deny-list
/// says, because they are named by their exact path. `ignore` holds the lines of a `<build file>.dockerignore`, which
/// hold to the letter, but for the deny-list: that comes after them.
pub fn read_set(named: &[ContextPath], ignore: Option<&[String]>) -> ReadSet {
    let own = |list: &[&str]| list.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>();
    let mut include = own(&["**/package.json", "app-config*.yaml", IGNORE_FILES]);
    include.extend(own(&ROOT_FILES));
    include.extend(ROOT_CONFIG.iter().map(|(pattern, _)| (*pattern).to_owned()).filter(|name| name != "package.json"));
    include.extend(own(&FOLDERS));
    let mut exclude = own(&GENERATED);
    exclude.extend(ignore.unwrap_or_default().iter().cloned());
    exclude.extend(deny_patterns());
    for path in named.iter().filter(|path| !path.is_root()).map(|path| ignore_pattern(path.as_str())) {
        // A literal exception does not switch off pruning on the client.
        exclude.push(format!("!{path}"));
        include.push(path);
    }
    ReadSet { include, exclude }
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

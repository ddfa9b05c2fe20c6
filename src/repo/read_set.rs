//! The one declared set of what facts are read from.

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
    let deny: Vec<String> = DENY.iter().map(|pattern| (*pattern).to_owned()).collect();
    // Our own patterns are patterns; were they not, hiding is the safe answer.
    PatternMatcher::new(&deny).map_or(true, |deny| deny.matches(path.as_str()))
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

/// A path as a pattern that matches it alone.
pub(crate) fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if "*?[]\\".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

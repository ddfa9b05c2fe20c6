//! What the image does without, and why nothing that runs needs it.
//!
//! A rule is bound to a kind of file or to a package, and holds by what the tree shows. None names a directory at any
//! depth, which is how prunes break packages (`yaml/dist/doc`).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::task::Prune;

/// Why something is not in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A pattern of `prune.drop`.
    Dropped,
    /// A package for another platform than the image's.
    Platform,
    /// A package that only builds others.
    BuildOnly,
    /// A native package without a binary, which fails when it is loaded.
    Unbuilt,
    /// A native package that nothing in this image uses.
    Unused,
    /// What only config schemas in TypeScript need, where there are none.
    Schemas,
    /// A package that only packages which are left out need.
    Orphan,
    /// Source maps.
    SourceMaps,
    /// What a package says of itself to people. Licences stay: they must be shipped.
    Documentation,
    /// Tests, examples and settings of tools, which no script of the package asks for.
    Development,
    /// TypeScript and declarations: Node runs none below `node_modules`.
    TypeScript,
    /// Files that only compilers read or write.
    BuildFiles,
    /// Binaries for another platform.
    Prebuilt,
    /// What only the compiler of a native package reads or leaves behind.
    NativeSources,
    /// A link that leads out of its package.
    Link,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "prune.drop",
            Self::Platform => "for another platform",
            Self::BuildOnly => "only builds other packages",
            Self::Unbuilt => "native, not built, and of no use without",
            Self::Unused => "not used",
            Self::Schemas => "only for config schemas in TypeScript, of which there are none",
            Self::Orphan => "only needed by packages that are left out",
            Self::SourceMaps => "source maps",
            Self::Documentation => "documentation",
            Self::Development => "tests, examples and settings of tools",
            Self::TypeScript => "TypeScript, which Node does not run below node_modules",
            Self::BuildFiles => "files of compilers",
            Self::Prebuilt => "binaries for another platform",
            Self::NativeSources => "sources of native code",
            Self::Link => "links out of their package",
        })
    }
}

/// A package that goes unless something that stays asks for it.
pub(super) struct Candidate {
    /// Its name.
    pub(super) name: &'static str,
    /// The rule.
    pub(super) rule: Rule,
    /// Packages that ask for it only for what the rule says nobody needs.
    pub(super) users: &'static [&'static str],
    /// Whether it goes also where a workspace names it: what the bundle of a workspace asks for is not known yet, and
    /// create-app's backend has named node-gyp.
    pub(super) even_if_named: bool,
}

/// Build tools: https://github.com/nodejs/node-gyp and what prebuild-install needs. Headers: nan and node-addon-api hold
/// nothing but C++. `config-loader` compiles schemas through ts-json-schema-generator, which uses the compiler.
pub(super) const CANDIDATES: [Candidate; 7] = [
    Candidate { name: "node-gyp", rule: Rule::BuildOnly, users: &[], even_if_named: true },
    Candidate { name: "prebuild-install", rule: Rule::BuildOnly, users: &[], even_if_named: true },
    Candidate { name: "node-abi", rule: Rule::BuildOnly, users: &[], even_if_named: false },
    Candidate { name: "nan", rule: Rule::BuildOnly, users: &[], even_if_named: true },
    Candidate { name: "node-addon-api", rule: Rule::BuildOnly, users: &[], even_if_named: true },
    Candidate {
        name: "ts-json-schema-generator",
        rule: Rule::Schemas,
        users: &["@backstage/config-loader"],
        even_if_named: false,
    },
    Candidate {
        name: "typescript",
        rule: Rule::Schemas,
        users: &["@backstage/config-loader", "ts-json-schema-generator"],
        even_if_named: false,
    },
];

/// Names, without what comes behind their dot, of files at the top of a package that people read, and what comes behind it.
const DOCUMENTATION: [&str; 3] = ["readme", "changelog", "history"];
const TEXTS: [&str; 6] = ["", "md", "markdown", "txt", "rst", "html"];
/// How the names of files begin that must be shipped.
const LEGAL: [&str; 6] = ["licen", "copying", "notice", "patents", "authors", "contributors"];
/// Directories at the top of a package that are for those who work on it, unless something asks for what is in them.
pub(super) const DEVELOPMENT: [&str; 8] =
    ["test", "tests", "__tests__", "__mocks__", "coverage", "bench", "benchmark", "benchmarks"];
/// How settings of tools that work on a package begin, at its top.
const TOOLING: [&str; 12] = [
    ".circleci",
    ".editorconfig",
    ".eslint",
    ".gitattributes",
    ".github",
    ".idea",
    ".jshintrc",
    ".mocharc",
    ".npmignore",
    ".nycrc",
    ".prettier",
    ".travis.yml",
];
/// Folders of which the contents are for others: what a generator fills in or copies.
const TEMPLATES: [&str; 5] = ["content", "files", "skeleton", "template", "templates"];
/// Systems as Node names them, and how prebuilt binaries spell Linux with musl.
const SYSTEMS: [&str; 9] = ["aix", "android", "darwin", "freebsd", "ios", "linux", "linuxmusl", "openbsd", "win32"];
/// Packages that compile TypeScript with declarations of their own.
const COMPILERS: [&str; 2] = ["typescript", "@typescript/vfs"];

/// What of a package's files goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileRules<'a> {
    pub(super) prune: &'a Prune,
    /// Whether some config schema of the tree is TypeScript.
    pub(super) typescript: bool,
    /// The image's CPU in Node's words.
    pub(super) cpu: &'a str,
}

/// The package that a file is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) name: &'a str,
    /// Whether it has a `binding.gyp`.
    pub(super) native: bool,
    /// What is asked for of it besides code; `None` where that was not looked into.
    pub(super) referenced: Option<&'a Referenced>,
}

/// What is asked for of a package besides code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Referenced {
    /// Directories of [`DEVELOPMENT`].
    pub(super) directories: BTreeSet<&'static str>,
    /// Whether some script of the package speaks of Markdown files.
    pub(super) markdown: bool,
}

impl FileRules<'_> {
    /// Why a file or a directory, by its path in the package, is left out; `None` if it stays.
    pub(super) fn rule(&self, owner: Owner<'_>, path: &str, is_dir: bool) -> Option<Rule> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        if self.prune.source_maps && !is_dir && extension == "map" {
            return Some(Rule::SourceMaps);
        }
        if !self.prune.safe {
            return None;
        }
        let at_top = !path.contains('/');
        let for_others = path.split('/').any(|part| TEMPLATES.contains(&part));
        let lower = name.to_ascii_lowercase();
        let (stem, text) = lower.split_once('.').unwrap_or((&lower, ""));
        if at_top && !is_dir && DOCUMENTATION.contains(&stem) && TEXTS.contains(&text) {
            return Some(Rule::Documentation);
        }
        if let Some(referenced) = owner.referenced {
            let spare = is_dir && DEVELOPMENT.contains(&name) && !referenced.directories.contains(name);
            if at_top && (spare || TOOLING.iter().any(|start| name.starts_with(start))) {
                return Some(Rule::Development);
            }
            let is_text = !is_dir && ["md", "markdown"].contains(&extension);
            let stays = referenced.markdown || for_others || LEGAL.iter().any(|start| lower.starts_with(start));
            if is_text && !stays {
                return Some(Rule::Documentation);
            }
        }
        if is_dir {
            let within =
                |parent: &str| path == format!("{parent}/{name}") || path.ends_with(&format!("/{parent}/{name}"));
            let is_prebuilt = within("prebuilds") && self.is_foreign(name);
            if is_prebuilt || (at_top && name == "prebuilds" && owner.name.starts_with("bare-")) {
                return Some(Rule::Prebuilt);
            }
            let residue = owner.native && path.starts_with("build/") && ["obj", "obj.target", ".deps"].contains(&name);
            return residue.then_some(Rule::NativeSources);
        }
        if extension == "node" && self.is_foreign_binary(name) {
            return Some(Rule::Prebuilt);
        }
        let code = ["ts", "cts", "mts"].contains(&extension);
        if code && !self.typescript && !for_others && !COMPILERS.contains(&owner.name) {
            return Some(Rule::TypeScript);
        }
        if ["tsbuildinfo", "flow", "coffee"].contains(&extension) {
            return Some(Rule::BuildFiles);
        }
        let sources = ["c", "cc", "cpp", "cxx", "h", "hh", "hpp", "gyp", "gypi", "o", "a", "mk", "d"]
            .contains(&extension)
            || ["Makefile", "test_extension.node"].contains(&name);
        (owner.native && sources).then_some(Rule::NativeSources)
    }

    /// Whether a binary says by its name, `profiler-darwin-arm64-108.node`, that it is for another platform.
    fn is_foreign_binary(&self, name: &str) -> bool {
        const CPUS: [&str; 6] = ["arm", "arm64", "ia32", "ppc64", "s390x", "x64"];
        let parts: Vec<&str> = name.split(['-', '.']).collect();
        parts.windows(2).any(|pair| match pair {
            [system, cpu] => {
                SYSTEMS.contains(system) && CPUS.contains(cpu) && self.is_foreign(&format!("{system}-{cpu}"))
            }
            _ => false,
        })
    }

    /// Whether a folder of prebuilt binaries, `linux-x64` or `darwin-x64+arm64`, is for another platform.
    fn is_foreign(&self, folder: &str) -> bool {
        let Some((system, cpus)) = folder.split_once('-').filter(|(system, _)| SYSTEMS.contains(system)) else {
            return false;
        };
        // A folder may say more, such as the libc or the version of ARM.
        let ours = |cpu: &str| {
            cpu.split('-').next().is_some_and(|cpu| cpu == self.cpu || (self.cpu == "arm" && cpu.starts_with("armv")))
        };
        !system.starts_with("linux") || !cpus.split('+').any(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(owner: Owner<'_>, path: &str, is_dir: bool) -> Option<Rule> {
        let prune = Prune { safe: true, source_maps: true, ..Prune::default() };
        FileRules { prune: &prune, typescript: false, cpu: "x64" }.rule(owner, path, is_dir)
    }

    #[test]
    fn files_go_by_their_kind() {
        let asked = Referenced { directories: ["tests"].into(), markdown: false };
        let reads = Referenced { markdown: true, ..Referenced::default() };
        let plain = Owner { name: "a", native: false, referenced: Some(&asked) };
        let native = Owner { name: "n", native: true, referenced: None };
        for (owner, path, is_dir, wanted) in [
            (plain, "dist/index.js", false, None),
            (plain, "dist/index.js.map", false, Some(Rule::SourceMaps)),
            (plain, "README.md", false, Some(Rule::Documentation)),
            (plain, "docs/README.md", false, Some(Rule::Documentation)),
            (Owner { referenced: Some(&reads), ..plain }, "docs/README.md", false, None),
            (native, "docs/README.md", false, None),
            (plain, "docs/LICENSE-MIT.md", false, None),
            (plain, "templates/page/index.md", false, None),
            (plain, "test", true, Some(Rule::Development)),
            (plain, "tests", true, None),
            (plain, "docs", true, None),
            (native, "test", true, None),
            (plain, "lib/test", true, None),
            (plain, "test.js", false, None),
            (plain, ".eslintrc", false, Some(Rule::Development)),
            (plain, ".github", true, Some(Rule::Development)),
            (plain, ".build", true, None),
            (plain, "lib/.eslintrc", false, None),
            (plain, "LICENSE.md", false, None),
            (plain, "History.js", false, None),
            (plain, "history.production.min.js", false, None),
            (plain, "HistoryOutlined.js", false, None),
            (plain, "readme", false, Some(Rule::Documentation)),
            (plain, "Changelog.txt", false, Some(Rule::Documentation)),
            (Owner { name: "typescript", ..plain }, "lib/lib.es5.d.ts", false, None),
            (plain, "dist/skeleton/index.ts", false, None),
            (plain, "dist/doc", true, None),
            (plain, "index.d.ts", false, Some(Rule::TypeScript)),
            (plain, "templates/default/src/index.ts", false, None),
            (plain, "lib/x.c", false, None),
            (plain, "prebuilds/linux-x64", true, None),
            (plain, "prebuilds/linux-arm64", true, Some(Rule::Prebuilt)),
            (plain, "prebuilds/darwin-x64+arm64", true, Some(Rule::Prebuilt)),
            (plain, "prebuilds/linux-x64-musl", true, None),
            (plain, "prebuilds/other", true, None),
            (plain, "lib/profiler-darwin-arm64-108.node", false, Some(Rule::Prebuilt)),
            (plain, "lib/profiler-linux-arm64-glibc-108.node", false, Some(Rule::Prebuilt)),
            (plain, "lib/profiler-linux-x64-glibc-108.node", false, None),
            (plain, "lib/darwin-arm64.js", false, None),
            (plain, "lib/darwin.node", false, None),
            (plain, "linux-arm64", true, None),
            (Owner { name: "bare-fs", ..plain }, "prebuilds", true, Some(Rule::Prebuilt)),
            (plain, "prebuilds", true, None),
            (native, "deps/sqlite3/sqlite3.c", false, Some(Rule::NativeSources)),
            (native, "build/Release/obj.target", true, Some(Rule::NativeSources)),
            (native, "build/Release/better_sqlite3.node", false, None),
            (native, "binding.gyp", false, Some(Rule::NativeSources)),
        ] {
            assert_eq!(rule(owner, path, is_dir), wanted, "{path}");
        }
    }

    #[test]
    fn without_the_safe_rules_only_maps_go() {
        let prune = Prune { source_maps: true, ..Prune::default() };
        let rules = FileRules { prune: &prune, typescript: false, cpu: "x64" };
        let owner = Owner { name: "a", native: true, referenced: Some(&Referenced::default()) };
        assert_eq!(rules.rule(owner, "a.js.map", false), Some(Rule::SourceMaps));
        for (path, is_dir) in
            [("README.md", false), ("test", true), ("a.ts", false), ("a.c", false), ("prebuilds/win32-x64", true)]
        {
            assert_eq!(rules.rule(owner, path, is_dir), None);
        }
    }
}

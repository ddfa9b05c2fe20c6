//! What the image does without, and why nothing that runs needs it.
//!
//! A rule is bound to a kind of file or to a package, and holds by what the tree shows. None names a directory at any
//! depth, which is how prunes break packages (`yaml/dist/doc`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::task::Prune;

/// Why something is not in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A pattern of `prune.drop`.
    Asked,
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
            Self::Asked => "prune.drop",
            Self::Platform => "for another platform",
            Self::BuildOnly => "only builds other packages",
            Self::Unbuilt => "native, not built, and of no use without",
            Self::Unused => "not used",
            Self::Schemas => "only for config schemas in TypeScript, of which there are none",
            Self::Orphan => "only needed by packages that are left out",
            Self::SourceMaps => "source maps",
            Self::Documentation => "documentation",
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
}

/// Build tools: https://github.com/nodejs/node-gyp and what prebuild-install needs. Headers: nan and node-addon-api hold
/// nothing but C++. `config-loader` compiles schemas through ts-json-schema-generator, which uses the compiler.
pub(super) const CANDIDATES: [Candidate; 7] = [
    Candidate { name: "node-gyp", rule: Rule::BuildOnly, users: &[] },
    Candidate { name: "prebuild-install", rule: Rule::BuildOnly, users: &[] },
    Candidate { name: "node-abi", rule: Rule::BuildOnly, users: &[] },
    Candidate { name: "nan", rule: Rule::BuildOnly, users: &[] },
    Candidate { name: "node-addon-api", rule: Rule::BuildOnly, users: &[] },
    Candidate { name: "ts-json-schema-generator", rule: Rule::Schemas, users: &["@backstage/config-loader"] },
    Candidate {
        name: "typescript",
        rule: Rule::Schemas,
        users: &["@backstage/config-loader", "ts-json-schema-generator"],
    },
];

/// How the names of files at the top of a package begin that people read.
const DOCUMENTATION: [&str; 3] = ["README", "CHANGELOG", "HISTORY"];

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
        let mut parts = path.split('/');
        let speaks = if is_dir { name == ".github" } else { DOCUMENTATION.iter().any(|start| name.starts_with(start)) };
        if at_top && speaks {
            return Some(Rule::Documentation);
        }
        if is_dir {
            let within =
                |parent: &str| path == format!("{parent}/{name}") || path.ends_with(&format!("/{parent}/{name}"));
            let is_prebuilt = within("prebuilds") && self.is_foreign(name);
            if is_prebuilt || (at_top && name == "prebuilds" && owner.name.starts_with("bare-")) {
                return Some(Rule::Prebuilt);
            }
            let residue = owner.native && ["obj", "obj.target", ".deps"].contains(&name);
            return residue.then_some(Rule::NativeSources);
        }
        let code = ["ts", "cts", "mts"].contains(&extension);
        // Templates hold code for others.
        if code && !self.typescript && !parts.any(|part| part == "templates") {
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

    /// Whether a folder of prebuilt binaries, `linux-x64` or `darwin-x64+arm64`, is for another platform.
    fn is_foreign(&self, folder: &str) -> bool {
        const SYSTEMS: [&str; 9] =
            ["aix", "android", "darwin", "freebsd", "ios", "linux", "linuxmusl", "openbsd", "win32"];
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
        let plain = Owner { name: "a", native: false };
        let native = Owner { name: "n", native: true };
        for (owner, path, is_dir, wanted) in [
            (plain, "dist/index.js", false, None),
            (plain, "dist/index.js.map", false, Some(Rule::SourceMaps)),
            (plain, "README.md", false, Some(Rule::Documentation)),
            (plain, "docs/README.md", false, None),
            (plain, "LICENSE.md", false, None),
            (plain, "dist/doc", true, None),
            (plain, "index.d.ts", false, Some(Rule::TypeScript)),
            (plain, "templates/default/src/index.ts", false, None),
            (plain, "lib/x.c", false, None),
            (plain, "prebuilds/linux-x64", true, None),
            (plain, "prebuilds/linux-arm64", true, Some(Rule::Prebuilt)),
            (plain, "prebuilds/darwin-x64+arm64", true, Some(Rule::Prebuilt)),
            (plain, "prebuilds/linux-x64-musl", true, None),
            (plain, "prebuilds/other", true, None),
            (plain, "linux-arm64", true, None),
            (Owner { name: "bare-fs", native: false }, "prebuilds", true, Some(Rule::Prebuilt)),
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
        let owner = Owner { name: "a", native: true };
        assert_eq!(rules.rule(owner, "a.js.map", false), Some(Rule::SourceMaps));
        for (path, is_dir) in [("README.md", false), ("a.ts", false), ("a.c", false), ("prebuilds/win32-x64", true)] {
            assert_eq!(rules.rule(owner, path, is_dir), None);
        }
    }
}

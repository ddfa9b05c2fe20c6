//! What of the production dependencies the image does without, as copy patterns.
//!
//! A rule is a value: what it drops, when it holds, and why nothing that runs needs it. Rules are bound to file kinds
//! and to package roots; none names a directory at any depth, which is how prunes break packages (`yaml/dist/doc`).

use crate::repo::SchemaStyle;
use crate::repo::project::Production;
use crate::spec::Spec;
use crate::spec::model::{PruneMode, SourceMaps};

/// When a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// With `prune: safe`.
    Safe,
    /// Also where no config schema is written in TypeScript: nothing then reads declarations at run time.
    NoTypeScript,
    /// Where source maps are not kept.
    NoMaps,
}

/// One rule.
struct Rule {
    when: When,
    /// Patterns relative to the repository.
    patterns: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { when: When::NoMaps, patterns: &["**/*.map"] },
    // What a package says of itself to people. Licences stay: they must be shipped.
    Rule {
        when: When::Safe,
        patterns: &[
            "**/node_modules/*/README*",
            "**/node_modules/@*/*/README*",
            "**/node_modules/*/CHANGELOG*",
            "**/node_modules/@*/*/CHANGELOG*",
            "**/node_modules/*/HISTORY*",
            "**/node_modules/@*/*/HISTORY*",
            "**/node_modules/*/.github",
            "**/node_modules/@*/*/.github",
        ],
    },
    // Sources and declarations: Node runs no TypeScript below node_modules.
    Rule {
        when: When::NoTypeScript,
        patterns: &[
            "**/node_modules/**/*.ts",
            "**/node_modules/**/*.cts",
            "**/node_modules/**/*.mts",
            "!**/templates/**",
        ],
    },
    Rule { when: When::Safe, patterns: &["**/*.tsbuildinfo", "**/*.flow", "**/*.coffee"] },
    // Prebuilds for the Bare runtime, in packages that Node programs use as well, and for other systems than Linux.
    Rule {
        when: When::Safe,
        patterns: &[
            "**/node_modules/bare-*/prebuilds",
            "**/prebuilds/android-*",
            "**/prebuilds/darwin-*",
            "**/prebuilds/freebsd-*",
            "**/prebuilds/ios-*",
            "**/prebuilds/win32-*",
        ],
    },
];

/// Packages that only build other packages.
const BUILD_ONLY: [&str; 5] = ["node-gyp", "prebuild-install", "node-abi", "nan", "node-addon-api"];
/// Packages that others require in a `try`: of no use unless they were built.
const USELESS_UNBUILT: [&str; 2] = ["keytar", "cpu-features"];
/// Only config-loader uses them, and only for schemas written in TypeScript.
const SCHEMA_ONLY: [&str; 2] = ["typescript", "ts-json-schema-generator"];
/// Packages whose sources are no use once they are built, with those sources: better-sqlite3 carries SQLite's.
const NATIVE_SOURCES: [(&str, &[&str]); 1] = [("better-sqlite3", &["deps", "src", "binding.gyp"])];

/// Patterns in the order in which they hold: the last match wins.
pub(super) struct Patterns {
    /// Of files in any package.
    files: Vec<String>,
    /// Of whole packages.
    packages: Vec<String>,
    /// Of the build file's own.
    own: Vec<String>,
}

impl Patterns {
    /// What is left out of all production dependencies.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.files.iter().chain(&self.packages).chain(&self.own)
    }

    /// What is left out of packages that were built, none of which is an orphan.
    pub(super) fn of_built(&self) -> impl Iterator<Item = &String> {
        self.files.iter().chain(&self.own)
    }
}

/// What production dependencies do without. `built` are the natives that have a binary.
pub(super) fn patterns(spec: &Spec, production: &Production<'_>, built: &[String]) -> Patterns {
    let mut packages = Vec::new();
    let mut files: Vec<String> =
        ["**/node_modules/.bin", "**/node_modules/.cache", "node_modules/.yarn-state.yml"].map(str::to_owned).into();
    let safe = spec.prune.mode.as_ref().is_none_or(|mode| mode.value == PruneMode::Safe);
    if safe {
        let typescript = matches!(production.schema_style(), SchemaStyle::TypeScript { .. });
        let holds = |rule: &&Rule| match rule.when {
            When::Safe => true,
            When::NoTypeScript => !typescript,
            When::NoMaps => !keeps_maps(spec),
        };
        files.extend(RULES.iter().filter(holds).flat_map(|rule| rule.patterns).map(|pattern| (*pattern).to_owned()));
        for (name, sources) in NATIVE_SOURCES {
            files.extend(sources.iter().map(|source| format!("**/node_modules/{name}/{source}")));
        }
        let mut gone: Vec<&str> = BUILD_ONLY.into();
        gone.extend(USELESS_UNBUILT.iter().filter(|name| !built.iter().any(|built| built == *name)));
        if !typescript {
            gone.extend(SCHEMA_ONLY);
        }
        for name in production.orphans(&gone) {
            packages.push(format!("**/node_modules/{name}"));
        }
    } else if !keeps_maps(spec) && spec.source_maps.is_some() {
        files.push("**/*.map".to_owned());
    }
    let own = |pattern: &str| {
        format!("**/node_modules/{}", pattern.trim_start_matches("node_modules/").trim_start_matches('/'))
    };
    let dropped = spec.prune.drop.iter().map(|pattern| own(pattern));
    let kept = spec.prune.keep.iter().map(|pattern| format!("!{}", own(pattern)));
    Patterns { files, packages, own: dropped.chain(kept).collect() }
}

/// Whether source maps stay in the image: asked for, or needed by Node's own flag.
pub(super) fn keeps_maps(spec: &Spec) -> bool {
    match &spec.source_maps {
        Some(written) => written.value == SourceMaps::Keep,
        None => {
            spec.runtime.node_options.iter().any(|option| option.contains("--enable-source-maps"))
                || spec.prune.mode.as_ref().is_some_and(|mode| mode.value == PruneMode::Off)
        }
    }
}

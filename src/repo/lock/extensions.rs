//! Dependencies that Yarn adds to packages whose own manifest forgot them.
//!
//! They stand nowhere in the lockfile's entry of the package, but what they ask for has an entry, so that a cut that did
//! not know them would lose it. Source: `@yarnpkg/extensions` 2.0.7, the rows with `dependencies` (peers change no
//! lockfile), applied as in `Configuration.normalizePackage`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use semver::Version;

use crate::repo::range::{Range, satisfies};

use super::Entry;

/// Dependencies added to the versions of a package that a range allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The package.
    pub name: String,
    /// Which of its versions.
    pub range: String,
    /// What is added: name and range.
    pub dependency: (String, String),
}

/// The extensions of a project, by package, in their order, with their ranges read; a range that is none holds nothing.
#[derive(Debug, Clone, Default)]
pub struct Extensions(BTreeMap<String, Vec<(Range, Extension)>>);

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        let mut all = Self::default();
        for extension in extensions {
            if let Some(range) = Range::parse(&extension.range) {
                all.0.entry(extension.name.clone()).or_default().push((range, extension));
            }
        }
        all
    }
}

/// The added dependencies of an entry that it does not have itself; builtin ones come first, as in Yarn.
pub(super) fn added<'a>(entry: &'a Entry, own: &'a Extensions) -> impl Iterator<Item = (&'a str, &'a str)> {
    let name = &*entry.locator.name;
    static NAMED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| BUILTIN.iter().map(|row| row.0).collect());
    let rows = if NAMED.contains(name) { BUILTIN } else { &[] };
    let version = Version::parse(&entry.version).ok();
    let holds = move |range: &Range| version.as_ref().is_some_and(|version| range.contains(version));
    let builtin = rows.iter().filter(move |row| row.0 == name && satisfies(&entry.version, row.1));
    let builtin = builtin.map(|row| (row.2, row.3));
    let own = own.0.get(name).into_iter().flatten().filter(move |(range, _)| holds(range));
    let own = own.map(|(_, e)| (e.dependency.0.as_str(), e.dependency.1.as_str()));
    let mut rows = builtin.chain(own).peekable();
    // An entry may have as many dependencies as there are rows. Of two rows for one name the first holds.
    let names = rows.peek().is_some().then(|| entry.dependencies.iter().map(|(name, _)| &**name));
    let mut known: BTreeSet<&str> = names.into_iter().flatten().collect();
    rows.filter(move |(name, _)| known.insert(name))
}

/// Package, versions, dependency, its range.
#[rustfmt::skip]
const BUILTIN: &[(&str, &str, &str, &str)] = &[
    ("@pm2/agent", "<1.0.4", "debug", "*"),
    ("got", "<11", "@types/responselike", "^1.0.0"),
    ("got", "<11", "@types/keyv", "^3.1.1"),
    ("cacheable-lookup", "<4.1.2", "@types/keyv", "^3.1.1"),
    ("typescript-language-server", "*", "vscode-jsonrpc", "^5.0.1"),
    ("typescript-language-server", "*", "vscode-languageserver-protocol", "^3.15.0"),
    ("jss-plugin-rule-value-function", "<=10.1.1", "tiny-warning", "^1.0.2"),
    ("snowpack", ">=3.3.0", "node-gyp", "^7.1.0"),
    ("gatsby-plugin-i18n", "*", "ramda", "^0.24.1"),
    ("useragent", "^2.0.0", "request", "^2.88.0"),
    ("useragent", "^2.0.0", "yamlparser", "0.0.x"),
    ("useragent", "^2.0.0", "semver", "5.5.x"),
    ("material-table", "^2.0.0", "@babel/runtime", "^7.11.2"),
    ("@babel/parser", "*", "@babel/types", "^7.8.3"),
    ("react-bootstrap-table2-paginator", "*", "classnames", "^2.2.6"),
    ("react-instantsearch-dom", "<=6.7.0", "react-fast-compare", "^3.0.0"),
    ("testcafe", "<=1.10.1", "@babel/plugin-transform-for-of", "^7.12.1"),
    ("testcafe", "<=1.10.1", "@babel/runtime", "^7.12.5"),
    ("testcafe-legacy-api", "<=4.2.0", "testcafe-hammerhead", "^17.0.1"),
    ("testcafe-legacy-api", "<=4.2.0", "read-file-relative", "^1.2.0"),
    ("@google-cloud/firestore", "<=4.9.3", "protobufjs", "^6.8.6"),
    ("gatsby-source-apiserver", "*", "babel-polyfill", "^6.26.0"),
    ("@webpack-cli/package-utils", "<=1.0.1-alpha.4", "cross-spawn", "^7.0.3"),
    ("gatsby-remark-prismjs", "<3.3.28", "lodash", "^4"),
    ("gatsby-plugin-sharp", "<=4.6.0-next.3", "debug", "^4.3.1"),
    ("gatsby-react-router-scroll", "<=5.6.0-next.0", "prop-types", "^15.7.2"),
    ("@rebass/forms", "*", "@styled-system/should-forward-prop", "^5.0.0"),
    ("mqtt", "<4.2.7", "duplexify", "^4.1.1"),
    ("vue-cli-plugin-vuetify", "<=2.0.3", "semver", "^6.3.0"),
    ("vue-cli-plugin-vuetify", "<=2.0.4", "null-loader", "^3.0.0"),
    ("@vuetify/cli-plugin-utils", "<=0.0.4", "semver", "^6.3.0"),
    ("@vue/cli-plugin-typescript", "<=5.0.0-alpha.0", "babel-loader", "^8.1.0"),
    ("@vue/cli-plugin-typescript", "<=5.0.0-beta.0", "@babel/core", "^7.12.16"),
    ("cordova-ios", "<=6.3.0", "underscore", "^1.9.2"),
    ("cordova-lib", "<=10.0.1", "underscore", "^1.9.2"),
    ("scss-parser", "<=1.0.5", "lodash", "^4.17.21"),
    ("query-ast", "<1.0.5", "lodash", "^4.17.21"),
    ("skypack", "<=0.3.2", "tar", "^6.1.0"),
    ("@npmcli/metavuln-calculator", "<2.0.0", "json-parse-even-better-errors", "^2.3.1"),
    ("bin-links", "<2.3.0", "mkdirp-infer-owner", "^1.0.2"),
    ("snowpack", "<3.8.6", "magic-string", "^0.25.7"),
    ("elm-webpack-loader", "*", "temp", "^0.9.4"),
    ("winston-transport", "<=4.4.0", "logform", "^2.2.0"),
    ("jest-vue-preprocessor", "*", "@babel/core", "7.8.7"),
    ("jest-vue-preprocessor", "*", "@babel/template", "7.8.6"),
    ("sodium", ">=3", "node-gyp", "^3.8.0"),
    ("@playwright/test", "<=1.14.1", "jest-matcher-utils", "^26.4.2"),
    ("babel-plugin-remove-graphql-queries", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("babel-preset-gatsby-package", "<1.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("create-gatsby", "<1.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-admin", "<0.24.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-cli", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-core-utils", "<2.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-design-tokens", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-legacy-polyfills", "<1.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-benchmark-reporting", "<1.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-graphql-config", "<0.23.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-image", "<1.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-mdx", "<2.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-netlify-cms", "<5.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-no-sourcemaps", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-page-creator", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-preact", "<5.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-preload-fonts", "<2.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-schema-snapshot", "<2.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-styletron", "<6.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-subfont", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-plugin-utils", "<1.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-recipes", "<0.25.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-source-shopify", "<5.6.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-source-wikipedia", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-transformer-screenshot", "<3.14.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-worker", "<0.5.0-next.1", "@babel/runtime", "^7.14.8"),
    ("gatsby-core-utils", "<2.14.0-next.1", "got", "8.3.2"),
    ("gatsby-plugin-gatsby-cloud", "<=3.1.0-next.0", "gatsby-core-utils", "^2.13.0-next.0"),
    ("babel-plugin-remove-graphql-queries", "<=3.14.0-next.1", "gatsby-core-utils", "^2.8.0-next.1"),
    ("gatsby-plugin-netlify", "3.13.0-next.1", "gatsby-core-utils", "^2.13.0-next.0"),
    ("terser", "<=5.10.0", "acorn", "^8.5.0"),
    ("babel-preset-react-app", "10.0.x <10.0.2", "@babel/plugin-proposal-private-property-in-object", "^7.16.7"),
    ("@cypress/snapshot", "*", "debug", "^3.2.7"),
    ("focus-trap-react", "^8.0.0", "tabbable", "^5.3.2"),
    ("unified", "<10", "@types/unist", "^2.0.0"),
    ("babel-plugin-remove-graphql-queries", "<=4.20.0-next.0", "@babel/types", "^7.15.4"),
    ("gatsby-plugin-page-creator", "<=4.20.0-next.1", "fs-extra", "^10.1.0"),
    ("gatsby-plugin-utils", "<=3.14.0-next.1", "fastq", "^1.13.0"),
    ("gatsby-plugin-mdx", "<3.1.0-next.1", "mkdirp", "^1.0.4"),
    ("eslint-import-resolver-vite", "<2.0.1", "debug", "^4.3.4"),
    ("eslint-import-resolver-vite", "<2.0.1", "resolve", "^1.22.8"),
    ("notistack", "^3.0.0", "csstype", "^3.0.10"),
];

#[cfg(test)]
mod tests {
    use super::super::Locator;
    use super::*;

    #[test]
    fn rows_apply_by_version() {
        let entry = |version: &str| Entry {
            locator: Locator::parse(&format!("unified@npm:{version}")).unwrap(),
            version: version.into(),
            ..Entry::default()
        };
        assert_eq!(added(&entry("9.2.2"), &Extensions::default()).collect::<Vec<_>>(), [("@types/unist", "^2.0.0")]);
        assert_eq!(added(&entry("10.0.0"), &Extensions::default()).count(), 0);
        let own = Extension { name: "unified".into(), range: "*".into(), dependency: ("x".into(), "^1".into()) };
        let own = Extensions::from_iter([own]);
        assert_eq!(added(&entry("10.0.0"), &own).collect::<Vec<_>>(), [("x", "^1")]);
        let row = |range: &str, wanted: &str| Extension {
            name: "unified".into(),
            range: range.into(),
            dependency: ("x".into(), wanted.into()),
        };
        let twice = Extensions::from_iter([row("*", "^1"), row(">=1", "^2")]);
        assert_eq!(added(&entry("10.0.0"), &twice).collect::<Vec<_>>(), [("x", "^1")]);
    }

    #[test]
    fn only_those_of_a_package_are_looked_at() {
        // Looked at one by one these would be 10^10.
        let extension = |i: usize| Extension {
            name: format!("p{i}"),
            range: "*".to_owned(),
            dependency: ("x".to_owned(), "^1".to_owned()),
        };
        let all: Extensions = (0..100_000).map(extension).collect();
        for i in 0..100_000 {
            let locator = Locator::parse(&format!("p{i}@npm:1.0.0")).unwrap();
            let entry = Entry { locator, version: "1.0.0".into(), ..Entry::default() };
            assert_eq!(added(&entry, &all).count(), 1);
        }
    }
}

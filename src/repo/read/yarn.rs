//! How Yarn is set up: version, linker, files of its own, rules of resolution.
//!
//! `.yarnrc.yml` may hold credentials: diagnostics point into a copy in which every value but a few harmless ones is
//! blanked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile, Span};
use buildkit_frontend::files::{Files, Kind};
use buildkit_frontend::path::ContextPath;
use serde_json::Value;

use crate::repo::lock::{Extension, Lockfile, Resolution, Rules};
use crate::repo::{Manifest, Registries, YarnSetup, YarnVersion, yaml};

use super::failed;
use super::globs::list;
use super::root::Root;

/// Rows of `packageExtensions`: each is compared with the version of each package of its name.
const MAX_EXTENSIONS: usize = 1_000;

/// Settings whose values may be shown.
const HARMLESS: [&str; 3] = ["nodeLinker", "yarnPath", "enableGlobalCache"];

/// Yarn's settings, and what they and custom have lie in the repository.
pub(super) struct Settings {
    values: Value,
    path: Option<ContextPath>,
    patches: Vec<ContextPath>,
    errors: Vec<Diagnostic>,
}

pub(super) async fn settings(files: &dyn Files, root: &Root) -> Result<Settings, Diagnostics> {
    let rc = root.text(".yarnrc.yml");
    let values = rc.map_or(Ok(Value::Null), |file| {
        yaml::parse(&file.text).map_err(|error| {
            let message = format!(".yarnrc.yml cannot be read: {}", error.kind);
            Diagnostic::error("repo/yarnrc", message).at(Span::line(&blanked(file), error.line))
        })
    })?;
    let (path, patches) = futures_util::future::join(yarn_path(files, rc, &values), patches(files, root)).await;
    let patches = patches.map_err(|error| failed(&error))?;
    let mut errors = Vec::new();
    let path = path.map_err(|error| errors.push(error)).unwrap_or_default();
    Ok(Settings { values, path, patches, errors })
}

pub(super) fn setup(
    settings: Settings,
    root: &Root,
    manifest: &Manifest,
    lock: &Lockfile,
) -> Result<YarnSetup, Diagnostics> {
    let rc = root.text(".yarnrc.yml");
    let Settings { values: settings, path, patches, mut errors } = settings;
    errors.extend(wrong_linker(root, rc, &settings, manifest));
    let version = version(path.as_ref(), manifest, lock).map_err(|error| errors.push(error)).ok();
    errors.extend(rc.and_then(|rc| extensions(rc, &settings)));
    let mut tools: BTreeSet<ContextPath> = path.iter().cloned().collect();
    tools.extend(plugins(&settings).filter_map(|path| ContextPath::new(path).ok()));
    let mut inputs = tools.clone();
    inputs.extend(patches);
    let (Some(version), true) = (version, errors.is_empty()) else { return Err(Diagnostics(errors)) };
    Ok(YarnSetup {
        version,
        rc: rc.cloned(),
        path,
        inputs: inputs.into_iter().collect(),
        registry: registry(&settings),
        registries: registries(&settings, rc),
        variables: variables(&settings),
        architectures: settings.get("supportedArchitectures").is_some_and(|value| !value.is_null()),
        tools: tools.into_iter().collect(),
        links: Vec::new(),
        rules: rules(manifest, &settings),
    })
}

/// Folders of patches that are there: tools such as patch-package read them besides the descriptors that name one.
async fn patches(files: &dyn Files, root: &Root) -> Result<Vec<ContextPath>, buildkit_frontend::files::FilesError> {
    let folders = [(".yarn", ".yarn/patches"), ("patches", "patches")];
    let there = folders.into_iter().filter(|(top, _)| root.folders.contains(*top) || root.has(top));
    let wanted: Vec<ContextPath> = there.filter_map(|(_, path)| ContextPath::new(path).ok()).collect();
    let listings = list(files, &wanted).await?;
    Ok(wanted.into_iter().zip(listings).filter(|(_, names)| !names.is_empty()).map(|(dir, _)| dir).collect())
}

/// More extensions than anyone has.
fn extensions(rc: &Arc<SourceFile>, settings: &Value) -> Option<Diagnostic> {
    let packages = settings.get("packageExtensions").and_then(Value::as_object)?;
    let rows = |added: &Value| added.get("dependencies").and_then(Value::as_object).map_or(0, |rows| rows.len());
    (packages.values().map(rows).sum::<usize>() > MAX_EXTENSIONS).then(|| {
        let message = format!("`packageExtensions` adds more than {MAX_EXTENSIONS} dependencies");
        Diagnostic::error("repo/yarnrc", message)
            .help("keep those of packages that yarn.lock has")
            .at(setting(rc, "packageExtensions"))
    })
}

/// Only `node-modules` is accepted.
fn wrong_linker(
    root: &Root,
    rc: Option<&Arc<SourceFile>>,
    settings: &Value,
    manifest: &Manifest,
) -> Option<Diagnostic> {
    let set = settings.get("nodeLinker").and_then(Value::as_str);
    let error = match set {
        Some("node-modules") => return None,
        Some("pnp") => Diagnostic::error("repo/linker", "the repository uses Plug'n'Play (`nodeLinker: pnp`)"),
        Some("pnpm") => Diagnostic::error("repo/linker", "the repository uses Yarn's pnpm linker (`nodeLinker: pnpm`)"),
        Some(_) => Diagnostic::error("repo/linker", "`nodeLinker` is none that Yarn knows"),
        None if root.has(".pnp.cjs") => Diagnostic::error(
            "repo/linker",
            "the repository uses Plug'n'Play (.pnp.cjs is there, and `nodeLinker` is not set in .yarnrc.yml)",
        ),
        None => Diagnostic::error(
            "repo/linker",
            "`nodeLinker` is not set in .yarnrc.yml: Yarn would use Plug'n'Play, which Backstage does not support",
        ),
    };
    let error = error.help("set `nodeLinker: node-modules` in .yarnrc.yml, run `yarn install` and commit what changes");
    Some(match rc {
        Some(rc) => error.at(setting(rc, "nodeLinker")),
        None => error.at(manifest.place(&[])),
    })
}

async fn yarn_path(
    files: &dyn Files,
    rc: Option<&Arc<SourceFile>>,
    settings: &Value,
) -> Result<Option<ContextPath>, Diagnostic> {
    let (Some(rc), Some(text)) = (rc, settings.get("yarnPath").and_then(Value::as_str)) else { return Ok(None) };
    let missing = |why: &str| {
        Diagnostic::error("repo/yarn-path", format!("`yarnPath` names {why}"))
            .help("commit the release below .yarn/releases, or remove `yarnPath` and set `packageManager` in package.json")
            .at(setting(rc, "yarnPath"))
    };
    let path = ContextPath::new(text).map_err(|_| missing("a file outside the repository"))?;
    match files.stat(&path).await.map_err(|error| failed(&error))? {
        Some(Kind::File { .. }) => Ok(Some(path)),
        _ => Err(missing("a file that is not in the build context")),
    }
}

fn version(path: Option<&ContextPath>, manifest: &Manifest, lock: &Lockfile) -> Result<YarnVersion, Diagnostic> {
    if let Some(version) = path.and_then(|path| release(path.name())) {
        return Ok(YarnVersion { version, because: "yarnPath".to_owned() });
    }
    let named = manifest.json.get("packageManager").and_then(Value::as_str).and_then(|text| text.strip_prefix("yarn@"));
    if let Some(named) = named {
        let exact = named.split_once('+').map_or(named, |(version, _)| version);
        let at = || manifest.place(&["packageManager"]);
        return match semver::Version::parse(exact) {
            Ok(version) if version.major >= 2 => Ok(YarnVersion { version, because: "packageManager".to_owned() }),
            Ok(version) => Err(Diagnostic::error("repo/yarn-classic", format!("Yarn {version} is not supported yet"))
                .help("run `yarn set version berry && yarn install` and commit what changes")
                .at(at())),
            Err(_) => Err(Diagnostic::error("repo/package-manager", "`packageManager` does not name an exact version")
                .help("write it as `yarn@4.13.0`")
                .at(at())),
        };
    }
    let because = format!("yarn.lock's format {}", lock.version);
    Ok(YarnVersion { version: lock.written_by(), because })
}

/// `yarn-4.13.0.cjs`
fn release(name: &str) -> Option<semver::Version> {
    let version = name.strip_prefix("yarn-")?;
    let version = [".cjs", ".js", ".mjs"].iter().find_map(|end| version.strip_suffix(end))?;
    semver::Version::parse(version).ok()
}

fn plugins(settings: &Value) -> impl Iterator<Item = &str> {
    let list = settings.get("plugins").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|plugin| plugin.as_str().or_else(|| plugin.get("path")?.as_str())).filter(|path| path.contains('/'))
}

/// A registry with a user in it, or one that depends on a variable, is left to Yarn.
fn registry(settings: &Value) -> Option<String> {
    let url = settings.get("npmRegistryServer").and_then(Value::as_str)?;
    (!url.contains(['$', '@', '?', '#'])).then(|| url.to_owned())
}

/// All registries that packages may come from.
fn registries(settings: &Value, rc: Option<&Arc<SourceFile>>) -> Registries {
    let server = |settings: &Value| settings.get("npmRegistryServer").and_then(Value::as_str).and_then(address);
    let scopes = settings.get("npmScopes").and_then(Value::as_object).into_iter().flatten();
    let text = rc.map(|rc| &*rc.text).unwrap_or_default();
    let used = text.split("${").skip(1).filter_map(|used| used.get(..TOKEN.len()).zip(used.get(TOKEN.len()..)));
    let is_token = |(name, behind): &(&str, &str)| {
        name.eq_ignore_ascii_case(TOKEN) && !behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    };
    Registries {
        default: server(settings),
        scopes: scopes.filter_map(|(scope, settings)| Some((scope.clone(), server(settings)?))).collect(),
        token: used.filter(is_token).map(|(name, _)| name.to_owned()).collect(),
    }
}

/// The secret that is for the default registry unless `.yarnrc.yml` uses it by its name.
const TOKEN: &str = "npm_token";

/// A registry's address without a login; one that is all variables stays, for it holds none. What is more than an address is left
/// to Yarn.
fn address(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let mut inside = false;
    let mut end = rest.len();
    for (at, c) in rest.char_indices() {
        inside = (inside || rest.get(at..).is_some_and(|rest| rest.starts_with("${"))) && c != '}';
        if !inside && matches!(c, '/' | '?' | '#') {
            end = at;
            break;
        }
    }
    let (authority, path) = rest.split_at_checked(end)?;
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let shows_nothing = |part: &str| {
        let name = part.strip_prefix("${").and_then(|part| part.strip_suffix('}'));
        name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    };
    let user = if !user.is_empty() && user.split(':').all(shows_nothing) { format!("{user}@") } else { String::new() };
    let separator = if url.contains("//") { "//" } else { "" };
    (!path.contains(['?', '#', '@'])).then(|| format!("{scheme}{separator}{user}{host}{path}"))
}

/// Names of `${VAR}` without a default, sorted. Grammar: `replaceEnvVariables` of `@yarnpkg/core`.
fn variables(settings: &Value) -> Vec<String> {
    let mut names = BTreeSet::new();
    collect(settings, &mut names);
    names.into_iter().collect()
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for part in text.split("${").skip(1) {
                let Some((name, _)) = part.split_once('}') else { continue };
                if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    names.insert(name.to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(map) => map.values().for_each(|item| collect(item, names)),
        _ => {}
    }
}

fn rules(manifest: &Manifest, settings: &Value) -> Rules {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = |value: Option<&Value>| -> BTreeMap<String, String> {
        let pairs = value.and_then(Value::as_object).into_iter().flatten();
        pairs.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
    };
    let resolutions = manifest.json.get("resolutions").and_then(Value::as_object).into_iter().flatten();
    let extensions = settings.get("packageExtensions").and_then(Value::as_object).into_iter().flatten();
    let extensions = extensions.flat_map(|(key, added)| {
        let wanted = crate::repo::lock::Descriptor::parse(key);
        let added = texts(added.get("dependencies")).into_iter();
        added.filter_map(move |dependency| {
            let wanted = wanted.clone()?;
            Some(Extension { name: wanted.name.to_string(), range: wanted.range.to_string(), dependency })
        })
    });
    let mut catalogs = BTreeMap::from([(String::new(), texts(settings.get("catalog")))]);
    let named = settings.get("catalogs").and_then(Value::as_object).into_iter().flatten();
    catalogs.extend(named.map(|(name, packages)| (name.clone(), texts(Some(packages)))));
    Rules {
        resolutions: resolutions.filter_map(|(key, value)| Resolution::parse(key, value.as_str()?)).collect(),
        extensions: extensions.collect(),
        catalogs,
        root: manifest.locator(),
    }
}

/// The line of a setting in a copy that shows no values.
fn setting(rc: &Arc<SourceFile>, key: &str) -> Span {
    let blank = blanked(rc);
    let line =
        (1..).zip(blank.text.lines()).find(|(_, line)| line.strip_prefix(key).is_some_and(|r| r.starts_with(':')));
    let line = line.map_or(1, |(number, _)| number);
    Span::line(&blank, line)
}

/// The same file with all values blanked but the harmless ones.
fn blanked(rc: &Arc<SourceFile>) -> Arc<SourceFile> {
    // What a person would take for several lines, or for an address, is shown to nobody.
    let hides = |line: &str| {
        line.contains("://") || line.trim_end_matches('\r').contains(['\r', '\u{85}', '\u{2028}', '\u{2029}'])
    };
    let line = |line: &str| match line.split_once(':') {
        _ if hides(line) => "...".to_owned(),
        Some((key, _)) if HARMLESS.contains(&key) => line.to_owned(),
        Some((key, _)) if key.bytes().all(|b| b.is_ascii_alphabetic()) => format!("{key}: ..."),
        _ if line.trim().is_empty() => String::new(),
        _ => "...".to_owned(),
    };
    SourceFile::new(&*rc.name, rc.text.lines().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_no_logins() {
        for (url, wanted) in [
            ("https://npm.corp/a/", Some("https://npm.corp/a/")),
            ("https://jane:s3cret@npm.corp", Some("https://npm.corp")),
            ("https://jane:${PASSWORD}@npm.corp", Some("https://npm.corp")),
            ("https://${USER}:${PASSWORD}@npm.corp", Some("https://${USER}:${PASSWORD}@npm.corp")),
            ("https://${USER:-jane}:${PASSWORD:-a/b}@npm.corp/x", Some("https://npm.corp/x")),
            ("https://a@b@npm.corp", Some("https://npm.corp")),
            ("${REGISTRY}", Some("${REGISTRY}")),
            ("//npm.corp", Some("//npm.corp")),
            ("https://npm.corp/?token=s3cret", None),
            ("https://u:pass/word@npm.corp", None),
            ("", Some("")),
        ] {
            assert_eq!(address(url).as_deref(), wanted, "{url}");
        }
    }

    #[test]
    fn a_file_that_uses_the_token_says_where_it_goes() {
        let found = |text: &str| {
            let rc = SourceFile::new(".yarnrc.yml", text);
            registries(&yaml::parse(text).unwrap(), Some(&rc)).token.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(
            found("npmScopes: {a: {npmAuthToken: \"${NPM_TOKEN:-}\"}}\n# ${npm_token}"),
            ["NPM_TOKEN", "npm_token"]
        );
        assert_eq!(found("npmAuthToken: \"${NPM_TOKEN_2} ${NPM_TOKE\u{e9} ${X_NPM_TOKEN}\""), Vec::<String>::new());
    }
}

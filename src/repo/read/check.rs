//! Whether the lockfile belongs to the manifests.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::diagnostic::{Diagnostic, Span};
use buildkit_frontend::path::{ContextPath, PathError};

use crate::hidden::is_secret;
use crate::repo::lock::{Missing, Walk};
use crate::repo::project::{InstallManifest, named};
use crate::repo::{Manifest, Repository};

/// Places named in one diagnostic.
const SHOWN: usize = 5;

/// Walks the lockfile from all workspaces: what it misses is an error, the files that it names become inputs.
pub(super) fn lock(repo: &mut Repository) -> Vec<Diagnostic> {
    let all = || std::iter::once(&repo.root).chain(&repo.workspaces);
    let seeds: Vec<_> = all().map(|m| InstallManifest::of(m, m.dir.is_root()).seed(&m.locator())).collect();
    let walk = repo.resolver().walk(&seeds);
    let mut found: Vec<Diagnostic> = missing(repo, &walk).into_iter().chain(gone(repo)).collect();
    let mut inputs: BTreeSet<ContextPath> = repo.yarn.inputs.iter().cloned().collect();
    found.extend(outside(repo, &walk));
    found.extend(secret(repo, &walk));
    let dirs: BTreeSet<&ContextPath> = repo.workspaces.iter().map(|w| &w.dir).collect();
    inputs.extend(named(&walk.files, |path| path.name() == "package.json" && dirs.contains(&path.parent())));
    let links = named(&walk.links, |path| dirs.contains(path));
    repo.yarn.links = links;
    repo.yarn.inputs = inputs.into_iter().collect();
    found
}

fn missing(repo: &Repository, walk: &Walk) -> Option<Diagnostic> {
    let mut wanted: BTreeMap<String, &Missing> = BTreeMap::new();
    // A protocol of a plugin that is not known here is the plugin's business.
    let known = |m: &&Missing| {
        m.descriptor
            .protocol()
            .is_none_or(|p| ["npm:", "workspace:", "patch:", "file:", "portal:", "link:"].contains(&p))
    };
    for missing in walk.missing.iter().filter(known) {
        wanted.entry(missing.descriptor.to_string()).or_insert(missing);
    }
    let (first, what) = wanted.iter().next()?;
    let count = wanted.len();
    let message = if count == 1 {
        format!("yarn.lock has no entry for `{first}`, wanted by {}", parent(repo, what))
    } else {
        format!("yarn.lock has no entry for {count} dependencies, such as `{first}`")
    };
    let more = count.saturating_sub(SHOWN);
    let more = if more > 0 { format!("{more} more are missing; ") } else { String::new() };
    // A plugin may change what a dependency stands for: then Yarn itself has to say.
    let official = |path: &str| !path.contains("plugins/") || path.contains("/@yarnpkg/plugin-");
    let foreign = repo.yarn.tools.iter().any(|path| !official(path.as_str()));
    let of = if foreign { Diagnostic::warning } else { Diagnostic::error };
    let mut error = of("repo/lock-outdated", message).help(format!("{more}run `yarn install` and commit yarn.lock"));
    for (descriptor, missing) in wanted.iter().take(SHOWN) {
        let text = if count == 1 { String::new() } else { format!("`{descriptor}` has no entry") };
        error = error.label(place(repo, missing), text);
    }
    Some(error)
}

/// Workspaces of the lockfile that are in the repository no longer: Yarn would take them out.
fn gone(repo: &Repository) -> Option<Diagnostic> {
    let dirs: BTreeSet<&str> = repo.workspaces.iter().map(|w| w.dir.as_str()).collect();
    let entries = repo.lock.entries.iter().filter_map(|entry| Some((entry, entry.workspace_dir()?)));
    let gone: Vec<_> = entries.filter(|(_, dir)| *dir != "." && !dirs.contains(dir)).collect();
    let (first, dir) = gone.first()?;
    let message = format!("yarn.lock lists the workspace {dir}, which is not in the build context");
    let mut error = Diagnostic::error("repo/workspace-gone", message).help(
        "if it was removed, run `yarn install` and commit yarn.lock; otherwise check `workspaces` and the ignore file",
    );
    for (entry, dir) in gone.iter().take(SHOWN) {
        let text = if entry.line == first.line { String::new() } else { format!("{dir} is not there either") };
        error = error.label(Span::line(&repo.lock.file, entry.line), text);
    }
    Some(error)
}

/// Dependencies on files that are not in the repository.
fn outside(repo: &Repository, walk: &Walk) -> Option<Diagnostic> {
    let bad: BTreeMap<&str, PathError> =
        local(walk).filter_map(|file| Some((file, ContextPath::new(file).err()?))).collect();
    let (file, error) = bad.first_key_value()?;
    let message = match bad.len() {
        1 => format!("a dependency names {file}, which is no path in the repository: {error}"),
        count => format!("{count} dependencies name what is no path in the repository, such as {file}: {error}"),
    };
    let diagnostic =
        Diagnostic::error("repo/dependency-outside", message).help("move what it names into the repository");
    Some(bad.keys().take(SHOWN).fold(diagnostic, |diagnostic, file| diagnostic.at(naming(repo, file))))
}

/// Dependencies on files that no build gets to see: a copy of them could not work.
fn secret(repo: &Repository, walk: &Walk) -> Option<Diagnostic> {
    let hidden: BTreeSet<&str> =
        local(walk).filter(|file| ContextPath::new(file).is_ok_and(|path| is_secret(&path))).collect();
    let file = ContextPath::new(hidden.first()?).unwrap_or_default();
    let message =
        format!("a dependency names {file}, which no build sees: files like it hold secrets or local settings");
    let diagnostic =
        Diagnostic::error("repo/dependency-secret", message).help("take the dependency out, or move what it needs");
    Some(hidden.iter().take(SHOWN).fold(diagnostic, |diagnostic, file| diagnostic.at(naming(repo, file))))
}

/// What dependencies name in the repository; of a portal the directory alone.
fn local(walk: &Walk) -> impl Iterator<Item = &str> {
    let portal = |file: &&String| file.strip_suffix("/package.json").is_some_and(|dir| walk.links.contains(dir));
    walk.links.iter().chain(walk.files.iter().filter(move |file| !portal(file))).map(String::as_str)
}

/// The dependency that names a file, as well as its last component tells.
fn naming(repo: &Repository, file: &str) -> Span {
    let name = file.rsplit('/').next().unwrap_or(file);
    let mut all = std::iter::once(&repo.root).chain(&repo.workspaces);
    let found = all.find_map(|m| {
        let (field, name, _) =
            edges(m).find(|(.., range)| range.split(['/', ':', '#', '!']).any(|part| part == name))?;
        Some(m.place(&[field, name]))
    });
    found.unwrap_or_else(|| Span::line(&repo.root.file, 1))
}

fn manifest<'a>(repo: &'a Repository, missing: &Missing) -> Option<&'a Manifest> {
    let dir = missing.parent.reference.strip_prefix("workspace:")?;
    let mut all = std::iter::once(&repo.root).chain(&repo.workspaces);
    all.find(|m| m.dir.to_string() == dir)
}

fn parent(repo: &Repository, missing: &Missing) -> String {
    manifest(repo, missing).map_or_else(|| missing.parent.to_string(), |manifest| manifest.file.name.clone())
}

fn edges(manifest: &Manifest) -> impl Iterator<Item = (&'static str, &str, &str)> {
    let fields = [
        ("devDependencies", &manifest.dev_dependencies),
        ("optionalDependencies", &manifest.optional_dependencies),
        ("dependencies", &manifest.dependencies),
    ];
    fields
        .into_iter()
        .flat_map(|(field, map)| map.iter().map(move |(name, range)| (field, name.as_str(), range.as_str())))
}

/// The line that asks for it: in a manifest, or in the lockfile's entry of the package that does.
fn place(repo: &Repository, missing: &Missing) -> Span {
    let Some(manifest) = manifest(repo, missing) else {
        let entry = repo.lock.entries.iter().find(|entry| entry.locator == missing.parent);
        return Span::line(&repo.lock.file, entry.map_or(1, |entry| entry.line));
    };
    let name = &*missing.descriptor.name;
    match edges(manifest).find(|(_, dependency, _)| *dependency == name) {
        Some((field, name, _)) => manifest.place(&[field, name]),
        None => {
            // A whole workspace that the lockfile does not know.
            let all = std::iter::once(&repo.root).chain(&repo.workspaces);
            let named = all.into_iter().find(|m| missing.descriptor.range == format!("workspace:{}", m.dir));
            named.unwrap_or(manifest).place(&["name"])
        }
    }
}

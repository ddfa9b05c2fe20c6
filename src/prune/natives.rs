//! Puts what natives built into their packages.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::elf;
use super::rules::{FileRules, Owner};
use super::task::Prune;
use super::tree::{Installed, read};
use super::walk::{self, Entry};
use super::write::{copy, inner_package, link, make_dirs, settle, stays_inside};

/// Bytes of a file that a build left.
const MAX_BUILT: u64 = 1 << 30;

/// A package that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The folder that it was built in.
    pub folder: PathBuf,
}

/// Copies what each build left into every place below `app` that holds that package at that version: where it lands is
/// the package manager's affair (hoisting limits, two versions, aliases). `cpu` is the image's in Node's words: binaries for
/// others stay behind. Answers the places of each.
///
/// # Errors
/// When files cannot be read or written, and when a build left binaries for other machines only.
pub fn place_natives(app: &Path, cpu: &str, built: &[Built]) -> io::Result<BTreeMap<String, Vec<String>>> {
    let tree = Installed::open(app)?;
    let prune = Prune { safe: true, source_maps: true, ..Prune::default() };
    let rules = FileRules { prune: &prune, typescript: false, cpu };
    let mut places: BTreeMap<String, Vec<String>> =
        built.iter().map(|native| (format!("{}@{}", native.name, native.version), Vec::new())).collect();
    let mut found: Vec<(String, &Built)> = Vec::new();
    walk::files(app, &mut |path, entry| {
        if let Entry::File { .. } = entry
            && let Some(place) = path.strip_suffix("/package.json")
            && inner_package(place).is_some_and(|name| !name.is_empty())
        {
            let manifest = tree.manifest(place)?.unwrap_or_default();
            let native = built.iter().find(|b| b.name == manifest.name && b.version == manifest.version);
            found.extend(native.map(|native| (place.to_owned(), native)));
        }
        Ok(true)
    })?;
    for (place, native) in found {
        let owner = Owner { name: &native.name, native: true, referenced: None };
        let to = app.join(&place);
        let (mut fitting, mut foreign) = (false, None);
        walk::files(&native.folder, &mut |path, entry| {
            let is_dir = matches!(entry, Entry::Directory);
            // What a package needs besides itself lies in the tree already.
            if path == "node_modules" || is_residue(path, is_dir, rules, owner) {
                return Ok(false);
            }
            // `libx.so`, which leads to `libx.so.1`.
            if let Entry::Link(target) = entry
                && is_made(path)
                && stays_inside(path, target)
            {
                let at = to.join(path);
                at.parent().map_or(Ok(()), |dir| make_dirs(app, dir))?;
                link(target, &at)?;
            }
            if let Entry::File { from, executable } = entry {
                match elf::fits(path, from, cpu)? {
                    Some(true) => fitting |= path.ends_with(".node"),
                    // A package may bring binaries for other machines. What was just built for one is a mistake.
                    Some(false) if is_made(path) => return Err(foreign_error(native, path, cpu)),
                    Some(false) => {
                        foreign = foreign.take().or_else(|| path.ends_with(".node").then(|| path.to_owned()));
                        return Ok(true);
                    }
                    None => {}
                }
                let at = to.join(path);
                let known = read(&at, MAX_BUILT)?;
                if known.is_none() || known != read(from, MAX_BUILT)? {
                    at.parent().map_or(Ok(()), |dir| make_dirs(app, dir))?;
                    copy(from, &at, *executable)?;
                }
            }
            Ok(true)
        })?;
        if let Some(path) = foreign.filter(|_| !fitting) {
            return Err(foreign_error(native, &path, cpu));
        }
        settle(app, [place.as_str()], [])?;
        places.entry(format!("{}@{}", native.name, native.version)).or_default().push(place);
    }
    Ok(places)
}

/// Whether a path is one where builds leave binaries: node-gyp's and node-pre-gyp's.
fn is_made(path: &str) -> bool {
    path.starts_with("build/") || path.starts_with("lib/binding/")
}

fn foreign_error(native: &Built, path: &str, cpu: &str) -> io::Error {
    let Built { name, version, .. } = native;
    io::Error::other(format!(
        "{name} {version}: {path} is not for {cpu}; its install script did not make or fetch a binary for that machine: have it compiled with `install: {{natives: {{{name}: source}}}}`, or leave it out with `skip`"
    ))
}

/// What a build leaves besides the binary, or only reads.
fn is_residue(path: &str, is_dir: bool, rules: FileRules<'_>, owner: Owner<'_>) -> bool {
    rules.rule(owner, path, is_dir).is_some() || (is_dir && path.split('/').any(|part| part == ".deps"))
}

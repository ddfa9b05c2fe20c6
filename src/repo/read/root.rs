//! What lies at the repository's root.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use buildkit_frontend::files::{Entry, Files, Kind};
use buildkit_frontend::path::ContextPath;
use bytes::Bytes;

use crate::repo::Manifest;

use super::{LOCK, SMALL, failed, source};

/// Files that say something of the Node version and nothing else, the strongest first.
pub(super) const NODE_FILES: [&str; 2] = [".nvmrc", ".node-version"];
/// Other small files read along with the root.
const TEXTS: [&str; 3] = [".yarnrc.yml", "backstage.json", ".dockerignore"];

/// The root's files.
pub(super) struct Root {
    /// Names of files and links.
    pub(super) names: BTreeSet<String>,
    /// Names of its directories.
    pub(super) folders: BTreeSet<String>,
    texts: BTreeMap<&'static str, Arc<SourceFile>>,
    pub(super) lock: Option<Arc<SourceFile>>,
}

/// Reads what lies at the root, and its manifest.
pub(super) async fn read(files: &dyn Files) -> Result<(Root, Manifest), Diagnostics> {
    let path = |name: &str| ContextPath::new(name).unwrap_or_default();
    let texts = || TEXTS.into_iter().chain(NODE_FILES);
    let small: Vec<ContextPath> = std::iter::once("package.json").chain(texts()).map(path).collect();
    let lock = path("yarn.lock");
    let top = ContextPath::root();
    let (small, lock, names) = futures_util::future::join3(
        files.read_many(&small, SMALL),
        files.read(&lock, LOCK),
        files.list_many(std::slice::from_ref(&top)),
    )
    .await;
    let mut small = small.map_err(|error| failed(&error))?.into_iter();
    let package = small.next().flatten();
    let texts = texts().zip(small);
    let texts: BTreeMap<&str, Arc<SourceFile>> =
        texts.filter_map(|(name, data)| Some((name, source(name, data?)))).collect();
    let lock = lock.map_err(|error| failed(&error))?.map(|data| source("yarn.lock", data));
    let names = names.map_err(|error| failed(&error))?.into_iter().flatten().flatten();
    let names: Vec<Entry> = names.collect();
    let unread = |name: &str| match name {
        "package.json" => package.is_none(),
        "yarn.lock" => lock.is_none(),
        ".yarnrc.yml" => !texts.contains_key(name),
        _ => false,
    };
    let link = names.iter().find(|entry| entry.kind == Kind::Symlink && unread(&entry.name));
    if let Some(Entry { name, .. }) = link {
        let message = format!("{name} is a link, which a build does not follow");
        return Err(Diagnostic::error("repo/link", message).help("put the file itself there").into());
    }
    let (folders, names): (Vec<_>, Vec<_>) = names.into_iter().partition(|entry| entry.kind == Kind::Directory);
    let named = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.name).collect();
    Ok((Root { names: named(names), folders: named(folders), texts, lock }, manifest(package)?))
}

fn manifest(data: Option<Bytes>) -> Result<Manifest, Diagnostic> {
    match data {
        Some(data) => Manifest::parse(&ContextPath::root(), data),
        None => Err(Diagnostic::error("repo/no-manifest", "the build context has no package.json").help(
            "pass the root of the Backstage repository as the build context, and check that no ignore file hides it",
        )),
    }
}

impl Root {
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&Arc<SourceFile>> {
        self.texts.get(name)
    }
}

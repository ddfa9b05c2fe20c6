//! The workspaces of a repository.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics};
use buildkit_frontend::files::Files;
use buildkit_frontend::path::ContextPath;

use crate::repo::Manifest;
use crate::repo::json::{Step, locate};

use super::globs::{GlobError, Tree, expand};
use super::{MAX_WORKSPACES, SMALL, failed};

/// Nested `workspaces` fields followed.
const MAX_DEPTH: usize = 8;

/// All workspaces but the root, sorted by path. A workspace may have workspaces of its own.
pub(super) async fn read(files: &dyn Files, root: &Manifest) -> Result<Vec<Manifest>, Diagnostics> {
    let Some(globs) = root.workspace_globs() else {
        return Err(Diagnostic::error("repo/no-workspaces", "package.json has no `workspaces`")
            .help("a Backstage repository lists its packages there: \"workspaces\": [\"packages/*\", \"plugins/*\"]")
            .at(root.place(&["workspaces"]))
            .into());
    };
    let mut known = Tree::default();
    let mut asked = BTreeSet::from([ContextPath::root()]);
    let mut found: BTreeMap<ContextPath, Manifest> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut dirs =
        expand(files, &ContextPath::root(), &globs, &mut known).await.map_err(|error| explained(root, &error))?;
    for _ in 0..MAX_DEPTH {
        let new: Vec<ContextPath> = dirs.iter().filter(|dir| asked.insert((*dir).clone())).cloned().collect();
        let paths: Vec<ContextPath> = new.iter().filter_map(|dir| dir.join("package.json").ok()).collect();
        if paths.is_empty() {
            break;
        }
        let data = files.read_many(&paths, SMALL).await.map_err(|error| failed(&error))?;
        let mut nested = BTreeSet::new();
        for (dir, data) in new.iter().zip(data) {
            let Some(data) = data else { continue };
            match Manifest::parse(dir, data) {
                Ok(manifest) => {
                    if let Some(globs) = manifest.workspace_globs() {
                        let more = expand(files, dir, &globs, &mut known).await;
                        nested.extend(more.map_err(|error| explained(&manifest, &error))?);
                    }
                    found.insert(dir.clone(), manifest);
                }
                Err(error) => errors.push(error),
            }
        }
        if found.len() > MAX_WORKSPACES {
            let message = format!("`workspaces` matches more than {MAX_WORKSPACES} packages");
            let error = Diagnostic::error("repo/too-many-workspaces", message);
            return Err(error.at(root.place(&["workspaces"])).into());
        }
        dirs = nested;
    }
    errors.extend(duplicates(root, &found));
    if errors.is_empty() { Ok(found.into_values().collect()) } else { Err(Diagnostics(errors)) }
}

fn duplicates(root: &Manifest, found: &BTreeMap<ContextPath, Manifest>) -> Vec<Diagnostic> {
    let mut names: BTreeMap<&str, &Manifest> = BTreeMap::from([(root.name.as_str(), root)]);
    let mut errors = Vec::new();
    for manifest in found.values() {
        if let Some(first) = names.insert(&manifest.name, manifest) {
            let message = format!("two workspaces are named `{}`", manifest.name);
            errors.push(
                Diagnostic::error("repo/duplicate-workspace", message)
                    .help("rename one of them, or take it out of `workspaces`")
                    .at(manifest.place(&["name"]))
                    .label(first.place(&["name"]), "first named here"),
            );
        }
    }
    errors
}

fn explained(manifest: &Manifest, error: &GlobError) -> Diagnostic {
    let object = manifest.json.get("workspaces").is_some_and(|value| !value.is_array());
    let mut path = vec![Step::Key("workspaces")];
    path.extend(object.then_some(Step::Key("packages")));
    match error {
        GlobError::Files(error) => failed(error),
        GlobError::TooMany | GlobError::TooMuch | GlobError::TooManyPatterns => {
            let error = Diagnostic::error("repo/too-many-workspaces", error.to_string());
            error.help("name the folders that hold packages, such as `packages/*`").at(locate(&manifest.file, &path))
        }
        GlobError::Pattern { index, reason } => {
            // Values that are no text are left out of the list that the index counts.
            path.push(Step::Index(*index));
            Diagnostic::error("repo/workspace-pattern", format!("a workspace pattern cannot be used: {reason}"))
                .help("patterns name folders below the repository's root, such as `packages/*`")
                .at(locate(&manifest.file, &path))
        }
    }
}

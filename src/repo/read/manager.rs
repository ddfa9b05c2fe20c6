//! The lockfile, and which package manager a repository without one belongs to.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Span};

use crate::repo::lock::{LockErrorKind, Lockfile};
use crate::repo::{Manifest, YarnVersion};

use super::root::Root;

/// Package managers by the files that they leave behind.
const OTHERS: [(&str, &[&str]); 3] = [
    ("pnpm", &["pnpm-lock.yaml", "pnpm-workspace.yaml"]),
    ("npm", &["package-lock.json"]),
    ("bun", &["bun.lock", "bun.lockb"]),
];

const MIGRATE: &str = "run `yarn set version berry`, set `nodeLinker: node-modules` in .yarnrc.yml, run `yarn install` and \
                       commit yarn.lock";

pub(super) fn lockfile(root: &Root, manifest: &Manifest) -> Result<Lockfile, Diagnostics> {
    match &root.lock {
        Some(file) => {
            let lock = Lockfile::parse(file);
            lock.map_err(|error| explained(error.kind).at(Span::line(file, error.line)).into())
        }
        None => Err(missing(root, manifest).into()),
    }
}

/// What to say of a format newer than all that are known. It is read all the same: formats are close to each other, and
/// what cannot be read is told in its place.
pub(super) fn newer(lock: &Lockfile, yarn: &YarnVersion) -> Option<Diagnostic> {
    let (known, line) = lock.newer()?;
    let message = format!(
        "yarn.lock has format {}, which is newer than this release: it is read as format {known}",
        lock.version
    );
    let help = format!(
        "Yarn {} runs ({}); if it refuses the file, name the Yarn that wrote it: `\"packageManager\": \"yarn@VERSION\"` in \
         package.json",
        yarn.version, yarn.because
    );
    Some(Diagnostic::warning("repo/lock-version", message).help(help).at(Span::line(&lock.file, line)))
}

fn missing(root: &Root, manifest: &Manifest) -> Diagnostic {
    let name = manifest.json.get("packageManager").and_then(serde_json::Value::as_str);
    let (named, _) = name.and_then(|name| name.split_once('@')).unwrap_or_default();
    for (manager, files) in OTHERS {
        let file = files.iter().find(|file| root.has(file));
        if file.is_none() && named != manager {
            continue;
        }
        let why = file.map_or_else(|| format!("packageManager is {manager}"), |file| format!("it has {file}"));
        let article = if manager == "npm" { "an" } else { "a" };
        return Diagnostic::error(
            "repo/not-yarn",
            format!("this is {article} {manager} repository ({why}, and no yarn.lock): Backstage builds need Yarn"),
        )
        .help(MIGRATE)
        .at(manifest.place(&["packageManager"]));
    }
    Diagnostic::error("repo/no-lockfile", "the repository has no yarn.lock")
        .help("run `yarn install` and commit yarn.lock; if it is there, check that no ignore file hides it")
        .at(manifest.place(&[]))
}

fn explained(kind: LockErrorKind) -> Diagnostic {
    match kind {
        LockErrorKind::Conflict => Diagnostic::error("repo/lock-conflict", "yarn.lock holds a merge conflict")
            .help("run `yarn install`, which resolves conflicts in yarn.lock, and commit the result"),
        LockErrorKind::Classic => Diagnostic::error("repo/yarn-classic", "the lockfile of Yarn 1 is not supported yet")
            .help("run `yarn set version berry && yarn install` and commit what changes"),
        LockErrorKind::Version | LockErrorKind::NoMetadata => {
            Diagnostic::error("repo/lock-version", format!("yarn.lock cannot be read: {kind}"))
                .help("run `yarn install` with Yarn 3 or 4 and commit yarn.lock")
        }
        kind => Diagnostic::error("repo/lock-syntax", format!("yarn.lock cannot be read: {kind}"))
            .help("Yarn alone writes this file: run `yarn install` and commit the result"),
    }
}

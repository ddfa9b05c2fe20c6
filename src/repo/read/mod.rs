//! Reads a repository, in few rounds.
//!
//! What lies at the root comes first, in one go; then workspaces level by level and the config files beside them; then
//! all manifests at once. Each mistake is a diagnostic of its own; what can be found in one run is told in one run.

mod check;
mod configs;
mod globs;
mod hints;
mod ignores;
mod manager;
mod root;
#[cfg(test)]
mod tests;
mod workspaces;
mod yarn;

use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Spanned};
use buildkit_frontend::files::{Files, FilesError};
use buildkit_frontend::path::ContextPath;
use bytes::{Buf as _, Bytes};
use bytestring::ByteString;

use super::lock::Edges;
use super::{Ignores, Repository};

/// Bytes of a manifest, or of any other small file.
pub(crate) const SMALL: u64 = 1 << 20;
/// Bytes of a config file.
pub(crate) const CONFIG: u64 = 4 << 20;
/// Bytes of a lockfile.
pub(crate) const LOCK: u64 = 64 << 20;
/// What a file system or a daemon that failed is told as: no mistake of the user's.
pub(crate) const UNREADABLE: &str = "repo/unreadable";
/// Workspaces of a repository.
pub(crate) const MAX_WORKSPACES: usize = 10_000;

/// What a build file says of the files that configs name.
#[derive(Debug, Clone, Default)]
pub struct BuildFileSays<'a> {
    /// Files and folders that it names for the image or for builds.
    pub files: Vec<ContextPath>,
    /// Its own ignore file: the name and the patterns.
    pub ignore: Option<(&'a str, &'a [String])>,
}

/// Reads the facts of a repository for a build file that says nothing of the files that configs name.
///
/// # Errors
/// As [`read_for`].
pub async fn read(
    files: &dyn Files,
    named_configs: &[Spanned<ContextPath>],
) -> Result<(Repository, Vec<Diagnostic>), Diagnostics> {
    read_for(files, named_configs, &BuildFileSays::default()).await
}

/// Reads the facts of a repository. `named_configs` are the config files that the build file names. Warnings come along
/// with the facts.
///
/// # Errors
/// All mistakes that could be found at once.
pub async fn read_for(
    files: &dyn Files,
    named_configs: &[Spanned<ContextPath>],
    says: &BuildFileSays<'_>,
) -> Result<(Repository, Vec<Diagnostic>), Diagnostics> {
    let mut found = Found::default();
    let (root, manifest) = root::read(files).await?;
    let node_hints = hints::node(&root, &manifest);
    let ignores = Ignores::new(root.text(".dockerignore").map(|file| &*file.text), says);
    // Parsing takes as long as a round of answers: what the others ask for is sent first.
    let lock = async {
        tokio::task::yield_now().await;
        manager::lockfile(&root, &manifest)
    };
    let (workspaces, configs, settings, lock) = futures_util::future::join4(
        workspaces::read(files, &manifest),
        configs::read(files, &root, named_configs, ignores),
        yarn::settings(files, &root),
        lock,
    )
    .await;
    // What another package manager or Yarn 1 keeps would only be called wrong in Yarn's words: without a lockfile, that is
    // all there is to tell.
    let lock = lock?;
    let setup = found.keep(settings.and_then(|settings| yarn::setup(settings, &root, &manifest, &lock)));
    found.0.extend(setup.as_ref().and_then(|setup| manager::newer(&lock, &setup.version)));
    let workspaces = found.keep(workspaces);
    let configs = found.keep(configs).map(|(configs, ignores, warnings)| {
        found.0.extend(warnings);
        (configs, ignores)
    });
    let backstage = found.keep(hints::backstage(&root));
    let (Some(yarn), Some(workspaces), Some((configs, ignores)), Some(backstage)) =
        (setup, workspaces, configs, backstage)
    else {
        return Err(Diagnostics(found.0));
    };
    let mut repo = Repository {
        dockerignore: root.text(".dockerignore").cloned(),
        root_files: root.names,
        root: manifest,
        workspaces,
        yarn,
        edges: Edges::of(&lock),
        lock,
        backstage,
        node_hints,
        configs,
        ignores,
    };
    found.0.extend(check::lock(&mut repo));
    if found.0.iter().any(|d| d.severity == Severity::Error) { Err(Diagnostics(found.0)) } else { Ok((repo, found.0)) }
}

/// Sees whether the file of certificates is there that every step mounts.
///
/// # Errors
/// It is not, or nobody can say.
pub(crate) async fn certificates(files: &dyn Files, file: Option<Spanned<ContextPath>>) -> Result<(), Diagnostic> {
    let Some(file) = file else { return Ok(()) };
    if files.stat(&file.value).await.map_err(|error| failed(&error))?.is_some() {
        return Ok(());
    }
    Err(Diagnostic::error("repo/no-ca", format!("the CA bundle {} is not in the build context", file.value))
        .help(NOT_IN_CONTEXT)
        .at(file.span))
}

/// What to do about a written path at which nothing is.
const NOT_IN_CONTEXT: &str =
    "check its path, which is relative to the repository's root, and that no ignore file hides it";

/// Diagnostics on the way.
#[derive(Debug, Default)]
struct Found(Vec<Diagnostic>);

impl Found {
    fn keep<T>(&mut self, result: Result<T, Diagnostics>) -> Option<T> {
        result.map_err(|diagnostics| self.0.extend(diagnostics.0)).ok()
    }
}

/// A file as text: a byte order mark is dropped, invalid UTF-8 replaced.
pub(crate) fn source(name: &str, mut data: Bytes) -> Arc<SourceFile> {
    if data.starts_with(b"\xef\xbb\xbf") {
        data.advance(3);
    }
    // What is valid is not copied: a lockfile has megabytes.
    match ByteString::try_from(data.clone()) {
        Ok(text) => SourceFile::new(name, text),
        Err(_) => SourceFile::new(name, String::from_utf8_lossy(&data).into_owned()),
    }
}

/// Reads files of which some may be directories or devices: those are told one by one.
async fn read_each(
    files: &dyn Files,
    paths: &[ContextPath],
    limit: u64,
) -> Result<Vec<Result<Option<Bytes>, FilesError>>, FilesError> {
    match files.read_many(paths, limit).await {
        Ok(data) => Ok(data.into_iter().map(Ok).collect()),
        Err(FilesError::WrongKind { .. }) => {
            let mut all = Vec::with_capacity(paths.len());
            for path in paths {
                all.push(match files.read(path, limit).await {
                    Err(error @ FilesError::WrongKind { .. }) => Err(error),
                    read => Ok(read?),
                });
            }
            Ok(all)
        }
        Err(error) => Err(error),
    }
}

/// Files that could not be read.
pub(crate) fn failed(error: &FilesError) -> Diagnostic {
    match error {
        FilesError::TooLarge { path, limit } => {
            Diagnostic::error("repo/too-large", format!("{path} is larger than {} MiB", limit >> 20_u32)).help(
                "this is no file that a Backstage repository has: check that the build context is the right directory",
            )
        }
        FilesError::WrongKind { path, wanted } => {
            Diagnostic::error("repo/wrong-kind", format!("{path} is not {wanted}"))
                .help(format!("a build reads it wherever it is there: make it {wanted}, or move it away"))
        }
        error => Diagnostic::error(UNREADABLE, error.to_string()),
    }
}

//! The repository: a small transfer for facts, and one for what steps copy.

use std::collections::BTreeSet;

use buildkit_llb::file::{Copy, FileOp};
use buildkit_llb::source::{Git, Local, MTime};
use buildkit_llb::{Definition, Digest, Input, Metadata, Output};

use crate::files::{ReadSet, ignore_pattern};
use crate::gateway::{BuildkitFiles, Client, Evaluation, Failure, SolveRequest};
use crate::request::{CONTEXT, ContextSource, GitMtime, GitRef, Request};

/// What a frontend calls its two transfers.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// How the keys begin by which a client knows what it sent before.
    pub key: &'static str,
    /// What the progress calls the small one.
    pub facts: &'static str,
    /// What it calls the other.
    pub context: &'static str,
}

/// The repository of a build.
#[derive(Debug, Clone)]
pub struct Repository<'a> {
    client: &'a Client,
    request: &'a Request,
    names: Names,
}

impl<'a> Repository<'a> {
    /// The repository that the request names.
    pub fn new(client: &'a Client, request: &'a Request, names: Names) -> Self {
        Self { client, request, names }
    }

    /// The op that shows the files of a read set.
    ///
    /// # Errors
    /// When the context is of a kind that cannot be read.
    pub fn facts(&self, set: &ReadSet) -> Result<Output, Failure> {
        match &self.request.context.source {
            ContextSource::Local => Ok(local_facts(self.names, self.session(), set)),
            ContextSource::Git(reference) => {
                let whole = git(reference, self.request, Metadata::named("[internal] load git context"))?;
                let copy = Copy::new(&whole, "/", "/")
                    .dir_contents()
                    .include_patterns(&set.include)
                    .exclude_patterns(&set.exclude);
                filtered(copy, self.names.facts)
            }
            _ => Err(unsupported()),
        }
    }

    /// The op that shows what steps copy: these paths, all of it where the root is one of them, without what patterns hide.
    ///
    /// # Errors
    /// As [`Self::facts`].
    pub fn context(&self, paths: &BTreeSet<String>, exclude: &[String]) -> Result<Output, Failure> {
        match &self.request.context.source {
            ContextSource::Local => Ok(local_context(self.names, self.session(), paths, exclude)),
            ContextSource::Git(reference) => {
                let whole = git(reference, self.request, Metadata::named("[internal] load git context"))?;
                filtered(Copy::new(&whole, "/", "/").dir_contents().exclude_patterns(exclude), self.names.context)
            }
            _ => Err(unsupported()),
        }
    }

    /// The files of [`Self::facts`], brought.
    ///
    /// # Errors
    /// When BuildKit cannot bring them.
    pub async fn open(&self, facts: &Output) -> Result<BuildkitFiles, Failure> {
        let definition = Definition::new(facts).to_pb();
        let cache_imports = super::imports(self.request);
        // A context that cannot be had is said in the daemon's own words, not as a file that cannot be read.
        let request = SolveRequest { definition, cache_imports, evaluation: Evaluation::Now };
        let reference = self.client.solve(request).await?;
        Ok(BuildkitFiles::new(self.client.clone(), reference))
    }

    fn session(&self) -> &str {
        self.request.sessions.of(CONTEXT)
    }
}

/// The files of a read set in the client's directory.
pub fn local_facts(names: Names, session: &str, set: &ReadSet) -> Output {
    // One hint for each set of patterns: with one for two, the client's snapshots would be swapped.
    let patterns = [set.include.join("\n"), set.exclude.join("\n")].join("\n\n");
    let digest = Digest::of(patterns.as_bytes());
    let short = digest.hex().get(..12).unwrap_or_default();
    Local::new(CONTEXT)
        .session(session)
        .include_patterns(&set.include)
        .exclude_patterns(&set.exclude)
        .shared_key_hint(&format!("{}-facts-{short}", names.key))
        .metadata(Metadata::named(names.facts))
        .build()
}

/// What steps copy of the client's directory.
pub fn local_context(names: Names, session: &str, paths: &BTreeSet<String>, exclude: &[String]) -> Output {
    let local = Local::new(CONTEXT)
        .session(session)
        .exclude_patterns(exclude)
        .shared_key_hint(&format!("{}-context", names.key))
        .metadata(Metadata::named(names.context));
    // The root among the paths is all of it. The client takes the others for patterns.
    let whole = paths.contains("");
    if whole { local } else { local.follow_paths(paths.iter().map(|path| ignore_pattern(path))) }.build()
}

/// A git source as BuildKit's own frontends write it.
pub(super) fn git(reference: &GitRef, request: &Request, metadata: Metadata) -> Result<Output, Failure> {
    let mut source = Git::new(reference.remote.as_str()).map_err(|error| Failure::new(error.to_string()))?;
    if let Some(name) = &reference.reference {
        source = source.reference(name);
    }
    let subdir = reference.subdir.join(request.context.subdir.as_str()).unwrap_or_default();
    if !subdir.is_root() {
        source = source.subdir(subdir.as_str());
    }
    if reference.keep_git_dir == Some(true) {
        source = source.keep_git_dir();
    }
    if let Some(checksum) = &reference.checksum {
        source = source.checksum(checksum);
    }
    if reference.submodules == Some(false) {
        source = source.skip_submodules();
    }
    if let Some(mtime) = reference.mtime {
        source = source.mtime(match mtime {
            GitMtime::Checkout => MTime::Checkout,
            GitMtime::Commit => MTime::Commit,
        });
    }
    if reference.fetch_by_commit {
        source = source.fetch_by_commit();
    }
    Ok(source.metadata(metadata).build())
}

/// Nothing filters a repository that BuildKit fetches itself: a copy does. One copy of all, since patterns are relative
/// to what is copied and these are the whole repository's; a clone holds no installed packages, so one hash of it is
/// cheap. Steps then copy from it narrowly, as they do from a client's directory.
fn filtered(copy: Copy, name: &str) -> Result<Output, Failure> {
    FileOp::new(Input::Scratch, copy)
        .metadata(Metadata::named(name))
        .build()
        .map_err(|error| Failure::new(error.to_string()))
}

pub(super) fn unsupported() -> Failure {
    Failure::new("this kind of build context is not supported yet (use a directory or a git URL)")
}

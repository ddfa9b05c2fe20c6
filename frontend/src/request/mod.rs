//! The request: every option that a client sends, turned once from texts into one typed value.
//!
//! In: the options as BuildKit hands them over (a flat map of texts) and what the daemon says of itself. Out: a
//! [`Request`], or one diagnostic for each option that can't be taken, naming the flag that the user typed. Nothing is
//! read and nothing is asked here, and nothing is known of the build file.
//! What a value means for the build is decided further on; what is not done yet is said by
//! [`Request::refuse_unsupported`] alone.

mod apply;
mod attest;
mod cache;
mod context;
mod exec;
mod git;
mod git_error;
mod git_url;
mod named;
mod of_client;
pub mod options;
mod parse;
mod platforms;
mod proxy;
mod read;
mod refuse;
mod resources;
mod source;
pub mod table;
mod text;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use buildkit_llb::source::ResolveMode;
use buildkit_llb::{ImageRef, Platform};

pub use attest::{Attestations, DEFAULT_SBOM_GENERATOR, Sbom};
pub use cache::{CacheImport, NoCache};
pub use context::{BuildContext, BuildFile, BuildFileSource, CONTEXT, ContextSource, DOCKERFILE, Sessions, is_stdin};
pub use exec::{ExecSettings, ExtraHost, NetworkMode, ULIMITS, Ulimit};
pub use git::{GitMtime, GitRef};
pub use git_error::GitRefError;
pub use git_url::UrlError;
pub use named::{NamedContext, NamedContexts, NamedSource};
pub use options::{Key, Opt, Status};
pub use platforms::{ResultForm, TargetPlatforms};
pub use proxy::{ProxyEnv, is_proxy};
pub use read::{MAX_BYTES, MAX_OPTIONS};
pub use resources::Resources;
pub use source::{FrontendIdentity, MAX_EPOCH, SourceDateEpoch, Subrequest, Vcs};
pub use table::OPTIONS;
pub use text::{Quoted, RemoteUrl};
pub use value::{Invalid, MAX_CPU, MAX_ITEMS};

/// What the daemon says beside the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestEnvironment {
    /// The client's session (`BUILDKIT_SESSION_ID`).
    pub session: String,
    /// The default worker's own platform.
    pub default_platform: Platform,
    /// Names of the frontend inputs; empty where the daemon has none or can't say.
    pub inputs: BTreeSet<String>,
}

/// Everything that a client asks for, as [`Request::parse`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The sessions that directories of the client are read from.
    pub sessions: Sessions,
    /// Names of the frontend inputs.
    pub inputs: BTreeSet<String>,
    /// Which file says what is to be built, and where it is (`--file`).
    pub build_file: BuildFile,
    /// Where the repository is.
    pub context: BuildContext,
    /// Images, stages and sources replaced by name (`--build-context`).
    pub named_contexts: NamedContexts,
    /// What is built (`--target`); `None` is the default.
    pub target: Option<String>,
    /// What it is built for (`--platform`).
    pub platforms: TargetPlatforms,
    /// Labels of the image (`--label`), by name.
    pub labels: BTreeMap<String, String>,
    /// Build args (`--build-arg`) by name, without those that BuildKit gives a meaning: proxies, `SOURCE_DATE_EPOCH` and
    /// whatever starts with `BUILDKIT_`. Who takes none of these can tell the user so.
    pub build_args: BTreeMap<String, String>,
    /// Which steps run even where a result is at hand (`--no-cache`, `--no-cache-filter`).
    pub no_cache: NoCache,
    /// Whether images are looked up anew (`--pull`).
    pub resolve_mode: ResolveMode,
    /// Caches to be copied into every Solve (`--cache-from`).
    pub cache_imports: Vec<CacheImport>,
    /// What the ids of cache mounts start with, before a slash; `None` where nothing is asked for.
    pub cache_namespace: Option<String>,
    /// What every step runs with.
    pub exec: ExecSettings,
    /// SBOM and provenance (`--attest`), which the daemon makes.
    pub attestations: Attestations,
    /// The time that files and image carry.
    pub source_date_epoch: Option<SourceDateEpoch>,
    /// Revision and address of the client's work tree.
    pub vcs: Vcs,
    /// A question instead of a build (`--call`, `--check`).
    pub subrequest: Option<Subrequest>,
    /// How this frontend came to be asked.
    pub frontend: FrontendIdentity,
}

/// An image reference, with its mistake told apart from the text, which is quoted once and safely.
fn image(text: &str) -> Result<ImageRef, Invalid> {
    text.parse().map_err(|e: buildkit_llb::InvalidImageRef| Invalid::Image(text.to_owned(), e.problem))
}

#[cfg(test)]
mod tests;

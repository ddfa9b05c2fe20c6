//! `local://`: a directory of the client, sent through its session.

use super::{Source, json_list};
use crate::{Metadata, Output};

/// A directory that the client offers under a name (buildx: `context` and `dockerfile`, besides
/// named contexts).
///
/// It never matches a cache by itself; what is copied from it does, by content. Patterns are those
/// of an ignore file, relative to the directory; the client applies them before it sends. Owners of
/// the files become 0.
#[derive(Clone, Debug)]
#[must_use]
pub struct Local(Source);

/// How a file is compared with the one of the last transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differ {
    /// Not at all: every file is sent.
    None,
    /// By size, time and the like.
    Metadata,
}

impl Local {
    /// A directory by the name under which the client offers it.
    pub fn new(name: &str) -> Self {
        Self(Source::new(format!("local://{name}")))
    }

    /// The session to ask.
    pub fn session(mut self, id: &str) -> Self {
        self.0.set("local.session", id);
        self
    }

    /// Keeps otherwise equal ops apart.
    pub fn unique(mut self, id: &str) -> Self {
        self.0.set("local.unique", id);
        self
    }

    /// Only what matches. Prunes the client's walk only if no pattern has a wildcard.
    pub fn include_patterns<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.0.set("local.includepattern", json_list(patterns));
        self
    }

    /// Not what matches; an exception starts with `!`.
    pub fn exclude_patterns<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.0.set("local.excludepatterns", json_list(patterns));
        self
    }

    /// Only these paths, and what symlinks in them lead to.
    pub fn follow_paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.0.set("local.followpaths", json_list(paths));
        self
    }

    /// A name for the daemon's copy of the directory, which the next build updates. One per set of
    /// patterns: two sets under one name delete each other's files.
    pub fn shared_key_hint(mut self, hint: &str) -> Self {
        self.0.set("local.sharedkeyhint", hint);
        self
    }

    /// How files are compared with those of the last transfer.
    pub fn differ(mut self, differ: Differ) -> Self {
        let word = match differ {
            Differ::None => "none",
            Differ::Metadata => "metadata",
        };
        self.0.set("local.differ", word);
        self
    }

    /// Sends names and metadata of files, but content only for paths that match one of `except`.
    /// Not in 0.17.
    pub fn metadata_transfer<S: Into<String>>(mut self, except: impl IntoIterator<Item = S>) -> Self {
        self.0.set("local.metadatatransfer", "true");
        let except: Vec<String> = except.into_iter().map(Into::into).collect();
        if !except.is_empty() {
            self.0.set("local.metadatatransferexclude", json_list(except));
        }
        self
    }

    /// What is said about it.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// The directory.
    #[must_use]
    pub fn build(self) -> Output {
        self.0.build()
    }
}

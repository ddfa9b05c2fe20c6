//! References to git repositories, as BuildKit reads them: `https://host/repository.git?query#ref:directory`,
//! `ssh://…`, `git://…`, `user@host:path…` and the short `github.com/owner/repository`.
//!
//! The grammar is BuildKit's (`frontend/dockerfile/dfgitutil/git_ref.go`, `util/gitutil/git_url.go`,
//! `util/sshutil/scpurl.go`). Stricter in one way: what BuildKit drops without a word (a query that can't be decoded)
//! or what git would only refuse later (no host, a reference that starts with a dash) is an error here.

use crate::path::ContextPath;

use super::git_error::GitRefError;
use super::git_url::GitUrl;
use super::text::RemoteUrl;
use super::value::boolean;

/// What is to be fetched from a git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRef {
    /// The repository without query and fragment; may hold credentials.
    pub remote: RemoteUrl,
    /// Branch, tag or commit, or a full `refs/…` name; `None` is the remote's default branch.
    pub reference: Option<String>,
    /// The directory in the repository that becomes the root.
    pub subdir: ContextPath,
    /// The commit, or its first digits, that the reference must lead to.
    pub checksum: Option<String>,
    /// Whether `.git` is kept; `None` where the reference does not say.
    pub keep_git_dir: Option<bool>,
    /// Whether submodules are fetched; `None` where the reference does not say, which means yes.
    pub submodules: Option<bool>,
    /// What the files' times are; `None` where the reference does not say, which means [`GitMtime::Checkout`].
    pub mtime: Option<GitMtime>,
    /// Whether `checksum` is fetched directly, without asking the remote what the reference is.
    pub fetch_by_commit: bool,
}

/// What the times of files from git are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitMtime {
    /// When they were checked out.
    Checkout,
    /// When the commit was made.
    Commit,
}

impl GitRef {
    /// Reads a text. `None` if it does not refer to a git repository: a local path, another scheme, or an http address
    /// whose path does not end in `.git`.
    pub fn parse(text: &str) -> Result<Option<Self>, GitRefError> {
        let Some(url) = GitUrl::parse(text)? else {
            return Ok(None);
        };
        let (reference, subdir) = url.fragment.split_once(':').unwrap_or((&url.fragment, ""));
        let mut git = Self {
            remote: RemoteUrl::new(url.remote),
            reference: named(reference)?,
            subdir: directory(subdir)?,
            checksum: None,
            keep_git_dir: None,
            submodules: None,
            mtime: None,
            fetch_by_commit: false,
        };
        git.query(&url.query)?;
        Ok(Some(git))
    }

    fn query(&mut self, query: &[(String, String)]) -> Result<(), GitRefError> {
        let (mut tag, mut branch) = (None, None);
        for (i, (key, value)) in query.iter().enumerate() {
            if query.iter().take(i).any(|(earlier, _)| earlier == key) {
                return Err(GitRefError::RepeatedKey(key.clone()));
            }
            let is_flag = matches!(key.as_str(), "submodules" | "keep-git-dir" | "fetch-by-commit");
            let is_known =
                matches!(key.as_str(), "ref" | "tag" | "branch" | "subdir" | "checksum" | "commit" | "mtime");
            if !is_flag && !is_known {
                return Err(GitRefError::UnknownKey(key.clone()));
            }
            if value.is_empty() && !is_flag {
                return Err(GitRefError::NoValue(key.clone()));
            }
            match key.as_str() {
                "ref" => self.refer(value)?,
                "tag" => tag = Some(prefixed("refs/tags/", value)),
                "branch" => branch = Some(prefixed("refs/heads/", value)),
                "subdir" => self.descend(value)?,
                "mtime" => self.mtime = Some(mtime(value)?),
                "keep-git-dir" => self.keep_git_dir = Some(flag(key, value)?),
                "submodules" => self.submodules = Some(flag(key, value)?),
                "fetch-by-commit" => self.fetch_by_commit = flag(key, value)?,
                _ => self.checksum = Some(checksum(value)?),
            }
        }
        if tag.is_some() && branch.is_some() {
            return Err(GitRefError::TagAndBranch);
        }
        match tag.or(branch) {
            Some(reference) => self.refer(&reference),
            None => Ok(()),
        }
    }

    fn refer(&mut self, reference: &str) -> Result<(), GitRefError> {
        match &self.reference {
            Some(other) if other != reference => Err(GitRefError::Conflict(other.clone(), reference.to_owned())),
            _ => {
                self.reference = named(reference)?;
                Ok(())
            }
        }
    }

    fn descend(&mut self, text: &str) -> Result<(), GitRefError> {
        let subdir = directory(text)?;
        if !self.subdir.is_root() && self.subdir != subdir {
            return Err(GitRefError::SubdirConflict(self.subdir.to_string(), text.to_owned()));
        }
        self.subdir = subdir;
        Ok(())
    }
}

fn prefixed(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) { name.to_owned() } else { format!("{prefix}{name}") }
}

/// A branch, tag or commit. What starts with a dash would be read as an option by git; the daemon refuses it.
fn named(text: &str) -> Result<Option<String>, GitRefError> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with('-') || text.len() > 1024 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(GitRefError::Reference(text.to_owned()));
    }
    Ok(Some(text.to_owned()))
}

fn directory(text: &str) -> Result<ContextPath, GitRefError> {
    ContextPath::new(text.trim_start_matches('/')).map_err(|problem| GitRefError::Subdir(text.to_owned(), problem))
}

fn checksum(text: &str) -> Result<String, GitRefError> {
    if text.len() > 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(GitRefError::Checksum(text.to_owned()));
    }
    Ok(text.to_owned())
}

fn mtime(text: &str) -> Result<GitMtime, GitRefError> {
    match text {
        "checkout" => Ok(GitMtime::Checkout),
        "commit" => Ok(GitMtime::Commit),
        _ => Err(GitRefError::Mtime(text.to_owned())),
    }
}

/// A flag that stands there without a value is on.
fn flag(key: &str, text: &str) -> Result<bool, GitRefError> {
    if text.is_empty() {
        return Ok(true);
    }
    boolean(text).map_err(|_| GitRefError::Flag(key.to_owned(), text.to_owned()))
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;

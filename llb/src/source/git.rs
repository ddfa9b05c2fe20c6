//! `git://`: a commit of a repository. The identifier says only host and path, so that the same
//! commit over HTTPS and SSH is one source; the real remote is an attribute.

use super::Source;
use crate::caps;
use crate::{Digest, Error, ImageRef, Metadata, Output};

/// The files of a commit.
///
/// Submodules are fetched unless [skipped](Git::skip_submodules), `.git` is dropped unless
/// [kept](Git::keep_git_dir).
#[derive(Clone, Debug)]
#[must_use]
pub struct Git {
    source: Source,
    reference: String,
    subdir: String,
}

/// The times of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MTime {
    /// Of the checkout.
    Checkout,
    /// Of the commit.
    Commit,
}

/// What a signature must be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSignature {
    /// Armoured keys that may have signed.
    pub public_key: String,
    /// Expired keys don't count.
    pub reject_expired_keys: bool,
    /// A tag must be signed itself.
    pub require_signed_tag: bool,
    /// The commit must be signed, whatever the tag says.
    pub ignore_signed_tag: bool,
}

impl Git {
    /// A repository by its remote: `https://`, `http://`, `ssh://`, `git://`, or `user@host:path`,
    /// without fragment and query.
    ///
    /// Secrets `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER` are used where the client has them. Over SSH
    /// the client's default agent is used, and [`Git::known_ssh_hosts`] has to be given: without it
    /// the fetch fails.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidGitUrl`].
    pub fn new(url: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidGitUrl { url: url.into() };
        let remote = Remote::parse(url).ok_or_else(invalid)?;
        let mut source = Source::new(format!("git://{}{}", remote.host, remote.path));
        source.set("git.fullurl", url);
        source.set("git.authtokensecret", "GIT_AUTH_TOKEN");
        source.set("git.authheadersecret", "GIT_AUTH_HEADER");
        if remote.is_ssh {
            source.set("git.mountsshsock", "default");
        }
        Ok(Self { source, reference: String::new(), subdir: String::new() })
    }

    /// A branch, tag, full ref or commit. Absent: the remote's default branch.
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = reference.into();
        self
    }

    /// Only this directory of the repository.
    pub fn subdir(mut self, path: &str) -> Self {
        self.subdir = clean(path).trim_start_matches('/').into();
        self
    }

    /// Keeps `.git`.
    pub fn keep_git_dir(self) -> Self {
        self.set("git.keepgitdir", "true")
    }

    /// The secret by id that holds a token for HTTP. Its name may be followed by `.` and the host
    /// in the client's secrets.
    pub fn auth_token_secret(mut self, id: &str) -> Self {
        self.source.caps.insert(caps::SOURCE_GIT_HTTP_AUTH);
        self.set("git.authtokensecret", id)
    }

    /// The secret by id that holds the `Authorization` header for HTTP.
    pub fn auth_header_secret(mut self, id: &str) -> Self {
        self.source.caps.insert(caps::SOURCE_GIT_HTTP_AUTH);
        self.set("git.authheadersecret", id)
    }

    /// Lines of a known_hosts file.
    pub fn known_ssh_hosts(self, lines: &str) -> Self {
        self.set("git.knownsshhosts", lines)
    }

    /// The SSH agent by id.
    pub fn ssh_agent(self, id: &str) -> Self {
        self.set("git.mountsshsock", id)
    }

    /// The commit, or the start of its hash, that the reference must resolve to. Not in 0.17.
    pub fn checksum(self, commit: &str) -> Self {
        self.set("git.checksum", commit)
    }

    /// Leaves submodules away. Not in 0.17.
    pub fn skip_submodules(self) -> Self {
        self.set("git.skipsubmodules", "true")
    }

    /// The times of the files. Not in 0.17.
    pub fn mtime(self, mtime: MTime) -> Self {
        let word = match mtime {
            MTime::Checkout => "checkout",
            MTime::Commit => "commit",
        };
        self.set("git.mtime", word)
    }

    /// Fetches the checksum's commit itself, for remotes where the reference has moved on. Not in
    /// 0.17.
    pub fn fetch_by_commit(self) -> Self {
        self.set("git.fetchbycommit", "true")
    }

    /// Lets git print its advice into the step's log. Read by daemons since 0.33; others ignore it.
    pub fn advice(self) -> Self {
        self.set("git.advice", "true")
    }

    /// Takes commits out of a git bundle, a blob of a registry, instead of the remote. Not in 0.17.
    ///
    /// # Errors
    ///
    /// [`Error::NoDigest`] if the reference has none.
    pub fn bundle(self, blob: &ImageRef) -> Result<Self, Error> {
        if blob.digest().is_none() {
            return Err(Error::NoDigest { reference: blob.to_string() });
        }
        Ok(self.set("git.bundle", format!("docker-image+blob://{blob}")))
    }

    /// The same, of an OCI layout that the client offers: by digest, name of the store and session.
    pub fn bundle_of_layout(self, digest: &Digest, store: &str, session: &str) -> Self {
        self.set("git.bundle", format!("oci-layout+blob://{store}@{digest}"))
            .set("oci.store", store)
            .set("oci.session", session)
    }

    /// Yields a git bundle, as file `bundle`, in the place of a work tree. Not in 0.17.
    pub fn checkout_bundle(self) -> Self {
        self.set("git.checkoutbundle", "true")
    }

    /// Demands a signature. Not in 0.17.
    pub fn signature(mut self, signature: &GitSignature) -> Self {
        self = self.set("git.sig.pubkey", signature.public_key.as_str());
        for (wanted, attr) in [
            (signature.reject_expired_keys, "git.sig.rejectexpired"),
            (signature.require_signed_tag, "git.sig.requiresignedtag"),
            (signature.ignore_signed_tag, "git.sig.ignoresignedtag"),
        ] {
            if wanted {
                self = self.set(attr, "true");
            }
        }
        self
    }

    /// What is said about it.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.source.metadata = metadata;
        self
    }

    /// The files.
    #[must_use]
    pub fn build(mut self) -> Output {
        if !self.reference.is_empty() || !self.subdir.is_empty() {
            self.source.identifier.push('#');
            self.source.identifier.push_str(&self.reference);
        }
        if !self.subdir.is_empty() {
            self.source.identifier.push(':');
            self.source.identifier.push_str(&self.subdir);
        }
        self.source.build()
    }

    fn set(mut self, attr: &'static str, value: impl Into<String>) -> Self {
        self.source.set(attr, value);
        self
    }
}

/// The parts of a remote that an identifier keeps.
struct Remote<'a> {
    host: &'a str,
    /// Clean, with a leading slash.
    path: String,
    is_ssh: bool,
}

impl<'a> Remote<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        // A percent sign would be decoded by the daemon, and the identifier would no longer be the
        // one given.
        if url.contains(['#', '?', '%', ' ']) {
            return None;
        }
        let (authority, path, is_ssh) = match url.split_once("://") {
            Some((scheme @ ("https" | "http" | "ssh" | "git"), rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                (authority, path, scheme == "ssh")
            }
            Some(_) => return None,
            None => {
                let (authority, path) = url.split_once(':')?;
                authority.split_once('@').filter(|(user, _)| !user.is_empty())?;
                (authority, path, true)
            }
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        (!host.is_empty() && !host.contains('/')).then(|| Self { host, path: clean(path), is_ssh })
    }
}

/// A path made absolute, without empty, `.` and `..` parts.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn identifier(git: Git) -> String {
        match &git.build().node().op().op {
            Some(buildkit_proto::pb::op::Op::Source(source)) => source.identifier.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_identifier_for_all_transports() {
        for url in [
            "https://github.com/moby/buildkit.git",
            "https://me:secret@github.com/moby//./buildkit.git",
            "git@github.com:moby/buildkit.git",
            "ssh://git@github.com/moby/buildkit.git",
        ] {
            assert_eq!(identifier(Git::new(url).unwrap()), "git://github.com/moby/buildkit.git");
        }
        let git = || Git::new("https://example.com:8443/a.git").unwrap();
        assert_eq!(identifier(git().reference("v1")), "git://example.com:8443/a.git#v1");
        assert_eq!(identifier(git().reference("v1").subdir("/b/../c/")), "git://example.com:8443/a.git#v1:c");
        assert_eq!(identifier(git().subdir("c")), "git://example.com:8443/a.git#:c");
    }

    #[test]
    fn refused() {
        for url in [
            "",
            "a",
            "host:path",
            "file:///a",
            "https://",
            "https:///a",
            "https://h/a#b",
            "https://h/a?b",
            "https://h/%20",
        ] {
            assert!(Git::new(url).is_err(), "{url}");
        }
    }
}

//! `http://` and `https://`: one file.

use super::{Source, octal};
use crate::{Digest, Error, Metadata, Output};

/// A file system that holds one downloaded file.
#[derive(Clone, Debug)]
#[must_use]
pub struct Http(Source);

impl Http {
    /// A file by URL. It is named as the server says, else as the last part of the URL.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidHttpUrl`] if it does not start with `http://` or `https://` and a host.
    pub fn new(url: &str) -> Result<Self, Error> {
        match url.split_once("://") {
            Some(("http" | "https", rest)) if !rest.is_empty() && !rest.starts_with('/') => {
                Ok(Self(Source::new(url.into())))
            }
            _ => Err(Error::InvalidHttpUrl { url: url.into() }),
        }
    }

    /// The digest that the file must have.
    pub fn checksum(mut self, digest: &Digest) -> Self {
        self.0.set("http.checksum", digest.as_str());
        self
    }

    /// The file's name.
    pub fn filename(mut self, name: &str) -> Self {
        self.0.set("http.filename", name);
        self
    }

    /// The file's mode, such as `0o644`.
    pub fn perm(mut self, mode: u32) -> Self {
        self.0.set("http.perm", octal(mode));
        self
    }

    /// The file's user.
    pub fn uid(mut self, uid: u32) -> Self {
        self.0.set("http.uid", uid.to_string());
        self
    }

    /// The file's group.
    pub fn gid(mut self, gid: u32) -> Self {
        self.0.set("http.gid", gid.to_string());
        self
    }

    /// A secret by id that holds the `Authorization` header. Not in 0.17.
    pub fn auth_header_secret(mut self, id: &str) -> Self {
        self.0.set("http.authheadersecret", id);
        self
    }

    /// The `Accept` header. Not in 0.17.
    pub fn accept(mut self, value: &str) -> Self {
        self.0.set("http.header.accept", value);
        self
    }

    /// The `User-Agent` header. Not in 0.17.
    pub fn user_agent(mut self, value: &str) -> Self {
        self.0.set("http.header.user-agent", value);
        self
    }

    /// A detached PGP signature that the file must have, and the armoured keys that may have made
    /// it. Not in 0.17.
    pub fn signature(mut self, public_key: &str, signature: &str) -> Self {
        self.0.set("http.sig.pubkey", public_key);
        self.0.set("http.sig.signature", signature);
        self
    }

    /// What is said about it.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// The file.
    #[must_use]
    pub fn build(self) -> Output {
        self.0.build()
    }
}

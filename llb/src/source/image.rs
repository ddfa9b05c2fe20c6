//! `docker-image://`: an image of a registry or of the daemon's store.

use std::num::NonZeroU32;

use super::Source;
use crate::{Digest, ImageRef, Metadata, Output, Platform};

/// The file system of an image.
///
/// ```
/// # use buildkit_llb::{Platform, source::{Image, ResolveMode}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let base = Image::new(&"node:22-trixie-slim".parse()?)
///     .platform(&"linux/amd64".parse()?)
///     .resolve_mode(ResolveMode::Pull)
///     .build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Image(Source);

/// Where a reference is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ResolveMode {
    /// In the registry; in the daemon's image store if that fails.
    #[default]
    Default,
    /// In the registry only.
    Pull,
    /// In the daemon's image store; in the registry if it is not there.
    Local,
}

impl ResolveMode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Pull => "pull",
            Self::Local => "local",
        }
    }
}

/// What the image is for, as disk usage shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// Part of a build.
    Regular,
    /// Part of the daemon's own work.
    Internal,
    /// A frontend.
    Frontend,
}

impl Image {
    /// An image by its full reference.
    pub fn new(reference: &ImageRef) -> Self {
        Self(Source::new(format!("docker-image://{reference}")))
    }

    /// Which of the image's platforms. Absent: the daemon's own.
    pub fn platform(mut self, platform: &Platform) -> Self {
        self.0.platform = Some(platform.clone());
        self
    }

    /// Where the reference is looked up. `Default` writes nothing.
    pub fn resolve_mode(mut self, mode: ResolveMode) -> Self {
        if mode == ResolveMode::Default {
            self.0.attrs.remove("image.resolvemode");
        } else {
            self.0.set("image.resolvemode", mode.as_str());
        }
        self
    }

    /// What the image is for.
    pub fn record_type(mut self, record_type: RecordType) -> Self {
        let word = match record_type {
            RecordType::Regular => "regular",
            RecordType::Internal => "internal",
            RecordType::Frontend => "frontend",
        };
        self.0.set("image.recordtype", word);
        self
    }

    /// Only the first layers.
    pub fn layer_limit(mut self, layers: NonZeroU32) -> Self {
        self.0.set("image.layerlimit", layers.to_string());
        self
    }

    /// The digest that the reference must resolve to. Not in 0.17.
    pub fn checksum(mut self, digest: &Digest) -> Self {
        self.0.set("image.checksum", digest.as_str());
        self
    }

    /// What is said about it.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// The image's file system.
    #[must_use]
    pub fn build(self) -> Output {
        self.0.build()
    }
}

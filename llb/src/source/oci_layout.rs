//! `oci-layout://`: an image of an OCI layout that the client offers.

use std::num::NonZeroU32;

use super::Source;
use crate::{Error, ImageRef, Metadata, Output, Platform};

/// An image of a content store of the client.
#[derive(Clone, Debug)]
#[must_use]
pub struct OciLayout(Source);

impl OciLayout {
    /// An image by reference, of which the digest counts and the name is shown, and the name of the
    /// store that holds it.
    ///
    /// # Errors
    ///
    /// [`Error::NoDigest`] if the reference has none.
    pub fn new(reference: &ImageRef, store: &str) -> Result<Self, Error> {
        if reference.digest().is_none() {
            return Err(Error::NoDigest { reference: reference.to_string() });
        }
        let mut source = Source::new(format!("oci-layout://{reference}"));
        source.set("oci.store", store);
        Ok(Self(source))
    }

    /// The session that offers the store.
    pub fn session(mut self, id: &str) -> Self {
        self.0.set("oci.session", id);
        self
    }

    /// Which of the image's platforms. Absent: the daemon's own.
    pub fn platform(mut self, platform: &Platform) -> Self {
        self.0.platform = Some(platform.clone());
        self
    }

    /// Only the first layers.
    pub fn layer_limit(mut self, layers: NonZeroU32) -> Self {
        self.0.set("oci.layerlimit", layers.to_string());
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

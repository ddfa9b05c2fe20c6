//! Which image a reference is today, and its configuration.

use buildkit_llb::source::{Image as ImageSource, ResolveMode};
use buildkit_llb::{ImageRef, InvalidImageRef, Metadata, Output, Platform};

use crate::diagnostic::{Diagnostic, Span};
use crate::gateway::{CallError, Client, Failure, ImageRequest};

use super::BaseConfig;

/// An image that was looked up.
#[derive(Debug, Clone)]
pub struct Image {
    /// The op that brings it, by digest.
    pub output: Output,
    /// Its configuration.
    pub config: BaseConfig,
    /// The digest that its reference resolved to.
    pub digest: String,
}

/// An image to look up.
#[derive(Debug, Clone)]
pub struct Lookup<'a> {
    /// The reference, as somebody wrote it.
    pub reference: &'a str,
    /// Which variant of it is wanted.
    pub platform: &'a Platform,
    /// Whether the registry is asked anew.
    pub mode: ResolveMode,
    /// What the progress calls the op that brings it.
    pub title: String,
    /// Where it was asked for.
    pub place: Span,
    /// Who asked for it, where that place does not show it: ` (default: base)`. May be empty.
    pub asked_by: String,
}

impl Lookup<'_> {
    /// Asks the daemon.
    ///
    /// # Errors
    /// When the reference is none, when the image cannot be had, and when it is none that can be built upon; at the place that
    /// asked for it.
    pub async fn resolve(&self, client: &Client) -> Result<Image, Failure> {
        let wrong = |code: &'static str, message: String| Diagnostic::error(code, message).at(self.place.clone());
        let reference: ImageRef = self.reference.parse().map_err(|error: InvalidImageRef| {
            Failure::from(wrong("image/reference", format!("`{}` is no image reference: {error}", self.reference)))
        })?;
        let asked = ImageRequest {
            reference: reference.to_string(),
            platform: Some(self.platform.to_pb()),
            mode: self.mode,
            log_name: Some(format!("[internal] load metadata for {reference}")),
        };
        let meta = client.resolve_image(asked).await.map_err(|error| self.unavailable(&error))?;
        let Some(image) = meta.image else {
            let message = format!("a source policy made {reference} something that is no image");
            return Err(wrong("image/redirected", message).into());
        };
        let config = BaseConfig::parse(&image.config)
            .map_err(|error| Failure::from(wrong("image/config", format!("{reference} cannot be used: {error}"))))?;
        // What the daemon answered: a source policy may have put another image in its place.
        let resolved = meta.source.identifier.strip_prefix("docker-image://").unwrap_or(self.reference);
        let resolved: ImageRef = pinned(resolved, &image.digest).parse().unwrap_or(reference);
        let output = ImageSource::new(&resolved)
            .platform(self.platform)
            .resolve_mode(self.mode)
            .metadata(Metadata::named(&self.title).at(self.place.location()))
            .build();
        Ok(Image { output, config, digest: image.digest })
    }

    fn unavailable(&self, error: &CallError) -> Failure {
        let reason = match error {
            CallError::Refused(status) => status.message().to_owned(),
            other => other.to_string(),
        };
        let Self { reference, platform, asked_by, .. } = self;
        let message = format!("the image {reference} for {platform} cannot be had{asked_by}: {reason}");
        Diagnostic::error("image/unavailable", message)
            .help("check its name and tag, and that this builder can reach and log in to its registry")
            .at(self.place.clone())
            .into()
    }
}

/// `reference@digest`, unless it has a digest already.
fn pinned(reference: &str, digest: &str) -> String {
    if reference.contains('@') || digest.is_empty() { reference.to_owned() } else { format!("{reference}@{digest}") }
}

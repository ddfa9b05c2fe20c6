//! ResolveSourceMeta: what a source is at this moment. On older daemons ResolveImageConfig, for images only.

use buildkit_llb::source::ResolveMode;
use buildkit_proto::{frontend, pb};
use bytes::Bytes;

use crate::gateway::client::Client;
use crate::gateway::error::CallError;

const IMAGE: &str = "docker-image://";

/// An image to resolve.
#[derive(Debug, Clone, Default)]
pub struct ImageRequest {
    /// Fully qualified: `docker.io/library/node:22`, without a scheme.
    pub reference: String,
    /// Of which platform the config is wanted; the daemon's own if absent.
    pub platform: Option<pb::Platform>,
    /// Where to look.
    pub mode: ResolveMode,
    /// The step's name in the client's output; the daemon's own if absent.
    pub log_name: Option<String>,
}

/// A source of any kind to resolve.
#[derive(Debug, Clone, Default)]
pub struct SourceRequest {
    /// The source op.
    pub source: pb::SourceOp,
    /// As in [`ImageRequest`].
    pub platform: Option<pb::Platform>,
    /// As in [`ImageRequest`].
    pub mode: ResolveMode,
    /// As in [`ImageRequest`].
    pub log_name: Option<String>,
}

/// What a source is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceMeta {
    /// What to put into the graph. Policy may have made it another source, even of another kind.
    pub source: pb::SourceOp,
    /// Set for an image.
    pub image: Option<ImageMeta>,
    /// Set for a git repository.
    pub git: Option<GitMeta>,
    /// Set for a URL.
    pub http: Option<HttpMeta>,
}

/// What an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMeta {
    /// Of the index, for an image of several platforms.
    pub digest: String,
    /// The image config of the wanted platform, JSON.
    pub config: Bytes,
}

/// What a git reference is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitMeta {
    /// The object that the reference names: a commit or an annotated tag.
    pub checksum: String,
    /// The full name of the reference.
    pub reference: String,
    /// The commit, where it differs from the checksum.
    pub commit: String,
}

/// What a URL is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpMeta {
    /// Digest of the content.
    pub checksum: String,
    /// The file's name.
    pub filename: String,
}

impl Client {
    /// Resolves an image to its digest and config.
    ///
    /// # Errors
    /// Those of the call; an image that is not there is one.
    pub async fn resolve_image(&self, request: ImageRequest) -> Result<SourceMeta, CallError> {
        let source = pb::SourceOp { identifier: format!("{IMAGE}{}", request.reference), attrs: Vec::new() };
        let ImageRequest { platform, mode, log_name, .. } = request;
        self.resolve_source(SourceRequest { source, platform, mode, log_name }).await
    }

    /// Resolves a source of any kind.
    ///
    /// # Errors
    /// Those of the call, and [`CallError::Unsupported`] where the daemon can resolve images only and this is none.
    pub async fn resolve_source(&self, request: SourceRequest) -> Result<SourceMeta, CallError> {
        if !self.caps().gateway.supports("source.metaresolver") {
            return self.resolve_image_config(request).await;
        }
        let asked = frontend::ResolveSourceMetaRequest {
            source: Some(request.source),
            platform: request.platform,
            log_name: request.log_name.unwrap_or_default(),
            resolve_mode: request.mode.as_str().to_owned(),
            ..frontend::ResolveSourceMetaRequest::default()
        };
        let response = self.ask(&asked).await?;
        Ok(SourceMeta {
            source: response.source.ok_or_else(|| CallError::malformed("ResolveSourceMeta", "it names no source"))?,
            image: response.image.map(|image| ImageMeta { digest: image.digest, config: image.config }),
            git: response.git.map(|git| GitMeta {
                checksum: git.checksum,
                reference: git.r#ref,
                commit: git.commit_checksum,
            }),
            http: response.http.map(|http| HttpMeta { checksum: http.checksum, filename: http.filename }),
        })
    }

    async fn resolve_image_config(&self, request: SourceRequest) -> Result<SourceMeta, CallError> {
        let Some(reference) = request.source.identifier.strip_prefix(IMAGE) else {
            return Err(CallError::Unsupported { call: "ResolveSourceMeta" });
        };
        let asked = frontend::ResolveImageConfigRequest {
            r#ref: reference.to_owned(),
            platform: request.platform.clone(),
            resolve_mode: request.mode.as_str().to_owned(),
            log_name: request.log_name.clone().unwrap_or_default(),
            ..frontend::ResolveImageConfigRequest::default()
        };
        let response = self.ask(&asked).await?;
        let mut source = request.source;
        if !response.r#ref.is_empty() {
            source.identifier = format!("{IMAGE}{}", response.r#ref);
        }
        let image = ImageMeta { digest: response.digest, config: response.config };
        Ok(SourceMeta { source, image: Some(image), ..SourceMeta::default() })
    }
}

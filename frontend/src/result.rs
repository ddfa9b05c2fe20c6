//! The answer to a build: references, configurations of images, metadata.

use std::collections::BTreeMap;

use buildkit_llb::{Definition, Input, Platform};
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::contexts;
use crate::gateway::{Client, Failure, Reference, ResultBuilder, SolveRequest};
use crate::request::{Request, ResultForm};

/// What a build comes to for one platform.
#[derive(Debug, Clone)]
pub struct PlatformResult {
    /// The platform.
    pub platform: Platform,
    /// The files.
    pub tree: Input,
    /// The configuration, where it is an image.
    pub config: Option<Value>,
    /// Annotations of the image's manifest, and whatever else an exporter reads, by key.
    pub metadata: BTreeMap<String, String>,
}

/// Has the graphs built and says what they are: one reference, or one by platform, as the request wants it. What several graphs
/// share is built once.
///
/// # Errors
/// When the daemon cannot do what a graph asks for, and what a step fails with.
pub async fn solve(client: &Client, request: &Request, parts: Vec<PlatformResult>) -> Result<ResultBuilder, Failure> {
    let references = try_join_all(parts.iter().map(|part| reference(client, request, &part.tree))).await?;
    let several = request.platforms.form == ResultForm::Map || parts.len() != 1;
    let mut result = match references.as_slice() {
        [only] if !several => ResultBuilder::single(only.clone()),
        _ => {
            let ids = parts.iter().map(|part| part.platform.to_string());
            ResultBuilder::platforms(ids.zip(references).collect())
        }
    };
    // One platform is named too: it need not be the daemon's own, and files have no configuration that says so.
    result = result.metadata("refs.platforms", platforms_json(parts.iter().map(|part| &part.platform)));
    for part in parts {
        let suffix = if several { format!("/{}", part.platform) } else { String::new() };
        if let Some(config) = part.config {
            result = result.metadata(format!("containerimage.config{suffix}"), config.to_string());
        }
        for (key, value) in part.metadata {
            result = result.metadata(key, value);
        }
    }
    Ok(result)
}

async fn reference(client: &Client, request: &Request, tree: &Input) -> Result<Reference, Failure> {
    let Input::Output(output) = tree else { return Ok(Reference::scratch()) };
    let definition = Definition::new(output.clone());
    definition.check(|cap| client.caps().supports(cap.as_str())).map_err(|error| Failure::new(error.to_string()))?;
    // A tenth of the message, which passes through the client as well.
    let definition = definition.without_caps().to_pb();
    let cache_imports = contexts::imports(request);
    Ok(client.solve(SolveRequest { definition, cache_imports, ..SolveRequest::default() }).await?)
}

/// What the ids of a result by platform mean.
fn platforms_json<'a>(platforms: impl Iterator<Item = &'a Platform>) -> String {
    let described = platforms.map(|platform| {
        let parts = [("architecture", platform.architecture()), ("os", platform.os()), ("variant", platform.variant())];
        let parts: BTreeMap<&str, &str> = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        serde_json::json!({ "ID": platform.to_string(), "Platform": parts })
    });
    serde_json::json!({ "Platforms": described.collect::<Vec<_>>() }).to_string()
}

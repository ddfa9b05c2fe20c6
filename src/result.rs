//! The answer to a build: references, the image's configuration, metadata.

use std::collections::BTreeMap;

use buildkit_llb::{Definition, Input, Platform};

use crate::gateway::{Client, Failure, Reference, ResultBuilder, SolveRequest};
use crate::image::{self, Additions};
use crate::images::Images;
use crate::plan::{ImageRole, Plan, Target};
use crate::request::{Request, ResultForm};
use crate::sources;

/// Has a graph built and says what it is: one reference, or one by platform, with the image's configuration.
///
/// # Errors
/// When the daemon cannot do what the graph asks for, and what a step fails with.
pub async fn of(
    client: &Client,
    request: &Request,
    plan: &Plan,
    target: &Target,
    images: &Images,
    tree: &Input,
    platform: &Platform,
) -> Result<ResultBuilder, Failure> {
    let reference = match tree {
        Input::Scratch => Reference::scratch(),
        Input::Output(output) => {
            let definition = Definition::new(output.clone());
            definition
                .check(|cap| client.caps().supports(cap.as_str()))
                .map_err(|error| Failure::new(error.to_string()))?;
            // A tenth of the message, which passes through the client as well.
            let definition = definition.without_caps().to_pb();
            let cache_imports = sources::imports(request);
            client.solve(SolveRequest { definition, cache_imports, ..SolveRequest::default() }).await?
        }
    };
    let id = platform.to_string();
    let (mut result, key) = match request.platforms.form {
        ResultForm::Single => (ResultBuilder::single(reference), "containerimage.config".to_owned()),
        ResultForm::Map => (
            ResultBuilder::platforms(BTreeMap::from([(id.clone(), reference)]))
                .metadata("refs.platforms", platforms_json(&id, platform)),
            format!("containerimage.config/{id}"),
        ),
    };
    if target.image {
        let base = images.roles.get(&ImageRole::Runtime).map(|image| image.config.clone()).unwrap_or_default();
        let additions = additions(request, plan, images);
        let config =
            image::config(&base, &plan.image, &additions, (platform.os(), platform.architecture(), platform.variant()));
        result = result.metadata(key, config.to_string());
        for (name, value) in &plan.image.annotations {
            result = result.metadata(format!("annotation.{name}"), value.clone());
        }
    }
    Ok(result)
}

fn additions(request: &Request, plan: &Plan, images: &Images) -> Additions {
    let mut defaults = BTreeMap::new();
    let mut label = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            defaults.insert(format!("org.opencontainers.image.{name}"), value.to_owned());
        }
    };
    label("base.name", plan.images.get(&ImageRole::Runtime).map(|image| image.reference.as_str()));
    label("base.digest", Some(&images.runtime_digest));
    label("revision", request.vcs.revision.as_deref());
    label("source", request.vcs.source.as_deref());
    Additions { labels: request.labels.clone(), defaults }
}

/// What the ids of a result by platform mean.
fn platforms_json(id: &str, platform: &Platform) -> String {
    let parts = [("architecture", platform.architecture()), ("os", platform.os()), ("variant", platform.variant())];
    let described: BTreeMap<&str, &str> = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    serde_json::json!({ "Platforms": [{ "ID": id, "Platform": described }] }).to_string()
}

//! The answer to a build: references, the image's configuration, metadata.

use std::collections::BTreeMap;

use buildkit_llb::{Definition, Input, Platform};
use futures_util::future::try_join_all;

use crate::gateway::{Client, Failure, Reference, ResultBuilder, SolveRequest};
use crate::graph::Image;
use crate::image::{self, Additions};
use crate::images::Images;
use crate::plan::{ImageName, Plan, RunsOn, Target};
use crate::request::{Request, ResultForm};
use crate::sources;

/// Has a graph built and says what it is: one reference, or one by platform, with the image's configuration. `trees` are those
/// of the target's platforms, in the order of the plan.
///
/// # Errors
/// When the daemon cannot do what the graph asks for, and what a step fails with.
pub async fn of(
    client: &Client,
    request: &Request,
    plan: &Plan,
    target: &Target,
    images: &Images,
    trees: &[Input],
) -> Result<ResultBuilder, Failure> {
    let references = try_join_all(trees.iter().map(|tree| solved(client, request, tree))).await?;
    let by_platform = || plan.platforms.iter().zip(references.clone());
    let (mut result, suffix): (_, fn(&Platform) -> String) = match (request.platforms.form, references.as_slice()) {
        (ResultForm::Single, [reference]) => (ResultBuilder::single(reference.clone()), |_| String::new()),
        _ => {
            let references = by_platform().map(|(platform, reference)| (platform.to_string(), reference)).collect();
            let result =
                ResultBuilder::platforms(references).metadata("refs.platforms", platforms_json(&plan.platforms));
            (result, |platform| format!("/{platform}"))
        }
    };
    for (platform, config) in plan.platforms.iter().filter_map(|platform| Some((platform, target.config(platform)?))) {
        let base = images.get(&(ImageName::RUNTIME, RunsOn::Target(platform.clone())));
        let additions = additions(request, plan, base);
        let base = base.map(|image| image.config.clone()).unwrap_or_default();
        let parts = (platform.os(), platform.architecture(), platform.variant());
        let json = image::config(&base, config, &additions, parts).to_string();
        result = result.metadata(format!("containerimage.config{}", suffix(platform)), json);
        for (name, value) in &config.annotations {
            result = result.metadata(format!("annotation.{name}"), value.clone());
        }
    }
    Ok(result)
}

async fn solved(client: &Client, request: &Request, tree: &Input) -> Result<Reference, Failure> {
    let Input::Output(output) = tree else { return Ok(Reference::scratch()) };
    let definition = Definition::new(output.clone());
    definition.check(|cap| client.caps().supports(cap.as_str())).map_err(|error| Failure::new(error.to_string()))?;
    // A tenth of the message, which passes through the client as well.
    let definition = definition.without_caps().to_pb();
    let cache_imports = sources::imports(request);
    Ok(client.solve(SolveRequest { definition, cache_imports, ..SolveRequest::default() }).await?)
}

fn additions(request: &Request, plan: &Plan, base: Option<&Image>) -> Additions {
    let mut defaults = BTreeMap::new();
    let mut label = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            defaults.insert(format!("org.opencontainers.image.{name}"), value.to_owned());
        }
    };
    label("base.name", plan.images.get(&ImageName::RUNTIME).map(|image| image.reference.as_str()));
    label("base.digest", base.map(|image| image.digest.as_str()));
    label("revision", request.vcs.revision.as_deref());
    label("source", request.vcs.source.as_deref());
    Additions { labels: request.labels.clone(), defaults }
}

/// What the ids of a result by platform mean.
fn platforms_json(platforms: &[Platform]) -> String {
    let described = platforms.iter().map(|platform| {
        let parts = [("architecture", platform.architecture()), ("os", platform.os()), ("variant", platform.variant())];
        let parts: BTreeMap<&str, &str> = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        serde_json::json!({ "ID": platform.to_string(), "Platform": parts })
    });
    serde_json::json!({ "Platforms": described.collect::<Vec<_>>() }).to_string()
}

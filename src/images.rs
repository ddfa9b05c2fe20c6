//! Images, looked up side by side: which one a tag is today, and its configuration.
//!
//! In: a plan. Out: what the graph takes them from. Asks the daemon and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_llb::source::Image as ImageSource;
use buildkit_llb::{ImageRef, Metadata, Platform};
use futures_util::future::try_join_all;

use crate::diagnostic::{Diagnostic, Span};
use crate::gateway::{CallError, Client, Failure, ImageRequest};
use crate::graph::{self, Image};
use crate::image::BaseConfig;
use crate::plan::{BaseImage, ImageName, Origin, Plan, RunsOn, Target, Tree};
use crate::request::Request;

/// The images of a plan, each for the platforms that a target uses.
pub type Images = BTreeMap<(ImageName, RunsOn), Image>;

/// One image to look up.
struct Wanted<'a> {
    image: &'a BaseImage,
    platform: &'a Platform,
    /// What the progress shows of it in brackets.
    group: String,
}

/// Looks up the images that a target uses, and no others.
///
/// # Errors
/// When one cannot be had, at the line that asked for it.
pub async fn resolve(
    client: &Client,
    request: &Request,
    plan: &Plan,
    target: &Target,
    build: &Platform,
    default: &Span,
) -> Result<Images, Failure> {
    let used = used(plan, target);
    // Usually the builder's platform is one of the result, and an image has one name only.
    let mut wanted: BTreeMap<(&str, &Platform), Wanted<'_>> = BTreeMap::new();
    for (name, runs_on) in &used {
        let Some(image) = plan.images.get(name) else { continue };
        let platform = runs_on.platform(build);
        let group = match (*name == ImageName::RUNTIME, plan.platforms.len()) {
            (true, 1) => "base".to_owned(),
            (true, _) => format!("{platform} base"),
            (false, _) => "build base".to_owned(),
        };
        wanted.entry((&image.reference, platform)).or_insert(Wanted { image, platform, group });
    }
    let lookups = wanted.into_iter().map(async |(key, wanted)| {
        let found = lookup(client, request, &wanted, default).await?;
        Ok::<_, Failure>((key, found))
    });
    let found: BTreeMap<_, Image> = try_join_all(lookups).await?.into_iter().collect();
    let images = used.iter().filter_map(|(name, runs_on)| {
        let reference = plan.images.get(name)?.reference.as_str();
        let image = found.get(&(reference, runs_on.platform(build)))?;
        Some(((name.clone(), runs_on.clone()), image.clone()))
    });
    Ok(images.collect())
}

/// The images that a target uses.
fn used(plan: &Plan, target: &Target) -> BTreeSet<(ImageName, RunsOn)> {
    let mut used = BTreeSet::new();
    // Its configuration is built upon, also where no step uses its files.
    let configs = target.image.iter().flat_map(BTreeMap::keys);
    used.extend(configs.map(|platform| (ImageName::RUNTIME, RunsOn::Target(platform.clone()))));
    let needed = plan.needed(target.trees.values());
    let steps = plan.steps.iter().filter(|step| needed.contains(&step.id));
    used.extend(steps.flat_map(|step| step.action.trees()).filter_map(|tree| match tree {
        Tree::Image(name, runs_on) => Some((name.clone(), runs_on.clone())),
        _ => None,
    }));
    used
}

async fn lookup(client: &Client, request: &Request, wanted: &Wanted<'_>, default: &Span) -> Result<Image, Failure> {
    let Wanted { image: BaseImage { reference: written, origin }, platform, group } = wanted;
    let place = origin.span(default.clone());
    let reference: ImageRef = written.parse().map_err(|error: buildkit_llb::InvalidImageRef| {
        Failure::from(
            Diagnostic::error("image/reference", format!("`{written}` is no image reference: {error}"))
                .at(place.clone()),
        )
    })?;
    let asked = ImageRequest {
        reference: reference.to_string(),
        platform: Some(platform.to_pb()),
        mode: request.resolve_mode,
        log_name: Some(format!("[internal] load metadata for {reference}")),
    };
    let meta = client.resolve_image(asked).await.map_err(|error| unavailable(wanted, error, &place))?;
    let Some(image) = meta.image else {
        return Err(Diagnostic::error(
            "image/redirected",
            format!("a source policy made {reference} something that is no image"),
        )
        .at(place)
        .into());
    };
    let config = BaseConfig::parse(&image.config).map_err(|error| {
        Failure::from(
            Diagnostic::error("image/config", format!("{reference} cannot be used: {error}")).at(place.clone()),
        )
    })?;
    // What the daemon answered: a source policy may have put another image in its place.
    let resolved = meta.source.identifier.strip_prefix("docker-image://").unwrap_or(written);
    let resolved: ImageRef = pinned(resolved, &image.digest).parse().unwrap_or(reference);
    let source = ImageSource::new(&resolved)
        .platform(platform)
        .resolve_mode(request.resolve_mode)
        .metadata(
            Metadata::named(format!("[{group}] {written}")).at(graph::location(&place)),
        )
        .build();
    Ok(Image { output: source, config, digest: image.digest })
}

/// `reference@digest`, unless it has a digest already.
fn pinned(reference: &str, digest: &str) -> String {
    if reference.contains('@') || digest.is_empty() { reference.to_owned() } else { format!("{reference}@{digest}") }
}

fn unavailable(wanted: &Wanted<'_>, error: CallError, place: &Span) -> Failure {
    let origin = match &wanted.image.origin {
        Origin::Default(noun) => format!(" (default: {noun})"),
        // A value of the command line has no line of its own.
        Origin::Written(span) => {
            span.build_arg.as_ref().map(|name| format!(" (--build-arg {name})")).unwrap_or_default()
        }
    };
    let reason = match &error {
        CallError::Refused(status) => status.message().to_owned(),
        other => other.to_string(),
    };
    Diagnostic::error(
        "image/unavailable",
        format!("the image {} for {} cannot be had{origin}: {reason}", wanted.image.reference, wanted.platform),
    )
    .help("check its name and tag, and that this builder can reach and log in to its registry")
    .at(place.clone())
    .into()
}

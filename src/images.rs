//! Images, looked up side by side: which one a tag is today, and its configuration.
//!
//! In: a plan. Out: what the graph takes them from. Asks the daemon and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::diagnostic::Span;
use buildkit_frontend::gateway::{Client, Failure};
use buildkit_frontend::image::{Image, Lookup};
use buildkit_frontend::request::Request;
use buildkit_llb::Platform;
use futures_util::future::try_join_all;

use crate::plan::{ImageName, Origin, Plan, RunsOn, Target, Tree};

/// The images of a plan, each for the platforms that a target uses.
pub type Images = BTreeMap<(ImageName, RunsOn), Image>;

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
    let mut wanted: BTreeMap<(&str, &Platform), Lookup<'_>> = BTreeMap::new();
    for (name, runs_on) in &used {
        let Some(image) = plan.images.get(name) else { continue };
        let (reference, platform) = (image.reference.as_str(), runs_on.platform(build));
        let what = if *name == ImageName::BUILD { "build base" } else { "base" };
        let group = match (runs_on, plan.platforms.len()) {
            (RunsOn::Target(platform), 2..) => format!("{platform} {what}"),
            _ => what.to_owned(),
        };
        wanted.entry((reference, platform)).or_insert_with(|| Lookup {
            reference,
            platform,
            mode: request.resolve_mode,
            title: format!("[{group}] {reference}"),
            place: image.origin.span(default.clone()),
            asked_by: asked_by(&image.origin),
        });
    }
    let lookups = wanted.into_iter().map(async |(key, wanted)| Ok::<_, Failure>((key, wanted.resolve(client).await?)));
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
    let images = target.image.iter().flatten();
    used.extend(images.map(|(platform, image)| (image.base.clone(), RunsOn::Target(platform.clone()))));
    let needed = plan.needed(target.trees.values());
    let steps = plan.steps.iter().filter(|step| needed.contains(&step.id));
    used.extend(steps.flat_map(|step| step.action.trees()).filter_map(|tree| match tree {
        Tree::Image(name, runs_on) => Some((name.clone(), runs_on.clone())),
        _ => None,
    }));
    used
}

/// Who asked for an image, where its place does not show it.
fn asked_by(origin: &Origin) -> String {
    match origin {
        Origin::Default(noun) => format!(" (default: {noun})"),
        // A value of the command line has no line of its own.
        Origin::Explicit(span) => {
            span.build_arg.as_ref().map(|name| format!(" (--build-arg {name})")).unwrap_or_default()
        }
    }
}

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
use crate::plan::{ImageRole, Origin, Plan, Side, Target, Tree};
use crate::request::Request;

/// The images of a plan.
#[derive(Debug, Clone)]
pub struct Images {
    /// By role.
    pub roles: BTreeMap<ImageRole, Image>,
    /// By reference.
    pub references: BTreeMap<(String, Side), Image>,
    /// The digest that the runtime base resolved to.
    pub runtime_digest: String,
}

/// One image to look up.
struct Wanted {
    reference: String,
    side: Side,
    origin: Origin,
}

impl Images {
    /// Looks up the images that a target uses, and no others.
    ///
    /// # Errors
    /// When one cannot be had, at the line that asked for it.
    pub async fn resolve(
        client: &Client,
        request: &Request,
        plan: &Plan,
        wanted_target: &Target,
        (target, build): (&Platform, &Platform),
        default: &Span,
    ) -> Result<Self, Failure> {
        let used = used(plan, wanted_target);
        let platform = |side| if side == Side::Build { build } else { target };
        // Usually the two platforms are one, and so are the images to build and to compile in.
        let mut wanted: BTreeMap<(String, Platform), Wanted> = BTreeMap::new();
        let roles = plan.images.iter().filter(|(role, _)| used.roles.contains(role));
        let roles = roles.map(|(_, image)| (image.reference.clone(), image.side, image.origin.clone()));
        for (reference, side, origin) in roles.chain(used.references.iter().cloned()) {
            let key = (reference.clone(), platform(side).clone());
            wanted.entry(key).or_insert(Wanted { reference, side, origin });
        }
        let lookups = wanted.into_iter().map(async |((reference, platform), wanted)| {
            let found = lookup(client, request, wanted, &platform, default).await?;
            Ok::<_, Failure>(((reference, platform), found))
        });
        let found: BTreeMap<(String, Platform), (Image, String)> = try_join_all(lookups).await?.into_iter().collect();
        let find = |reference: &str, side| found.get(&(reference.to_owned(), platform(side).clone()));
        let roles = plan
            .images
            .iter()
            .filter_map(|(role, image)| Some((*role, find(&image.reference, image.side)?.0.clone())))
            .collect();
        let references = used
            .references
            .into_iter()
            .filter_map(|(reference, side, _)| {
                let (image, _) = find(&reference, side)?;
                Some(((reference, side), image.clone()))
            })
            .collect();
        let runtime = plan.images.get(&ImageRole::Runtime);
        let runtime = runtime.and_then(|image| find(&image.reference, image.side));
        let runtime_digest = runtime.map(|(_, digest)| digest.clone()).unwrap_or_default();
        Ok(Self { roles, references, runtime_digest })
    }
}

/// What a target uses: roles, and references that steps name themselves (`files: [{image: …}]`, the base of a check).
#[derive(Default)]
struct Used {
    roles: BTreeSet<ImageRole>,
    references: Vec<(String, Side, Origin)>,
}

fn used(plan: &Plan, target: &Target) -> Used {
    let mut used = Used::default();
    if target.image {
        used.roles.insert(ImageRole::Runtime);
    }
    let needed = plan.needed(&target.tree);
    for step in plan.steps.iter().filter(|step| needed.contains(&step.id)) {
        for tree in step.action.trees() {
            match tree {
                Tree::Image(role) => _ = used.roles.insert(*role),
                Tree::Reference(reference, side) => {
                    used.references.push((reference.clone(), *side, step.origin.clone()));
                }
                _ => {}
            }
        }
    }
    used
}

async fn lookup(
    client: &Client,
    request: &Request,
    wanted: Wanted,
    platform: &Platform,
    default: &Span,
) -> Result<(Image, String), Failure> {
    let place = wanted.origin.span(default.clone());
    let reference: ImageRef = wanted.reference.parse().map_err(|error: buildkit_llb::InvalidImageRef| {
        Failure::from(
            Diagnostic::error("image/reference", format!("`{}` is no image reference: {error}", wanted.reference))
                .at(place.clone()),
        )
    })?;
    let asked = ImageRequest {
        reference: reference.to_string(),
        platform: Some(platform.to_pb()),
        mode: request.resolve_mode,
        log_name: Some(format!("[internal] load metadata for {reference}")),
    };
    let meta = client.resolve_image(asked).await.map_err(|error| unavailable(&wanted, error, &place))?;
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
    let resolved = meta.source.identifier.strip_prefix("docker-image://").unwrap_or(&wanted.reference);
    let resolved: ImageRef = pinned(resolved, &image.digest).parse().unwrap_or(reference);
    let source = ImageSource::new(&resolved)
        .platform(platform)
        .resolve_mode(request.resolve_mode)
        .metadata(
            Metadata::named(format!("[{}] {}", side_name(wanted.side), wanted.reference)).at(graph::location(&place)),
        )
        .build();
    Ok((Image { output: source, config }, image.digest))
}

/// `reference@digest`, unless it has a digest already.
fn pinned(reference: &str, digest: &str) -> String {
    if reference.contains('@') || digest.is_empty() { reference.to_owned() } else { format!("{reference}@{digest}") }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Build => "build base",
        Side::Target => "base",
    }
}

fn unavailable(wanted: &Wanted, error: CallError, place: &Span) -> Failure {
    let origin = match &wanted.origin {
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
    Diagnostic::error("image/unavailable", format!("the image {} cannot be had{origin}: {reason}", wanted.reference))
        .help("check its name and tag, and that this builder can reach and log in to its registry")
        .at(place.clone())
        .into()
}

//! Images, looked up side by side: which one a tag is today, and its configuration.
//!
//! In: a plan, or the base images that it will have. Out: what the graph takes them from. Asks the daemon and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_llb::source::Image as ImageSource;
use buildkit_llb::{ImageRef, Metadata, Platform};
use futures_util::future::{join_all, try_join_all};

use crate::diagnostic::{Diagnostic, Span};
use crate::gateway::{CallError, Client, Failure, ImageRequest, SourceMeta};
use crate::graph::{self, Image};
use crate::image::BaseConfig;
use crate::plan::{BaseImage, ImageRole, Origin, Plan, Side, Target, Tree};
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

/// What the daemon said of some images before it was known which of them are used, by reference and platform.
pub type Early = BTreeMap<(String, Platform), Result<SourceMeta, CallError>>;

/// One image to look up.
struct Wanted {
    reference: String,
    side: Side,
    origin: Origin,
}

impl Images {
    /// Asks for images while something else is going on. What it comes to is told by [`Self::resolve`], if it matters.
    pub async fn early(
        client: &Client,
        request: &Request,
        bases: BTreeMap<ImageRole, BaseImage>,
        (target, build): (&Platform, &Platform),
    ) -> Early {
        let platform = |side| if side == Side::Build { build } else { target };
        // Usually the two platforms are one, and so are the images to build and to compile in.
        let bases: BTreeSet<(String, Platform)> =
            bases.into_values().map(|image| (image.reference, platform(image.side).clone())).collect();
        let asked = bases.into_iter().filter_map(|(reference, platform)| {
            let name: ImageRef = reference.parse().ok()?;
            Some(async move {
                let answer = ask(client, request, &name, &platform).await;
                ((reference, platform), answer)
            })
        });
        join_all(asked).await.into_iter().collect()
    }

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
        early: &Early,
    ) -> Result<Self, Failure> {
        let used = used(plan, wanted_target);
        let mut wanted: BTreeMap<(String, Side), Origin> = BTreeMap::new();
        for image in plan.images.iter().filter(|(role, _)| used.roles.contains(role)).map(|(_, image)| image) {
            wanted.entry((image.reference.clone(), image.side)).or_insert_with(|| image.origin.clone());
        }
        for (reference, side, origin) in used.references {
            wanted.entry((reference, side)).or_insert(origin);
        }
        let lookups = wanted.into_iter().map(|((reference, side), origin)| {
            let platform = match side {
                Side::Build => build,
                Side::Target => target,
            };
            let known = early.get(&(reference.clone(), platform.clone())).cloned();
            lookup(client, request, Wanted { reference, side, origin }, platform, default, known)
        });
        let found: Vec<(Wanted, Image, String)> = try_join_all(lookups).await?;
        let find = |reference: &str, side| {
            found.iter().find(|(wanted, ..)| wanted.reference == reference && wanted.side == side)
        };
        let roles = plan
            .images
            .iter()
            .filter_map(|(role, image)| find(&image.reference, image.side).map(|(_, found, _)| (*role, found.clone())));
        let runtime = plan.images.get(&ImageRole::Runtime);
        let runtime_digest =
            runtime.and_then(|image| find(&image.reference, image.side)).map(|(_, _, digest)| digest.clone());
        Ok(Self {
            roles: roles.collect(),
            references: found
                .iter()
                .map(|(wanted, image, _)| ((wanted.reference.clone(), wanted.side), image.clone()))
                .collect(),
            runtime_digest: runtime_digest.unwrap_or_default(),
        })
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
    known: Option<Result<SourceMeta, CallError>>,
) -> Result<(Wanted, Image, String), Failure> {
    let place = wanted.origin.span(default.clone());
    let reference: ImageRef = wanted.reference.parse().map_err(|error: buildkit_llb::InvalidImageRef| {
        Failure::from(
            Diagnostic::error("image/reference", format!("`{}` is no image reference: {error}", wanted.reference))
                .at(place.clone()),
        )
    })?;
    let meta = match known {
        Some(known) => known,
        None => ask(client, request, &reference, platform).await,
    };
    let meta = meta.map_err(|error| unavailable(&wanted, error, &place))?;
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
    Ok((wanted, Image { output: source, config }, image.digest))
}

async fn ask(
    client: &Client,
    request: &Request,
    reference: &ImageRef,
    platform: &Platform,
) -> Result<SourceMeta, CallError> {
    let asked = ImageRequest {
        reference: reference.to_string(),
        platform: Some(platform.to_pb()),
        mode: request.resolve_mode,
        log_name: Some(format!("[internal] load metadata for {reference}")),
    };
    client.resolve_image(asked).await
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

//! A whole frontend: a base, a path of the repository, a command.
//!
//! ```yaml
//! # syntax=registry.example.com/three-keys
//! base: gcr.io/distroless/nodejs22-debian13
//! copy: src
//! command: [node, src/index.js]
//! ```
//!
//! It answers with an image for each platform of the request, honours `--label`, `--target`-less builds, `.dockerignore` beside the
//! build file, local and git contexts, and points at the line of a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;

use buildkit_frontend::contexts::{BuildFile, Names, Repository};
use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span};
use buildkit_frontend::gateway::{self, Client, FLOOR, Failure, Identity, ResultBuilder};
use buildkit_frontend::image::{self, Additions, Image, ImageSettings, Lookup};
use buildkit_frontend::path::ContextPath;
use buildkit_frontend::request::Request;
use buildkit_frontend::result::{PlatformResult, solve};
use buildkit_llb::file::{Copy, FileOp};
use buildkit_llb::{Metadata, Output, Platform};
use futures_util::future::try_join_all;

const IDENTITY: Identity = Identity { name: "three-keys", version: env!("CARGO_PKG_VERSION") };
/// Bytes of a build file.
const LIMIT: u64 = 64 << 10;
const NAMES: Names = Names { key: "three-keys", facts: "[internal] load facts", context: "[internal] load context" };

/// The build file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    /// The image to build upon.
    base: String,
    /// What is copied of the repository, to the same place below `/app`.
    copy: String,
    /// What the image runs.
    command: Vec<String>,
}

fn main() -> ExitCode {
    if gateway::is_frontend_environment() { gateway::serve(IDENTITY, build) } else { ExitCode::FAILURE }
}

async fn build(client: Client) -> Result<ResultBuilder, Failure> {
    client.require(FLOOR)?;
    let request = Request::of(&client).await?;
    let build_file = BuildFile::read(&client, &request, LIMIT).await?;
    let text = String::from_utf8_lossy(&build_file.data).into_owned();
    let file = SourceFile::new(build_file.name.as_str(), text);
    let start = Span::line(&file, 1);
    client.set_fallback(start.clone());
    let spec = parse(&file)?;
    let path = ContextPath::new(&spec.copy)
        .map_err(|error| Failure::from(Diagnostic::error("spec/copy", format!("`copy`: {error}")).at(start.clone())))?;

    let repository = Repository::new(&client, &request, NAMES);
    let context =
        repository.context(&BTreeSet::from([path.to_string()]), build_file.ignore.as_deref().unwrap_or_default())?;
    let lookups = request.platforms.all().iter().map(async |platform| {
        let lookup = Lookup {
            reference: &spec.base,
            platform,
            mode: request.resolve_mode,
            title: format!("[base {platform}] {}", spec.base),
            place: start.clone(),
            asked_by: String::new(),
        };
        Ok::<_, Failure>((platform, lookup.resolve(&client).await?))
    });
    let bases = try_join_all(lookups).await?;
    let parts = bases.iter().map(|(platform, base)| part(&request, &spec, &path, &context, base, platform));
    solve(&client, &request, parts.collect::<Result<_, _>>()?).await
}

fn parse(file: &Arc<SourceFile>) -> Result<Spec, Diagnostic> {
    serde_saphyr::from_str(&file.text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        Diagnostic::error("spec/yaml", error.to_string().lines().next().unwrap_or_default())
            .help("the keys are `base`, `copy` and `command`")
            .at(Span::line(file, usize::try_from(line).unwrap_or(1)))
    })
}

/// The image for one platform.
fn part(
    request: &Request,
    spec: &Spec,
    path: &ContextPath,
    context: &Output,
    base: &Image,
    platform: &Platform,
) -> Result<PlatformResult, Failure> {
    let copy = Copy::new(context, path.rooted(), format!("/app/{path}")).dir_contents().create_dest_path();
    let tree = FileOp::new(&base.output, copy)
        .metadata(Metadata::named(format!("[image {platform}] copy {path}")))
        .build()
        .map_err(|error| Failure::new(error.to_string()))?;
    let settings = ImageSettings {
        workdir: "/app".to_owned(),
        cmd: spec.command.clone(),
        fallback_user: "65532:65532".to_owned(),
        port: 8080,
        history: vec![format!("copy {path}")],
        ..ImageSettings::default()
    };
    let additions =
        Additions { labels: request.labels.clone(), made_by: "three-keys".to_owned(), ..Default::default() };
    let config = Some(image::config(&base.config, &settings, &additions, platform));
    Ok(PlatformResult { platform: platform.clone(), tree: tree.into(), config, metadata: BTreeMap::new() })
}

//! A build inside BuildKit: the pipeline from the request to the result.

use buildkit_llb::Platform;
use futures_util::future::try_join;
use tokio::sync::oneshot;

use crate::call;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::files::ReadSet;
use crate::gateway::{Client, FLOOR, Failure, ResultBuilder, Warning};
use crate::graph::{self, Settings, Trees};
use crate::images::Images;
use crate::pipeline::{self, Prepared, Source};
use crate::plan::{Plan, Step};
use crate::platform;
use crate::request::{Request, RequestEnvironment, SourceDateEpoch, Subrequest};
use crate::result;
use crate::sources::{BuildFile, Repository};

/// Answers one build.
///
/// # Errors
/// Everything that ends the build, with its place.
pub async fn build(client: Client) -> Result<ResultBuilder, Failure> {
    client.require(FLOOR)?;
    let request = request(&client)?;
    if request.subrequest == Some(Subrequest::Describe) {
        return Ok(call::describe());
    }
    request.refuse_unsupported()?;
    let written = BuildFile::read(&client, &request).await?;
    let start = Span::line(&written.file, 1);
    client.set_fallback(start.clone());

    let (target, build) = (request.platforms.first().clone(), own_platform(&client));
    let source = Source {
        file: written.file.clone(),
        ignore: written.ignore.clone(),
        build_args: request.build_args.clone(),
        arch: target.architecture().to_owned(),
    };
    let repository = Repository::new(&client, &request);
    let open = async |set: &ReadSet| repository.open(set).await;
    // The daemon looks the base images up while facts are read; other targets than the image may need none of them.
    let image = request.target.as_deref().is_none_or(|target| target == "image");
    let (tell, bases) = oneshot::channel();
    let lookups = async {
        let bases = bases.await.ok().filter(|_| image).unwrap_or_default();
        Ok(Images::early(&client, &request, bases, (&target, &build)).await)
    };
    let planning = async {
        let facts = pipeline::read(&source, open, |bases| _ = tell.send(bases)).await?;
        Ok::<_, Failure>(facts.plan(&source)?)
    };
    let (known, Prepared { plan, warnings, read_set }) = try_join(lookups, planning).await?;
    let warnings = [warnings, unknown_groups(&request, &plan)].concat();
    warn(&client, &written, &warnings).await;

    let wanted = plan.target(request.target.as_deref()).ok_or_else(|| no_target(&request, &plan))?;
    let images = Images::resolve(&client, &request, &plan, wanted, (&target, &build), &start, &known).await?;
    let trees = Trees {
        images: images.roles.clone(),
        references: images.references.clone(),
        facts: repository.facts(&read_set)?,
        context: repository.context(&plan.context)?,
    };
    let settings = Settings {
        target: &target,
        build: &build,
        no_cache: &request.no_cache,
        exec: &graph::exec(&request.exec, &plan),
        cache_namespace: request.cache_namespace.as_deref(),
        epoch: request.source_date_epoch.as_ref().and_then(SourceDateEpoch::seconds).unwrap_or(graph::FIXED_TIME),
        default_span: start.clone(),
    };
    let tree =
        graph::translate(&plan, &trees, &settings, &wanted.tree).map_err(|error| Failure::new(error.to_string()))?;
    result::of(&client, &request, &plan, wanted, &images, &tree, &target).await
}

fn request(client: &Client) -> Result<Request, Failure> {
    let environment = client.environment();
    let daemon = RequestEnvironment {
        session: environment.session_id.clone(),
        default_platform: own_platform(client),
        inputs: std::collections::BTreeSet::new(),
    };
    Ok(Request::parse(&environment.opts, &daemon)?)
}

/// The platform that the default worker runs on: the first that it names.
fn own_platform(client: &Client) -> Platform {
    let own = client.workers().first().and_then(|worker| worker.platforms.first());
    own.map_or_else(platform::host, |own| Platform::new(&own.os, &own.architecture, &own.variant))
}

/// Warnings of one build: nobody reads more, and each is a call.
const MOST_WARNINGS: usize = 50;

/// Tells what does not end the build. That it cannot be told does not end it either.
async fn warn(client: &Client, written: &BuildFile, warnings: &[Diagnostic]) {
    let told = warnings.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
    for diagnostic in told.clone().take(MOST_WARNINGS) {
        let _ = client.warn(Warning::new(&written.vertex, diagnostic)).await;
    }
    let more = told.count().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        let rest = Diagnostic::warning("request/warnings", format!("{more} more warnings"))
            .help("`backstage-build plan` shows all of them");
        let _ = client.warn(Warning::new(&written.vertex, &rest)).await;
    }
}

fn no_target(request: &Request, plan: &Plan) -> Failure {
    let asked = request.target.as_deref().unwrap_or_default();
    let names: Vec<&str> = plan.targets.iter().map(|target| target.name.as_str()).collect();
    let near = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, asked), *name))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| format!("did you mean `{name}`? "))
        .unwrap_or_default();
    Diagnostic::error("request/target", format!("there is no target `{asked}`"))
        .help(format!("{near}targets are {}", names.join(", ")))
        .into()
}

/// Names of `--no-cache-filter` that no step has.
fn unknown_groups(request: &Request, plan: &Plan) -> Vec<Diagnostic> {
    let known: Vec<&str> = plan.steps.iter().flat_map(|step| [step.id.as_str(), step.group()]).collect();
    let unknown = request.no_cache.unknown(&known);
    if unknown.is_empty() {
        return Vec::new();
    }
    let mut groups: Vec<&str> = plan.steps.iter().map(Step::group).filter(|group| *group != "internal").collect();
    groups.sort_unstable();
    groups.dedup();
    let message = format!("`--no-cache-filter` names what no step is called: {}", unknown.join(", "));
    vec![Diagnostic::warning("request/no-cache-filter", message).help(format!("steps are {}", groups.join(", ")))]
}

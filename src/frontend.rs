//! A build inside BuildKit: the pipeline from the request to the result.

use std::collections::BTreeMap;

use buildkit_llb::Platform;
use futures_util::future::try_join;
use tokio::sync::oneshot;

use crate::call;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::gateway::{Client, FLOOR, Failure, ResultBuilder, Warning};
use crate::graph::{self, Settings, Texts, Trees};
use crate::images::Images;
use crate::pipeline::{Prepared, Reading, Source};
use crate::plan::{BaseImage, ImageRole, Plan, Step};
use crate::planning::{MOST_WARNINGS, Planned, PlanningStep};
use crate::platform;
use crate::repo;
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
    // The daemon looks the base images up while the plan is made; other targets than the image may need none of them.
    let image = request.target.as_deref().is_none_or(|target| target == "image");
    let (tell, bases) = oneshot::channel();
    let lookups = async {
        let bases = bases.await.ok().filter(|_| image).unwrap_or_default();
        Ok(Images::early(&client, &request, bases, (&target, &build)).await)
    };
    let planning = planned(&source, &repository, PlanningStep::new(&client, &request), tell);
    let (known, (Prepared { plan, warnings, untold, read_set }, texts)) = try_join(lookups, planning).await?;
    let warnings = [warnings, unknown_groups(&request, &plan)].concat();
    warn(&client, &written, &warnings, untold).await;

    let wanted = plan.target(request.target.as_deref()).ok_or_else(|| no_target(&request, &plan))?;
    let images = Images::resolve(&client, &request, &plan, wanted, (&target, &build), &start, &known).await?;
    let trees = Trees {
        images: images.roles.clone(),
        references: images.references.clone(),
        facts: repository.facts(&read_set)?,
        context: repository.context(&plan.context)?,
        texts,
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

/// The plan, and where its long texts are if it does not hold them. `tell` hears of the base images that it would have as
/// soon as they are known, which is before it is known whether there will be one.
async fn planned(
    source: &Source,
    repository: &Repository<'_>,
    mut step: Option<PlanningStep<'_>>,
    tell: oneshot::Sender<BTreeMap<ImageRole, BaseImage>>,
) -> Result<(Prepared, Option<Texts>), Failure> {
    let mut reading = Reading::start(source)?;
    let (mut tell, mut failed) = (Some(tell), None);
    loop {
        let facts = repository.facts(&reading.read_set())?;
        let files = repository.open(&facts).await?;
        if let Some(tell) = tell.take() {
            let _ = tell.send(reading.bases(&repo::node_hints(&files).await));
            // A registry takes longer than the cache: it is asked first.
            tokio::task::yield_now().await;
        }
        let asked = match &step {
            Some(step) => step.ask(&reading, &facts).await?,
            None => Planned::Nothing,
        };
        match asked {
            Planned::Plan(prepared, texts) => return Ok((*prepared, Some(texts))),
            Planned::More(included) => {
                reading.include(included);
                continue;
            }
            Planned::Nothing => {}
            Planned::Failed(reason) => failed = Some(unremembered(&reason)),
        }
        // It is not asked again in another round.
        step = None;
        if let Some(facts) = reading.read(&files).await? {
            let mut prepared = facts.plan(source)?;
            prepared.warnings.extend(failed);
            return Ok((prepared, None));
        }
    }
}

fn unremembered(reason: &str) -> Diagnostic {
    let message = format!("the step that plans failed, so this plan is not remembered: {reason}");
    Diagnostic::warning("planning/failed", message).help("the build is the same, but each build plans anew")
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

/// Tells what does not end the build. That it cannot be told does not end it either.
async fn warn(client: &Client, written: &BuildFile, warnings: &[Diagnostic], untold: usize) {
    let told = warnings.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
    for diagnostic in told.clone().take(MOST_WARNINGS) {
        let _ = client.warn(Warning::new(&written.vertex, diagnostic)).await;
    }
    let more = told.count().saturating_sub(MOST_WARNINGS).saturating_add(untold);
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

//! A build inside BuildKit: the pipeline from the request to the result.

use buildkit_frontend::contexts::{BuildFile, Names, Repository};
use buildkit_frontend::diagnostic::{Diagnostic, Severity, Span};
use buildkit_frontend::gateway::{Client, FLOOR, Failure, ResultBuilder, Warning};
use buildkit_frontend::image::{self, Additions, Image};
use buildkit_frontend::request::{ExecSettings, ProxyEnv, Request, SourceDateEpoch, Subrequest};
use buildkit_frontend::result::{self, PlatformResult};
use buildkit_frontend::subrequests;
use buildkit_frontend::text::nearest;
use buildkit_llb::{Input, Output, Platform};

use crate::epoch::FIXED_TIME;
use crate::graph::{self, Settings, Trees};
use crate::images::{self, Images};
use crate::pipeline::{self, PlanSession, Prepared, Round, Source};
use crate::plan::{Action, Plan, RunsOn, Step, Target};
use crate::planning::{MOST_WARNINGS, Planned, PlanningStep};
use crate::program;
use crate::spec;

/// What the progress and the client call the transfers of the repository.
pub const NAMES: Names = Names {
    key: "backstage-build",
    facts: "[internal] load manifests and lockfile",
    context: "[internal] load build context",
};
/// The comment of our lines in an image's history.
pub const MADE_BY: &str = "backstage-build";

/// Answers one build.
///
/// # Errors
/// Everything that ends the build, with its place.
pub async fn build(client: Client) -> Result<ResultBuilder, Failure> {
    client.require(FLOOR)?;
    let request = Request::of(&client).await?;
    if request.subrequest == Some(Subrequest::Describe) {
        return Ok(subrequests::describe());
    }
    request.refuse_unsupported()?;
    let build_file = BuildFile::read(&client, &request, spec::MAX_BYTES as u64).await?;
    let file = spec::decode(build_file.name.as_str(), &build_file.data)?;
    let start = Span::line(&file, 1);
    client.set_fallback(start.clone());

    let build = client.own_platform();
    let source = Source {
        file,
        ignore: build_file.ignore.clone(),
        build_args: request.build_args.clone(),
        platforms: request.platforms.all().to_vec(),
        build: build.clone(),
    };
    let repository = Repository::new(&client, &request, NAMES);
    let (Prepared { plan, warnings, omitted_warnings, read_set, proxy }, written) =
        planned(&source, &repository, PlanningStep::new(&client, &request)).await?;
    let warnings = [warnings, unknown_groups(&request, &plan)].concat();
    warn(&client, &build_file, &warnings, omitted_warnings).await;

    let wanted = plan.target(request.target.as_deref()).ok_or_else(|| no_target(&request, &plan))?;
    refuse_without_emulator(&client, &plan, wanted, &start)?;
    let images = images::resolve(&client, &request, &plan, wanted, &build, &start).await?;
    let trees = Trees {
        images: images.clone(),
        facts: repository.facts(&read_set)?,
        context: repository.context(&plan.context.paths, &plan.context.exclude)?,
        program: program::of_image(&client).or_else(program::alone),
        written,
    };
    let proxies = ProxyEnv { http: proxy.http, https: proxy.https, no: proxy.no_proxy, ..ProxyEnv::default() };
    let settings = Settings {
        build: &build,
        no_cache: &request.no_cache,
        exec: &ExecSettings { proxy: request.exec.proxy.clone().or(proxies), ..request.exec.clone() },
        cache_namespace: request.cache_namespace.as_deref(),
        epoch: request.source_date_epoch.as_ref().and_then(SourceDateEpoch::seconds).unwrap_or(FIXED_TIME),
        default_span: start.clone(),
    };
    // In the order of the request.
    let targets = plan.platforms.iter().filter_map(|platform| Some((platform, wanted.trees.get(platform)?)));
    let targets: Vec<_> = targets.collect();
    let found = graph::translate(&plan, &trees, &settings, targets.iter().map(|(_, tree)| *tree))
        .map_err(|error| Failure::new(error.to_string()))?;
    let parts = targets.iter().zip(found);
    let parts = parts.map(|((platform, _), tree)| part(&request, &plan, wanted, &images, platform, tree));
    result::solve(&client, &request, parts.collect()).await
}

/// What a target comes to for a platform.
fn part(
    request: &Request,
    plan: &Plan,
    target: &Target,
    images: &Images,
    platform: &Platform,
    tree: Input,
) -> PlatformResult {
    let image = target.image(platform);
    let annotations = image.iter().flat_map(|image| &image.settings.annotations);
    let metadata = annotations.map(|(name, value)| (format!("annotation.{name}"), value.clone())).collect();
    let config = image.map(|image| {
        let base = images.get(&(image.base.clone(), RunsOn::Target(platform.clone())));
        let reference = plan.images.get(&image.base).map(|base| base.reference.as_str());
        let config = base.map(|base| base.config.clone()).unwrap_or_default();
        image::config(&config, &image.settings, &additions(request, reference, base), platform)
    });
    PlatformResult { platform: platform.clone(), tree, config, metadata }
}

/// What the command line and the base add to a configuration.
fn additions(request: &Request, reference: Option<&str>, base: Option<&Image>) -> Additions {
    let defaults = [
        ("base.name", reference),
        ("base.digest", base.map(|image| image.digest.as_str())),
        ("revision", request.vcs.revision.as_deref()),
        ("source", request.vcs.source.as_deref()),
    ];
    let defaults = defaults.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some((format!("org.opencontainers.image.{name}"), value.to_owned()))
    });
    Additions { labels: request.labels.clone(), defaults: defaults.collect(), made_by: MADE_BY.to_owned() }
}

/// The plan, and where the files are that its steps write, if somebody has written them.
async fn planned(
    source: &Source,
    repository: &Repository<'_>,
    mut step: Option<PlanningStep<'_>>,
) -> Result<(Prepared, Option<Output>), Failure> {
    let mut failed = None;
    let round = async |reading: &PlanSession<'_>| -> Result<_, Failure> {
        let facts = repository.facts(&reading.read_set())?;
        let files = repository.open(&facts).await?;
        // What it cannot answer it is not asked again in another round.
        let Some(asked) = step.take() else { return Ok(Round::Files(files)) };
        Ok(match asked.solve(reading, &facts).await? {
            Planned::Plan(prepared, written) => Round::Planned(prepared, written),
            Planned::NeedsFiles(included) => {
                step = Some(asked);
                Round::More(included)
            }
            Planned::Unavailable => Round::Files(files),
            Planned::Failed(reason) => {
                failed = Some(uncached_plan(&reason));
                Round::Files(files)
            }
        })
    };
    let (mut prepared, written) = pipeline::prepare(source, round).await?;
    prepared.warnings.extend(failed);
    Ok((prepared, written))
}

fn uncached_plan(reason: &str) -> Diagnostic {
    let message = format!("the step that plans failed, so this plan is not remembered: {reason}");
    Diagnostic::warning("planning/failed", message).help(
        "the image is the same, but each build plans anew, and installs that were remembered from other builds run again",
    )
}

/// Tells what does not end the build. That it cannot be told does not end it either.
async fn warn(client: &Client, build_file: &BuildFile, warnings: &[Diagnostic], omitted_warnings: usize) {
    let told = warnings.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
    for diagnostic in told.clone().take(MOST_WARNINGS) {
        let _ = client.warn(Warning::new(&build_file.vertex, diagnostic)).await;
    }
    let more = told.count().saturating_sub(MOST_WARNINGS).saturating_add(omitted_warnings);
    if more > 0 {
        let rest = Diagnostic::warning("request/warnings", format!("{more} more warnings"))
            .help("`backstage-build plan` shows all of them");
        let _ = client.warn(Warning::new(&build_file.vertex, &rest)).await;
    }
}

/// A step that no program of the builder can run.
fn refuse_without_emulator(client: &Client, plan: &Plan, wanted: &Target, start: &Span) -> Result<(), Failure> {
    let needed = plan.needed(wanted.trees.values());
    for step in plan.steps.iter().filter(|step| needed.contains(&step.id)) {
        let Action::Run(run) = &step.action else { continue };
        let RunsOn::Target(platform) = &run.runs_on else { continue };
        if client.runs(platform) {
            continue;
        }
        let name = step.progress_name(true);
        let message = format!("`{name}` runs programs of {platform}, which this builder cannot run");
        return Err(Diagnostic::error("platform/no-emulator", message)
            .help(format!(
                "install an emulator on the builder's machine (`docker run --privileged --rm tonistiigi/binfmt --install {}`), or use a builder of that platform",
                platform.architecture()
            ))
            .at(step.origin.span(start.clone()))
            .into());
    }
    Ok(())
}

fn no_target(request: &Request, plan: &Plan) -> Failure {
    let asked = request.target.as_deref().unwrap_or_default();
    let names: Vec<&str> = plan.targets.iter().map(|target| target.name.as_str()).collect();
    let near = nearest(asked, names.iter().copied());
    let near = near.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    let check = ["typecheck", "lint", "test"].contains(&asked).then(|| format!("name it in `checks: [{asked}]`; "));
    Diagnostic::error("request/target", format!("there is no target `{asked}`"))
        .help(format!("{}{near}targets are {}", check.unwrap_or_default(), names.join(", ")))
        .into()
}

/// Names of `--no-cache-filter` that no step has.
fn unknown_groups(request: &Request, plan: &Plan) -> Vec<Diagnostic> {
    let known: Vec<String> = plan.steps.iter().flat_map(Step::names).collect();
    let unknown = request.no_cache.unknown(&known);
    if unknown.is_empty() {
        return Vec::new();
    }
    let steps = plan.steps.iter().filter(|step| !step.is_internal());
    let mut groups: Vec<&str> = steps.map(|step| step.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let message = format!("`--no-cache-filter` names what no step is called: {}", unknown.join(", "));
    vec![Diagnostic::warning("request/no-cache-filter", message).help(format!(
        "steps are {}; for one platform of several write it behind: `deps linux/arm64`",
        groups.join(", ")
    ))]
}

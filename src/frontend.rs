//! A build inside BuildKit: the pipeline from the request to the result.

use std::collections::BTreeMap;

use buildkit_llb::{Definition, Input, Platform};

use crate::call;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::files::ReadSet;
use crate::gateway::{Client, FLOOR, Failure, Reference, ResultBuilder, SolveRequest, Warning};
use crate::graph::{self, Settings, Trees};
use crate::image::{self, Additions};
use crate::pipeline::{self, Prepared, Source};
use crate::plan::{ImageRole, Plan, Step, Target};
use crate::platform;
use crate::request::{ExecSettings, Request, RequestEnvironment, ResultForm, SourceDateEpoch, Subrequest};
use crate::sources::{BuildFile, Images, Repository};

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
    let open = async |set: &ReadSet| repository.files(&repository.facts(set)?).await;
    let Prepared { plan, warnings, read_set } = pipeline::prepare(&source, open).await?;
    let warnings = [warnings, unknown_groups(&request, &plan)].concat();
    warn(&client, &written, &warnings).await?;

    let wanted = plan.target(request.target.as_deref()).ok_or_else(|| no_target(&request, &plan))?;
    let images = Images::resolve(&client, &request, &plan, wanted, (&target, &build), &start).await?;
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
        exec: &exec(&request, &plan),
        cache_namespace: request.cache_namespace.as_deref(),
        epoch: epoch(&request),
        default_span: start.clone(),
    };
    result(&client, &request, &plan, wanted, &images, &trees, &settings).await
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

/// Tells what does not end the build.
async fn warn(client: &Client, written: &BuildFile, warnings: &[Diagnostic]) -> Result<(), Failure> {
    for diagnostic in warnings.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning) {
        client.warn(Warning::new(&written.vertex, diagnostic)).await?;
    }
    Ok(())
}

async fn result(
    client: &Client,
    request: &Request,
    plan: &Plan,
    target: &Target,
    images: &Images,
    trees: &Trees,
    settings: &Settings<'_>,
) -> Result<ResultBuilder, Failure> {
    let tree =
        graph::translate(plan, trees, settings, &target.tree).map_err(|error| Failure::new(error.to_string()))?;
    let reference = match &tree {
        Input::Scratch => Reference::scratch(),
        Input::Output(output) => {
            let definition = Definition::new(output.clone());
            definition
                .check(|cap| client.caps().supports(cap.as_str()))
                .map_err(|error| Failure::new(error.to_string()))?;
            let cache_imports = crate::sources::imports(request);
            client
                .solve(SolveRequest { definition: definition.to_pb(), cache_imports, ..SolveRequest::default() })
                .await?
        }
    };
    let id = settings.target.to_string();
    let (mut result, key) = match request.platforms.form {
        ResultForm::Single => (ResultBuilder::single(reference), "containerimage.config".to_owned()),
        ResultForm::Map => (
            ResultBuilder::platforms(BTreeMap::from([(id.clone(), reference)]))
                .metadata("refs.platforms", platforms_json(&id, settings.target)),
            format!("containerimage.config/{id}"),
        ),
    };
    if target.image {
        let base = trees.images.get(&ImageRole::Runtime).map(|image| image.config.clone()).unwrap_or_default();
        let additions = additions(request, plan, images);
        let platform = settings.target;
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

/// Time of files whose time is fixed, in Unix seconds.
fn epoch(request: &Request) -> i64 {
    match &request.source_date_epoch {
        Some(SourceDateEpoch::Seconds(seconds)) => i64::try_from(*seconds).unwrap_or(i64::MAX),
        _ => graph::FIXED_TIME,
    }
}

/// What the client said of every step, with the build file's proxies where the client names none.
fn exec(request: &Request, plan: &Plan) -> ExecSettings {
    let mut exec = request.exec.clone();
    let proxy = &mut exec.proxy;
    for (own, written) in [
        (&mut proxy.http, &plan.proxy.http),
        (&mut proxy.https, &plan.proxy.https),
        (&mut proxy.no, &plan.proxy.no_proxy),
    ] {
        if own.is_none() {
            own.clone_from(written);
        }
    }
    exec
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

/// What the ids of a result by platform mean.
fn platforms_json(id: &str, platform: &Platform) -> String {
    let parts = [("architecture", platform.architecture()), ("os", platform.os()), ("variant", platform.variant())];
    let described: BTreeMap<&str, &str> = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    serde_json::json!({ "Platforms": [{ "ID": id, "Platform": described }] }).to_string()
}

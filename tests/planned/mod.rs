//! The way from a directory to a plan, a graph and an image configuration, without a daemon: what a build does, with
//! made-up answers where it asks a registry.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstage_build::epoch::FIXED_TIME;
use backstage_build::frontend::{MADE_BY, NAMES};
use backstage_build::graph::{self, Program, Settings, Trees};
use backstage_build::pipeline::{self, Prepared, Source};
use backstage_build::plan::{ImageName, Plan, RunsOn, Target, Tree};
use buildkit_frontend::contexts::{local_context, local_facts};
use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile, Span};
use buildkit_frontend::files::{DirectoryFiles, MemoryFiles, ReadSet};
use buildkit_frontend::image::{self, Additions, BaseConfig, Image};
use buildkit_frontend::path::ContextPath;
use buildkit_frontend::request::{ExecSettings, NoCache};
use buildkit_llb::source::{Image as ImageSource, Local};
use buildkit_llb::{Definition, Digest, ImageRef, Metadata, Output, Platform};
use serde_json::{Value, json};

/// The builder of all tests.
pub fn build_platform() -> Platform {
    Platform::new("linux", "amd64", "")
}

/// A file below the project's own `tests`.
pub fn test_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// What a build for some platforms is made from.
pub fn source_for(file: Arc<SourceFile>, platforms: &[Platform]) -> Source {
    Source { file, ignore: None, build_args: BTreeMap::new(), platforms: platforms.to_vec(), build: build_platform() }
}

/// What a build for the builder's own platform is made from.
pub fn source(file: Arc<SourceFile>) -> Source {
    source_for(file, &[build_platform()])
}

/// A build file that holds its syntax line only.
pub fn syntax_only() -> Arc<SourceFile> {
    SourceFile::new("backstage.build.yaml", "# syntax=registry.example.com/platform/backstage-build:1\n")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The plan of a directory.
pub fn of_directory(source: &Source, root: &Path) -> Result<Prepared, Diagnostics> {
    let open = async |set: &ReadSet| {
        DirectoryFiles::new(root, set)
            .map_err(|error| Diagnostics::from(Diagnostic::error("test/directory", error.to_string())))
    };
    block_on(pipeline::prepare_from(source, open))
}

/// The plan of files in memory, narrowed to what a read set shows.
pub fn of_files(source: &Source, files: &[(ContextPath, Vec<u8>)]) -> Result<Prepared, Diagnostics> {
    block_on(pipeline::prepare_from(source, async |set: &ReadSet| Ok::<_, Diagnostics>(shown(files, set))))
}

/// The plan of files in memory, all of which are shown.
pub fn of_memory(source: &Source, files: &MemoryFiles) -> Result<Prepared, Diagnostics> {
    block_on(pipeline::prepare_from(source, async |_: &ReadSet| Ok::<_, Diagnostics>(files.clone())))
}

/// The files that a read set shows.
pub fn shown(files: &[(ContextPath, Vec<u8>)], set: &ReadSet) -> MemoryFiles {
    let shown = set.matcher().unwrap();
    let files = files.iter().filter(|(path, _)| shown.contains(path));
    files.fold(MemoryFiles::default(), |all, (path, data)| all.with(path.clone(), data.clone()))
}

/// Every file of a directory.
pub fn files(root: &Path) -> Vec<(ContextPath, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.push((ContextPath::new(name).unwrap(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// What the sources of a plan's graph are in a build of a client's directory.
fn trees(prepared: &Prepared, written: Option<Output>) -> Trees {
    let Prepared { plan, read_set, .. } = prepared;
    let images = plan.steps.iter().flat_map(|step| step.action.trees()).filter_map(|tree| match tree {
        Tree::Image(name, runs_on) => {
            Some(((name.clone(), runs_on.clone()), image_of(&plan.images.get(name).unwrap().reference, runs_on)))
        }
        _ => None,
    });
    Trees {
        images: images.collect(),
        facts: local_facts(NAMES, "session", read_set),
        context: local_context(NAMES, "session", &plan.context.paths, &plan.context.exclude),
        program: Some(Program { root: frontend(), path: "/backstage-build".to_owned() }),
        written,
    }
}

/// The frontend's own image.
fn frontend() -> Output {
    let reference: ImageRef = "registry.example.com/platform/backstage-build:1".parse().unwrap();
    let pinned = reference.with_digest(Digest::of(b"the frontend"));
    ImageSource::new(&pinned).platform(&build_platform()).metadata(Metadata::named("the frontend")).build()
}

/// Where the files lie that steps write.
fn written() -> Output {
    Local::new("written").metadata(Metadata::named("[internal] plan")).build()
}

/// An image that nobody has: its digest is that of its name, its configuration is like the real one's.
fn image_of(reference: &str, runs_on: &RunsOn) -> Image {
    let build = build_platform();
    let platform = runs_on.platform(&build);
    let parsed: ImageRef = reference.parse().unwrap_or_else(|error| panic!("{reference}: {error}"));
    let pinned = if parsed.digest().is_some() { parsed } else { parsed.with_digest(Digest::of(reference.as_bytes())) };
    let output = ImageSource::new(&pinned).platform(platform).metadata(Metadata::named(reference)).build();
    let config = BaseConfig::parse(base_config(reference).to_string().as_bytes()).unwrap();
    Image { output, config, digest: Digest::of(reference.as_bytes()).to_string() }
}

/// Configurations of `node:22-trixie-slim` and `distroless/nodejs22-debian13:nonroot`, shortened; of others, next to nothing.
fn base_config(reference: &str) -> Value {
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let config = if reference.contains("/distroless/") {
        json!({
            "User": "65532", "WorkingDir": "/home/nonroot", "Entrypoint": ["/nodejs/bin/node"],
            "Env": [path, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
        })
    } else if reference.contains("/library/node:") {
        json!({
            "Env": [path, "NODE_VERSION=22.19.0", "YARN_VERSION=1.22.22"],
            "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["node"],
        })
    } else {
        json!({ "Env": [path] })
    };
    json!({
        "architecture": "amd64", "os": "linux", "config": config, "created": "2026-01-01T00:00:00Z",
        "history": [{ "created_by": format!("the layer of {reference}") }],
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(b"layer").to_string()] },
    })
}

/// The graph of a target.
pub fn definition(prepared: &Prepared, file: &Arc<SourceFile>, platform: &Platform, target: &Target) -> Definition {
    translated(prepared, file, platform, target, Some(written()))
}

/// The same where nobody has written what steps write: it holds all of that.
pub fn whole_definition(
    prepared: &Prepared,
    file: &Arc<SourceFile>,
    platform: &Platform,
    target: &Target,
) -> Definition {
    translated(prepared, file, platform, target, None)
}

fn translated(
    prepared: &Prepared,
    file: &Arc<SourceFile>,
    platform: &Platform,
    target: &Target,
    written: Option<Output>,
) -> Definition {
    let build = build_platform();
    let exec = ExecSettings::default();
    let settings = Settings {
        build: &build,
        no_cache: &NoCache::Off,
        exec: &exec,
        cache_namespace: None,
        epoch: FIXED_TIME,
        default_span: Span::line(file, 1),
    };
    let trees = trees(prepared, written);
    let found = graph::translate(&prepared.plan, &trees, &settings, target.trees.get(platform)).unwrap();
    Definition::new(found.into_iter().next().unwrap())
}

/// The image's configuration.
pub fn config(plan: &Plan, platform: &Platform, labels: &BTreeMap<String, String>) -> Value {
    let base = plan.images.get(&ImageName::RUNTIME).unwrap();
    let image = image_of(&base.reference, &RunsOn::Target(platform.clone()));
    let plan = &image_target(plan).image(platform).unwrap().settings;
    let defaults = BTreeMap::from([("org.opencontainers.image.base.name".to_owned(), base.reference.clone())]);
    let additions = Additions { labels: labels.clone(), defaults, made_by: MADE_BY.to_owned() };
    image::config(&image.config, plan, &additions, platform)
}

/// The default target.
pub fn image_target(plan: &Plan) -> &Target {
    plan.target(None).unwrap()
}

/// The nodes of outputs, for tests that compare.
pub fn bytes(definition: &Definition) -> Vec<u8> {
    use prost::Message as _;
    definition.to_pb().encode_to_vec()
}

/// What a definition needs that BuildKit 0.17, the oldest release that builds run on, cannot do.
pub fn beyond_the_floor(definition: &Definition) -> Vec<String> {
    let known: Vec<&str> = include_str!("../../frontend/tests/gateway/caps-0.17.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let caps = definition.caps();
    caps.iter().map(|cap| cap.as_str().to_owned()).filter(|cap| !known.contains(&cap.as_str())).collect()
}

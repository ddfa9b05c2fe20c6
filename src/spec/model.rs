//! The language: what a build file can say, as plain values with their places.
//!
//! Nothing here is worked out: an absent noun is `None`, and what it then means is decided in `plan`. Every value
//! that a message may have to point at is [`Spanned`].

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{SourceFile, Span, Spanned};
use buildkit_frontend::path::{ContextPath, ImagePath};

/// A build file, parsed and checked in itself; nothing in it has been compared with the repository yet.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file, for pointing into.
    pub file: Arc<SourceFile>,
    /// Node line (`22`) or exact version (`22.19.0`).
    pub node: Option<Spanned<NodeVersion>>,
    /// The backend workspace, by path or by package name.
    pub backend: Option<Spanned<String>>,
    /// How the frontend is shipped.
    pub frontend: Option<Spanned<Frontend>>,
    /// Run-time config files, in order.
    pub config: Option<Spanned<Vec<Spanned<ConfigFile>>>>,
    /// More files for the image.
    pub files: Vec<Spanned<ExtraFile>>,
    /// More patterns (`.dockerignore` syntax) that the build must not see.
    pub exclude: Vec<Spanned<String>>,
    /// How dependencies are installed.
    pub install: Install,
    /// How the bundles are built.
    pub build: Build,
    /// What gates the image; `None` is the default list.
    pub checks: Option<Spanned<Vec<Spanned<Check>>>>,
    /// What is left out of the image.
    pub prune: Prune,
    /// What becomes of source maps.
    pub source_maps: Option<Spanned<SourceMaps>>,
    /// The image that runs.
    pub runtime: Runtime,
    /// How the build reaches the network.
    pub network: Network,
}

impl Spec {
    /// What a file says that says nothing.
    pub fn new(file: &Arc<SourceFile>) -> Self {
        Self {
            file: Arc::clone(file),
            node: None,
            backend: None,
            frontend: None,
            config: None,
            files: Vec::new(),
            exclude: Vec::new(),
            install: Install::default(),
            build: Build::default(),
            checks: None,
            prune: Prune::default(),
            source_maps: None,
            runtime: Runtime::default(),
            network: Network::default(),
        }
    }

    /// The config files that it names, run-time and build-time: what must be there to be read.
    pub fn named_configs(&self) -> Vec<Spanned<ContextPath>> {
        let runtime = self
            .config
            .iter()
            .flat_map(|configs| configs.iter().map(|config| Spanned::new(config.from.clone(), config.span.clone())));
        let build = self.build.config.iter().flat_map(|configs| configs.iter().cloned());
        runtime.chain(build).collect()
    }

    /// Files and folders of the repository that the image or a build gets because they are written here.
    pub fn named_files(&self) -> Vec<ContextPath> {
        let files = self.files.iter().filter(|file| file.source == FileSource::Context).map(|file| file.from.clone());
        let configs = self.named_configs().into_iter().map(|config| config.value);
        let modules = self.runtime.preload.iter().map(|module| module.value.clone());
        files.chain(configs).chain(modules).chain(self.network.ca_file().map(|file| file.value)).collect()
    }

    /// Where defaults point: line 1, the syntax line, which is what asked for them.
    pub fn default_span(&self) -> Span {
        Span::line(&self.file, 1)
    }
}

/// A Node release line or an exact version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeVersion {
    /// The line, such as 22.
    pub major: u64,
    /// Minor and patch, when an exact version is named.
    pub exact: Option<(u64, u64)>,
}

/// How the frontend is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frontend {
    /// Served by the backend, in the same image.
    Bundled,
    /// Not built.
    None,
}

/// One run-time config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// The file in the repository.
    pub from: ContextPath,
    /// Its name in the image, relative to the working directory.
    pub to: ContextPath,
}

/// One more file or directory for the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// Where it comes from.
    pub source: FileSource,
    /// Path in the source; for the repository relative, otherwise absolute. Clean, without a leading `/`.
    pub from: ContextPath,
    /// Where it lands; `None` is the same path below the working directory.
    pub to: Option<ImagePath>,
    /// Permission bits; `None` keeps them.
    pub mode: Option<u32>,
}

/// What an extra file is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// The repository.
    Context,
    /// An image, by reference.
    Image(String),
}

/// How dependencies are installed.
#[derive(Debug, Clone, Default)]
pub struct Install {
    /// `auto`, or an exact Yarn version.
    pub yarn: Option<Spanned<String>>,
    /// The npm registry's URL.
    pub registry: Option<Spanned<String>>,
    /// Ids of secrets that an install may read besides the known ones.
    pub secrets: Vec<Spanned<String>>,
    /// What becomes of packages with native code: one rule for all.
    pub natives: Option<Spanned<NativeMode>>,
    /// The same by package name; wins over the rule for all.
    pub natives_by_package: BTreeMap<String, Spanned<NativeMode>>,
    /// Whether the lockfile may not change.
    pub immutable: Option<Spanned<bool>>,
}

/// What becomes of a package with native code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeMode {
    /// A prebuilt binary if there is one, otherwise compiled.
    Auto,
    /// A prebuilt binary or a failed build.
    Prebuilt,
    /// Always compiled.
    Source,
    /// Not built: the image does not need it.
    Skip,
}

/// How the bundles are built.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// Image that build steps run in; `None` is the Node image of `node`.
    pub base: Option<Spanned<String>>,
    /// OS packages that build steps need.
    pub packages: Vec<Spanned<String>>,
    /// The user's own build command for the backend, a shell line.
    pub command: Option<Spanned<String>>,
    /// Shell lines run before any build, in order.
    pub before: Vec<Spanned<String>>,
    /// Config files for the frontend build, in order.
    pub config: Option<Spanned<Vec<Spanned<ContextPath>>>>,
    /// Environment of build steps.
    pub env: BTreeMap<String, Spanned<String>>,
    /// Heap of each Node process, in MiB.
    pub memory: Option<Spanned<u64>>,
    /// Whether backend code is minified.
    pub minify: Option<Spanned<bool>>,
}

/// One check that gates the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// `yarn tsc`.
    Typecheck,
    /// `yarn lint:all`.
    Lint,
    /// `yarn test:all`, or `yarn test` where there is no such script.
    Test,
    /// The user's own.
    Command {
        /// Unique name; also a target.
        name: String,
        /// A shell line, run in the repository.
        run: String,
        /// Image to run in; `None` is the build base.
        base: Option<String>,
    },
}

/// What is left out of the image.
#[derive(Debug, Clone, Default)]
pub struct Prune {
    /// `safe` or `off`.
    pub mode: Option<Spanned<PruneMode>>,
    /// Patterns below `node_modules` that stay whatever the rules say.
    pub keep: Vec<Spanned<String>>,
    /// Patterns below `node_modules` that go as well.
    pub drop: Vec<Spanned<String>>,
}

/// Whether the prune rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneMode {
    /// Rules that leave no dangling require.
    Safe,
    /// Everything stays.
    Off,
}

/// What becomes of source maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceMaps {
    /// Not in the image.
    Drop,
    /// In the image.
    Keep,
}

/// The image that runs.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// A preset (`distroless`, `slim`, `alpine`, `wolfi`, `ubi`, `dhi`) or any reference.
    pub base: Option<Spanned<String>>,
    /// OS packages.
    pub packages: Vec<Spanned<String>>,
    /// `uid`, `uid:gid` or a name; `None` is the base's non-root user.
    pub user: Option<Spanned<String>>,
    /// More environment.
    pub env: BTreeMap<String, Spanned<String>>,
    /// More `NODE_OPTIONS`.
    pub node_options: Vec<Spanned<String>>,
    /// Modules to `--require` before the backend, relative to the working directory.
    pub preload: Vec<Spanned<ContextPath>>,
    /// Arguments after the config arguments.
    pub args: Vec<Spanned<String>>,
    /// Entrypoint; empty by default, as the Backstage charts want it.
    pub entrypoint: Option<Spanned<Vec<String>>>,
    /// The port that is exposed.
    pub port: Option<Spanned<u16>>,
    /// Whether, and how, the image says that it is healthy.
    pub healthcheck: Option<Spanned<Healthcheck>>,
    /// Directories that the user may write to.
    pub writable: Vec<Spanned<ImagePath>>,
    /// Image labels.
    pub labels: BTreeMap<String, Spanned<String>>,
    /// Manifest annotations.
    pub annotations: BTreeMap<String, Spanned<String>>,
    /// Signal that stops the container.
    pub stop_signal: Option<Spanned<String>>,
}

/// The image's health check; times in nanoseconds, as in the image config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// `false` says `NONE`.
    pub enabled: bool,
    /// Time between checks.
    pub interval: Option<u64>,
    /// Time a check may take.
    pub timeout: Option<u64>,
    /// Time before failures count.
    pub start: Option<u64>,
    /// Failures in a row.
    pub retries: Option<u32>,
}

/// How the build reaches the network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// A CA bundle for build steps.
    pub ca: Option<Spanned<CaSource>>,
    /// Proxy for build steps; build args of the same meaning win.
    pub proxy: Option<Spanned<Proxy>>,
    /// Base URL of a mirror of prebuilt native binaries.
    pub binary_mirror: Option<Spanned<String>>,
}

impl Network {
    /// The CA bundle, where it is a file of the repository.
    pub fn ca_file(&self) -> Option<Spanned<ContextPath>> {
        let ca = self.ca.as_ref()?;
        match &ca.value {
            CaSource::File(path) => Some(Spanned::new(path.clone(), ca.span.clone())),
            CaSource::Secret(_) => None,
        }
    }
}

/// Where a CA bundle comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaSource {
    /// A BuildKit secret, by id.
    Secret(String),
    /// A file in the repository.
    File(ContextPath),
}

/// Proxy addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For http.
    pub http: Option<String>,
    /// For https.
    pub https: Option<String>,
    /// Hosts that are reached directly.
    pub no_proxy: Option<String>,
}

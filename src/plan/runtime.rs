//! The image: layers in the order in which they change, and the configuration that runs them.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::path::{ContextPath, ImagePath};
use crate::repo::config;
use crate::spec::model::{ConfigFile, FileSource};

use super::app::App;
use super::checks::Gate;
use super::natives::packages_run;
use super::{
    Action, CopyFiles, FileAction, Files, HealthPlan, ImagePlan, ImageRole, Mode, Origin, Planner, Side, Step, StepId,
    Tree, image_path, in_repo, prune, rooted,
};

/// Where the Backstage charts expect the app.
const APP: &str = "/app";
/// `nonroot` of the distroless images, for bases that would run as root.
const NONROOT: &str = "65532:65532";

/// What of a native package only its build needs, and what its build leaves behind besides the binary.
const BUILD_RESIDUE: [&str; 18] = [
    "**/obj",
    "**/obj.target",
    "**/*.o",
    "**/*.a",
    "**/.deps",
    "**/Makefile",
    "**/*.mk",
    "**/config.gypi",
    "**/test_extension.node",
    "**/*.gyp",
    "**/*.gypi",
    "**/*.c",
    "**/*.cc",
    "**/*.cpp",
    "**/*.h",
    "**/*.hpp",
    "**/*.ts",
    "**/*.map",
];

impl Planner<'_> {
    /// The image's layers. The last one carries the gates: the image exists only if the checks passed.
    pub(super) fn image(
        &mut self,
        deps: &Tree,
        natives: Option<&Tree>,
        app: Option<&App>,
        bundle: &Tree,
        gates: &[Gate],
    ) -> Result<Tree, Diagnostics> {
        let pruned = prune::patterns(self.spec(), &self.production);
        let mut base = self.runtime_packages()?;
        base =
            self.layer("image-deps", base, "production dependencies, pruned", vec![self.dependencies(deps, &pruned)]);
        if let Some(natives) = natives {
            base = self.layer("image-natives", base, "native modules", vec![native_files(natives, pruned)]);
        }
        let files = self.files()?;
        if !files.is_empty() {
            let origin = self.files_origin();
            base = self.layer_at("image-files", base, "config and files", files, origin);
        }
        if let Some(app) = app {
            base = self.layer("image-app", base, "the app", vec![self.app_files(app)]);
        }
        let mut last = vec![self.bundle_files(bundle)];
        last.extend(gates.iter().map(Gate::action));
        Ok(self.layer("image", base, "the backend", last))
    }

    fn layer(&mut self, id: &str, base: Tree, what: &str, actions: Vec<FileAction>) -> Tree {
        self.layer_at(id, base, what, actions, Origin::Default("runtime: auto"))
    }

    fn layer_at(&mut self, id: &str, base: Tree, what: &str, actions: Vec<FileAction>, origin: Origin) -> Tree {
        self.history.push(what.to_owned());
        let id = self.step(Step {
            id: StepId::new(id),
            title: format!("[image] {what}"),
            because: "one layer for each rate of change".to_owned(),
            origin,
            action: Action::Files(Files { base, actions }),
        });
        Tree::Step(id)
    }

    /// OS packages for the runtime, where its base can install any.
    fn runtime_packages(&mut self) -> Result<Tree, Diagnostics> {
        let runtime = &self.spec().runtime;
        if let Some(init) = runtime.init.as_ref().filter(|init| init.value) {
            return Err(Diagnostic::error("plan/not-supported", "`runtime.init` is not supported yet")
                .help("the backend handles SIGTERM itself; start the container with `--init` where you need one")
                .at(init.span.clone())
                .into());
        }
        let base = Tree::Image(ImageRole::Runtime);
        let Some(first) = runtime.packages.first() else {
            return Ok(base);
        };
        if runtime.base.as_ref().is_none_or(|base| base.value == "distroless") {
            return Err(Diagnostic::error("plan/no-package-manager", "a distroless base has no package manager")
                .help("choose one that has: `runtime: {base: slim}`")
                .at(first.span.clone())
                .into());
        }
        let packages: Vec<String> = runtime.packages.iter().map(|package| package.value.clone()).collect();
        let title = format!("[image] install {}", packages.join(" "));
        self.history.push(format!("packages: {}", packages.join(" ")));
        let id = self.step(Step {
            id: StepId::new("runtime-packages"),
            title,
            because: "runtime.packages".to_owned(),
            origin: Origin::Written(first.span.clone()),
            action: Action::Run(Box::new(packages_run(base, Side::Target, &packages))),
        });
        Ok(Tree::Output(id, ImagePath::root()))
    }

    /// `node_modules`, wherever Yarn put them; the synthetic manifests stay behind.
    fn dependencies(&self, deps: &Tree, pruned: &[String]) -> FileAction {
        let mut copy = CopyFiles::new(deps.clone(), in_repo(&ContextPath::root()), image_path(APP));
        copy.exclude =
            [".yarn", ".yarnrc.yml", "backstage.json", "package.json", "yarn.lock"].map(str::to_owned).into();
        let backend = &self.backend.value.name;
        copy.exclude
            .extend(self.repo().dist_closure(backend).iter().map(|manifest| format!("{}/package.json", manifest.dir)));
        copy.exclude.extend(pruned.iter().cloned());
        copy.by_definition = true;
        copy.fixed_time = true;
        FileAction::Copy(copy)
    }

    fn app_files(&self, app: &App) -> FileAction {
        let dist = app.dir.join("dist").unwrap_or_default();
        let mut copy = CopyFiles::new(app.tree.clone(), in_repo(&dist), image_path(APP).join_context(&dist));
        if !prune::keeps_maps(self.spec()) {
            copy.exclude.push("**/*.map".to_owned());
        }
        FileAction::Copy(copy)
    }

    fn bundle_files(&self, bundle: &Tree) -> FileAction {
        let mut copy = CopyFiles::new(bundle.clone(), ImagePath::root(), image_path(APP));
        copy.exclude.push("yarn.lock".to_owned());
        if !prune::keeps_maps(self.spec()) {
            copy.exclude.push("**/*.map".to_owned());
        }
        copy.mode = Mode::Readable;
        FileAction::Copy(copy)
    }

    /// Config files, what they name, and `files`.
    fn files(&mut self) -> Result<Vec<FileAction>, Diagnostics> {
        let workdir = image_path(APP);
        let mut actions = Vec::new();
        let mut taken: BTreeSet<ContextPath> = BTreeSet::new();
        for config in self.runtime_configs() {
            actions.push(self.readable(&config.from, &workdir.join_context(&config.to), false));
            taken.insert(config.from);
        }
        for file in &self.spec().files {
            let dest = match &file.to {
                Some(dest) => dest.clone(),
                None => workdir.join_context(&file.from),
            };
            let mut copy = match &file.source {
                FileSource::Context => {
                    self.refuse_secrets(&file.from, &file.span)?;
                    self.uses(&file.from);
                    taken.insert(file.from.clone());
                    CopyFiles::new(Tree::Context, rooted(&file.from), dest)
                }
                FileSource::Image(reference) => {
                    CopyFiles::new(Tree::Reference(reference.clone(), Side::Target), rooted(&file.from), dest)
                }
                FileSource::Named(name) => {
                    return Err(Diagnostic::error(
                        "plan/not-supported",
                        format!("files from the named context `{name}` are not supported yet"),
                    )
                    .help("take them from the repository or from an image: `{image: ref, from, to}`")
                    .at(file.span.clone())
                    .into());
                }
            };
            copy.mode = file.mode.map_or(Mode::Readable, Mode::Bits);
            actions.push(FileAction::Copy(copy));
        }
        for module in &self.spec().runtime.preload {
            // It may also be part of the bundle.
            actions.push(self.readable(&module.value, &workdir.join_context(&module.value), true));
        }
        // What `link:` and `portal:` point at outside the workspaces is linked to from node_modules.
        for path in self.production.links() {
            actions.push(self.readable(&path, &workdir.join_context(&path), false));
            taken.insert(path);
        }
        for path in self.named_by_config() {
            let mut dirs = std::iter::successors(Some(path.clone()), |dir| (!dir.is_root()).then(|| dir.parent()));
            if !dirs.any(|dir| taken.contains(&dir)) {
                actions.push(self.readable(&path, &workdir.join_context(&path), true));
                taken.insert(path);
            }
        }
        for dir in &self.spec().runtime.writable {
            // For any user: a platform may start the image as whomever it likes.
            actions.push(FileAction::Mkdir { path: dir.value.clone(), mode: 0o777 });
        }
        Ok(actions)
    }

    /// The lines that name files: where one that is not there is to be looked for.
    fn files_origin(&self) -> Origin {
        let spec = self.spec();
        let spans = spec.files.iter().map(|file| &file.span);
        let range = |(start, end): (usize, usize), span: &Span| (start.min(span.range.start), end.max(span.range.end));
        match &spec.files.first() {
            None => Origin::Default("files: auto"),
            Some(first) => {
                let (start, end) = spans.fold((usize::MAX, 0), range);
                Origin::Written(Span::new(&first.span.file, start..end))
            }
        }
    }

    fn readable(&mut self, from: &ContextPath, to: &ImagePath, optional: bool) -> FileAction {
        self.uses(from);
        let mut copy = CopyFiles::new(Tree::Context, rooted(from), to.clone());
        copy.mode = Mode::Readable;
        copy.optional = optional;
        FileAction::Copy(copy)
    }

    /// Run-time config files: those of the build file, otherwise the two that create-app makes.
    pub(super) fn runtime_configs(&self) -> Vec<ConfigFile> {
        match &self.spec().config {
            Some(written) => written.iter().map(|config| config.value.clone()).collect(),
            None => ["app-config.yaml", "app-config.production.yaml"]
                .into_iter()
                .filter_map(|name| ContextPath::new(name).ok())
                .filter(|path| self.repo().configs.contains_key(path))
                .map(|path| ConfigFile { from: path.clone(), to: path })
                .collect(),
        }
    }

    /// The run-time config, merged as the backend will.
    fn merged(&self) -> serde_json::Value {
        let configs = self.runtime_configs();
        let found: Vec<_> = configs.iter().filter_map(|config| self.repo().configs.get(&config.from)).collect();
        config::merge(&found)
    }

    /// Files and directories of the repository that the run-time config names: `$file`, `$include`, and the folders of
    /// catalog locations (templates keep their content beside them).
    fn named_by_config(&self) -> Vec<ContextPath> {
        let configs = self.runtime_configs();
        let mut paths: Vec<ContextPath> = configs
            .iter()
            .filter_map(|config| self.repo().configs.get(&config.from))
            .flat_map(|config| config.references.iter().cloned())
            .collect();
        for target in config::file_locations(&self.merged()) {
            // Relative to the working directory; what climbs out of it is a location of a developer's machine.
            let fixed = target.split(['*', '?', '[', '{']).next().unwrap_or_default();
            let whole = fixed.len() == target.len();
            let Ok(path) = ContextPath::new(fixed) else { continue };
            let dir = if whole || !fixed.ends_with('/') { path.parent() } else { path.clone() };
            paths.push(if dir.is_root() { path } else { dir });
        }
        paths.retain(|path| !path.is_root() && !crate::repo::is_denied(path));
        paths.sort();
        paths.dedup();
        paths
    }

    /// The image's configuration.
    pub(super) fn image_config(&mut self) -> Result<ImagePlan, Diagnostics> {
        let runtime = &self.spec().runtime;
        let configs = self.runtime_configs();
        let port = runtime
            .port
            .as_ref()
            .map(|port| port.value)
            .or_else(|| config::listen_port(&self.merged()))
            .unwrap_or(7007);
        let mut env: BTreeMap<String, String> = super::env([("HOME", "/tmp"), ("NODE_ENV", "production")]);
        if let Some(name) = environment_name(&configs) {
            env.insert("BACKSTAGE_ENV".to_owned(), name.to_owned());
        }
        let options = self.node_options();
        if !options.is_empty() {
            env.insert("NODE_OPTIONS".to_owned(), options.join(" "));
        }
        env.extend(runtime.env.iter().map(|(name, value)| (name.clone(), value.value.clone())));
        let mut cmd: Vec<String> = vec!["node".to_owned()];
        cmd.extend(runtime.preload.iter().flat_map(|module| ["--require".to_owned(), format!("./{}", module.value)]));
        cmd.push(self.backend.value.dir.to_string());
        cmd.extend(configs.iter().flat_map(|config| ["--config".to_owned(), config.to.to_string()]));
        cmd.extend(runtime.args.iter().map(|arg| arg.value.clone()));
        let distroless = runtime
            .base
            .as_ref()
            .is_none_or(|base| base.value == "distroless" || base.value.contains("distroless/nodejs"));
        Ok(ImagePlan {
            workdir: APP.to_owned(),
            path: distroless.then(|| "/nodejs/bin".to_owned()),
            env,
            entrypoint: runtime.entrypoint.as_ref().map(|entrypoint| entrypoint.value.clone()).unwrap_or_default(),
            cmd,
            user: runtime.user.as_ref().map(|user| user.value.clone()),
            fallback_user: if runtime.base.as_ref().is_some_and(|base| base.value == "slim") {
                "1000:1000".to_owned()
            } else {
                NONROOT.to_owned()
            },
            port,
            labels: runtime.labels.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            annotations: runtime.annotations.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            stop_signal: runtime.stop_signal.as_ref().map(|signal| signal.value.clone()),
            healthcheck: self.healthcheck(port),
            volumes: runtime.writable.iter().map(|dir| dir.value.to_string()).collect(),
            history: std::mem::take(&mut self.history),
        })
    }

    fn node_options(&self) -> Vec<String> {
        let mut options: Vec<String> = Vec::new();
        // The scaffolder's sandbox of older releases: without it Node 20 and later refuse to start isolated-vm.
        if self.node.value.major >= 20 && self.repo().lock.named("isolated-vm").next().is_some() {
            options.push("--no-node-snapshot".to_owned());
        }
        options.extend(self.spec().runtime.node_options.iter().map(|option| option.value.clone()));
        options
    }

    fn healthcheck(&self, port: u16) -> Option<HealthPlan> {
        let written = self.spec().runtime.healthcheck.as_ref()?;
        let script = format!(
            "require('http').get('http://127.0.0.1:{port}/.backstage/health/v1/readiness',r=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"
        );
        let test = if written.enabled {
            vec!["CMD".to_owned(), "node".to_owned(), "-e".to_owned(), script]
        } else {
            vec!["NONE".to_owned()]
        };
        Some(HealthPlan {
            test,
            interval: written.interval,
            timeout: written.timeout,
            start: written.start,
            retries: written.retries,
        })
    }
}

/// The built natives over the same packages of the production install, which have no binary. Where a build leaves the
/// binary is the package's affair, so all of it is taken but what only builds need.
fn native_files(natives: &Tree, pruned: Vec<String>) -> FileAction {
    let mut copy = CopyFiles::new(natives.clone(), ImagePath::root(), image_path(APP));
    copy.exclude = BUILD_RESIDUE.map(str::to_owned).into();
    copy.exclude.extend(pruned);
    copy.fixed_time = true;
    FileAction::Copy(copy)
}

/// `production` for `app-config.production.yaml`: lets a chart's bare `node packages/backend` load the same files.
fn environment_name(configs: &[ConfigFile]) -> Option<&str> {
    match configs {
        [base, other] if base.to.as_str() == "app-config.yaml" => {
            other.to.as_str().strip_prefix("app-config.")?.strip_suffix(".yaml").filter(|name| !name.contains('.'))
        }
        _ => None,
    }
}

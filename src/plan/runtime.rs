//! The image: layers in the order in which they change.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics};
use buildkit_frontend::path::ImagePath;
use buildkit_llb::Platform;

use super::app::App;
use super::checks::Gate;
use super::contents::Content;
use super::{
    APP, Action, CopyFiles, FileAction, Files, ImageName, Mode, Origin, Planner, RunsOn, Step, StepId, Tree,
    image_path, in_repo, prune,
};

/// An image in the making.
pub(super) struct Layers {
    /// What it holds so far.
    pub tree: Tree,
    /// A line for each layer.
    pub history: Vec<String>,
}

impl Layers {
    /// One more layer, which makes it this tree.
    pub(super) fn add(&mut self, what: &str, tree: Tree) {
        self.history.push(super::one_line(what));
        self.tree = tree;
    }
}

impl Planner<'_> {
    /// The image's layers on top of the dependencies. The last one carries the gates: the image exists only if the checks
    /// passed.
    pub(super) fn image<'g>(
        &mut self,
        mut layers: Layers,
        contents: &[Content],
        app: Option<&App>,
        bundle: &Tree,
        gates: impl Iterator<Item = &'g Gate>,
        platform: &Platform,
    ) -> Layers {
        let default = Origin::of_default("runtime");
        if !contents.is_empty() {
            let actions = contents.iter().map(|content| content.on(platform)).collect();
            let id = StepId::new("image-files").on(platform);
            let origin = self.files_origin();
            self.layer(id, &mut layers, "config and files", actions, origin);
        }
        if let Some(app) = app {
            let id = StepId::new("image-app").on(platform);
            self.layer(id, &mut layers, "the app", vec![self.app_files(app)], default.clone());
        }
        let mut last = vec![self.bundle_files(bundle)];
        last.extend(gates.map(Gate::action));
        self.layer(StepId::new("image").on(platform), &mut layers, "the backend", last, default);
        layers
    }

    fn layer(&mut self, id: StepId, layers: &mut Layers, what: &str, actions: Vec<FileAction>, origin: Origin) {
        let id = self.step(Step {
            id,
            group: "image".to_owned(),
            title: what.to_owned(),
            because: "one layer for each rate of change".to_owned(),
            origin,
            action: Action::Files(Files { base: layers.tree.clone(), actions }),
        });
        layers.add(what, Tree::Step(id));
    }

    /// The base, with OS packages where it can install any. Its own programs do that, so they run on its platform.
    pub(super) fn runtime_packages(&mut self, platform: &Platform) -> Result<Layers, Diagnostics> {
        let runtime = &self.spec().runtime;
        let runs_on = RunsOn::Target(platform.clone());
        let tree = Tree::Image(ImageName::RUNTIME, runs_on.clone());
        let mut layers = Layers { tree, history: Vec::new() };
        let Some(first) = runtime.packages.first() else {
            return Ok(layers);
        };
        if self.is_distroless() {
            return Err(Diagnostic::error("plan/no-package-manager", "a distroless base has no package manager")
                .help("choose one that has: `runtime: {base: slim}`")
                .at(first.span.clone())
                .into());
        }
        let packages: Vec<String> = runtime.packages.iter().map(|package| package.value.clone()).collect();
        let run = self.packages_run(layers.tree.clone(), runs_on, &packages);
        let id = self.step(Step {
            id: StepId::new("runtime-packages").on(platform),
            group: "image".to_owned(),
            title: format!("install {}", packages.join(" ")),
            because: "runtime.packages".to_owned(),
            origin: Origin::Explicit(first.span.clone()),
            action: Action::Run(run),
        });
        layers.add(&format!("packages: {}", packages.join(" ")), Tree::Output(id, ImagePath::root()));
        Ok(layers)
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
}

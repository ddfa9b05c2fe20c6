//! The image: layers in the order in which they change.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::ImagePath;

use super::app::App;
use super::checks::Gate;
use super::{
    Action, CopyFiles, FileAction, Files, ImageRole, Mode, Origin, Planner, Side, Step, StepId, Tree, image_path,
    in_repo, prune,
};

/// Where the Backstage charts expect the app.
pub(super) const APP: &str = "/app";

impl Planner<'_> {
    /// The image's layers on top of the dependencies. The last one carries the gates: the image exists only if the checks
    /// passed.
    pub(super) fn image<'g>(
        &mut self,
        mut base: Tree,
        app: Option<&App>,
        bundle: &Tree,
        gates: impl Iterator<Item = &'g Gate>,
    ) -> Result<Tree, Diagnostics> {
        let files = self.files()?;
        if !files.is_empty() {
            let origin = self.files_origin();
            base = self.layer_at("image-files", base, "config and files", files, origin);
        }
        if let Some(app) = app {
            base = self.layer("image-app", base, "the app", vec![self.app_files(app)]);
        }
        let mut last = vec![self.bundle_files(bundle)];
        last.extend(gates.map(Gate::action));
        Ok(self.layer("image", base, "the backend", last))
    }

    fn layer(&mut self, id: &str, base: Tree, what: &str, actions: Vec<FileAction>) -> Tree {
        self.layer_at(id, base, what, actions, Origin::of_default("runtime"))
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
    pub(super) fn runtime_packages(&mut self) -> Result<Tree, Diagnostics> {
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
        if self.is_distroless() {
            return Err(Diagnostic::error("plan/no-package-manager", "a distroless base has no package manager")
                .help("choose one that has: `runtime: {base: slim}`")
                .at(first.span.clone())
                .into());
        }
        let packages: Vec<String> = runtime.packages.iter().map(|package| package.value.clone()).collect();
        let title = format!("[image] install {}", packages.join(" "));
        self.history.push(format!("packages: {}", packages.join(" ")));
        let run = self.packages_run(base, Side::Target, &packages);
        let id = self.step(Step {
            id: StepId::new("runtime-packages"),
            title,
            because: "runtime.packages".to_owned(),
            origin: Origin::Written(first.span.clone()),
            action: Action::Run(Box::new(run)),
        });
        Ok(Tree::Output(id, ImagePath::root()))
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

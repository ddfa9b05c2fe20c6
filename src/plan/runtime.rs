//! The image: layers in the order in which they change.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::files::ignore_pattern;
use crate::path::{ContextPath, ImagePath};

use super::app::App;
use super::checks::Gate;
use super::natives::Natives;
use super::{
    Action, CopyFiles, FileAction, Files, ImageRole, Mode, Origin, Planner, Side, Step, StepId, Tree, image_path,
    in_repo, prune,
};

/// Where the Backstage charts expect the app.
pub(super) const APP: &str = "/app";

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
        natives: Option<&Natives>,
        app: Option<&App>,
        bundle: &Tree,
        gates: &[Gate],
    ) -> Result<Tree, Diagnostics> {
        let pruned =
            prune::patterns(self.spec(), self.production(), natives.map_or(&[], |natives| natives.names.as_slice()));
        let mut base = self.runtime_packages()?;
        base =
            self.layer("image-deps", base, "production dependencies, pruned", vec![self.dependencies(deps, &pruned)]);
        if let Some(natives) = natives {
            base = self.layer("image-natives", base, "native modules", vec![native_files(&natives.tree, &pruned)]);
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

    /// `node_modules`, wherever Yarn put them; the synthetic manifests stay behind.
    fn dependencies(&self, deps: &Tree, pruned: &prune::Patterns) -> FileAction {
        let mut copy = CopyFiles::new(deps.clone(), in_repo(&ContextPath::root()), image_path(APP));
        copy.exclude =
            [".yarn", ".yarnrc.yml", "backstage.json", "package.json", "yarn.lock"].map(str::to_owned).into();
        copy.exclude
            .extend(Some(self.install_dir()).filter(|dir| !dir.is_root()).map(|dir| ignore_pattern(dir.as_str())));
        let backend = &self.backend.value.name;
        copy.exclude.extend(
            self.repo()
                .dist_closure(backend)
                .iter()
                .map(|manifest| format!("{}/package.json", ignore_pattern(manifest.dir.as_str()))),
        );
        copy.exclude.extend(pruned.all().cloned());
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
}

/// The built natives over the same packages of the production install, which have no binary. Where a build leaves the
/// binary is the package's affair, so all of it is taken but what only builds need.
fn native_files(natives: &Tree, pruned: &prune::Patterns) -> FileAction {
    let mut copy = CopyFiles::new(natives.clone(), ImagePath::root(), image_path(APP));
    copy.exclude = BUILD_RESIDUE.map(str::to_owned).into();
    copy.exclude.extend(pruned.of_built().cloned());
    copy.fixed_time = true;
    FileAction::Copy(copy)
}

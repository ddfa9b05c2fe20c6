//! Production dependencies: cut out of the one install, onto the image's base. A package that the frontend alone needs does
//! not touch them, and nothing waits for the bundle.

use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_llb::Platform;

use crate::prune::{self, Task};

use super::architecture::cpu;
use super::checks::{GATE, Gate};
use super::natives::Natives;
use super::program::own;
use super::runtime::Layers;
use super::{
    APP, Action, CopyFiles, FileAction, Files, GeneratedFile, Mount, MountKind, Origin, Planner, Step, StepId, Tree,
    image_path, in_repo,
};

/// Where the step finds its task, the install, and the base that it adds to; where it leaves its report.
const TASK: (&str, &str) = ("/task", "/task.json");
const INSTALL: &str = "/install";
const OUT: &str = "/out";
const REPORT: &str = "/report";
/// Where the bundle is looked at.
const BUNDLE: &str = "/bundle";

/// What is to be selected.
pub(super) struct DepsTask {
    tree: Tree,
    origin: Origin,
}

/// The production dependencies.
pub(super) struct Deps {
    /// The base with them, at their final places.
    pub image: Tree,
    /// What went, and why.
    report: Tree,
}

impl Planner<'_> {
    /// What is to be selected: the same for every platform.
    pub(super) fn deps_task(&mut self, natives: &Natives) -> DepsTask {
        let production = self.production();
        let task = Task {
            workspaces: production.workspace_needs(),
            packages: production.package_needs(),
            unbuilt: natives.unbuilt.iter().map(|native| id(&native.name, &native.version)).collect(),
            unused: self.left_out.iter().map(|out| (id(&out.name, &out.version), out.because.clone())).collect(),
            typescript_schemas: production.typescript_schemas(),
            prune: super::prune::settings(self.spec()),
        };
        let because = format!(
            "{} of {} lockfile entries are in the closure of {}",
            task.packages.len(),
            self.repo().lock.entries.len(),
            self.backend.value.dir
        );
        // The one thing of the build file that can be wrong here.
        let dropped = self.spec().prune.drop.first();
        let origin = dropped.map_or_else(|| self.backend_origin(), |pattern| Origin::Explicit(pattern.span.clone()));
        let text = serde_json::to_string(&task).unwrap_or_default();
        let files = [(image_path(TASK.1), GeneratedFile::text(text))].into();
        let task = self.step(Step {
            id: StepId::new("deps-task"),
            group: "internal".to_owned(),
            title: "what the backend needs".to_owned(),
            because,
            origin: origin.clone(),
            action: Action::Files(Files { base: Tree::Scratch, actions: vec![FileAction::Write(files)] }),
        });
        DepsTask { tree: Tree::Step(task), origin }
    }

    /// Selects the production closure out of an install and adds it to the image's base.
    pub(super) fn deps(&mut self, task: &DepsTask, installed: &Tree, layers: &mut Layers, platform: &Platform) -> Deps {
        let args = [
            prune::COMMAND.to_owned(),
            cpu(platform).unwrap_or_default().to_owned(),
            format!("{}{}", TASK.0, TASK.1),
            format!("{INSTALL}{}", in_repo(&ContextPath::root())),
            format!("{OUT}{APP}"),
            REPORT.to_owned(),
        ];
        let mounts = vec![
            Mount::read(TASK.0, task.tree.clone()),
            Mount::read_whole(INSTALL, installed),
            Mount { dest: image_path(OUT), kind: MountKind::Work(layers.tree.clone()) },
            Mount { dest: image_path(REPORT), kind: MountKind::Output },
        ];
        let id = self.step(Step {
            id: StepId::new("deps").on(platform),
            group: "deps".to_owned(),
            title: "production packages of the install".to_owned(),
            because: "what Node finds from the backend, without what nothing that stays asks for".to_owned(),
            origin: task.origin.clone(),
            action: Action::Run(own(args.into(), mounts)),
        });
        let image = Tree::Output(id.clone(), image_path(OUT));
        layers.add("production dependencies", image.clone());
        Deps { image, report: Tree::Output(id, image_path(REPORT)) }
    }

    /// That the image has what the bundle loads when it starts. The image waits for it, and nothing else does.
    pub(super) fn bundle_check(&mut self, deps: &Deps, bundle: &Tree, platform: &Platform) -> Gate {
        let args = [
            prune::BUNDLE_COMMAND.to_owned(),
            BUNDLE.to_owned(),
            format!("{OUT}{APP}"),
            self.backend.value.dir.to_string(),
            format!("{REPORT}/{}", prune::REPORT),
        ];
        let mounts = vec![
            Mount::read_whole(BUNDLE, bundle),
            Mount::read_whole(OUT, &deps.image),
            Mount::read_whole(REPORT, &deps.report),
            Mount { dest: image_path(GATE), kind: MountKind::Output },
        ];
        let id = self.step(Step {
            id: StepId::new("bundle-check").on(platform),
            group: "backend".to_owned(),
            title: "what the bundle loads".to_owned(),
            because: "packages are selected beside the build, which may ask for one that was left out".to_owned(),
            origin: self.backend_origin(),
            action: Action::Run(own(args.into(), mounts)),
        });
        Gate { name: "bundle-check".to_owned(), tree: Tree::Output(id, image_path(GATE)) }
    }

    /// What the target `deps` shows of them, once natives are in their places.
    pub(super) fn shown_deps(&mut self, deps: &Deps, complete: &Tree, platform: &Platform) -> Tree {
        let root = ImagePath::root();
        let app = image_path(APP);
        let mut packages = CopyFiles::new(complete.clone(), app, root.clone());
        packages.skip_content_hash = true;
        let report = CopyFiles::new(deps.report.clone(), root.clone(), root);
        let id = self.step(Step {
            id: StepId::new("deps-target").on(platform),
            group: "deps".to_owned(),
            title: "with a report".to_owned(),
            because: "the target `deps`".to_owned(),
            origin: self.backend_origin(),
            action: Action::Files(Files {
                base: Tree::Scratch,
                actions: vec![FileAction::Copy(packages), FileAction::Copy(report)],
            }),
        });
        Tree::Step(id)
    }
}

fn id(name: &str, version: &str) -> String {
    format!("{name}@{version}")
}

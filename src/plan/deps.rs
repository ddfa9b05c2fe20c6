//! Production dependencies, beside the build: a synthetic project with manifests and lockfile cut to what the backend
//! ships. A frontend-only bump does not touch it, and nothing waits for the bundle.

use crate::diagnostic::Diagnostics;
use crate::path::ContextPath;
use crate::repo::project::SyntheticProject;

use super::contents::SETTINGS;
use super::yarn::{Purpose, program};
use super::{
    Action, CopyFiles, FileAction, Files, Mount, MountKind, Origin, Planner, Step, StepId, Tree, WORK, image_path,
    in_repo, rooted,
};

/// Bytes of a lockfile that is written into the graph as it is.
const MAX_WRITTEN: usize = 32 << 10;

/// Architectures with official Node images, in OCI's words and in Node's.
pub(super) const ARCHITECTURES: [(&str, &str); 5] =
    [("amd64", "x64"), ("arm64", "arm64"), ("arm", "arm"), ("ppc64le", "ppc64"), ("s390x", "s390x")];

/// Whether there are images for an architecture.
pub(super) fn is_known(arch: &str) -> bool {
    ARCHITECTURES.iter().any(|(known, _)| *known == arch)
}

impl Planner<'_> {
    /// Installs the production closure for the target platform.
    pub(super) fn deps(&mut self) -> Result<Tree, Diagnostics> {
        let backend = self.backend.value;
        let mut project = self.production().project();
        let origin = self.backend_origin();
        let mut actions = vec![self.settings(Some(self.cpu()))];
        actions.extend(self.cut_lockfile(&mut project, &origin));
        actions.extend(Self::written(&project.files));
        actions.extend(self.project_inputs(&project));
        actions.extend(Self::release_manifest(&project));
        let files = self.step(Step {
            id: StepId::new("deps-files"),
            title: "[deps] production manifests and lockfile".to_owned(),
            because: format!(
                "{} of {} lockfile entries are in the closure of {}",
                project.entries,
                self.repo().lock.entries.len(),
                backend.dir
            ),
            origin: origin.clone(),
            action: Action::Files(Files { base: Tree::Scratch, actions }),
        });
        let args = ["install", "--mode=skip-build", "--immutable"];
        let run = self.yarn(Tree::Step(files), &self.install_dir(), &args, Purpose::Install);
        let id = self.step(Step {
            id: StepId::new("deps"),
            title: format!("[deps] yarn {}", args.join(" ")),
            because: "what the image's node_modules are copied from; does not wait for any build".to_owned(),
            origin,
            action: Action::Run(Box::new(Self::with_release_manifest(run, &project))),
        });
        Ok(Tree::Output(id, image_path(WORK)))
    }

    /// Takes a long lockfile out of what is written: a step puts it together from the repository's own. It runs with
    /// every change of that, and where it makes the same file as before, nothing else does.
    fn cut_lockfile(&mut self, project: &mut SyntheticProject, origin: &Origin) -> Option<FileAction> {
        let path = ContextPath::new("yarn.lock").ok()?;
        project.files.get(&path).filter(|text| text.len() > MAX_WRITTEN)?;
        let recipe = project.lock_recipe.take()?.to_json();
        project.files.remove(&path);
        let recipe = self.step(Step {
            id: StepId::new("deps-recipe"),
            title: "[internal] recipe of the production lockfile".to_owned(),
            because: "which entries of yarn.lock it takes".to_owned(),
            origin: origin.clone(),
            action: Action::Files(Files {
                base: Tree::Scratch,
                actions: vec![FileAction::Write { path: image_path("/recipe.json"), text: recipe, mode: 0o644 }],
            }),
        });
        let lockfile = MountKind::Read { tree: Tree::Facts, src: rooted(&path), by_definition: false };
        let mounts = vec![
            Mount { dest: image_path("/repo/yarn.lock"), kind: lockfile },
            Mount::read("/recipe", Tree::Step(recipe)),
            Mount { dest: image_path("/cut"), kind: MountKind::Output },
        ];
        let args = ["/repo/yarn.lock", "/recipe/recipe.json", "/cut/yarn.lock"].map(str::to_owned);
        let id = self.step(Step {
            id: StepId::new("deps-lock"),
            title: "[deps] cut yarn.lock".to_owned(),
            because: "what the production install is keyed by is what it reads of it".to_owned(),
            origin: origin.clone(),
            action: Action::Run(Box::new(program("cut.mjs", args, mounts))),
        });
        let cut = Tree::Output(id, image_path("/cut"));
        Some(FileAction::Copy(CopyFiles::new(cut, rooted(&path), in_repo(&path))))
    }

    /// What the target `deps` shows of them: Yarn's settings may hold credentials, and a target can be pushed.
    pub(super) fn shown_deps(&mut self, deps: &Tree) -> Tree {
        let mut copy = CopyFiles::new(deps.clone(), in_repo(&ContextPath::root()), in_repo(&ContextPath::root()));
        copy.exclude = [".yarn", SETTINGS].map(str::to_owned).into();
        copy.by_definition = true;
        let id = self.step(Step {
            id: StepId::new("deps-target"),
            title: "[deps] without settings".to_owned(),
            because: "the target `deps`".to_owned(),
            origin: self.backend_origin(),
            action: Action::Files(Files { base: Tree::Scratch, actions: vec![FileAction::Copy(copy)] }),
        });
        Tree::Step(id)
    }

    /// The target's CPU in Node's and Yarn's words.
    pub(super) fn cpu(&self) -> &'static str {
        ARCHITECTURES.iter().find(|(arch, _)| *arch == self.inputs.arch).map_or("x64", |(_, cpu)| cpu)
    }
}

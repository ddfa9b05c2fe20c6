//! Production dependencies, beside the build: a synthetic project with manifests and lockfile cut to what the backend
//! ships. A frontend-only bump does not touch it, and nothing waits for the bundle.

use crate::diagnostic::Diagnostics;
use crate::path::ContextPath;

use super::contents::SETTINGS;
use super::yarn::Purpose;
use super::{Action, CopyFiles, FileAction, Files, Planner, Step, StepId, Tree, WORK, image_path, in_repo};

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
        let project = self.production().project();
        let origin = self.backend_origin();
        let files = self.project_files(&project, Some(self.cpu()));
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
            action: Action::Files(files),
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

//! The development install: what every build and check works on.

use buildkit_frontend::diagnostic::Diagnostics;

use crate::repo::project;

use super::yarn::Purpose;
use super::{Action, Origin, Planner, Step, StepId, Tree, WORK, image_path, origin};

impl Planner<'_> {
    /// All dependencies, no scripts. Keyed by what Yarn resolves from: not by scripts, versions or sources.
    pub(super) fn install(&mut self) -> Result<Tree, Diagnostics> {
        let project = project::development(self.repo());
        let files = self.project_files(&project, &self.foreign_cpus());
        let files = self.step(Step {
            id: StepId::new("install-files"),
            group: "install".to_owned(),
            title: "manifests and lockfile".to_owned(),
            because: "only what Yarn resolves from: an edit of a script, a version or a source file installs nothing"
                .to_owned(),
            origin: Origin::of_default("install"),
            action: Action::Files(files),
        });
        let immutable = self.spec().install.immutable.as_ref();
        let mut args = vec!["install", self.skip_build()];
        args.push(if immutable.is_some_and(|immutable| !immutable.value) { "--no-immutable" } else { "--immutable" });
        let run = self.yarn(Tree::Step(files), &self.install_dir(), &args, Purpose::Install);
        let origin = origin(immutable.map(|immutable| &immutable.span), "install");
        let id = self.step(Step {
            id: StepId::new("install"),
            group: "install".to_owned(),
            title: format!("yarn {}", args.join(" ")),
            because: "every build and check works on it; scripts are off, natives have steps of their own".to_owned(),
            origin,
            action: Action::Run(Self::with_release_manifest(run, &project)),
        });
        Ok(Tree::Output(id, image_path(WORK)))
    }
}

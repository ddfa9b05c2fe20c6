//! The backend's bundle: the backend, the local packages that it ships, never the app.

use buildkit_frontend::diagnostic::Diagnostics;
use buildkit_frontend::path::ImagePath;

use super::app::NOT_BUILT;
use super::yarn::Purpose;
use super::{
    Action, CopyFiles, FileAction, Files, GeneratedFiles, Origin, Planner, Step, StepId, Tree, WORK, image_path,
    in_repo, origin,
};

impl Planner<'_> {
    /// Builds and unpacks the bundle: the tree that the image gets at its working directory.
    pub(super) fn backend(&mut self, installed: &Tree) -> Result<Tree, Diagnostics> {
        let backend = self.backend.value;
        let written = self.spec().build.command.as_ref();
        let origin = match written {
            Some(command) => Origin::Explicit(command.span.clone()),
            None => self.backend.origin.clone(),
        };
        let mut shipped = self.repo().dist_closure(&backend.name);
        let apps: Vec<_> = shipped.iter().copied().filter(|manifest| manifest.is_app()).collect();
        let mut sources = self.repo().source_closure(&backend.name);
        sources.retain(|manifest| !apps.iter().any(|app| app.name == manifest.name));
        shipped.retain(|manifest| !sources.iter().any(|source| source.name == manifest.name));
        sources.extend(shipped.iter().filter(|manifest| !manifest.is_app()));

        // What a command of the user's reads cannot be known: it sees the whole repository.
        let own = written.is_some() || !self.spec().build.before.is_empty();
        let base = if own { self.whole(installed, "backend") } else { installed.clone() };
        let mut actions = if own { Vec::new() } else { self.root_sources() };
        if !own {
            actions.extend(self.workspace_sources(&sources, &NOT_BUILT));
        }
        if written.is_none() {
            let written: GeneratedFiles = apps.iter().map(|app| Self::without_build(app)).collect();
            actions.extend((!written.is_empty()).then_some(FileAction::Write(written)));
        }
        // A command sees the whole repository as it is: nothing is left to put together.
        let tree = if actions.is_empty() {
            base
        } else {
            Tree::Step(self.step(Step {
                id: StepId::new("backend-files"),
                group: "backend".to_owned(),
                title: "sources".to_owned(),
                because: format!("{} and the local packages that it ships; the app is only a name here", backend.dir),
                origin: origin.clone(),
                action: Action::Files(Files { base, actions }),
            }))
        };
        let tree = self.prepared(tree, "backend");
        let (title, mut run) = match written {
            Some(command) => {
                let run =
                    self.shell(self.build_root.clone(), tree, &Default::default(), &command.value, Purpose::Build);
                (command.value.clone(), run)
            }
            None => {
                let mut args = vec!["run", "build"];
                if self.spec().build.minify.as_ref().is_some_and(|minify| minify.value) {
                    args.push("--minify");
                }
                let run = self.yarn(tree, &backend.dir, &args, Purpose::Build);
                (format!("yarn {} ({})", args.join(" "), backend.dir), run)
            }
        };
        self.build_env(&mut run);
        let id = self.step(Step {
            id: StepId::new("backend"),
            group: "backend".to_owned(),
            title,
            because: self.backend.because.clone(),
            origin: origin.clone(),
            action: Action::Run(run),
        });
        Ok(self.unpacked(&id, origin))
    }

    /// The bundle is an archive of the build's own making: the daemon unpacks it.
    fn unpacked(&mut self, backend: &StepId, origin: Origin) -> Tree {
        let archive = self.backend.value.dir.join("dist/bundle.tar.gz").unwrap_or_default();
        let mut copy =
            CopyFiles::new(Tree::Output(backend.clone(), image_path(WORK)), in_repo(&archive), ImagePath::root());
        copy.unpack = true;
        let id = self.step(Step {
            id: StepId::new("bundle"),
            group: "backend".to_owned(),
            title: "unpack the bundle".to_owned(),
            because: format!("{archive} is what the build leaves"),
            origin,
            action: Action::Files(Files { base: Tree::Scratch, actions: vec![FileAction::Copy(copy)] }),
        });
        Tree::Step(id)
    }

    /// Where the backend was asked for, for what depends on it.
    pub(super) fn backend_origin(&self) -> Origin {
        origin(self.spec().backend.as_ref().map(|backend| &backend.span), "backend")
    }
}

//! OS packages, for builds, for compiling and for the image.

use buildkit_frontend::digest;
use buildkit_frontend::path::ImagePath;

use super::yarn::helper;
use super::{
    Action, Mount, MountKind, NetworkAccess, Origin, Planner, Run, RunsOn, Sharing, Step, StepId, TOOLS, Tree, env,
    image_path,
};

impl Planner<'_> {
    /// OS packages for builds and checks. Installs of dependencies run without them.
    pub(super) fn build_packages(&mut self) {
        let Some(first) = self.spec().build.packages.first() else { return };
        let packages: Vec<String> = self.spec().build.packages.iter().map(|package| package.value.clone()).collect();
        let run = self.packages_run(self.build_root.clone(), RunsOn::Build, &packages);
        let id = self.step(Step {
            id: StepId::new("build-packages"),
            group: "build".to_owned(),
            title: format!("install {}", packages.join(" ")),
            because: "build.packages".to_owned(),
            origin: Origin::Explicit(first.span.clone()),
            action: Action::Run(run),
        });
        self.build_root = Tree::Output(id, ImagePath::root());
    }

    /// Installs OS packages into an image.
    ///
    /// Its own programs do it, and what they left in a cache they take by its size and time, not by a checksum. Anybody may
    /// name an image of their own, so each has caches of its own: only those who run its programs anyway read them.
    pub(super) fn packages_run(&self, root: Tree, runs_on: RunsOn, packages: &[String]) -> Run {
        let image = digest::sha256(format!("{} {}", self.reference(&root), runs_on.platform(self.inputs.build)));
        let image = image.get(..16).unwrap_or_default();
        let cache = |path: &str, id: &str| Mount {
            dest: image_path(path),
            kind: MountKind::Cache { id: format!("backstage-build/{id}/{image}"), sharing: Sharing::Locked },
        };
        let script = image_path(&format!("{TOOLS}/packages.sh"));
        let mut args = vec!["/bin/sh".to_owned(), "-e".to_owned(), script.to_string()];
        args.extend(packages.iter().cloned());
        let mut run = Run {
            root,
            runs_on,
            mounts: vec![
                helper("/packages.sh", script.as_str()),
                cache("/var/cache/apt", "apt-cache"),
                cache("/var/lib/apt/lists", "apt-lists"),
                // What the script writes is no part of the image.
                Mount { dest: image_path("/tmp"), kind: MountKind::Tmpfs },
            ],
            args,
            env: env(&[("DEBIAN_FRONTEND", "noninteractive")]),
            path: None,
            cwd: ImagePath::root(),
            network: NetworkAccess::Client,
        };
        self.certificates(&mut run);
        run
    }

    /// What an image is called; a tree that is none has its own description.
    fn reference(&self, tree: &Tree) -> String {
        match tree {
            Tree::Image(name, _) => self.images.get(name).map(|image| image.reference.clone()).unwrap_or_default(),
            other => other.to_string(),
        }
    }
}

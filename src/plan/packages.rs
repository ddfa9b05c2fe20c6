//! OS packages, for builds, for compiling and for the image.

use crate::path::ImagePath;

use super::yarn::helper;
use super::{
    Access, Action, ImageRole, Mount, MountKind, Origin, Planner, Run, Sharing, Side, Step, StepId, TOOLS, Tree, env,
    image_path,
};

impl Planner<'_> {
    /// OS packages for builds and checks. Installs of dependencies run without them.
    pub(super) fn build_packages(&mut self) {
        let Some(first) = self.spec().build.packages.first() else { return };
        let packages: Vec<String> = self.spec().build.packages.iter().map(|package| package.value.clone()).collect();
        let run = self.packages_run(Tree::Image(ImageRole::Build), Side::Build, &packages);
        let id = self.step(Step {
            id: StepId::new("build-packages"),
            title: format!("[build] install {}", packages.join(" ")),
            because: "build.packages".to_owned(),
            origin: Origin::Written(first.span.clone()),
            action: Action::Run(Box::new(run)),
        });
        self.build_root = Tree::Output(id, ImagePath::root());
    }

    /// Installs OS packages into an image.
    pub(super) fn packages_run(&self, root: Tree, side: Side, packages: &[String]) -> Run {
        let cache = |path: &str, id: &str| Mount {
            dest: image_path(path),
            kind: MountKind::Cache { id: format!("backstage-build/{id}"), sharing: Sharing::Locked },
        };
        let script = image_path(&format!("{TOOLS}/packages.sh"));
        let mut args = vec!["/bin/sh".to_owned(), "-e".to_owned(), script.to_string()];
        args.extend(packages.iter().cloned());
        let mut run = Run {
            root,
            side,
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
            network: Access::Client,
        };
        self.certificates(&mut run);
        run
    }
}

//! How Yarn is run: which one, with which environment, caches and secrets.

use crate::path::{ContextPath, ImagePath};
use crate::repo::is_fact;
use crate::repo::project::SyntheticProject;
use crate::spec::model::CaSource;

use super::ImageRole;
use super::install::RELEASE_MANIFEST;
use super::{
    Access, Action, CopyFiles, Decision, FileAction, Files, Mount, MountKind, Origin, Planner, Run, Sharing, Side,
    Step, StepId, TOOLS, Tree, WORK, Written, WrittenFiles, at_work, env, image_path, rooted,
};

/// Runs Yarn with the secrets that a step was given. Node, because it is in every image that Yarn runs in.
const WRAPPER: &str = include_str!("assets/yarn.mjs");
/// Runs a line of the user's: a CA bundle is known to whatever it starts.
const SHELL: &str = concat!(include_str!("assets/ca.sh"), include_str!("assets/shell.sh"));
/// Installs OS packages, which are its arguments, with whatever package manager an image has.
const PACKAGES: &str = concat!(include_str!("assets/ca.sh"), include_str!("assets/packages.sh"));
/// `yarn` for the user's own commands: always the repository's Yarn, also where an image has another one in its PATH.
const SHIM: &str = "#!/bin/sh\nexec node /opt/backstage-build/yarn.mjs \"$BACKSTAGE_BUILD_YARN\" \"$@\"\n";
/// Where a fetched Yarn is mounted.
const FETCHED: &str = "/opt/yarn";

/// A folder of a project that holds nothing but settings.
const SETTINGS: &str = ".backstage-build";

/// What a step may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It downloads packages: cache, registry secrets.
    Install,
    /// It installs what is in the cache, without secrets: scripts of other people's packages run in it.
    Compile,
    /// It only works on what is installed.
    Build,
}

impl Planner<'_> {
    /// The little programs and files that every step mounts.
    pub(super) fn tools(&mut self) {
        if let Some(file) = self.spec().network.ca_file() {
            self.uses(&file.value);
        }
        let written = [
            ("/yarn/yarn.mjs", Written::text(WRAPPER)),
            ("/yarn/bin/yarn", Written::program(SHIM)),
            ("/shell.sh", Written::text(SHELL)),
            ("/packages.sh", Written::text(PACKAGES)),
        ];
        self.step(Step {
            id: StepId::new("tools"),
            title: "[internal] helpers".to_owned(),
            because: "steps mount them to run Yarn with secrets".to_owned(),
            origin: Origin::of_default("install"),
            action: Action::Files(Files {
                base: Tree::Scratch,
                actions: vec![FileAction::Write(written.map(|(path, file)| (image_path(path), file)).into())],
            }),
        });
    }

    /// Fetches Yarn where the repository does not carry it.
    pub(super) fn yarn_binary(&mut self) {
        if self.yarn_path().is_some() {
            return;
        }
        let version = self.yarn_version();
        let mut run = self.run(Tree::Image(ImageRole::Build), Purpose::Install);
        run.args = vec!["node".to_owned(), format!("{TOOLS}/yarn.mjs"), "npm".to_owned(), "install".to_owned()];
        run.args
            .extend(["--global", "--prefix=/out", "--ignore-scripts", "--no-audit", "--no-fund"].map(str::to_owned));
        run.args.push(format!("@yarnpkg/cli-dist@{version}"));
        run.env.insert("npm_config_cache".to_owned(), "/tmp/npm".to_owned());
        run.mounts.retain(|mount| !matches!(mount.kind, MountKind::Cache { .. }));
        run.mounts.push(Mount { dest: image_path("/out"), kind: MountKind::Output });
        let because =
            format!("Yarn {version} is wanted ({}) and is not in the repository", self.yarn_decision().because);
        self.step(Step {
            id: StepId::new("yarn"),
            title: format!("[yarn] npm install @yarnpkg/cli-dist@{version}"),
            because,
            origin: self.yarn_decision().origin,
            action: Action::Run(Box::new(run)),
        });
    }

    /// Whether Yarn is of a release or later, candidates of that release included.
    fn yarn_since(&self, major: u64, minor: u64) -> bool {
        let version = self.yarn_version();
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (major, minor)
    }

    /// What has an install run no scripts: Yarn 2 says it in other words.
    pub(super) fn skip_build(&self) -> &'static str {
        if self.yarn_since(3, 0) { "--mode=skip-build" } else { "--skip-builds" }
    }

    /// Which Yarn runs, and why.
    pub(super) fn yarn_decision(&self) -> Decision<String> {
        match self.wanted_yarn() {
            Some(written) => Decision {
                value: written.value.clone(),
                because: "it is set".to_owned(),
                origin: Origin::Written(written.span.clone()),
            },
            None => Decision {
                value: self.repo().yarn.version.version.to_string(),
                because: self.repo().yarn.version.because.clone(),
                origin: Origin::of_default("install.yarn: auto"),
            },
        }
    }

    fn wanted_yarn(&self) -> Option<&crate::diagnostic::Spanned<String>> {
        self.inputs.spec.install.yarn.as_ref().filter(|yarn| yarn.value != "auto")
    }

    fn yarn_version(&self) -> String {
        self.yarn_decision().value
    }

    /// The repository's own Yarn, unless the build file names another version.
    fn yarn_path(&self) -> Option<&ContextPath> {
        let setup = &self.repo().yarn;
        let other = self.wanted_yarn().is_some_and(|wanted| wanted.value != setup.version.version.to_string());
        setup.path.as_ref().filter(|_| !other)
    }

    /// Yarn's program as a step sees it.
    fn yarn_program(&self) -> ImagePath {
        match self.yarn_path() {
            Some(path) => at_work(path),
            None => image_path(&format!("{FETCHED}/lib/node_modules/@yarnpkg/cli-dist/bin/yarn.js")),
        }
    }

    /// A run of Yarn in a directory of the work tree.
    pub(super) fn yarn(&self, tree: Tree, dir: &ContextPath, args: &[&str], purpose: Purpose) -> Run {
        let mut run = self.in_tree(self.build_root.clone(), tree, dir, purpose);
        run.args = vec!["node".to_owned(), format!("{TOOLS}/yarn.mjs"), self.yarn_program().as_str().to_owned()];
        run.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        run
    }

    /// A shell line of the user's in a directory of the work tree.
    pub(super) fn shell(&self, root: Tree, tree: Tree, dir: &ContextPath, line: &str, purpose: Purpose) -> Run {
        let mut run = self.in_tree(root, tree, dir, purpose);
        let script = "/opt/backstage-build-shell.sh";
        run.mounts.push(helper("/shell.sh", script));
        run.args = ["/bin/sh", "-e", script, line].map(str::to_owned).into();
        run
    }

    fn in_tree(&self, root: Tree, tree: Tree, dir: &ContextPath, purpose: Purpose) -> Run {
        let mut run = self.run(root, purpose);
        run.cwd = at_work(dir);
        run.mounts.push(Mount { dest: image_path(WORK), kind: MountKind::Work(tree) });
        if self.yarn_path().is_none() {
            let tree = Tree::Output(StepId::new("yarn"), image_path("/out"));
            run.mounts.push(Mount::read(FETCHED, tree));
        }
        run
    }

    /// A run with everything but its work and its arguments.
    fn run(&self, root: Tree, purpose: Purpose) -> Run {
        let yarn = self.yarn_program();
        let setup = &self.repo().yarn;
        let mut run = Run {
            root,
            side: Side::Build,
            mounts: vec![helper("/yarn", TOOLS), Mount { dest: image_path("/tmp"), kind: MountKind::Tmpfs }],
            args: Vec::new(),
            env: env(&[
                ("BACKSTAGE_BUILD_YARN", yarn.as_str()),
                ("HOME", "/tmp/home"),
                // Node trusts what its base image trusts (Node 22.19 and 24.6 on).
                ("NODE_USE_SYSTEM_CA", "1"),
                ("YARN_ENABLE_INLINE_BUILDS", "1"),
                ("YARN_ENABLE_TELEMETRY", "0"),
                ("YARN_HTTP_TIMEOUT", "600000"),
            ]),
            path: Some(image_path("/opt/backstage-build/bin")),
            cwd: ImagePath::root(),
            network: Access::Client,
        };
        if self.yarn_since(4, 0) {
            // It re-checks every resolution on public pull requests; older Yarns refuse settings that they do not know.
            run.env.insert("YARN_ENABLE_HARDENED_MODE".to_owned(), "0".to_owned());
        }
        if self.yarn_path().is_none() {
            // A yarnPath would hand over to the repository's own.
            run.env.insert("YARN_IGNORE_PATH".to_owned(), "1".to_owned());
        }
        if !setup.variables.is_empty() {
            run.env.insert("BACKSTAGE_BUILD_VARIABLES".to_owned(), setup.variables.join(" "));
        }
        if let Some(registry) = &self.spec().install.registry {
            run.env.insert("YARN_NPM_REGISTRY_SERVER".to_owned(), registry.value.clone());
            run.env.insert("npm_config_registry".to_owned(), registry.value.clone());
        } else if let Some(registry) = &setup.registry {
            // Yarn reads it from .yarnrc.yml; npm, which fetches Yarn, does not.
            run.env.insert("npm_config_registry".to_owned(), registry.clone());
        }
        self.certificates(&mut run);
        if purpose != Purpose::Build {
            self.downloads(&mut run);
        }
        if purpose == Purpose::Install {
            self.credentials(&mut run);
        }
        run
    }

    /// The CA bundle: the secret `ca` where it is given, and what `network.ca` names.
    pub(super) fn certificates(&self, run: &mut Run) {
        let id = match self.spec().network.ca.as_ref().map(|ca| &ca.value) {
            Some(CaSource::File(path)) => {
                let kind = MountKind::Read { tree: Tree::Context, src: rooted(path), by_definition: false };
                run.mounts.push(Mount { dest: image_path("/run/backstage-build/ca.pem"), kind });
                run.env.insert("BACKSTAGE_BUILD_CA".to_owned(), "/run/backstage-build/ca.pem".to_owned());
                "ca"
            }
            Some(CaSource::Secret(id)) => id,
            None => "ca",
        };
        let dest = image_path("/run/secrets/ca");
        run.mounts.push(Mount { dest, kind: MountKind::Secret { id: id.to_owned() } });
    }

    /// Yarn's cache.
    fn downloads(&self, run: &mut Run) {
        run.env.insert("YARN_GLOBAL_FOLDER".to_owned(), "/cache/yarn".to_owned());
        let id = "backstage-build/yarn".to_owned();
        // Yarn 4 writes archives under a temporary name and renames them: concurrent installs may share the cache.
        let sharing = if self.yarn_since(4, 0) { Sharing::Shared } else { Sharing::Locked };
        run.mounts.push(Mount { dest: image_path("/cache/yarn"), kind: MountKind::Cache { id, sharing } });
        // One cache for every app on the builder, whatever .yarnrc.yml says of where archives are kept.
        run.env.insert("YARN_ENABLE_GLOBAL_CACHE".to_owned(), "1".to_owned());
    }

    /// The registry's secrets, where they are given.
    fn credentials(&self, run: &mut Run) {
        let mut ids: Vec<String> = ["npm_token", "npmrc", "yarnrc"].map(str::to_owned).into();
        ids.extend(self.spec().install.secrets.iter().map(|secret| secret.value.clone()));
        for name in &self.repo().yarn.variables {
            ids.extend([name.clone(), name.to_lowercase()]);
        }
        ids.sort();
        ids.dedup();
        for id in ids.into_iter().filter(|id| id != "ca") {
            if let Ok(dest) = image_path("/run/secrets").join(&id) {
                run.mounts.push(Mount { dest, kind: MountKind::Secret { id } });
            }
        }
    }

    /// Yarn's settings for a project, in the folder above it: Yarn merges the files of all parents. The repository's
    /// own `.yarnrc.yml` is only ever copied, since it may hold credentials and written files are public.
    fn settings(&self, cpu: Option<&str>) -> (ImagePath, Written) {
        let mut text = "enableTelemetry: false\n".to_owned();
        let mut path = image_path("/.yarnrc.yml");
        // Before 3.1 Yarn installs what is for any platform, and takes no setting that it does not know.
        if let Some(cpu) = cpu.filter(|_| self.yarn_since(3, 1)) {
            text.push_str("supportedArchitectures:\n");
            if self.repo().yarn.architectures {
                path = super::in_repo(&self.install_dir()).join(".yarnrc.yml").unwrap_or(path);
                // Yarn 4 adds lists to each other unless it is told otherwise; Yarn 3 takes the nearest and knows no such key.
                text.push_str(if self.yarn_since(4, 0) { "  onConflict: reset\n" } else { "" });
            }
            let libc = if self.yarn_since(3, 2) { "  libc: [glibc]\n" } else { "" };
            text.push_str(&format!("  os: [linux]\n  cpu: [current, {cpu}]\n{libc}"));
        }
        (path, Written::text(text))
    }

    /// Where an install for the image's platform is started: in a folder below the project where the repository's own
    /// settings would widen the platform. What lies nearest to where Yarn is started wins.
    pub(super) fn install_dir(&self) -> ContextPath {
        let own = self.repo().yarn.architectures;
        ContextPath::new(SETTINGS).ok().filter(|_| own).unwrap_or_default()
    }

    /// Copies of what an install reads besides the files that are written: lockfile, Yarn's own, patches, local packages.
    fn project_inputs(&mut self, project: &SyntheticProject) -> Vec<FileAction> {
        let mut actions = Vec::with_capacity(project.inputs.len());
        // A `link:` to a workspace needs only its name to be there, and its manifest is written.
        let is_workspace = |path: &ContextPath| self.repo().workspaces.iter().any(|manifest| manifest.dir == *path);
        let paths: Vec<&ContextPath> = project.inputs.iter().filter(|path| !is_workspace(path)).collect();
        for path in paths {
            if is_fact(path) {
                actions.push(FileAction::Copy(CopyFiles::new(Tree::Facts, rooted(path), super::in_repo(path))));
            } else {
                actions.push(self.copy_source(path, &["**/node_modules"]));
            }
        }
        actions
    }

    /// What an install of a synthetic project works on, for a CPU or for the builder's own.
    pub(super) fn project_files(&mut self, project: &SyntheticProject, cpu: Option<&str>) -> Files {
        let files = project.files.iter().map(|(path, text)| (super::in_repo(path), Written::text(text.as_str())));
        let mut written: WrittenFiles = files.collect();
        written.extend([self.settings(cpu)]);
        let manifest = project.backstage_manifest.as_deref();
        written.extend(manifest.map(|text| (image_path(RELEASE_MANIFEST), Written::text(text))));
        let mut actions = vec![FileAction::Write(written)];
        actions.extend(self.project_inputs(project));
        Files { base: Tree::Scratch, actions }
    }
}

/// One of the helpers, and no other: what a step does not use may change without it.
pub(super) fn helper(src: &str, dest: &str) -> Mount {
    let tree = Tree::Step(StepId::new("tools"));
    Mount { dest: image_path(dest), kind: MountKind::Read { tree, src: image_path(src), by_definition: false } }
}

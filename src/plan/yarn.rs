//! How Yarn is run: which one, with which environment, caches and secrets.

use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_llb::Platform;
use serde_json::Value;

use crate::repo::is_fact;
use crate::repo::project::SyntheticProject;
use crate::spec::model::CaSource;

use super::architecture::cpu;
use super::{
    Action, CopyFiles, Decision, FileAction, Files, GeneratedFile, GeneratedFiles, ImageName, Mount, MountKind,
    NetworkAccess, Origin, Planner, Run, RunsOn, Sharing, Step, StepId, TOOLS, Tree, WORK, at_work, env, image_path,
    rooted,
};

/// Runs Yarn with the secrets that a step was given. Node, because it is in every image that Yarn runs in. `yarn.mjs` is
/// what is started; the others are parts of it.
const WRAPPER: [(&str, &str); 6] = [
    ("/yarn/yarn.mjs", include_str!("assets/yarn.mjs")),
    ("/yarn/cache.mjs", include_str!("assets/cache.mjs")),
    ("/yarn/filter.mjs", include_str!("assets/filter.mjs")),
    ("/yarn/proxy.mjs", include_str!("assets/proxy.mjs")),
    ("/yarn/registries.mjs", include_str!("assets/registries.mjs")),
    ("/yarn/release.mjs", include_str!("assets/release.mjs")),
];
/// Runs a line of the user's: a CA bundle is known to whatever it starts.
const SHELL: &str = concat!(include_str!("assets/ca.sh"), include_str!("assets/shell.sh"));
/// Installs OS packages, which are its arguments, with whatever package manager an image has.
const PACKAGES: &str = concat!(include_str!("assets/ca.sh"), include_str!("assets/packages.sh"));
/// Stands in for loading binaries of another machine.
const FOREIGN: &str = include_str!("assets/foreign.cjs");
/// `yarn` for the user's own commands: always the repository's Yarn, also where an image has another one in its PATH.
const SHIM: &str = "#!/bin/sh\nexec node /opt/backstage-build/yarn.mjs \"$BACKSTAGE_BUILD_YARN\" \"$@\"\n";
/// Where a fetched Yarn is mounted.
const FETCHED: &str = "/opt/yarn";
/// Where npm leaves it below its prefix.
const FETCHED_PROGRAM: &str = "/lib/node_modules/@yarnpkg/cli-dist/bin/yarn.js";

/// A cache of a step's own. It lies in the step's root, which nobody sees afterwards.
const OWN_CACHE: &str = "/var/tmp/backstage-build/cache";
/// The same for what a later step needs: beside the repository, in the tree that is handed on.
pub(super) const HANDED_ON_CACHE: &str = "/build/cache";

/// Hashes that Corepack takes, and how many digits they have.
const HASHES: [(&str, usize); 5] = [("sha1", 40), ("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// Where the manifest of the Backstage release lies in a project that is installed.
const RELEASE_MANIFEST: &str = "/backstage-manifest.json";
/// The repository's settings of Yarn.
const YARN_SETTINGS: &str = ".yarnrc.yml";
/// A folder of a project that holds nothing but settings.
const SETTINGS: &str = ".backstage-build";

/// What a step may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It downloads packages: the shared cache, registry secrets. No package's scripts run in it.
    Install,
    /// It only works on what is installed. Scripts of other people's packages may run in it: no secrets, and no cache that
    /// another build reads.
    Build,
}

impl Planner<'_> {
    /// The little programs and files that every step mounts.
    pub(super) fn tools(&mut self) {
        if let Some(file) = self.spec().network.ca_file() {
            self.uses(&file.value);
        }
        let mut written = vec![
            ("/yarn/bin/yarn", GeneratedFile::program(SHIM)),
            ("/shell.sh", GeneratedFile::text(SHELL)),
            ("/packages.sh", GeneratedFile::text(PACKAGES)),
            ("/foreign.cjs", GeneratedFile::text(FOREIGN)),
        ];
        written.extend(WRAPPER.map(|(path, text)| (path, GeneratedFile::text(text))));
        self.step(Step {
            id: StepId::new("tools"),
            group: "internal".to_owned(),
            title: "helpers".to_owned(),
            because: "steps mount them to run Yarn with secrets".to_owned(),
            origin: Origin::of_default("install"),
            action: Action::Files(Files {
                base: Tree::Scratch,
                actions: vec![FileAction::Write(
                    written.into_iter().map(|(path, file)| (image_path(path), file)).collect(),
                )],
            }),
        });
    }

    /// Fetches Yarn where the repository does not carry it.
    pub(super) fn yarn_binary(&mut self) -> Result<(), Diagnostics> {
        if self.yarn_path().is_some() {
            return Ok(());
        }
        let version = self.yarn_version();
        let mut run = self.run(Tree::Image(ImageName::BUILD, RunsOn::Build), Purpose::Install);
        run.args = vec!["node".to_owned(), format!("{TOOLS}/yarn.mjs"), "npm".to_owned(), "install".to_owned()];
        run.args
            .extend(["--global", "--prefix=/out", "--ignore-scripts", "--no-audit", "--no-fund"].map(str::to_owned));
        run.args.push(format!("@yarnpkg/cli-dist@{version}"));
        run.env.insert("npm_config_cache".to_owned(), "/tmp/npm".to_owned());
        run.mounts.push(Mount { dest: image_path("/out"), kind: MountKind::Output });
        let names_one = |rc: &Arc<SourceFile>| rc.text.contains("npmRegistryServer");
        if self.repo().yarn.rc.as_ref().is_some_and(names_one) && self.repo().yarn.registry.is_none() {
            // Its registry may have a login in its address, which no graph may show: npm is told where the file is.
            run.mounts.extend(self.yarn_settings());
        }
        if let Some(hash) = self.yarn_hash(&version)? {
            run.env.insert("BACKSTAGE_BUILD_YARN".to_owned(), format!("/out{FETCHED_PROGRAM}"));
            run.env.insert("BACKSTAGE_BUILD_YARN_HASH".to_owned(), hash);
        }
        let because =
            format!("Yarn {version} is wanted ({}) and is not in the repository", self.yarn_decision().because);
        self.step(Step {
            id: StepId::new("yarn"),
            group: "yarn".to_owned(),
            title: format!("npm install @yarnpkg/cli-dist@{version}"),
            because,
            origin: self.yarn_decision().origin,
            action: Action::Run(run),
        });
        Ok(())
    }

    /// `sha512.HEX`, where `packageManager` declares a hash of the Yarn that is fetched. As in Corepack it is of Yarn's one
    /// file, `bin/yarn.js`. A release that the repository carries is the repository's own text, like its sources:
    /// Corepack starts it unchecked as well.
    fn yarn_hash(&self, version: &str) -> Result<Option<String>, Diagnostics> {
        let root = &self.repo().root;
        let named = root.json.get("packageManager").and_then(Value::as_str).and_then(|text| text.strip_prefix("yarn@"));
        let Some((named, hash)) = named.and_then(|named| named.split_once('+')) else { return Ok(None) };
        let (algorithm, digits) = hash.split_once('.').unwrap_or((hash, ""));
        let length = HASHES.iter().find(|(name, _)| *name == algorithm).map(|(_, length)| *length);
        if length != Some(digits.len()) || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            let known: Vec<&str> = HASHES.iter().map(|(name, _)| *name).collect();
            return Err(Diagnostic::error(
                "plan/yarn-hash",
                "the hash of `packageManager` is none that Corepack writes",
            )
            .help(format!(
                "write it as `yarn@{named}+sha512.` and the hash in lower-case hex (known are {}), or leave it out",
                known.join(", ")
            ))
            .at(root.place(&["packageManager"]))
            .into());
        }
        Ok((named == version).then(|| hash.to_owned()))
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
                origin: Origin::Explicit(written.span.clone()),
            },
            None => Decision {
                value: self.repo().yarn.version.version.to_string(),
                because: self.repo().yarn.version.because.clone(),
                origin: Origin::of_default("install.yarn: auto"),
            },
        }
    }

    fn wanted_yarn(&self) -> Option<&buildkit_frontend::diagnostic::Spanned<String>> {
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
            None => image_path(&format!("{FETCHED}{FETCHED_PROGRAM}")),
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
        run.mounts.extend(self.yarn_settings());
        if purpose == Purpose::Install {
            Self::downloads(&mut run);
        }
        if self.yarn_path().is_none() {
            let tree = Tree::Output(StepId::new("yarn"), image_path("/out"));
            run.mounts.push(Mount::read(FETCHED, tree));
        }
        run
    }

    /// The repository's `.yarnrc.yml`, in its place. It may hold logins, and a tree that has it would carry them into an
    /// exported cache: so no tree has it, and each run that may start Yarn sees it.
    fn yarn_settings(&self) -> Option<Mount> {
        self.repo().yarn.rc.as_ref()?;
        let file = ContextPath::new(YARN_SETTINGS).ok()?;
        let kind = MountKind::Read { tree: Tree::Facts, src: rooted(&file), skip_content_hash: false };
        Some(Mount { dest: at_work(&file), kind })
    }

    /// A run with everything but its work and its arguments.
    fn run(&self, root: Tree, purpose: Purpose) -> Run {
        let yarn = self.yarn_program();
        let setup = &self.repo().yarn;
        let mut run = Run {
            root,
            runs_on: RunsOn::Build,
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
            network: NetworkAccess::Client,
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
        if purpose == Purpose::Install {
            self.credentials(&mut run);
        }
        run
    }

    /// The CA bundle: the secret `ca` where it is given, and what `network.ca` names.
    pub(super) fn certificates(&self, run: &mut Run) {
        let id = match self.spec().network.ca.as_ref().map(|ca| &ca.value) {
            Some(CaSource::File(path)) => {
                let kind = MountKind::Read { tree: Tree::Context, src: rooted(path), skip_content_hash: false };
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

    /// The cache that all builds of a builder share, and one of this step's own, which is all that Yarn sees: others write
    /// the first, so archives are copied between the two under the checksums of yarn.lock (`cache.mjs`). Everything else that
    /// Yarn keeps between runs, such as what registries said of versions, has no checksum and is not shared.
    fn downloads(run: &mut Run) {
        let id = "backstage-build/yarn".to_owned();
        // Archives get their names when they are complete: any number of steps may use it at once.
        run.mounts
            .push(Mount { dest: image_path("/cache/yarn"), kind: MountKind::Cache { id, sharing: Sharing::Shared } });
        run.env.extend(env(&[
            ("BACKSTAGE_BUILD_CACHE", "shared"),
            ("YARN_GLOBAL_FOLDER", "/var/tmp/backstage-build/yarn"),
        ]));
        Self::own_cache(run, OWN_CACHE);
    }

    /// Where Yarn has its archives, whatever .yarnrc.yml says.
    pub(super) fn own_cache(run: &mut Run, folder: &str) {
        run.env.extend(env(&[
            ("YARN_CACHE_FOLDER", folder),
            ("YARN_ENABLE_GLOBAL_CACHE", "0"),
            ("YARN_ENABLE_MIRROR", "0"),
        ]));
    }

    /// The registry's secrets, where they are given, and which registries there are.
    fn credentials(&self, run: &mut Run) {
        if let Some(registries) = self.repo().yarn.registries.text() {
            run.env.insert("BACKSTAGE_BUILD_REGISTRIES".to_owned(), registries);
        }
        let mut ids: Vec<String> = ["npm_token", "npmrc", "yarnrc"].map(str::to_owned).into();
        ids.extend(self.spec().install.secrets.iter().map(|secret| secret.value.clone()));
        for name in &self.repo().yarn.variables {
            ids.extend([name.clone(), name.to_lowercase()]);
        }
        ids.sort();
        ids.dedup();
        // Those that the build file names are meant to be there; where one is mounted is what it is looked for by.
        let mut named: Vec<String> = self.spec().install.secrets.iter().map(|secret| secret.value.clone()).collect();
        if let Some(CaSource::Secret(id)) = self.spec().network.ca.as_ref().map(|ca| &ca.value) {
            named.push(format!("ca={id}"));
        }
        if !named.is_empty() {
            run.env.insert("BACKSTAGE_BUILD_SECRETS".to_owned(), named.join(" "));
        }
        for id in ids.into_iter().filter(|id| id != "ca") {
            if let Ok(dest) = image_path("/run/secrets").join(&id) {
                run.mounts.push(Mount { dest, kind: MountKind::Secret { id } });
            }
        }
    }

    /// Yarn's settings for a project, in the folder above it: Yarn merges the files of all parents. The repository's
    /// own `.yarnrc.yml` is only ever mounted.
    fn settings(&self, cpus: &[&str]) -> (ImagePath, GeneratedFile) {
        let mut text = "enableTelemetry: false\n".to_owned();
        let mut path = image_path("/.yarnrc.yml");
        // Before 3.1 Yarn installs what is for any platform, and takes no setting that it does not know.
        if self.yarn_since(3, 1) {
            text.push_str("supportedArchitectures:\n");
            if self.repo().yarn.architectures {
                path = super::in_repo(&self.install_dir()).join(".yarnrc.yml").unwrap_or(path);
                // Yarn 4 adds lists to each other unless it is told otherwise; Yarn 3 takes the nearest and knows no such key.
                text.push_str(if self.yarn_since(4, 0) { "  onConflict: reset\n" } else { "" });
            }
            let libc = if self.yarn_since(3, 2) { "  libc: [glibc]\n" } else { "" };
            let cpus = [&["current"], cpus].concat().join(", ");
            text.push_str(&format!("  os: [linux]\n  cpu: [{cpus}]\n{libc}"));
        }
        (path, GeneratedFile::text(text))
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
        let repo = self.repo();
        let is_workspace = |path: &ContextPath| repo.workspaces.iter().any(|manifest| manifest.dir == *path);
        let mounted = |path: &ContextPath| path.as_str() == YARN_SETTINGS;
        for path in project.inputs.iter().filter(|path| !is_workspace(path) && !mounted(path)) {
            if is_fact(path) {
                actions.push(FileAction::Copy(CopyFiles::new(Tree::Facts, rooted(path), super::in_repo(path))));
            } else {
                actions.push(self.copy_source(path, &["**/node_modules"]));
            }
        }
        actions
    }

    /// Tells Backstage's Yarn plugin where the manifest is that the `backstage:^` protocol would ask the network for: it is
    /// written from the lockfile.
    pub(super) fn with_release_manifest(mut run: Run, project: &SyntheticProject) -> Run {
        if project.backstage_manifest.is_some() {
            run.env.insert("BACKSTAGE_MANIFEST_FILE".to_owned(), format!("{WORK}{RELEASE_MANIFEST}"));
        }
        run
    }

    /// CPUs of images for which the lockfile has packages that the image needs, in Node's words and without the builder's own,
    /// for which every install is. Where there are none, as in most apps, one install is for any set of platforms.
    pub(super) fn foreign_cpus(&self) -> Vec<&'static str> {
        let conditions = self.production().conditions();
        // Formats before 6 say nothing of platforms.
        let is_silent = self.repo().lock.version < 6;
        let names = |text: &str, cpu: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '=').any(|word| word == format!("cpu={cpu}"))
        };
        let needed = |cpu: &&str| is_silent || conditions.iter().any(|text| names(text, cpu));
        self.cpus(self.inputs.platforms).into_iter().filter(needed).collect()
    }

    /// CPUs of platforms, in Node's words, each once, without the builder's own.
    pub(super) fn cpus(&self, platforms: &[Platform]) -> Vec<&'static str> {
        let own = cpu(self.inputs.build);
        let mut cpus: Vec<_> = platforms.iter().filter_map(cpu).filter(|cpu| Some(*cpu) != own).collect();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }

    /// What an install of a synthetic project works on, for the builder's own CPU and others.
    pub(super) fn project_files(&mut self, project: &SyntheticProject, cpus: &[&str]) -> Files {
        let files = project.files.iter().map(|(path, text)| (super::in_repo(path), GeneratedFile::text(text.as_str())));
        let mut written: GeneratedFiles = files.collect();
        written.extend([self.settings(cpus)]);
        let manifest = project.backstage_manifest.as_deref();
        written.extend(manifest.map(|text| (image_path(RELEASE_MANIFEST), GeneratedFile::text(text))));
        let mut actions = vec![FileAction::Write(written)];
        actions.extend(self.project_inputs(project));
        Files { base: Tree::Scratch, actions }
    }
}

/// One of the helpers, and no other: what a step does not use may change without it.
pub(super) fn helper(src: &str, dest: &str) -> Mount {
    let tree = Tree::Step(StepId::new("tools"));
    Mount { dest: image_path(dest), kind: MountKind::Read { tree, src: image_path(src), skip_content_hash: false } }
}

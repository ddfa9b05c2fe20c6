//! Packages with native code, each a vertex of its own: the longest step of a build runs once, beside everything else,
//! and again only when its own version, Node or the platform changes.

use std::collections::BTreeMap;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Spanned};
use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_llb::Platform;

use crate::prune::NATIVES_COMMAND;
use crate::repo::config::at;
use crate::repo::database::{Driver, Use, database_use, driver};
use crate::repo::{Native, is_name, native_project};
use crate::spec::model::NativeMode;

use super::architecture::{Architecture, architecture, cpu};
use super::program::own;
use super::runtime::Layers;
use super::yarn::{HANDED_ON_CACHE, Purpose, helper};
use super::{
    APP, Action, ImageName, LeftOut, Mount, MountKind, Origin, Planner, RunsOn, Step, StepId, Tree, WORK, env,
    image_path,
};

/// Native modules of the production closure.
pub(super) struct Natives {
    /// Those that are built, how, and who says so.
    wanted: Vec<(Native, NativeMode, Origin)>,
    /// Those that are not built, because others can do without them or since that is said.
    pub unbuilt: Vec<Native>,
}

/// A native module built for a platform.
pub(super) struct Built {
    /// The package's name.
    name: String,
    /// Its version.
    version: String,
    /// Whether the backend cannot do without it.
    required: bool,
    /// Who says that it is built.
    origin: Origin,
    /// The work tree of its little project.
    tree: Tree,
}

/// Where machine code for a platform comes from.
#[derive(Clone, Copy)]
enum Toolset {
    /// Made as on any machine: the platform is the builder's own.
    Native,
    /// Made on the builder's own platform by a compiler for another, or fetched there.
    Cross(&'static Architecture),
    /// Made on the platform itself, which the builder has or emulates: no cross compiler is known for it.
    OnTarget,
}

/// What is to become of a native module.
enum Verdict {
    /// It is built, for this reason.
    Build(NativeMode, Origin, String),
    /// The image has no use for it, for this reason.
    LeaveOut(String),
    /// It is not built: that is said, or its dependents can do without it.
    Skip,
}

/// Whether the config needs a driver.
enum Need {
    /// It does.
    Yes(String),
    /// It may.
    Perhaps(String),
    /// It does not.
    No(String),
}

/// Native modules of one backend: each is a walk through the lockfile and a vertex.
const MAX_NATIVES: usize = 64;

/// Bytes of all their little projects: where the frontend plans by itself they stand in the graph, which is one message.
const MAX_WRITTEN: usize = 8 << 20;

/// Where the image lies to which the natives are added.
const OUT: &str = "/out";

/// Where the stand-in for loading binaries is mounted.
const FOREIGN: &str = "/opt/backstage-build-foreign.cjs";

/// What compiling needs beside a compiler; `node-gyp` itself comes with the package.
const TOOLS: [&str; 2] = ["make", "python3"];

impl Planner<'_> {
    /// Which native modules of the production closure the image needs.
    pub(super) fn natives(&mut self) -> Result<Natives, Diagnostics> {
        let mut found = self.production().natives();
        // Names become paths in the image, and both become ids of steps, in which a blank separates.
        found.retain(|native| is_name(&native.name) && !native.version.contains(char::is_whitespace));
        self.unknown_natives(&found);
        let (mut wanted, mut unbuilt): (Vec<(Native, NativeMode, Origin)>, _) = (Vec::new(), Vec::new());
        for native in found {
            match self.verdict(&native) {
                Verdict::Build(mode, origin, because) => wanted.push((Native { because, ..native }, mode, origin)),
                Verdict::LeaveOut(because) => {
                    let Native { name, version, .. } = native;
                    self.left_out.push(LeftOut { name, version, because });
                }
                Verdict::Skip => unbuilt.push(native),
            }
        }
        if wanted.len() > MAX_NATIVES {
            return Err(Diagnostic::error("plan/natives", format!("the backend has {} native modules", wanted.len()))
                .help(format!(
                    "more than {MAX_NATIVES} cannot be right: leave them out with `install: {{natives: skip}}`"
                ))
                .at(self.spec().default_span())
                .into());
        }
        let same = |a: &Native, b: &Native| a.name == b.name && a.version == b.version;
        let mut pairs = wanted.iter().zip(wanted.iter().skip(1));
        if let Some(((twice, ..), _)) = pairs.find(|((one, ..), (other, ..))| same(one, other)) {
            let message =
                format!("the backend needs {} {} twice, patched in different ways", twice.name, twice.version);
            let help =
                format!("let one patch do, or leave it out: `install: {{natives: {{\"{}\": skip}}}}`", twice.name);
            return Err(Diagnostic::error("plan/native-twice", message)
                .help(help)
                .at(self.spec().default_span())
                .into());
        }
        Ok(Natives { wanted, unbuilt })
    }

    /// One step for each of them.
    pub(super) fn built_natives(&mut self, natives: &Natives, platform: &Platform) -> Result<Vec<Built>, Diagnostics> {
        let mut built = Vec::with_capacity(natives.wanted.len());
        let mut written = 0_usize;
        for (native, mode, origin) in &natives.wanted {
            let tree = self.native(native, *mode, origin, platform, &mut written)?;
            let Native { name, version, required, .. } = native.clone();
            built.push(Built { name, version, required, origin: origin.clone(), tree });
        }
        Ok(built)
    }

    /// The image with what natives built in their packages, wherever the install has these.
    pub(super) fn placed(&mut self, layers: &mut Layers, built: &[Built], platform: &Platform) {
        let Some(origin) = built.first().map(|native| native.origin.clone()) else { return };
        let mut mounts = vec![Mount { dest: image_path(OUT), kind: MountKind::Work(layers.tree.clone()) }];
        let mut args =
            vec![NATIVES_COMMAND.to_owned(), format!("{OUT}{APP}"), cpu(platform).unwrap_or_default().to_owned()];
        for (at, native) in built.iter().enumerate() {
            let folder = format!("/built/{at}");
            mounts.push(Mount::read_whole(&folder, &native.tree));
            let package = format!("{folder}/repo/node_modules/{}", native.name);
            let required = if native.required { "required" } else { "optional" };
            args.extend([native.name.clone(), native.version.clone(), package, required.to_owned()]);
        }
        let id = self.step(Step {
            id: StepId::new("natives").on(platform),
            group: "natives".to_owned(),
            title: "into their packages".to_owned(),
            because: "two versions, hoisting limits and aliases have their own places".to_owned(),
            origin,
            action: Action::Run(own(args, mounts)),
        });
        layers.add("native modules", Tree::Output(id, image_path(OUT)));
    }

    /// The rule for a package, and where it was said.
    fn mode(&self, native: &Native) -> (NativeMode, Origin) {
        let install = &self.spec().install;
        let rule: Option<&Spanned<NativeMode>> =
            install.natives_by_package.get(&native.name).or(install.natives.as_ref());
        match rule {
            Some(rule) => (rule.value, Origin::Explicit(rule.span.clone())),
            None => (NativeMode::Auto, AUTO),
        }
    }

    /// What becomes of one. What the build file says holds; otherwise what the image cannot do without is built. The driver of
    /// a database follows the config, since nothing asks for it but the client: one that is used is built also where it is
    /// an optional dependency, one that is not goes, also where it is to be skipped.
    fn verdict(&self, native: &Native) -> Verdict {
        let (mode, origin) = self.mode(native);
        let is_said = origin != AUTO;
        let need = driver(&native.name).map(|driver| self.need(driver));
        let because = match need {
            Some(Need::No(why)) if mode == NativeMode::Skip || !is_said => return Verdict::LeaveOut(why),
            _ if mode == NativeMode::Skip => return Verdict::Skip,
            _ if is_said => native.because.clone(),
            Some(Need::Perhaps(_)) | None if !native.required => return Verdict::Skip,
            None => native.because.clone(),
            Some(Need::Yes(why) | Need::Perhaps(why) | Need::No(why)) => format!("{}; {why}", native.because),
        };
        Verdict::Build(mode, origin, because)
    }

    /// Whether the backend needs the driver of a database, by the config with which the image starts it.
    fn need(&self, driver: &Driver) -> Need {
        let client = driver.client;
        let runtime = &self.spec().runtime;
        let variables: BTreeMap<_, _> =
            runtime.env.iter().map(|(name, value)| (name.as_str(), value.value.as_str())).collect();
        let config = database_use(client, self.merged_config(), &variables);
        if let Use::Said(key) = config {
            return Need::Yes(format!("{key} is {client}"));
        }
        if let Some(first) = self.production().other_users(driver, &self.backend.value.name).first() {
            return Need::Perhaps(format!("{first} asks for it"));
        }
        let entrypoint = runtime.entrypoint.iter().flat_map(|entrypoint| &entrypoint.value);
        let words = runtime.args.iter().map(|arg| &arg.value).chain(entrypoint);
        // `--config=x` too: what that holds is not looked into.
        if words.into_iter().any(|word| word.starts_with("--config")) {
            return Need::Perhaps("`--config` in `runtime` may say that a database client needs it".to_owned());
        }
        if let Some(place) = self.covered_config() {
            return Need::Perhaps(format!("`files` puts something in the place of {place}"));
        }
        match config {
            Use::Said(key) | Use::Unknown(key) => {
                Need::Perhaps(format!("{key} is not certain before the container starts"))
            }
            Use::NotSaid => Need::Perhaps("no config has backend.database".to_owned()),
            Use::Unused { client: other, by_variable } => {
                let by = if by_variable {
                    " in runtime.env".to_owned()
                } else {
                    self.says_client().map(|file| format!(" in {file}")).unwrap_or_default()
                };
                Need::No(format!("no database client is {client}: backend.database.client is {other}{by}"))
            }
        }
    }

    /// The place of a config file over which `files` puts something else: then what the file in the repository says need
    /// not hold.
    fn covered_config(&self) -> Option<ImagePath> {
        let app = image_path(APP);
        let files = self.spec().files.iter();
        let covers: Vec<ImagePath> =
            files.map(|file| file.to.clone().unwrap_or_else(|| app.join_context(&file.from))).collect();
        let mut places = self.runtime_configs().into_iter().map(|config| app.join_context(&config.to));
        places.find(|place| covers.iter().any(|dest| place.is_in(dest)))
    }

    /// The config file whose `backend.database.client` holds.
    fn says_client(&self) -> Option<ContextPath> {
        let says = |path: &ContextPath| {
            let config = self.repo().configs.get(path);
            config.is_some_and(|config| at(&config.value, &["backend", "database", "client"]).is_some())
        };
        self.runtime_configs().into_iter().map(|config| config.from).rfind(says)
    }

    /// Rules for packages that are no natives of this repository: a typing mistake, most likely.
    fn unknown_natives(&mut self, found: &[Native]) {
        let known: Vec<_> = found.iter().map(|native| native.name.as_str()).collect();
        for (name, rule) in &self.spec().install.natives_by_package {
            if !known.contains(&name.as_str()) {
                let help = match known.as_slice() {
                    [] => "it has none".to_owned(),
                    known => format!("its native modules are: {}", known.join(", ")),
                };
                self.warnings.push(
                    Diagnostic::warning(
                        "plan/no-native",
                        format!("`{name}` is no native module of the production closure"),
                    )
                    .help(help)
                    .at(rule.span.clone()),
                );
            }
        }
    }

    /// The steps of one. `written` counts the bytes of all their little projects.
    fn native(
        &mut self,
        native: &Native,
        mode: NativeMode,
        origin: &Origin,
        platform: &Platform,
        written: &mut usize,
    ) -> Result<Tree, Diagnostics> {
        let name = format!("{}@{}", native.name, native.version);
        let group = format!("native {name}");
        let toolset = self.toolset(mode, platform);
        let runs_on = match toolset {
            Toolset::Native | Toolset::Cross(_) => RunsOn::Build,
            Toolset::OnTarget => RunsOn::Target(platform.clone()),
        };
        let Some(project) = native_project(self.repo(), native) else {
            return Err(Diagnostic::error("plan/native-alone", format!("{} {} cannot be built apart from the project", native.name, native.version))
                .help(format!("its patch lies beside a workspace; move it to .yarn/patches, or leave it out: `install: {{natives: {{\"{}\": skip}}}}`", native.name))
                .at(origin.span(self.spec().default_span()))
                .into());
        };
        *written = written.saturating_add(project.files.values().map(String::len).sum());
        if *written > MAX_WRITTEN {
            return Err(Diagnostic::error("plan/natives", "the lockfiles of the native modules are too large")
                .help("a graph holds no more than 8 MiB of them: leave some out with `install: {natives: skip}`")
                .at(self.spec().default_span())
                .into());
        }
        let files = self.project_files(&project, &self.cpus(std::slice::from_ref(platform)));
        let files = self.step(Step {
            id: StepId::named("native-files", name.as_str()).on(platform),
            group: group.clone(),
            title: "manifest and lockfile".to_owned(),
            because: "that package alone: another dependency's bump builds nothing here".to_owned(),
            origin: origin.clone(),
            action: Action::Files(files),
        });
        // Packages are fetched with the registry's secrets and compiled without: scripts of other people's run then.
        let args = ["install", "--immutable", self.skip_build()];
        let mut fetch = self.yarn(Tree::Step(files), &self.install_dir(), &args, Purpose::Install);
        // Where they are compiled, scripts of other people's packages run: that step has a copy of these archives and no
        // cache that another build reads.
        Self::own_cache(&mut fetch, HANDED_ON_CACHE);
        fetch.root = Tree::Image(ImageName::BUILD, RunsOn::Build);
        let fetched = self.step(Step {
            id: StepId::named("native-packages", name.as_str()).on(platform),
            group: group.clone(),
            title: format!("yarn {}", args.join(" ")),
            because: "the package and what its build needs, at the locked versions".to_owned(),
            origin: origin.clone(),
            action: Action::Run(Self::with_release_manifest(fetch, &project)),
        });
        let fetched = Tree::Output(fetched, image_path(WORK));
        let mut run = self.yarn(fetched, &self.install_dir(), &["install", "--immutable"], Purpose::Build);
        Self::own_cache(&mut run, HANDED_ON_CACHE);
        run.root = match mode {
            NativeMode::Prebuilt => Tree::Image(ImageName::BUILD, runs_on.clone()),
            _ => self.toolchain(toolset, platform, &runs_on, origin),
        };
        run.runs_on = runs_on;
        if let Toolset::Cross(target) = toolset {
            run.env.extend(crossing(target));
            run.mounts.push(helper("/foreign.cjs", FOREIGN));
        }
        run.env.extend(env(&[
            ("JOBS", "max"),
            // The headers that come with the image: nothing is fetched from nodejs.org.
            ("npm_config_nodedir", "/usr/local"),
            // The little manifest allows the package itself (`dependenciesMeta`), and nothing else.
            ("YARN_ENABLE_SCRIPTS", "0"),
        ]));
        if mode == NativeMode::Source {
            run.env.insert("npm_config_build_from_source".to_owned(), "true".to_owned());
        }
        if let Some(mirror) = &self.spec().network.binary_mirror {
            let name = native.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_lowercase();
            run.env.insert(format!("npm_config_{}_binary_host", name.trim_matches('_')), mirror.value.clone());
        }
        let how = match mode {
            NativeMode::Source => "compiled",
            NativeMode::Prebuilt => "prebuilt",
            _ => "prebuilt, else compiled",
        };
        let id = self.step(Step {
            id: StepId::named("native", name).on(platform),
            group,
            title: how.to_owned(),
            because: match toolset {
                Toolset::Cross(_) => format!("{}; made for {platform} on the builder's own platform", native.because),
                Toolset::Native | Toolset::OnTarget => native.because.clone(),
            },
            origin: origin.clone(),
            action: Action::Run(Self::with_release_manifest(run, &project)),
        });
        Ok(Tree::Output(id, image_path(WORK)))
    }

    /// Where machine code for a platform comes from here.
    fn toolset(&self, mode: NativeMode, platform: &Platform) -> Toolset {
        let build = self.inputs.build;
        // 32-bit ARM is what its variant says; of the others any variant runs what is made for the first.
        let same_variant = platform.architecture() != "arm" || platform.variant() == build.variant();
        if platform.architecture() == build.architecture() && same_variant {
            return Toolset::Native;
        }
        // Debian's compiler makes code for ARM v7, and it is not known what an image of the user's has.
        let has_compiler = self.spec().build.base.is_none()
            && architecture(build.architecture()).is_some_and(|build| build.crosses)
            && (platform.architecture() != "arm" || platform.variant() == "v7");
        let target = architecture(platform.architecture());
        target.filter(|_| has_compiler || mode == NativeMode::Prebuilt).map_or(Toolset::OnTarget, Toolset::Cross)
    }

    /// The image with a compiler: one step for a platform, however many natives use it.
    fn toolchain(&mut self, toolset: Toolset, platform: &Platform, runs_on: &RunsOn, origin: &Origin) -> Tree {
        let id = match toolset {
            Toolset::Native => StepId::new("toolchain"),
            Toolset::Cross(_) | Toolset::OnTarget => StepId::new("toolchain").on(platform),
        };
        if !self.steps.iter().any(|step| step.id == id) {
            let compiler = match toolset {
                Toolset::Cross(target) => format!("g++-{}", target.triplet.replace('_', "-")),
                Toolset::Native | Toolset::OnTarget => "g++".to_owned(),
            };
            let packages: Vec<String> = std::iter::once(compiler).chain(TOOLS.map(str::to_owned)).collect();
            let root = Tree::Image(ImageName::BUILD, runs_on.clone());
            let run = self.packages_run(root, runs_on.clone(), &packages);
            self.step(Step {
                id: id.clone(),
                group: "toolchain".to_owned(),
                title: format!("install {}", packages.join(" ")),
                because: "a native module is compiled where no prebuilt binary fits; never part of the image"
                    .to_owned(),
                origin: origin.clone(),
                action: Action::Run(run),
            });
        }
        Tree::Output(id, ImagePath::root())
    }
}

/// What makes a package's build scripts make, or fetch, code for another architecture: node-gyp takes compilers and
/// `npm_config_arch`, prebuild-install and node-gyp-build the latter, node-pre-gyp the one with `target`,
/// install-artifact-from-github the one with `platform`. Some try to load what they have.
fn crossing(target: &Architecture) -> BTreeMap<String, String> {
    let tool = |name: &str| format!("{}-{name}", target.triplet);
    let tools = [("CC", "gcc"), ("CXX", "g++"), ("AR", "ar"), ("LINK", "g++"), ("STRIP", "strip")];
    let mut vars: BTreeMap<String, String> = tools.map(|(name, program)| (name.to_owned(), tool(program))).into();
    vars.extend(env(&[
        ("npm_config_arch", target.cpu),
        ("npm_config_libc", "glibc"),
        ("npm_config_platform", "linux"),
        ("npm_config_platform_arch", target.cpu),
        ("npm_config_target_arch", target.cpu),
        ("npm_config_target_libc", "glibc"),
        ("npm_config_target_platform", "linux"),
    ]));
    vars.insert("BACKSTAGE_BUILD_MACHINE".to_owned(), target.machine.to_string());
    vars.insert("NODE_OPTIONS".to_owned(), format!("--require={FOREIGN}"));
    vars
}

const AUTO: Origin = Origin::of_default("install.natives: auto");

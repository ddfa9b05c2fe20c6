//! Decisions: from the language and the facts to a [`Plan`].
//!
//! In: a [`Spec`], a [`Repository`] and the platforms of the result. Out: plain data with a reason beside every decision, or
//! diagnostics. One file per concern. Knows nothing of LLB, of gRPC or of files.

mod app;
mod architecture;
mod backend;
mod checks;
mod config;
mod contents;
mod context;
mod deps;
mod install;
mod model;
mod natives;
mod node;
mod packages;
mod program;
mod prune;
mod references;
mod runtime;
mod shown;
mod text;
mod user;
mod workspaces;
mod yarn;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::diagnostic::render::printable;
use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Span};
use buildkit_frontend::files::ignore_pattern;
use buildkit_frontend::image::ImageSettings;
use buildkit_frontend::path::{ContextPath, ImagePath};
use buildkit_frontend::secret;
use buildkit_llb::Platform;

use crate::repo::project::Production;
use crate::repo::{Manifest, Repository};
use crate::spec::Spec;

pub use model::*;
pub use shown::json;
pub use text::Text;

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The build file.
    pub spec: &'a Spec,
    /// The repository.
    pub repo: &'a Repository,
    /// Patterns of `<build file>.dockerignore`, which hold to the letter.
    pub ignore: Option<&'a [String]>,
    /// Platforms that the result is for, each once; at least one.
    pub platforms: &'a [Platform],
    /// The builder's own.
    pub build: &'a Platform,
}

/// Makes the plan. Warnings come with it.
///
/// # Errors
/// Every mistake that can be seen before anything runs, with its place.
pub fn make(inputs: &Inputs<'_>) -> Result<(Plan, Vec<Diagnostic>), Diagnostics> {
    Planner::new(inputs)?.plan()
}

/// Where steps see the tree that they work on.
const WORK: &str = "/build";
/// Where the repository lies in that tree. Its parent holds our own `.yarnrc.yml`, which Yarn merges.
const REPO: &str = "/repo";
/// Where an image has the app: the Backstage charts expect it there.
const APP: &str = "/app";
/// Where our own helpers are mounted.
const TOOLS: &str = "/opt/backstage-build";

/// What there is for each platform.
#[derive(Default)]
struct PerPlatform {
    images: BTreeMap<Platform, Tree>,
    configs: BTreeMap<Platform, TargetImage>,
    deps: BTreeMap<Platform, Tree>,
}

/// A plan in the making.
struct Planner<'a> {
    inputs: Inputs<'a>,
    node: Decision<node::Line>,
    backend: Decision<&'a Manifest>,
    app: Option<Decision<&'a Manifest>>,
    /// Worked out when it is first asked for.
    production: OnceCell<Production<'a>>,
    /// Worked out when it is first asked for.
    merged_config: OnceCell<serde_json::Value>,
    context: ContextPlan,
    /// Files that configs name and nobody gets.
    withheld: BTreeSet<ContextPath>,
    steps: Vec<Step>,
    /// Images that steps use.
    images: BTreeMap<ImageName, BaseImage>,
    /// Native modules that the image has no use for.
    left_out: Vec<LeftOut>,
    warnings: Vec<Diagnostic>,
    /// What builds and checks run in: the build image, with `build.packages` if there are any.
    build_root: Tree,
}

impl<'a> Planner<'a> {
    fn new(inputs: &Inputs<'a>) -> Result<Self, Diagnostics> {
        architecture::refuse_unknown(inputs)?;
        let mut warnings = Vec::new();
        let node = node::choose(inputs.spec, &inputs.repo.node_hints, &mut warnings);
        let backend = workspaces::backend(inputs)?;
        let app = workspaces::app(inputs, backend.value)?;
        Ok(Self {
            inputs: *inputs,
            node,
            backend,
            app,
            production: OnceCell::new(),
            merged_config: OnceCell::new(),
            context: ContextPlan::default(),
            withheld: BTreeSet::new(),
            steps: Vec::new(),
            images: BTreeMap::new(),
            left_out: Vec::new(),
            warnings,
            build_root: Tree::Image(ImageName::BUILD, RunsOn::Build),
        })
    }

    /// The steps, in the order in which one would explain them.
    fn plan(mut self) -> Result<(Plan, Vec<Diagnostic>), Diagnostics> {
        self.base_images()?;
        self.tools();
        self.yarn_binary()?;
        self.build_packages();
        self.notes();
        self.withhold();
        self.note_exact();
        self.refuse_unknown_user()?;
        let installed = self.install()?;
        let frontend = self.app(&installed)?;
        let bundle = self.backend(&installed)?;
        let checks = self.checks(&installed)?;
        let natives = self.natives()?;
        let task = self.deps_task(&natives);
        let contents = self.contents()?;
        let config = self.image_config();
        let mut made = PerPlatform::default();
        for platform in self.inputs.platforms {
            let built = self.built_natives(&natives, platform)?;
            let mut layers = self.runtime_packages(platform)?;
            let deps = self.deps(&task, &installed, &mut layers, platform);
            self.placed(&mut layers, &built, platform);
            made.deps.insert(platform.clone(), self.shown_deps(&deps, &layers.tree, platform));
            let loads = self.bundle_check(&deps, &bundle, platform);
            let gates = checks.iter().chain([&loads]);
            let image = self.image(layers, &contents, frontend.as_ref(), &bundle, gates, platform);
            made.images.insert(platform.clone(), image.tree);
            let settings = ImageSettings { history: image.history, ..config.clone() };
            made.configs.insert(platform.clone(), TargetImage { base: ImageName::RUNTIME, settings });
        }
        let targets = self.targets(made, &bundle, &checks);
        self.finish_context()?;
        let yarn = self.yarn_decision();
        let plan = Plan {
            version: VERSION,
            platforms: self.inputs.platforms.to_vec(),
            node: Decision { value: self.node.value.to_string(), because: self.node.because, origin: self.node.origin },
            yarn,
            backend: self.backend.clone().map(|manifest| manifest.dir.to_string()),
            frontend: self.app.map(|app| app.map(|manifest| manifest.dir.to_string())),
            images: self.images,
            context: self.context,
            left_out: self.left_out,
            steps: self.steps,
            targets,
        };
        Ok((plan, self.warnings))
    }

    fn spec(&self) -> &'a Spec {
        self.inputs.spec
    }

    fn repo(&self) -> &'a Repository {
        self.inputs.repo
    }

    /// What the image has of the repository's dependencies.
    fn production(&self) -> &Production<'a> {
        self.production.get_or_init(|| Production::of(self.repo(), &self.backend.value.name))
    }

    /// Adds a step and answers its id.
    fn step(&mut self, mut step: Step) -> StepId {
        let id = step.id.clone();
        debug_assert!(self.steps.iter().all(|other| other.id != id), "{id} is there twice");
        step.title = one_line(&step.title);
        step.group = one_line(&step.group);
        self.steps.push(step);
        id
    }

    /// Says that a path of the repository is copied by some step.
    fn uses(&mut self, path: &ContextPath) {
        self.context.paths.insert(path.as_str().to_owned());
    }

    /// A copy of a file or directory of the repository to the same place in the work tree.
    fn copy_source(&mut self, path: &ContextPath, exclude: &[&str]) -> FileAction {
        self.uses(path);
        let mut copy = CopyFiles::new(Tree::Context, rooted(path), in_repo(path));
        copy.exclude = exclude.iter().map(|pattern| (*pattern).to_owned()).collect();
        FileAction::Copy(copy)
    }

    /// A copy of those paths of the repository that are there, each to its place below a directory. The daemon looks at the
    /// whole context for it, so there is one for all of them. It does not look behind links to directories.
    fn copy_what_is_there(&mut self, paths: &[ContextPath], dest: ImagePath) -> Option<CopyFiles> {
        paths.iter().for_each(|path| self.uses(path));
        let mut copy = CopyFiles::new(Tree::Context, ImagePath::root(), dest);
        copy.only = paths.iter().map(|path| ignore_pattern(path.as_str())).collect();
        (!paths.is_empty()).then_some(copy)
    }

    /// What the plan offers for `--target`.
    fn targets(&mut self, made: PerPlatform, bundle: &Tree, checks: &[checks::Gate]) -> Vec<Target> {
        let all = self.all_checks(checks);
        let target = |name: &str, description: &str, trees| Target {
            name: name.to_owned(),
            description: description.to_owned(),
            trees,
            image: None,
        };
        let platforms = self.inputs.platforms;
        let same =
            |tree: &Tree| platforms.iter().map(|platform| (platform.clone(), tree.clone())).collect::<BTreeMap<_, _>>();
        let mut targets = vec![
            Target { image: Some(made.configs), ..target("image", "the production image", made.images) },
            target("bundle", "the backend's bundle, unpacked", same(bundle)),
            target("deps", "the production dependencies", made.deps),
            target("plan", "what a build does, as plan.txt and plan.json", same(&Tree::Plan)),
        ];
        if let Some(checked) = all {
            targets.push(target("checks", "all checks, without the image", same(&checked)));
        }
        let one = |gate: &checks::Gate| target(&gate.name, "one check, without the image", same(&gate.tree));
        targets.extend(checks.iter().map(one));
        targets
    }
}

impl<T> Decision<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Decision<U> {
        Decision { value: f(self.value), because: self.because, origin: self.origin }
    }
}

/// Where a written thing points; otherwise the default that stands for it.
fn origin(span: Option<&Span>, default: &'static str) -> Origin {
    span.map_or(Origin::of_default(default), |span| Origin::Explicit(span.clone()))
}

/// Characters of a title or an entry of the history.
const MAX_LINE: usize = 200;

/// A text for the progress and the history, which print it as it is: names and shell lines come from whoever wrote the
/// repository, and none may look like another line of the progress, steer a terminal, or show a secret.
fn one_line(text: &str) -> String {
    let text = printable(&secret::redacted(text));
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// Our own constants are clean paths; what is not is taken as the root, never a panic.
fn image_path(text: &str) -> ImagePath {
    ImagePath::new(text).unwrap_or_else(|_| ImagePath::root())
}

/// A repository path in the trees of the context.
fn rooted(path: &ContextPath) -> ImagePath {
    ImagePath::root().join_context(path)
}

/// A repository path in the work tree.
fn in_repo(path: &ContextPath) -> ImagePath {
    image_path(REPO).join_context(path)
}

/// A repository path as a running step sees it.
fn at_work(path: &ContextPath) -> ImagePath {
    image_path("/build/repo").join_context(path)
}

/// Environment from constants.
fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use buildkit_frontend::diagnostic::render::is_harmful;
    use proptest::prelude::*;

    use super::{MAX_LINE, one_line};

    #[test]
    fn a_title_is_one_line_of_plain_text() {
        for (text, wanted) in [
            ("[quiet] true", "[quiet] true"),
            ("a\u{1b}[2K\r\n#9 DONE 0.0s", "a\u{fffd}[2K #9 DONE 0.0s"),
            ("a\t b\u{2028}c\u{202e}d", "a b\u{fffd}c\u{fffd}d"),
            ("curl https://me:s3cret@host/x", "curl https://***@host/x"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), wanted);
        }
        assert_eq!(one_line(&"x".repeat(5_000)).chars().count(), MAX_LINE + 1);
    }

    proptest! {
        #[test]
        fn whatever_it_is_made_of(text in "(?s).{0,400}") {
            let line = one_line(&text);
            prop_assert!(!line.chars().any(|c| is_harmful(c) || c == '\n'));
            prop_assert!(line.chars().count() <= MAX_LINE + 1);
            prop_assert_eq!(one_line(&line), line);
        }
    }
}

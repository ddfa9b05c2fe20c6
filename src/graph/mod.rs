//! Plan to LLB, and nothing else: every decision was made before.
//!
//! In: a [`Plan`], the images and context trees that its steps name, and the request's settings for executed programs.
//! Out: an LLB output for a target. Knows nothing of files or YAML.

mod files;
mod run;

use std::collections::BTreeMap;

use buildkit_frontend::diagnostic::{Span, source_file};
use buildkit_frontend::image::Image;
use buildkit_frontend::path::ImagePath;
use buildkit_frontend::request::{ExecSettings, NoCache};
use buildkit_llb::{Input, Location, Metadata, Output, Platform, SourceFile};

use crate::plan::{Action, FileAction, ImageName, Origin, Plan, RunsOn, Step, StepId, Tree};

/// Everything that a plan's trees come from.
#[derive(Debug, Clone)]
pub struct Trees {
    /// Images of the plan, each for the platforms that steps use.
    pub images: BTreeMap<(ImageName, RunsOn), Image>,
    /// The small part of the repository that facts were read from.
    pub facts: Output,
    /// The part of the repository that steps copy.
    pub context: Output,
    /// The frontend's own program, where a step runs it.
    pub program: Option<Program>,
    /// What steps write, each action in its [`StepId::written_folder`], where somebody has written it already.
    pub written: Option<Output>,
}

/// The frontend's own program.
#[derive(Debug, Clone)]
pub struct Program {
    /// A file system that holds it.
    pub root: Output,
    /// Its path there.
    pub path: String,
}

/// What the request says of every vertex.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// The builder's own platform.
    pub build: &'a Platform,
    /// Which steps ignore the cache.
    pub no_cache: &'a NoCache,
    /// Network, hosts, limits, proxies.
    pub exec: &'a ExecSettings,
    /// Put in front of every cache mount's id.
    pub cache_namespace: Option<&'a str>,
    /// Unix seconds of files whose time is fixed.
    pub epoch: i64,
    /// The build file's first line, for defaults.
    pub default_span: Span,
}

/// Why a plan could not be translated. A plan of ours always can be: these are our own mistakes.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GraphError {
    /// A step uses one that comes later or is not there.
    #[error("step `{0}` is used before it is made")]
    NoStep(String),
    /// An image was not looked up.
    #[error("{0} was not resolved")]
    NoImage(String),
    /// The text of a written file is named by its digest, and nobody has it.
    #[error("nobody has the text of {0}")]
    NoText(ImagePath),
    /// An op refused its parts.
    #[error("step `{step}`: {source}")]
    Op {
        /// The step.
        step: String,
        /// Why.
        source: buildkit_llb::Error,
    },
}

/// Translates the part of a plan that some trees need, each step once.
///
/// # Errors
/// See [`GraphError`].
pub fn translate<'t>(
    plan: &Plan,
    trees: &Trees,
    settings: &Settings<'_>,
    wanted: impl IntoIterator<Item = &'t Tree>,
) -> Result<Vec<Input>, GraphError> {
    let wanted: Vec<&Tree> = wanted.into_iter().collect();
    let needed = plan.needed(wanted.iter().copied());
    let mut builder =
        Builder { plan, trees, settings, files: BTreeMap::new(), done: BTreeMap::new(), roots: BTreeMap::new() };
    for step in plan.steps.iter().filter(|step| needed.contains(&step.id)) {
        builder.step(step)?;
    }
    wanted.into_iter().map(|tree| builder.tree(tree)).collect()
}

/// What a step left.
enum StepOutput {
    /// One tree.
    Files(Output),
    /// A folder of [`Trees::written`], as it is, and a tree that holds the same.
    Written { written: Output, folder: String, tree: Output },
    /// A tree for each writable mount.
    Run(BTreeMap<String, Output>),
}

struct Builder<'a> {
    plan: &'a Plan,
    trees: &'a Trees,
    settings: &'a Settings<'a>,
    files: BTreeMap<String, SourceFile>,
    done: BTreeMap<StepId, StepOutput>,
    /// What each run's root file system was made from.
    roots: BTreeMap<StepId, Tree>,
}

impl Builder<'_> {
    fn step(&mut self, step: &Step) -> Result<(), GraphError> {
        let metadata = self.metadata(step);
        let made = match &step.action {
            Action::Files(files) => {
                let tree = self.files(step, files, metadata)?;
                match (&self.trees.written, &files.base, files.actions.as_slice()) {
                    (Some(written), Tree::Scratch, [FileAction::Write(_)]) => {
                        StepOutput::Written { written: written.clone(), folder: step.id.written_folder(0), tree }
                    }
                    _ => StepOutput::Files(tree),
                }
            }
            Action::Run(run) => {
                self.roots.insert(step.id.clone(), run.root.clone());
                StepOutput::Run(self.run(step, run, metadata)?)
            }
        };
        self.done.insert(step.id.clone(), made);
        Ok(())
    }

    /// The name in the progress, the place in the build file, and whether the cache is ignored.
    fn metadata(&mut self, step: &Step) -> Metadata {
        let span = match &step.origin {
            Origin::Explicit(span) => span.clone(),
            Origin::Default(_) => self.settings.default_span.clone(),
        };
        let no_cache = self.settings.no_cache;
        let ignored = step.names().iter().any(|name| no_cache.applies_to(name));
        let metadata = Metadata::named(self.plan.progress_name(step)).at(self.location(&span)).ignoring_cache(ignored);
        match step.action {
            Action::Run(_) => self.settings.exec.resources.limit(metadata),
            Action::Files(_) => metadata,
        }
    }

    fn location(&mut self, span: &Span) -> Location {
        let file = self.files.entry(span.file.name.clone()).or_insert_with(|| source_file(span));
        file.at([span.lines()])
    }

    fn tree(&self, tree: &Tree) -> Result<Input, GraphError> {
        let output = match tree {
            Tree::Scratch => return Ok(Input::Scratch),
            Tree::Plan => return Ok(Input::Output(self.printed()?)),
            Tree::Program => &self.program()?.root,
            Tree::Facts => &self.trees.facts,
            Tree::Context => &self.trees.context,
            Tree::Image(name, runs_on) => match self.trees.images.get(&(name.clone(), runs_on.clone())) {
                Some(image) => &image.output,
                None => return Err(GraphError::NoImage(tree.to_string())),
            },
            Tree::Step(id) => match self.done.get(id) {
                Some(StepOutput::Files(output) | StepOutput::Written { tree: output, .. }) => output,
                _ => return Err(GraphError::NoStep(id.to_string())),
            },
            Tree::Output(id, path) => match self.done.get(id) {
                Some(StepOutput::Run(outputs)) => {
                    outputs.get(path.as_str()).ok_or_else(|| GraphError::NoStep(id.to_string()))?
                }
                _ => return Err(GraphError::NoStep(id.to_string())),
            },
        };
        Ok(Input::Output(output.clone()))
    }

    /// Where a path of a tree can be read: what is only written is read where it lies, without a vertex that copies it.
    fn at(&self, tree: &Tree, path: &ImagePath) -> Result<(Input, String), GraphError> {
        if let Tree::Step(id) = tree
            && let Some(StepOutput::Written { written, folder, .. }) = self.done.get(id)
        {
            let path = Some(path.as_str()).filter(|path| *path != "/").unwrap_or_default();
            return Ok((Input::Output(written.clone()), format!("/{folder}{path}")));
        }
        Ok((self.tree(tree)?, path.to_string()))
    }

    fn program(&self) -> Result<&Program, GraphError> {
        self.trees.program.as_ref().ok_or_else(|| GraphError::NoImage("the frontend's own program".to_owned()))
    }
}

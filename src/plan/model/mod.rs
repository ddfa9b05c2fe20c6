//! The plan: what will be done, as plain data.
//!
//! No protobuf type, no I/O. `plan` prints it, golden files hold it, the graph is made from it. A step is one vertex, or one
//! vertex and the little vertices that only prepare files for it. Its JSON says all of it but for long texts, which stand
//! there by their digest: what the planning step remembers is read back from it.

mod content;
mod image;
mod origin;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::SourceFile;

pub use content::Content;
pub use image::{HealthPlan, ImagePlan};
pub use origin::Origin;
pub use step::{
    Access, Action, CopyFiles, FileAction, Files, Mode, Mount, MountKind, Run, Sharing, Step, StepId, Tree, Written,
    WrittenFiles,
};

/// Everything that will be done for one platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The Node line that builds, compiles natives and runs.
    pub node: Decision<String>,
    /// The Yarn version that installs.
    pub yarn: Decision<String>,
    /// What the image runs: the backend workspace's directory.
    pub backend: Decision<String>,
    /// Where the frontend comes from; `None` when there is none in the image.
    pub frontend: Option<Decision<String>>,
    /// Images that steps use, by role.
    pub images: BTreeMap<ImageRole, BaseImage>,
    /// What the build may see of the repository.
    pub context: ContextPlan,
    /// Native modules that the image has no use for: neither built nor in it.
    pub left_out: Vec<LeftOut>,
    /// The steps, each after those that it uses.
    pub steps: Vec<Step>,
    /// What can be asked for with `--target`; the first is the default.
    pub targets: Vec<Target>,
    /// The result's configuration.
    pub image: ImagePlan,
    /// Addresses of proxies, for every run; not part of any of their cache keys. Not printed: the spec has them.
    #[serde(skip)]
    pub proxy: crate::spec::model::Proxy,
}

/// A value with the reason for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision<T> {
    /// What was decided.
    pub value: T,
    /// Why, in a few words.
    pub because: String,
    /// Where it was said.
    pub origin: Origin,
}

/// A native module that the image has no use for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Why nothing that runs needs it.
    pub because: String,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageRole {
    /// Steps that build JavaScript run in it, on the build platform.
    Build,
    /// Natives are compiled in it, on the target platform.
    Native,
    /// The image is made from it.
    Runtime,
}

/// An image that steps use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BaseImage {
    /// The reference, as it will be resolved.
    pub reference: String,
    /// Which platform's variant is wanted.
    pub side: Side,
    /// Where it was asked for.
    pub origin: Origin,
}

/// Which of the two platforms a step runs on or an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The builder's own.
    Build,
    /// The one that the image is for.
    Target,
}

/// What the build may see of the repository.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ContextPlan {
    /// Paths that steps copy; nothing else is asked of the client.
    pub paths: BTreeSet<String>,
    /// `.dockerignore` patterns that hold for them, in order.
    pub exclude: Vec<String>,
}

/// Something that `--target` can name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The name.
    pub name: String,
    /// What it is, one line.
    pub description: String,
    /// The files.
    pub tree: Tree,
    /// Whether the result is an image with the plan's configuration; otherwise it is files.
    pub image: bool,
}

impl Plan {
    /// Says which file the places of a plan that was read from JSON lie in: the build file.
    pub fn locate(&mut self, file: &Arc<SourceFile>) {
        let decisions = [&mut self.node, &mut self.yarn, &mut self.backend].into_iter().chain(&mut self.frontend);
        let origins = decisions.map(|decision| &mut decision.origin);
        let origins = origins.chain(self.images.values_mut().map(|image| &mut image.origin));
        origins.chain(self.steps.iter_mut().map(|step| &mut step.origin)).for_each(|origin| origin.locate(file));
    }

    /// What steps write, with the folder of each action.
    pub fn written(&self) -> impl Iterator<Item = (String, &WrittenFiles)> {
        let steps = self.steps.iter().filter_map(|step| match &step.action {
            Action::Files(files) => Some((&step.id, &files.actions)),
            Action::Run(_) => None,
        });
        steps.flat_map(|(id, actions)| {
            actions.iter().enumerate().filter_map(move |(at, action)| match action {
                FileAction::Write(files) => Some((id.written_folder(at), files)),
                _ => None,
            })
        })
    }

    /// A step by id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The steps that a tree needs, itself included.
    pub fn needed(&self, wanted: &Tree) -> BTreeSet<StepId> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<StepId> = wanted.step().cloned().into_iter().collect();
        while let Some(id) = open.pop() {
            if !needed.contains(&id) {
                let trees = self.step(&id).map(|step| step.action.trees()).unwrap_or_default();
                open.extend(trees.into_iter().filter_map(Tree::step).cloned());
                needed.insert(id);
            }
        }
        needed
    }

    /// A target by name; the default for `None`.
    pub fn target(&self, name: Option<&str>) -> Option<&Target> {
        match name {
            None => self.targets.first(),
            Some(name) => self.targets.iter().find(|target| target.name == name),
        }
    }
}

//! The plan: what will be done, as plain data.
//!
//! No protobuf type, no I/O. `plan` prints it, golden files hold it, the graph is made from it. A step is one vertex, or one
//! vertex and the little vertices that only prepare files for it. Its JSON says all of it but for long texts, which stand
//! there by their digest: what the planning step remembers is read back from it.

mod content;
mod origin;
mod step;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use buildkit_frontend::diagnostic::SourceFile;
use buildkit_frontend::image::ImageSettings;
use buildkit_llb::Platform;
use serde::{Deserialize, Serialize};

pub use content::Content;
pub use origin::Origin;
pub use step::{
    Action, CopyFiles, FileAction, Files, GeneratedFile, GeneratedFiles, Mode, Mount, MountKind, NetworkAccess, Run,
    Sharing, Step, StepId, Tree,
};

/// The version of a plan's JSON: another one where a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// Everything that will be done, for all platforms of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The platforms of the result, in the order in which they were asked for.
    pub platforms: Vec<Platform>,
    /// The Node line that builds, compiles natives and runs.
    pub node: Decision<String>,
    /// The Yarn version that installs.
    pub yarn: Decision<String>,
    /// What the image runs: the backend workspace's directory.
    pub backend: Decision<String>,
    /// Where the frontend comes from; `None` when there is none in the image.
    pub frontend: Option<Decision<String>>,
    /// Images that steps use, by name.
    pub images: BTreeMap<ImageName, BaseImage>,
    /// What the build may see of the repository.
    pub context: ContextPlan,
    /// Native modules that the image has no use for: neither built nor in it.
    pub left_out: Vec<LeftOut>,
    /// The steps, each after those that it uses.
    pub steps: Vec<Step>,
    /// What can be asked for with `--target`; the first is the default.
    pub targets: Vec<Target>,
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

/// What an image is called in a plan: `build`, `runtime`, or its reference where the build file has it for one thing only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImageName(Cow<'static, str>);

impl ImageName {
    /// Where JavaScript is built and natives are compiled.
    pub const BUILD: Self = Self(Cow::Borrowed("build"));
    /// What the result is made from.
    pub const RUNTIME: Self = Self(Cow::Borrowed("runtime"));

    /// An image that is called by its reference.
    pub fn of_reference(reference: &str) -> Self {
        Self(Cow::Owned(reference.to_owned()))
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An image that steps use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BaseImage {
    /// The reference, as it will be resolved.
    pub reference: String,
    /// Where it was asked for.
    pub origin: Origin,
}

/// Which platform a step runs on, or an image is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunsOn {
    /// The builder's own.
    Build,
    /// One that the result is for. Where it is not the builder's own, only an emulator runs its programs.
    Target(Platform),
}

impl RunsOn {
    /// The platform, where the builder's own is `build`.
    pub fn platform<'a>(&'a self, build: &'a Platform) -> &'a Platform {
        match self {
            Self::Build => build,
            Self::Target(platform) => platform,
        }
    }
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
    /// The files, for each platform of the plan.
    pub trees: BTreeMap<Platform, Tree>,
    /// Where it is an image, for each platform what it is made from and its configuration; otherwise it is files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<BTreeMap<Platform, TargetImage>>,
}

/// An image for one platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TargetImage {
    /// The image whose configuration it is built upon, for the same platform.
    pub base: ImageName,
    /// What its configuration says over that.
    pub settings: ImageSettings,
}

impl Target {
    /// Its image for a platform, if it is one.
    pub fn image(&self, platform: &Platform) -> Option<&TargetImage> {
        self.image.as_ref()?.get(platform)
    }
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
    pub fn written(&self) -> impl Iterator<Item = (String, &GeneratedFiles)> {
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

    /// The steps that trees need, themselves included.
    pub fn needed<'a>(&self, wanted: impl IntoIterator<Item = &'a Tree>) -> BTreeSet<StepId> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<StepId> = wanted.into_iter().filter_map(Tree::step).cloned().collect();
        while let Some(id) = open.pop() {
            if !needed.contains(&id) {
                let trees = self.step(&id).map(|step| step.action.trees()).unwrap_or_default();
                open.extend(trees.into_iter().filter_map(Tree::step).cloned());
                needed.insert(id);
            }
        }
        needed
    }

    /// What the progress calls a step.
    pub fn progress_name(&self, step: &Step) -> String {
        step.progress_name(self.platforms.len() > 1)
    }

    /// The configuration of the default target's image; where platforms differ, the first one's.
    pub fn config(&self) -> Option<&ImageSettings> {
        Some(&self.target(None)?.image(self.platforms.first()?)?.settings)
    }

    /// A target by name; the default for `None`.
    pub fn target(&self, name: Option<&str>) -> Option<&Target> {
        match name {
            None => self.targets.first(),
            Some(name) => self.targets.iter().find(|target| target.name == name),
        }
    }
}

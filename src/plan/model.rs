//! The plan: what will be done, as plain data.
//!
//! No protobuf type, no I/O. `plan` and `explain` print it, golden files hold it, the graph is made from it. A step is
//! one vertex, or one vertex and the little vertices that only prepare files for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};

use crate::diagnostic::Span;
use crate::path::ImagePath;

/// Everything that will be done for one platform.
#[derive(Debug, Clone, Serialize)]
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
    /// The steps, each after those that it uses.
    pub steps: Vec<Step>,
    /// What can be asked for with `--target`; the first is the default.
    pub targets: Vec<Target>,
    /// The result's configuration.
    pub image: ImagePlan,
    /// Addresses of proxies, for every run; not part of any cache key.
    #[serde(skip)]
    pub proxy: crate::spec::model::Proxy,
}

/// A value with the reason for it.
#[derive(Debug, Clone, Serialize)]
pub struct Decision<T> {
    /// What was decided.
    pub value: T,
    /// Why, in a few words.
    pub because: String,
    /// Where it was said.
    #[serde(skip)]
    pub origin: Origin,
}

/// Where a thing was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The user wrote it there.
    Written(Span),
    /// Nobody wrote it: the noun and its default, such as `checks: [typecheck]`.
    Default(&'static str),
}

impl Origin {
    /// The place in the build file: line 1 for a default.
    pub fn span(&self, default: Span) -> Span {
        match self {
            Self::Written(span) => span.clone(),
            Self::Default(_) => default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(span) => write!(f, "{}:{}", span.file.name, span.first_line()),
            Self::Default(noun) => write!(f, "default: {noun}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
pub struct BaseImage {
    /// The reference, as it will be resolved.
    pub reference: String,
    /// Which platform's variant is wanted.
    pub side: Side,
    /// Where it was asked for.
    pub origin: Origin,
}

/// Which of the two platforms a step runs on or an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The builder's own.
    Build,
    /// The one that the image is for.
    Target,
}

/// What the build may see of the repository.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ContextPlan {
    /// Paths that steps copy; nothing else is asked of the client.
    pub paths: BTreeSet<String>,
    /// `.dockerignore` patterns that hold for them, in order.
    pub exclude: Vec<String>,
}

/// The id of a step: unique in a plan, and what `--no-cache-filter` names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId(String);

impl StepId {
    /// An id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to do.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// What the progress shows.
    pub title: String,
    /// Why it is there.
    pub because: String,
    /// Where it was asked for.
    pub origin: Origin,
    /// What it does.
    pub action: Action,
}

impl Step {
    /// `install` of `[install] yarn install`: what the progress shows first and `--no-cache-filter` may also name.
    pub fn group(&self) -> &str {
        self.title.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(group, _)| group)
    }
}

/// What a step does.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Puts files together; one file op.
    Files(Files),
    /// Runs a program; one exec.
    Run(Box<Run>),
}

/// A file tree that steps read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// Nothing.
    Scratch,
    /// The small part of the repository that facts are read from.
    Facts,
    /// The part of the repository that steps copy.
    Context,
    /// An image of the plan.
    Image(ImageRole),
    /// Another image, by reference, of one of the two platforms.
    Reference(String, Side),
    /// The plan itself, as `plan.txt` and `plan.json`.
    Plan,
    /// What a file step made.
    Step(StepId),
    /// What a run left in its writable mount at this path.
    Output(StepId, ImagePath),
}

impl Tree {
    /// The step that makes it.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Step(id) | Self::Output(id, _) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scratch => f.write_str("scratch"),
            Self::Facts => f.write_str("facts"),
            Self::Context => f.write_str("context"),
            Self::Image(role) => write!(f, "image {}", format!("{role:?}").to_lowercase()),
            Self::Reference(reference, _) => write!(f, "image {reference}"),
            Self::Plan => f.write_str("plan"),
            Self::Step(id) => write!(f, "step {id}"),
            Self::Output(id, path) => write!(f, "step {id} {path}"),
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Files put together, in order, on a base.
#[derive(Debug, Clone, Serialize)]
pub struct Files {
    /// What they are put onto.
    pub base: Tree,
    /// What is done, in order.
    pub actions: Vec<FileAction>,
}

/// One file action. Everything belongs to root.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    /// Copies a file or the contents of a directory.
    Copy(CopyFiles),
    /// Writes a file. Its text is public: provenance shows it.
    Write {
        /// Where.
        path: ImagePath,
        /// What.
        #[serde(serialize_with = "summary")]
        text: String,
        /// Permission bits.
        mode: u32,
    },
    /// Makes a directory and its parents.
    Mkdir {
        /// Where.
        path: ImagePath,
        /// Permission bits.
        mode: u32,
    },
}

/// Long texts are shown by size and digest: a plan is read by people.
fn summary<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    const SHOWN: usize = 4096;
    if text.len() <= SHOWN {
        return serializer.serialize_str(text);
    }
    let digest = sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), text));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.collect_str(&format_args!("{} bytes, sha256:{hex}", text.len()))
}

/// One copy.
#[derive(Debug, Clone, Serialize)]
pub struct CopyFiles {
    /// Taken from there.
    pub from: Tree,
    /// The file, or the directory whose contents are taken.
    pub src: ImagePath,
    /// Where it lands: a file's new name, or the directory that receives the contents.
    pub dest: ImagePath,
    /// Patterns of what is left out, relative to `src`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Permission bits.
    pub mode: Mode,
    /// Whether a (compressed) tar is unpacked into `dest`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unpack: bool,
    /// Whether the copy is decided by what made the source, not by its content: for trees too large to hash.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_definition: bool,
    /// Whether all times become one fixed time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fixed_time: bool,
    /// Whether `src` is a pattern that may match nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl CopyFiles {
    /// A plain copy that keeps permission bits.
    pub fn new(from: Tree, src: ImagePath, dest: ImagePath) -> Self {
        Self {
            from,
            src,
            dest,
            exclude: Vec::new(),
            mode: Mode::Keep,
            unpack: false,
            by_definition: false,
            fixed_time: false,
            optional: false,
        }
    }
}

/// Permission bits of what is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As they are.
    Keep,
    /// As they are for the owner, readable by everybody.
    Readable,
    /// These.
    Bits(u32),
}

/// A program run in a container.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its root file system; changes to it are dropped unless something uses the output `/`.
    pub root: Tree,
    /// Which platform it runs on.
    pub side: Side,
    /// What is mounted, sorted by path.
    pub mounts: Vec<Mount>,
    /// argv.
    pub args: Vec<String>,
    /// Environment, on top of the root image's own, sorted.
    pub env: BTreeMap<String, String>,
    /// Put in front of the root image's `PATH`.
    pub path: Option<ImagePath>,
    /// Working directory.
    pub cwd: ImagePath,
    /// Whether it can reach the network.
    pub network: Access,
}

/// What a run can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// What the client chose with `--network`, by default the daemon's sandbox.
    Client,
    /// Its own loopback only.
    None,
}

/// Something mounted into a run.
#[derive(Debug, Clone, Serialize)]
pub struct Mount {
    /// Where.
    pub dest: ImagePath,
    /// What.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// A tree that is changed; the changed tree is the run's output at this path.
    Work(Tree),
    /// An empty directory; what is left there is the run's output at this path.
    Output,
    /// A tree that is only read.
    Read {
        /// The tree.
        tree: Tree,
        /// The directory or file of it.
        src: ImagePath,
    },
    /// A directory that the builder keeps, never part of a result.
    Cache {
        /// Its id, shared by every build on the builder that names it.
        id: String,
        /// Who may use it at once.
        sharing: Sharing,
    },
    /// An empty directory in memory.
    Tmpfs,
    /// A secret as a file, where the client gives one.
    Secret {
        /// Its id.
        id: String,
    },
}

/// Who may use a cache at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Everybody.
    Shared,
    /// One after the other.
    Locked,
}

/// Something that `--target` can name.
#[derive(Debug, Clone, Serialize)]
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

/// The result's configuration, to be put over the runtime base's own.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImagePlan {
    /// Working directory.
    pub workdir: String,
    /// Put in front of the base's `PATH`.
    pub path: Option<String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Entrypoint; empty clears the base's.
    pub entrypoint: Vec<String>,
    /// Command.
    pub cmd: Vec<String>,
    /// User; `None` is the base's if it is not root, otherwise the first of `fallback_user`.
    pub user: Option<String>,
    /// Used where the base would run as root.
    pub fallback_user: String,
    /// Exposed port.
    pub port: u16,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Manifest annotations.
    pub annotations: BTreeMap<String, String>,
    /// Stop signal.
    pub stop_signal: Option<String>,
    /// Health check.
    pub healthcheck: Option<HealthPlan>,
    /// Directories declared as volumes.
    pub volumes: Vec<String>,
    /// One line for each layer, in order: the image's history.
    pub history: Vec<String>,
}

/// A health check; times in nanoseconds.
#[derive(Debug, Clone, Serialize)]
pub struct HealthPlan {
    /// `["NONE"]` or `["CMD", …]`.
    pub test: Vec<String>,
    /// Time between checks.
    pub interval: Option<u64>,
    /// Time a check may take.
    pub timeout: Option<u64>,
    /// Time before failures count.
    pub start: Option<u64>,
    /// Failures in a row.
    pub retries: Option<u32>,
}

impl Plan {
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

impl Action {
    /// The trees that it reads.
    pub fn trees(&self) -> Vec<&Tree> {
        match self {
            Self::Files(files) => {
                let copies = files.actions.iter().filter_map(|action| match action {
                    FileAction::Copy(copy) => Some(&copy.from),
                    _ => None,
                });
                std::iter::once(&files.base).chain(copies).collect()
            }
            Self::Run(run) => {
                let mounts = run.mounts.iter().filter_map(|mount| match &mount.kind {
                    MountKind::Work(tree) | MountKind::Read { tree, .. } => Some(tree),
                    _ => None,
                });
                std::iter::once(&run.root).chain(mounts).collect()
            }
        }
    }
}

//! Steps: what is put together and what is run, and the trees that steps hand to each other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use buildkit_frontend::digest;
use buildkit_frontend::path::ImagePath;
use buildkit_llb::Platform;
use serde::{Deserialize, Serialize};

use super::{Content, ImageName, Origin, RunsOn};

/// The id of a step, unique in a plan: its kind, where there are several of a kind its name, and the platform that it is for
/// unless it is for all of them. As text they stand side by side: `native better-sqlite3@12.11.1 linux/arm64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId {
    kind: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
}

/// The kind of all checks.
const CHECK: &str = "check";

impl StepId {
    /// The only one of a kind.
    pub const fn new(kind: &'static str) -> Self {
        Self { kind: Cow::Borrowed(kind), name: None, platform: None }
    }

    /// One of a kind.
    pub fn named(kind: &'static str, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::new(kind) }
    }

    /// The id of a check.
    pub fn of_check(name: &str) -> Self {
        Self::named(CHECK, name)
    }

    /// The same for one platform.
    #[must_use]
    pub fn on(self, platform: &Platform) -> Self {
        Self { platform: Some(platform.clone()), ..self }
    }

    /// What it does, in a word.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The platform that it is for; `None` for all of them.
    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }

    /// The check's name, if it is one.
    pub fn check(&self) -> Option<&str> {
        self.name.as_deref().filter(|_| self.kind == CHECK)
    }

    /// A folder for what an action of the step writes. Its name is the same whatever that is and whatever else is in the
    /// plan, since keys of the cache hold it.
    pub fn written_folder(&self, action: usize) -> String {
        let id: String = digest::sha256(self.to_string()).chars().take(16).collect();
        format!("files/{id}/{action}")
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.name.iter().try_for_each(|name| write!(f, " {name}"))?;
        self.platform.iter().try_for_each(|platform| write!(f, " {platform}"))
    }
}

/// One thing to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// What it belongs to, as the progress shows it in brackets.
    pub group: String,
    /// What it does, on one line.
    pub title: String,
    /// Why it is there.
    pub because: String,
    /// Where it was asked for.
    pub origin: Origin,
    /// What it does.
    pub action: Action,
}

/// The group of what nobody asked for and everybody needs.
const INTERNAL: &str = "internal";

impl Step {
    /// What the progress shows: `[linux/arm64 deps] production packages`, the platform where a plan has `several`. A default
    /// that fails must name itself, since nobody wrote it.
    pub fn progress_name(&self, several: bool) -> String {
        let platform = self.id.platform().filter(|_| several && !self.is_internal());
        let platform = platform.map(|platform| format!("{platform} ")).unwrap_or_default();
        let default = match &self.origin {
            Origin::Default(noun) if !self.is_internal() => format!(" (default: {noun})"),
            _ => String::new(),
        };
        format!("[{platform}{}] {}{default}", self.group, self.title)
    }

    /// Whether it is none of those that one asks for.
    pub fn is_internal(&self) -> bool {
        self.group == INTERNAL
    }

    /// What `--no-cache-filter` may call it: its id, its kind or its group, for all platforms or with its own.
    pub fn names(&self) -> Vec<String> {
        let own = StepId { platform: None, ..self.id.clone() }.to_string();
        let mut names = vec![own, self.id.kind.to_string(), self.group.clone()];
        if let Some(platform) = self.id.platform() {
            names.extend(names.clone().into_iter().map(|name| format!("{name} {platform}")));
        }
        names
    }
}

/// What a step does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "a plan has some dozens")]
pub enum Action {
    /// Puts files together; one file op.
    Files(Files),
    /// Runs a program; one exec.
    Run(Run),
}

/// A file tree that steps read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tree {
    /// Nothing.
    Scratch,
    /// The small part of the repository that facts are read from.
    Facts,
    /// The part of the repository that steps copy.
    Context,
    /// An image of the plan, for one platform.
    Image(ImageName, RunsOn),
    /// The plan itself, as `plan.txt` and `plan.json`.
    Plan,
    /// The frontend's own program: a run in it is a run of that, whatever its first argument.
    Program,
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
            Self::Image(name, RunsOn::Build) => write!(f, "image {name}"),
            Self::Image(name, RunsOn::Target(platform)) => write!(f, "image {name} {platform}"),
            Self::Plan => f.write_str("plan"),
            Self::Program => f.write_str("the frontend"),
            Self::Step(id) => write!(f, "step {id}"),
            Self::Output(id, path) => write!(f, "step {id} {path}"),
        }
    }
}

/// Files put together, in order, on a base.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Files {
    /// What they are put onto.
    pub base: Tree,
    /// What is done, in order.
    pub actions: Vec<FileAction>,
}

/// Files that are written, by path.
pub type GeneratedFiles = BTreeMap<ImagePath, GeneratedFile>;

/// A file that is written. Its text is public: provenance may show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GeneratedFile {
    /// What it holds.
    pub text: Content,
    /// Permission bits.
    pub mode: u32,
}

impl GeneratedFile {
    /// A text that everybody reads.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into().into(), mode: 0o644 }
    }

    /// A program.
    pub fn program(text: impl Into<String>) -> Self {
        Self { text: text.into().into(), mode: 0o755 }
    }
}

/// One file action. Everything belongs to root.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    /// Copies a file or the contents of a directory.
    Copy(CopyFiles),
    /// Writes files, in directories that are made for them.
    Write(GeneratedFiles),
    /// Makes a directory and its parents.
    Mkdir {
        /// Where.
        path: ImagePath,
        /// Permission bits.
        mode: u32,
    },
    /// Takes nothing of an empty tree: what this is part of cannot be made before the tree exists.
    DependsOn(Tree),
}

/// One copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CopyFiles {
    /// Taken from there.
    pub from: Tree,
    /// The file, or the directory whose contents are taken.
    pub src: ImagePath,
    /// Where it lands: a file's new name, or the directory that receives the contents.
    pub dest: ImagePath,
    /// Patterns of what is taken, relative to `src`, each of which may match nothing; with none, all is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Patterns of what is left out, relative to `src`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Permission bits.
    pub mode: Mode,
    /// Whether a (compressed) tar is unpacked into `dest`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpack: bool,
    /// Whether the copy is decided by what made the source, not by its content: for trees too large to hash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_content_hash: bool,
    /// Whether all times become one fixed time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed_time: bool,
}

impl CopyFiles {
    /// A plain copy that keeps permission bits.
    pub fn new(from: Tree, src: ImagePath, dest: ImagePath) -> Self {
        Self {
            from,
            src,
            dest,
            only: Vec::new(),
            exclude: Vec::new(),
            mode: Mode::Keep,
            unpack: false,
            skip_content_hash: false,
            fixed_time: false,
        }
    }
}

/// Permission bits of what is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Its root file system; changes to it are dropped unless something uses the output `/`.
    pub root: Tree,
    /// Which platform it runs on.
    pub runs_on: RunsOn,
    /// What is mounted.
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
    pub network: NetworkAccess,
}

/// What a run can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkAccess {
    /// What the client chose with `--network`, by default the daemon's sandbox.
    Client,
    /// Its own loopback only.
    None,
}

/// Something mounted into a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mount {
    /// Where.
    pub dest: ImagePath,
    /// What.
    pub kind: MountKind,
}

impl Mount {
    /// All of a tree, read.
    pub fn read(dest: &str, tree: Tree) -> Self {
        Self::reading(dest, tree, false)
    }

    /// The same for a tree that is too large to hash.
    pub fn read_whole(dest: &str, tree: &Tree) -> Self {
        Self::reading(dest, tree.clone(), true)
    }

    fn reading(dest: &str, tree: Tree, skip_content_hash: bool) -> Self {
        // Our own constants: what is no path is the root, which BuildKit refuses.
        let dest = ImagePath::new(dest).unwrap_or_else(|_| ImagePath::root());
        Self { dest, kind: MountKind::Read { tree, src: ImagePath::root(), skip_content_hash } }
    }
}

/// What is mounted.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
        /// Whether it counts by what made it, not by its content: for trees too large to hash.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        skip_content_hash: bool,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Everybody.
    Shared,
    /// One after the other.
    Locked,
}

impl Action {
    /// The trees that it reads.
    pub fn trees(&self) -> Vec<&Tree> {
        match self {
            Self::Files(files) => {
                let copies = files.actions.iter().filter_map(|action| match action {
                    FileAction::Copy(copy) => Some(&copy.from),
                    FileAction::DependsOn(tree) => Some(tree),
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

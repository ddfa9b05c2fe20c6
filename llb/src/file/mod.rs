//! FileOp: a chain of file system actions in one vertex.
//!
//! Each action works on the result of the one before; the last result is the op's output. Actions
//! refer to trees by number: first the op's inputs, then the results of its actions, and -1 for
//! nothing. The numbers depend on how many inputs there are in the end, so they are given out in
//! [`FileOp::build`] and nowhere else.
//!
//! Semantics read in `solver/llbsolver/ops/file.go` and `solver/llbsolver/file/backend.go`.

mod actions;
mod copy;
mod owner;

use buildkit_proto::pb;

pub use actions::{Mkdir, Mkfile, Rm, Symlink, Timestamp};
pub use copy::{Copy, Wildcard};
pub use owner::{Owner, User};

use crate::caps::{self, Caps};
use crate::node::{Inputs, Node};
use crate::{Error, Input, Metadata, Output};

/// A file operation under construction. It has at least one action.
///
/// ```
/// # use buildkit_llb::{Input, file::{self, FileOp}, source::Local};
/// # fn main() -> Result<(), buildkit_llb::Error> {
/// let context = Local::new("context").build();
/// let output = FileOp::new(Input::Scratch, file::Mkdir::new("/app", 0o755))
///     .then(file::Copy::new(&context, "/packages/app", "/app").dir_contents().exclude_patterns(["**/node_modules"]))
///     .then(file::Mkfile::new("/app/built", 0o644, "yes"))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FileOp {
    base: Input,
    /// Inputs that are primary besides, see [`FileOp::without_content_hash`].
    unhashed: Vec<Output>,
    actions: Vec<Action>,
    metadata: Metadata,
}

/// One step of a [`FileOp`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Copies from another tree.
    Copy(Copy),
    /// Writes a file.
    Mkfile(Mkfile),
    /// Makes a directory.
    Mkdir(Mkdir),
    /// Removes.
    Rm(Rm),
    /// Makes a symlink.
    Symlink(Symlink),
}

macro_rules! into_action {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Action {
            fn from(action: $kind) -> Self {
                Self::$kind(action)
            }
        })*
    };
}
into_action!(Copy, Mkfile, Mkdir, Rm, Symlink);

impl FileOp {
    /// Starts on a tree with a first action.
    pub fn new(base: impl Into<Input>, first: impl Into<Action>) -> Self {
        Self { base: base.into(), unhashed: Vec::new(), actions: vec![first.into()], metadata: Metadata::default() }
    }

    /// Starts with a list of actions.
    ///
    /// # Errors
    ///
    /// [`Error::NoActions`] if the list is empty.
    pub fn of<A: Into<Action>>(base: impl Into<Input>, actions: impl IntoIterator<Item = A>) -> Result<Self, Error> {
        let mut actions = actions.into_iter();
        let first = actions.next().ok_or(Error::NoActions)?;
        Ok(Self::new(base, first).then_all(actions))
    }

    /// Adds an action on the result so far.
    pub fn then(mut self, action: impl Into<Action>) -> Self {
        self.actions.push(action.into());
        self
    }

    /// Adds several.
    pub fn then_all<A: Into<Action>>(mut self, actions: impl IntoIterator<Item = A>) -> Self {
        self.actions.extend(actions.into_iter().map(Into::into));
        self
    }

    /// Matches what is copied from this tree by the definition that makes it, not by its content.
    ///
    /// By default the daemon hashes what a copy selects from its source, to find an equal result
    /// made by other means. For a tree of many thousand files that takes seconds (10 to 12 for
    /// 58,000). The price of going without: if the tree is made again, the copy runs again, also
    /// where nothing changed.
    ///
    /// There is no field for this. The daemon does not hash an input that some action also *writes*
    /// to, so one is added: a mkdir of `/` on the tree, whose result nobody uses and the daemon
    /// therefore never computes.
    pub fn without_content_hash(mut self, tree: &Output) -> Self {
        if !self.unhashed.contains(tree) {
            self.unhashed.push(tree.clone());
        }
        self
    }

    /// What is said about it.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The resulting tree.
    ///
    /// # Errors
    ///
    /// [`Error::NameOnScratch`] for an owner by name in a tree that starts empty.
    pub fn build(self) -> Result<Output, Error> {
        let mut inputs = Inputs::default();
        let unhashed: Vec<i64> = self.unhashed.iter().map(|tree| inputs.add(tree)).collect();
        let base = inputs.add_input(&self.base);
        let mut caps = Caps::from([caps::FILE_BASE]);
        let mut steps = Vec::with_capacity(self.actions.len());
        for action in self.actions {
            steps.push(action.lower(base, &mut inputs, &mut caps)?);
        }

        // From here on the number of inputs is known, and with it the numbers of the results.
        let discarded = unhashed.into_iter().map(|tree| pb::FileAction {
            input: tree,
            secondary_input: Inputs::NONE,
            output: Inputs::NONE,
            action: Some(Mkdir::new("/", 0o755).into_pb()),
        });
        let mut actions: Vec<pb::FileAction> = discarded.collect();
        let mut tree = base;
        for (source, action) in steps {
            let result = inputs.len().saturating_add(crate::node::index(actions.len()));
            actions.push(pb::FileAction {
                input: tree,
                secondary_input: source,
                output: Inputs::NONE,
                action: Some(action),
            });
            tree = result;
        }
        if let Some(last) = actions.last_mut() {
            last.output = 0;
        }
        let op = pb::Op { op: Some(pb::op::Op::File(pb::FileOp { actions })), ..Default::default() };
        Ok(Node::new(op, inputs, self.metadata, caps).output(0))
    }
}

/// An action's message and the tree it copies from.
type Step = (i64, pb::file_action::Action);

impl Action {
    /// `base` is where owners are looked up by default: the tree that the whole op starts on, as
    /// Go's client has it.
    fn lower(self, base: i64, inputs: &mut Inputs, caps: &mut Caps) -> Result<Step, Error> {
        let (owner, (source, mut action)) = match self {
            Self::Copy(mut copy) => {
                let owner = copy.owner.take();
                let source = inputs.add(&copy.from);
                caps.extend(copy.caps());
                (owner, (source, copy.into_pb()))
            }
            Self::Mkfile(mut mkfile) => (mkfile.owner.take(), (Inputs::NONE, mkfile.into_pb())),
            Self::Mkdir(mut mkdir) => (mkdir.owner.take(), (Inputs::NONE, mkdir.into_pb())),
            Self::Rm(rm) => {
                if rm.allow_wildcard {
                    caps.insert(caps::FILE_RM_WILDCARD);
                }
                (None, (Inputs::NONE, rm.into_pb()))
            }
            Self::Symlink(mut symlink) => {
                caps.insert(caps::FILE_SYMLINK_CREATE);
                (symlink.owner.take(), (Inputs::NONE, symlink.into_pb()))
            }
        };
        if let Some(owner) = owner {
            let owner = Some(owner.lower(base, inputs)?);
            match &mut action {
                pb::file_action::Action::Copy(copy) => copy.owner = owner,
                pb::file_action::Action::Mkfile(mkfile) => mkfile.owner = owner,
                pb::file_action::Action::Mkdir(mkdir) => mkdir.owner = owner,
                pb::file_action::Action::Symlink(symlink) => symlink.owner = owner,
                pb::file_action::Action::Rm(_) => {}
            }
        }
        Ok((source, action))
    }
}

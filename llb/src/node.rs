//! Nodes of the graph. A node is made from inputs that exist already and never changes, so cycles
//! cannot be written, and its digest is known from the start.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::Arc;

use buildkit_proto::pb;
use bytes::Bytes;

use crate::caps::Caps;
use crate::encode::encode_op;
use crate::{Digest, Metadata};

/// One op with what is said about it. Cheap to clone.
///
/// Two nodes with the same digest are one vertex of a [`Definition`](crate::Definition), whatever
/// their metadata.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    digest: Digest,
    bytes: Bytes,
    op: pb::Op,
    inputs: Vec<Output>,
    /// Nodes equal to inputs, for what they say.
    equals: Vec<Node>,
    metadata: Metadata,
    caps: Caps,
}

impl Node {
    /// `op` without inputs and constraints; they are set here.
    pub(crate) fn new(mut op: pb::Op, inputs: Inputs, metadata: Metadata, mut caps: Caps) -> Self {
        let Inputs { inputs, equals, .. } = inputs;
        op.inputs = inputs.iter().map(Output::to_pb).collect();
        // Empty and present, as Go's client writes it: equal ops of other frontends then are the
        // same vertex.
        op.constraints = Some(pb::WorkerConstraints::default());
        let bytes = encode_op(&mut op);
        caps.extend(metadata.caps());
        Self(Arc::new(Inner { digest: Digest::of(&bytes), bytes, op, inputs, equals, metadata, caps }))
    }

    /// A node read from a definition. Its bytes stay as they are, also where they are not canonical
    /// or hold fields that this crate does not know.
    pub(crate) fn decoded(
        digest: Digest,
        bytes: Bytes,
        op: pb::Op,
        inputs: Vec<Output>,
        metadata: Metadata,
        caps: Caps,
    ) -> Self {
        Self(Arc::new(Inner { digest, bytes, op, inputs, equals: Vec::new(), metadata, caps }))
    }

    /// The vertex digest: sha256 over [`Node::bytes`].
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// The encoded op.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The op.
    pub fn op(&self) -> &pb::Op {
        &self.0.op
    }

    /// What the op takes, in the order of its indexes.
    pub fn inputs(&self) -> &[Output] {
        &self.0.inputs
    }

    /// The nodes of [`Node::inputs`], and those that were given as inputs too and are equal to one
    /// of them.
    pub(crate) fn given(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.0.inputs.iter().map(Output::node).chain(&self.0.equals)
    }

    /// What is said about the op.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// What a daemon must understand for it.
    pub fn caps(&self) -> &Caps {
        &self.0.caps
    }

    /// One of the op's outputs.
    pub(crate) fn output(&self, index: i64) -> Output {
        Output { node: self.clone(), index }
    }

    /// What tells two handles apart that are equal nodes.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl PartialEq for Node {
    /// The same op; metadata does not count.
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Node {}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.0.digest)
    }
}

impl Drop for Inner {
    /// Without this, dropping a chain of a hundred thousand ops would recurse as deep as the chain
    /// is long.
    fn drop(&mut self) {
        let mut nodes = mem::take(&mut self.equals);
        nodes.extend(self.inputs.drain(..).map(|input| input.node));
        while let Some(node) = nodes.pop() {
            if let Some(mut inner) = Arc::into_inner(node.0) {
                nodes.append(&mut inner.equals);
                nodes.extend(inner.inputs.drain(..).map(|input| input.node));
            }
        }
    }
}

/// A file system that an op makes. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    node: Node,
    index: i64,
}

impl Output {
    /// The op that makes it.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Which of the op's outputs it is, from 0.
    pub fn index(&self) -> i64 {
        self.index
    }

    pub(crate) fn to_pb(&self) -> pb::Input {
        pb::Input { digest: self.node.digest().as_str().to_owned(), index: self.index }
    }
}

/// What an op starts from: nothing, or what another op made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An empty file system. It is no op.
    Scratch,
    /// What another op made.
    Output(Output),
}

impl Input {
    /// The output, unless it is scratch.
    pub fn output(&self) -> Option<&Output> {
        match self {
            Self::Scratch => None,
            Self::Output(output) => Some(output),
        }
    }
}

impl From<Output> for Input {
    fn from(output: Output) -> Self {
        Self::Output(output)
    }
}

impl From<&Output> for Input {
    fn from(output: &Output) -> Self {
        Self::Output(output.clone())
    }
}

impl From<&Input> for Input {
    fn from(input: &Input) -> Self {
        input.clone()
    }
}

/// The inputs of an op under construction.
#[derive(Default)]
pub(crate) struct Inputs {
    inputs: Vec<Output>,
    positions: BTreeMap<(Digest, i64), i64>,
    equals: Vec<Node>,
}

impl Inputs {
    /// No input: the index that says so.
    pub(crate) const NONE: i64 = -1;

    /// Inputs that an op reads by position, equal ones too.
    pub(crate) fn positional(inputs: Vec<Output>) -> Self {
        Self { inputs, ..Self::default() }
    }

    /// The index of an input. Equal inputs have one.
    pub(crate) fn add(&mut self, input: &Output) -> i64 {
        let next = self.len();
        let index = *self.positions.entry((input.node.digest().clone(), input.index)).or_insert(next);
        let known = usize::try_from(index).ok().and_then(|position| self.inputs.get(position));
        match known {
            None => self.inputs.push(input.clone()),
            Some(known) if known.node.address() != input.node.address() => {
                self.equals.push(input.node.clone());
            }
            Some(_) => {}
        }
        index
    }

    /// The same for something that may be scratch.
    pub(crate) fn add_input(&mut self, input: &Input) -> i64 {
        input.output().map_or(Self::NONE, |output| self.add(output))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> i64 {
        index(self.inputs.len())
    }
}

/// A position as the wire has it.
pub(crate) fn index(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

//! A graph as a daemon takes it: the ops reachable from one output, each once, inputs before users.

mod parse;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use buildkit_proto::pb;
use bytes::Bytes;

pub use parse::InvalidDefinition;

use crate::caps::{self, Cap, Caps};
use crate::encode::encode_op;
use crate::location::{Location, SourceFile};
use crate::node::Node;
use crate::{Digest, Input, Metadata, Output};

/// A graph that ends in one output.
///
/// Its text form ([`fmt::Display`]) is stable and meant for golden files.
#[derive(Clone, Debug)]
pub struct Definition {
    output: Input,
    vertices: Vec<Vertex>,
}

/// An op of a definition, with what all of its equals say about it.
#[derive(Clone, Debug)]
pub struct Vertex {
    node: Node,
    metadata: Metadata,
    caps: Caps,
}

/// A capability that a definition needs and a daemon does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the build daemon does not support `{cap}`, which `{vertex}` needs")]
pub struct UnsupportedCap {
    /// The capability.
    pub cap: Cap,
    /// The name of the vertex that needs it, else what it does.
    pub vertex: String,
    /// Its digest.
    pub digest: Digest,
}

impl Definition {
    /// The graph that makes an output. Equal nodes become one vertex: capabilities are united,
    /// `ignore_cache` holds if one has it, locations are joined, and of names the first one stays,
    /// in the order of a walk from the output through the inputs.
    pub fn new(output: impl Into<Input>) -> Self {
        let output = output.into();
        let mut vertices: Vec<Vertex> = Vec::new();
        let mut positions: BTreeMap<Digest, usize> = BTreeMap::new();
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        // An own stack: a graph from elsewhere may be deeper than ours. Each node is met twice,
        // before and after its inputs.
        let mut stack: Vec<(&Node, bool)> = output.output().map(|output| (output.node(), false)).into_iter().collect();
        while let Some((node, inputs_done)) = stack.pop() {
            if inputs_done {
                match positions.get(node.digest()).and_then(|position| vertices.get_mut(*position)) {
                    Some(equal) => equal.absorb(node),
                    None => {
                        positions.insert(node.digest().clone(), vertices.len());
                        vertices.push(Vertex::new(node));
                    }
                }
            } else if seen.insert(node.address()) {
                stack.push((node, true));
                stack.extend(node.given().rev().map(|given| (given, false)));
            }
        }
        Self { output, vertices }
    }

    /// The output the graph ends in, to go on from.
    pub fn output(&self) -> &Input {
        &self.output
    }

    /// Whether there is nothing to do.
    pub fn is_scratch(&self) -> bool {
        self.vertices.is_empty()
    }

    /// The ops, inputs before users.
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// The digest of the op that makes the output: the vertex of a warning about this graph.
    pub fn head(&self) -> Option<&Digest> {
        self.output.output().map(|output| output.node().digest())
    }

    /// All that a daemon must understand.
    pub fn caps(&self) -> Caps {
        self.vertices.iter().flat_map(|vertex| vertex.caps.iter().cloned()).collect()
    }

    /// Asks for each capability of each op whether it is supported.
    ///
    /// # Errors
    ///
    /// The first one that is not, and the op that needs it.
    pub fn check(&self, mut is_supported: impl FnMut(&Cap) -> bool) -> Result<(), UnsupportedCap> {
        for vertex in &self.vertices {
            if let Some(cap) = vertex.caps.iter().find(|cap| !is_supported(cap)) {
                return Err(UnsupportedCap {
                    cap: cap.clone(),
                    vertex: vertex.title(),
                    digest: vertex.node.digest().clone(),
                });
            }
        }
        Ok(())
    }

    /// The same without the capabilities of its ops, for a daemon that was asked for each of them already ([`Self::check`]):
    /// it would check the same ones again.
    #[must_use]
    pub fn without_caps(mut self) -> Self {
        self.vertices.iter_mut().for_each(|vertex| vertex.caps = Caps::default());
        self
    }

    /// The message for a daemon. Scratch is an empty one.
    pub fn to_pb(&self) -> pb::Definition {
        let Some(output) = self.output.output() else {
            return pb::Definition::default();
        };
        let mut def: Vec<Bytes> = self.vertices.iter().map(|vertex| vertex.node.bytes().clone()).collect();
        let mut metadata: BTreeMap<String, pb::OpMetadata> = self
            .vertices
            .iter()
            .map(|vertex| (vertex.node.digest().as_str().to_owned(), vertex.metadata.to_pb(&vertex.caps)))
            .collect();
        let terminal = terminal(output);
        // Go writes these two here, and there are readers that take an op without an entry for
        // damaged.
        let used = Caps::from([caps::CONSTRAINTS, caps::PLATFORM]);
        metadata.insert(Digest::of(&terminal).as_str().to_owned(), Metadata::default().to_pb(&used));
        def.push(terminal);
        pb::Definition { def, metadata, source: self.source() }
    }

    /// Reads a graph that someone else made: an input, a named context, a solved reference.
    ///
    /// Its ops keep their bytes. Locations that point nowhere are dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidDefinition`] for what a daemon would refuse too.
    pub fn from_pb(definition: &pb::Definition) -> Result<Self, InvalidDefinition> {
        parse::parse(definition).map(Self::new)
    }

    fn source(&self) -> Option<pb::Source> {
        let mut files: Vec<&SourceFile> = Vec::new();
        let mut locations = BTreeMap::new();
        for vertex in &self.vertices {
            if vertex.metadata.locations.is_empty() {
                continue;
            }
            let mut list = Vec::with_capacity(vertex.metadata.locations.len());
            for location in &vertex.metadata.locations {
                let position = files.iter().position(|file| file.is_same(&location.file)).unwrap_or_else(|| {
                    files.push(&location.file);
                    files.len().saturating_sub(1)
                });
                list.push(location_to_pb(location, position));
            }
            locations.insert(vertex.node.digest().as_str().to_owned(), pb::Locations { locations: list });
        }
        let infos: Vec<pb::SourceInfo> = files.into_iter().map(|file| file.to_pb().clone()).collect();
        (!infos.is_empty()).then_some(pb::Source { locations, infos })
    }
}

/// The op that ends a definition: no member, one input.
fn terminal(output: &Output) -> Bytes {
    encode_op(&mut pb::Op { inputs: vec![output.to_pb()], ..Default::default() })
}

fn location_to_pb(location: &Location, position: usize) -> pb::Location {
    pb::Location {
        source_index: i32::try_from(position).unwrap_or(i32::MAX),
        ranges: location.ranges.iter().map(|range| range.to_pb()).collect(),
    }
}

impl Vertex {
    fn new(node: &Node) -> Self {
        Self { node: node.clone(), metadata: node.metadata().clone(), caps: node.caps().clone() }
    }

    fn absorb(&mut self, equal: &Node) {
        self.metadata.absorb(equal.metadata());
        self.caps.extend(equal.caps().iter().cloned());
    }

    /// The op.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What all equal nodes say about it.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What a daemon must understand for it.
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Its name, else what it does in a few words.
    pub fn title(&self) -> String {
        match self.metadata.name() {
            Some(name) => name.to_owned(),
            None => text::summary(self.node.op()),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}

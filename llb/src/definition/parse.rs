//! Reading definitions that come from elsewhere. They may be hostile: deep, broken, out of order.

use std::collections::BTreeMap;

use buildkit_proto::pb;
use bytes::Bytes;
use prost::Message as _;

use crate::caps::{Cap, Caps};
use crate::location::{LineRange, Location, SourceFile};
use crate::node::Node;
use crate::{Digest, Input, Metadata, Output};

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDefinition {
    /// Bytes that are no op.
    #[error("op {position} of the definition cannot be decoded: {reason}")]
    Decode {
        /// Position in the list.
        position: usize,
        /// What the decoder says.
        reason: String,
    },
    /// The last op has a member, or not exactly one input.
    #[error("the definition does not end in an op that has one input and nothing else")]
    Terminal,
    /// An input that no op of the definition has as its digest.
    #[error("op {op} needs {input}, which the definition does not hold")]
    MissingInput {
        /// The op's digest.
        op: Digest,
        /// The input's digest.
        input: String,
    },
    /// A negative number of an output.
    #[error("op {op} needs output {index} of an op")]
    OutputIndex {
        /// The op's digest.
        op: Digest,
        /// The number.
        index: i64,
    },
}

/// An op of which the inputs are still to be found.
struct Entry {
    digest: Digest,
    bytes: Bytes,
    op: pb::Op,
}

pub(super) fn parse(definition: &pb::Definition) -> Result<Input, InvalidDefinition> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let mut last = None;
    for (position, bytes) in definition.def.iter().enumerate() {
        let op = pb::Op::decode(bytes.clone())
            .map_err(|error| InvalidDefinition::Decode { position, reason: error.to_string() })?;
        let digest = Digest::of(bytes);
        last = Some(digest.clone());
        entries.insert(digest.as_str().to_owned(), Entry { digest, bytes: bytes.clone(), op });
    }
    let Some(last) = last else {
        return Ok(Input::Scratch);
    };
    let terminal = entries.remove(last.as_str()).ok_or(InvalidDefinition::Terminal)?;
    let [input] = terminal.op.inputs.as_slice() else {
        return Err(InvalidDefinition::Terminal);
    };
    if terminal.op.op.is_some() {
        return Err(InvalidDefinition::Terminal);
    }

    let mut graph = Graph { definition, entries, nodes: BTreeMap::new(), files: files(definition) };
    graph.load(&terminal.digest, &input.digest)?;
    graph.output(&terminal.digest, input).map(Input::Output)
}

struct Graph<'a> {
    definition: &'a pb::Definition,
    entries: BTreeMap<String, Entry>,
    nodes: BTreeMap<String, Node>,
    files: Vec<SourceFile>,
}

impl Graph<'_> {
    /// Makes a node of an op and of all it needs. The stack is our own: the graph may be deep.
    /// Digests rule out cycles, unless sha256 is broken; an op that waits for itself would then be
    /// found missing.
    fn load(&mut self, user: &Digest, digest: &str) -> Result<(), InvalidDefinition> {
        let mut stack = vec![(self.take(user, digest)?, 0_usize)];
        while let Some((entry, done)) = stack.pop() {
            let rest = entry.op.inputs.iter().enumerate().skip(done);
            let missing = rest.into_iter().find(|(_, input)| !self.nodes.contains_key(&input.digest));
            match missing.map(|(position, input)| (position, input.digest.clone())) {
                Some((position, input)) => {
                    let input = self.take(&entry.digest, &input)?;
                    stack.push((entry, position));
                    stack.push((input, 0));
                }
                None => self.finish(entry)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, user: &Digest, digest: &str) -> Result<Entry, InvalidDefinition> {
        self.entries
            .remove(digest)
            .ok_or_else(|| InvalidDefinition::MissingInput { op: user.clone(), input: digest.to_owned() })
    }

    fn finish(&mut self, entry: Entry) -> Result<(), InvalidDefinition> {
        let Entry { digest, bytes, op } = entry;
        let inputs = op.inputs.iter().map(|input| self.output(&digest, input)).collect::<Result<Vec<_>, _>>()?;
        let key = digest.as_str().to_owned();
        let said = self.definition.metadata.get(&key).cloned().unwrap_or_default();
        let caps: Caps = said.caps.keys().cloned().map(Cap::from).collect();
        let metadata = Metadata::from_pb(&said, self.locations(&key));
        self.nodes.insert(key, Node::decoded(digest, bytes, op, inputs, metadata, caps));
        Ok(())
    }

    fn output(&self, user: &Digest, input: &pb::Input) -> Result<Output, InvalidDefinition> {
        if input.index < 0 {
            return Err(InvalidDefinition::OutputIndex { op: user.clone(), index: input.index });
        }
        match self.nodes.get(&input.digest) {
            Some(node) => Ok(node.output(input.index)),
            None => Err(InvalidDefinition::MissingInput { op: user.clone(), input: input.digest.clone() }),
        }
    }

    fn locations(&self, digest: &str) -> Vec<Location> {
        let listed = self.definition.source.as_ref().and_then(|source| source.locations.get(digest));
        let listed = listed.map(|listed| listed.locations.as_slice()).unwrap_or_default();
        listed
            .iter()
            .filter_map(|location| {
                let position = usize::try_from(location.source_index).ok()?;
                let file = self.files.get(position)?;
                Some(file.at(location.ranges.iter().filter_map(LineRange::from_pb)))
            })
            .collect()
    }
}

fn files(definition: &pb::Definition) -> Vec<SourceFile> {
    let infos = definition.source.as_ref().map(|source| source.infos.as_slice()).unwrap_or_default();
    infos.iter().map(SourceFile::from_pb).collect()
}

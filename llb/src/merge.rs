//! MergeOp and DiffOp: layers put together and taken apart without copying.

use buildkit_proto::pb;

use crate::caps::{self, Caps};
use crate::node::{Inputs, Node, index};
use crate::{Input, Metadata, Output};

/// Lays file systems over each other, later ones on top. Needs capability `mergeop`.
///
/// Scratch adds nothing and is left out: of no input comes scratch, of one the input itself.
pub fn merge<I: Into<Input>>(inputs: impl IntoIterator<Item = I>, metadata: Metadata) -> Input {
    let inputs: Vec<Output> = inputs.into_iter().filter_map(|input| input.into().output().cloned()).collect();
    match inputs.as_slice() {
        [] => return Input::Scratch,
        [only] => return only.into(),
        _ => {}
    }
    let merge = pb::MergeOp { inputs: (0..inputs.len()).map(|i| pb::MergeInput { input: index(i) }).collect() };
    let op = pb::Op { op: Some(pb::op::Op::Merge(merge)), ..Default::default() };
    Node::new(op, Inputs::positional(inputs), metadata, Caps::from([caps::MERGE_OP])).output(0).into()
}

/// What `upper` has that `lower` has not: additions, changes, and deletions. Needs capability
/// `diffop`.
///
/// With scratch below it is `upper` itself.
pub fn diff(lower: impl Into<Input>, upper: impl Into<Input>, metadata: Metadata) -> Input {
    let (lower, upper) = (lower.into(), upper.into());
    let Some(below) = lower.output().cloned() else {
        return upper;
    };
    // Inputs are read by position: equal ones are not made one.
    let mut inputs = vec![below];
    let upper = match upper.output() {
        Some(above) => {
            inputs.push(above.clone());
            1
        }
        None => Inputs::NONE,
    };
    let diff =
        pb::DiffOp { lower: Some(pb::LowerDiffInput { input: 0 }), upper: Some(pb::UpperDiffInput { input: upper }) };
    let op = pb::Op { op: Some(pb::op::Op::Diff(diff)), ..Default::default() };
    Node::new(op, Inputs::positional(inputs), metadata, Caps::from([caps::DIFF_OP])).output(0).into()
}

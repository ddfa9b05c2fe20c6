//! What holds for every graph that the builders can make.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test's helpers may panic too"
)]

use std::collections::BTreeSet;

use buildkit_llb::exec::{Bind, Cache, ExecOp, Mount, Secret, Tmpfs};
use buildkit_llb::file::{self, FileOp, Owner, Wildcard};
use buildkit_llb::source::{Image, Local};
use buildkit_llb::{Definition, Digest, Input, LineRange, Metadata, Output, SourceFile, diff, encode_op, merge};
use buildkit_proto::pb;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message as _;

/// One op. Inputs are picked among the ops before it.
#[derive(Clone, Debug)]
enum Step {
    Image(String),
    Local(Vec<String>),
    Exec { root: Index, args: Vec<String>, mounts: Vec<(u8, Index)>, line: u32 },
    File { base: Option<Index>, actions: Vec<(u8, Index, String)> },
    Merge(Vec<Index>),
    Diff(Index, Index),
}

fn step() -> impl Strategy<Value = Step> {
    let any_index = || any::<Index>();
    prop_oneof![
        "[a-z]{1,3}".prop_map(Step::Image),
        prop::collection::vec(".{0,6}", 0..3).prop_map(Step::Local),
        (
            any_index(),
            prop::collection::vec(".{0,8}", 0..3),
            prop::collection::vec((0..6_u8, any_index()), 0..6),
            1..4_u32
        )
            .prop_map(|(root, args, mounts, line)| Step::Exec { root, args, mounts, line }),
        (prop::option::of(any_index()), prop::collection::vec((0..6_u8, any_index(), ".{0,6}"), 1..5))
            .prop_map(|(base, actions)| Step::File { base, actions }),
        prop::collection::vec(any_index(), 0..4).prop_map(Step::Merge),
        (any_index(), any_index()).prop_map(|(lower, upper)| Step::Diff(lower, upper)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..12)
}

/// Builds the graph. With `twice`, every op is built twice over and the copies are used by turns: handles differ, nodes don't.
fn build(steps: &[Step], reverse_mounts: bool, twice: bool) -> Input {
    let file = SourceFile::new("f.yaml", "YAML", "1\n2\n3\n");
    let mut made: Vec<Vec<Output>> = vec![vec![Local::new("start").build()]];
    let mut turn = 0_usize;
    for step in steps {
        let outputs: Vec<Output> = (0..if twice { 2 } else { 1 })
            .filter_map(|_| {
                let mut pick = |index: &Index| {
                    let copies = index.get(&made);
                    turn += 1;
                    copies[turn % copies.len()].clone()
                };
                build_step(step, &mut pick, &file, reverse_mounts).output().cloned()
            })
            .collect();
        if !outputs.is_empty() {
            made.push(outputs);
        }
    }
    made.last().unwrap()[0].clone().into()
}

fn build_step(step: &Step, pick: &mut dyn FnMut(&Index) -> Output, file: &SourceFile, reverse_mounts: bool) -> Input {
    match step {
        Step::Image(name) => Image::new(&name.parse().unwrap()).build().into(),
        Step::Local(patterns) => Local::new("l").include_patterns(patterns.clone()).build().into(),
        Step::Exec { root, args, mounts, line } => {
            let mut mounts: Vec<Mount> = mounts
                .iter()
                .zip(0..)
                .map(|((kind, index), position)| {
                    let dest = format!("/m{position}");
                    match kind {
                        0 => Bind::read_only(dest, pick(index)).into(),
                        1 => Bind::output(dest, pick(index)).into(),
                        2 => Bind::discard(dest, Input::Scratch).into(),
                        3 => Cache::new(dest, "id").into(),
                        4 => Tmpfs::new(dest).into(),
                        _ => Secret::new(dest, "s").into(),
                    }
                })
                .collect();
            if reverse_mounts {
                mounts.reverse();
            }
            let metadata = Metadata::named("exec").at(file.at([LineRange::line(*line)]));
            let mut exec = ExecOp::new(pick(root), "p").args(args.clone()).metadata(metadata);
            for mount in mounts {
                exec = exec.mount(mount);
            }
            exec.build().unwrap().root().unwrap().into()
        }
        Step::File { base, actions } => {
            let base = base.as_ref().map_or(Input::Scratch, |base| pick(base).into());
            let actions = actions.iter().map(|(kind, index, text)| -> file::Action {
                match kind {
                    0 => file::Copy::new(&pick(index), text.as_str(), "/c").wildcard(Wildcard::MayBeEmpty).into(),
                    1 => file::Copy::new(&pick(index), "/", text.as_str()).exclude_patterns([text.as_str()]).into(),
                    2 => file::Mkdir::new(text.as_str(), 0o755).owner(Owner::ids(1, 2)).into(),
                    3 => file::Mkfile::new(text.as_str(), 0o644, text.clone()).into(),
                    4 => file::Rm::new(text.as_str()).into(),
                    _ => file::Symlink::new(text.as_str(), "/l").into(),
                }
            });
            FileOp::of(base, actions.collect::<Vec<_>>()).unwrap().build().unwrap().into()
        }
        Step::Merge(inputs) => merge(inputs.iter().map(pick).collect::<Vec<_>>(), Metadata::default()),
        Step::Diff(lower, upper) => diff(pick(lower), pick(upper), Metadata::default()),
    }
}

proptest! {
    #[test]
    fn a_definition_is_well_formed(steps in steps()) {
        let definition = Definition::new(build(&steps, false, false));
        let message = definition.to_pb();
        let mut before = BTreeSet::new();
        for (position, bytes) in message.def.iter().enumerate() {
            let mut op = pb::Op::decode(bytes.clone()).unwrap();
            for input in &op.inputs {
                prop_assert!(before.contains(&input.digest), "an input comes after its user");
            }
            let digest = Digest::of(bytes).to_string();
            prop_assert!(message.metadata.contains_key(&digest), "no metadata");
            prop_assert!(before.insert(digest), "an op is there twice");
            prop_assert_eq!(op.op.is_none(), position + 1 == message.def.len());
            prop_assert_eq!(&encode_op(&mut op), bytes);
        }
        prop_assert_eq!(message.metadata.len(), message.def.len());
        if let Some(source) = &message.source {
            for location in source.locations.values().flat_map(|listed| &listed.locations) {
                prop_assert!((location.source_index as usize) < source.infos.len());
                prop_assert!(location.ranges.iter().all(|range| range.start.is_some() && range.end.is_some()));
            }
        }
    }

    #[test]
    fn reading_gives_back_what_was_written(steps in steps(), seed in any::<u64>()) {
        let definition = Definition::new(build(&steps, false, false));
        let message = definition.to_pb();
        let read = Definition::from_pb(&message).unwrap();
        prop_assert_eq!(read.to_pb(), message.clone());
        prop_assert_eq!(read.caps(), definition.caps());
        prop_assert_eq!(read.to_string(), definition.to_string());

        // The order of a list from elsewhere does not matter, but for its last.
        let mut shuffled = message.clone();
        let terminal = shuffled.def.pop().unwrap();
        shuffled.def.sort_by_key(|op| Digest::of(&[op.as_ref(), &seed.to_be_bytes()].concat()));
        shuffled.def.push(terminal);
        prop_assert_eq!(Definition::from_pb(&shuffled).unwrap().to_pb(), message);
    }

    #[test]
    fn equal_nodes_are_one_vertex(steps in steps()) {
        let once = Definition::new(build(&steps, false, false));
        let twice = Definition::new(build(&steps, false, true));
        prop_assert_eq!(once.to_pb(), twice.to_pb());
    }

    #[test]
    fn the_order_of_mounts_does_not_matter(steps in steps()) {
        let (one, other) = (Definition::new(build(&steps, false, false)), Definition::new(build(&steps, true, false)));
        prop_assert_eq!(one.head(), other.head());
    }

    #[test]
    fn broken_definitions_are_errors(
        steps in steps(),
        position in any::<Index>(),
        byte in any::<Index>(),
        value in any::<u8>(),
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut message = Definition::new(build(&steps, false, false)).to_pb();
        let op = position.index(message.def.len());
        let mut bytes = message.def[op].to_vec();
        let at = byte.index(bytes.len());
        bytes[at] = value;
        message.def[op] = bytes.into();
        // Any answer will do, but an answer.
        let _ = Definition::from_pb(&message).map(|definition| definition.to_string());
        message.def.push(junk.into());
        let _ = Definition::from_pb(&message).map(|definition| definition.to_string());
    }
}

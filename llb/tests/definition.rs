//! Definitions: what becomes of equal nodes, what a daemon lacks, what is wrong with graphs from elsewhere, and size.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

use std::time::{Duration, Instant};

use buildkit_llb::exec::{Bind, ExecOp};
use buildkit_llb::file::{self, FileOp};
use buildkit_llb::source::{Image, Local};
use buildkit_llb::{
    Cap, Caps, Definition, Digest, Input, InvalidDefinition, LineRange, Metadata, Output, SourceFile, caps, encode_op,
};
use buildkit_proto::pb;

fn run(base: &Output, arg: &str, metadata: Metadata) -> Output {
    ExecOp::new(base, "run").arg(arg).metadata(metadata).build().unwrap().root().unwrap()
}

fn base() -> Output {
    Image::new(&"base".parse().unwrap()).build()
}

#[test]
fn equal_nodes_are_one_vertex_with_all_that_is_said() {
    let file = SourceFile::new("f", "YAML", "");
    let at = |line| file.at([LineRange::line(line)]);
    let first = run(&base(), "a", Metadata::named("first").at(at(1)).at(at(2)));
    let second = run(&base(), "a", Metadata::named("second").at(at(2)).at(at(3)).ignoring_cache(true));
    assert_eq!(first.node(), second.node());
    let both = FileOp::new(&first, file::Copy::new(&second, "/", "/")).build().unwrap();
    let definition = Definition::new(both);

    assert_eq!(definition.vertices().len(), 3);
    let vertex = &definition.vertices()[1];
    assert_eq!(vertex.metadata().name(), Some("first"));
    assert!(vertex.metadata().ignore_cache);
    assert_eq!(vertex.metadata().locations, [at(1), at(2), at(3)]);
    assert!(vertex.caps().contains(&caps::META_IGNORE_CACHE));
    assert_eq!(definition.to_pb().source.unwrap().infos.len(), 1);
}

#[test]
fn the_first_vertex_that_lacks_a_capability_is_named() {
    let link = FileOp::new(base(), file::Symlink::new("a", "/b")).metadata(Metadata::named("link it")).build().unwrap();
    let definition = Definition::new(run(&link, "x", Metadata::default()));
    assert_eq!(definition.check(|_| true), Ok(()));
    let error = definition.check(|cap| *cap != caps::FILE_SYMLINK_CREATE).unwrap_err();
    assert_eq!(error.to_string(), "the build daemon does not support `file.symlink.create`, which `link it` needs");
    assert_eq!(Some(&error.digest), definition.vertices().get(1).map(|vertex| vertex.node().digest()));
    let error = definition.check(|cap| *cap != caps::EXEC_META_BASE).unwrap_err();
    assert_eq!(error.vertex, "run x");
}

#[test]
fn capabilities_survive_reading() {
    let mut message = Definition::new(base()).to_pb();
    let of_another_time = Cap::from("source.of.another.time".to_owned());
    let entry = message.metadata.values_mut().find(|entry| entry.caps.contains_key("source.image")).unwrap();
    entry.caps.insert(of_another_time.to_string(), false);
    let expected = Caps::from([caps::SOURCE_IMAGE, of_another_time]);
    assert_eq!(Definition::from_pb(&message).unwrap().caps(), expected);
}

#[test]
fn scratch() {
    let definition = Definition::new(Input::Scratch);
    assert!(definition.is_scratch());
    assert_eq!(definition.to_pb(), pb::Definition::default());
    assert_eq!(Definition::from_pb(&pb::Definition::default()).unwrap().output(), &Input::Scratch);
}

/// A definition of these ops, each with what its inputs refer to.
fn message(ops: Vec<pb::Op>) -> pb::Definition {
    pb::Definition { def: ops.into_iter().map(|mut op| encode_op(&mut op)).collect(), ..Default::default() }
}

fn input(digest: &str, index: i64) -> pb::Input {
    pb::Input { digest: digest.into(), index }
}

#[test]
fn what_a_daemon_refuses_is_refused() {
    let source = pb::Op { op: Some(pb::op::Op::Source(pb::SourceOp::default())), ..Default::default() };
    let digest = Digest::of(&encode_op(&mut source.clone()));
    let terminal = |inputs| pb::Op { inputs, ..Default::default() };
    let read = |ops| Definition::from_pb(&message(ops)).unwrap_err();

    assert_eq!(read(vec![source.clone()]), InvalidDefinition::Terminal);
    assert_eq!(read(vec![source.clone(), terminal(Vec::new())]), InvalidDefinition::Terminal);
    let two = vec![input(digest.as_str(), 0), input(digest.as_str(), 1)];
    assert_eq!(read(vec![source.clone(), terminal(two)]), InvalidDefinition::Terminal);
    let missing = read(vec![source.clone(), terminal(vec![input("sha256:none", 0)])]);
    assert!(matches!(missing, InvalidDefinition::MissingInput { input, .. } if input == "sha256:none"));
    let negative = read(vec![source, terminal(vec![input(digest.as_str(), -1)])]);
    assert!(matches!(negative, InvalidDefinition::OutputIndex { index: -1, .. }));
    let broken = pb::Definition { def: vec![vec![0xff].into()], ..Default::default() };
    assert!(matches!(Definition::from_pb(&broken), Err(InvalidDefinition::Decode { position: 0, .. })));
}

#[test]
fn locations_that_point_nowhere_are_dropped() {
    let file = SourceFile::new("f", "YAML", "a\n");
    let mut message = Definition::new(run(&base(), "a", Metadata::default().at(file.at([LineRange::line(1)])))).to_pb();
    let position = |line| Some(pb::Position { line, character: 3 });
    let source = message.source.as_mut().unwrap();
    let listed = source.locations.values_mut().next().unwrap();
    listed.locations[0].ranges.push(pb::Range { start: position(1), end: None });
    listed.locations[0].ranges.push(pb::Range { start: position(4), end: position(2) });
    for source_index in [-1, 1, i32::MAX] {
        listed.locations.push(pb::Location { source_index, ranges: Vec::new() });
    }
    let read = Definition::from_pb(&message).unwrap();
    let lines = [LineRange::line(1), LineRange::line(4)];
    assert_eq!(read.vertices()[1].metadata().locations, [file.at(lines)]);
}

#[test]
fn bytes_that_are_not_ours_stay_as_they_are() {
    // A field of a release to come, and the oneof before the platform as prost has it.
    let foreign = b"\x1a\x0b\x0a\x09local://a\x52\x03\x12\x01o\xf8\x06\x01";
    let terminal = pb::Op { inputs: vec![input(Digest::of(foreign).as_str(), 0)], ..Default::default() };
    let mut message = message(vec![terminal]);
    message.def.insert(0, foreign.as_slice().into());
    let read = Definition::from_pb(&message).unwrap();
    assert_eq!(read.to_pb().def, message.def);
    assert!(read.to_string().contains("  not canonical\n"));
}

#[test]
fn a_graph_may_be_deep() {
    let mut output = base();
    for number in 0..30_000 {
        output = FileOp::new(output, file::Rm::new(number.to_string())).build().unwrap();
    }
    let definition = Definition::new(output);
    let read = Definition::from_pb(&definition.to_pb()).unwrap();
    assert_eq!(read.vertices().len(), 30_001);
}

/// Generous, for the machine may be busy and the build unoptimised; optimised for size it takes 10 ms, most of it sha256.
#[test]
fn a_large_graph_is_quick() {
    let context = Local::new("context").build();
    let lockfile = vec![b'x'; 2 << 20];
    let started = Instant::now();
    let copies = (0..1000).map(|i| file::Copy::new(&context, format!("/packages/p{i}"), format!("/app/packages/p{i}")));
    let copied = FileOp::of(base(), copies).unwrap().build().unwrap();
    let locked = FileOp::new(&copied, file::Mkfile::new("/app/yarn.lock", 0o644, lockfile)).build().unwrap();
    let exec = ExecOp::new(&locked, "yarn").mount(Bind::read_only("/src", &copied)).build().unwrap();
    let definition = Definition::new(exec.root().unwrap()).to_pb();
    let elapsed = started.elapsed();
    eprintln!("{elapsed:?}");
    assert_eq!(definition.def.len(), 6);
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
}

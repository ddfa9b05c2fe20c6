//! A definition as text, for golden files: one block for each op, digests replaced by numbers,
//! fields that say nothing left out. The text of an op changes only if the op does, or what is said
//! about it.

mod exec;
mod file;

use std::collections::BTreeMap;
use std::fmt::{self, Formatter, Write as _};

use buildkit_proto::pb;
use buildkit_proto::pb::op::Op as Kind;

use super::{Definition, Vertex};
use crate::caps::CONSTRAINTS;
use crate::encode::encode_op;
use crate::{Metadata, Output, Platform};

pub(super) fn write(definition: &Definition, f: &mut Formatter<'_>) -> fmt::Result {
    let numbers: BTreeMap<&str, usize> =
        definition.vertices.iter().zip(1..).map(|(vertex, number)| (vertex.node.digest().as_str(), number)).collect();
    let name = |output: &Output| {
        let number = numbers.get(output.node().digest().as_str()).copied().unwrap_or_default();
        match output.index() {
            0 => format!("#{number}"),
            index => format!("#{number}.{index}"),
        }
    };
    for (vertex, number) in definition.vertices.iter().zip(1..) {
        let op = vertex.node.op();
        let refs = Refs(vertex.node.inputs().iter().map(name).collect());
        write!(f, "#{number} ")?;
        match &op.op {
            Some(Kind::Source(source)) => write_source(source, f)?,
            Some(Kind::Exec(exec)) => exec::write(exec, &refs, f)?,
            Some(Kind::File(file)) => file::write(file, &refs, f)?,
            Some(Kind::Merge(merge)) => {
                write!(f, "merge")?;
                for input in &merge.inputs {
                    write!(f, " {}", refs.get(input.input))?;
                }
                writeln!(f)?;
            }
            Some(Kind::Diff(diff)) => {
                let lower = diff.lower.as_ref().map_or(-1, |lower| lower.input);
                let upper = diff.upper.as_ref().map_or(-1, |upper| upper.input);
                writeln!(f, "diff {} {}", refs.get(lower), refs.get(upper))?;
            }
            Some(Kind::Build(_)) => writeln!(f, "build {}", refs.0.join(" "))?,
            Some(Kind::Passthrough(passthrough)) => {
                writeln!(f, "passthrough {} {}", word(&passthrough.id), refs.0.join(" "))?;
            }
            None => writeln!(f, "nothing {}", refs.0.join(" "))?,
        }
        write_surroundings(vertex, f)?;
        writeln!(f)?;
    }
    writeln!(f, "=> {}", definition.output.output().map_or("scratch".into(), name))
}

/// What an op does, for people who meet it in an error.
pub(super) fn summary(op: &pb::Op) -> String {
    match &op.op {
        Some(Kind::Source(source)) => source.identifier.clone(),
        Some(Kind::Exec(exec)) => exec.meta.as_ref().map(|meta| meta.args.join(" ")).unwrap_or_default(),
        Some(Kind::File(file)) => file::summary(file),
        Some(Kind::Merge(_)) => "merge".into(),
        Some(Kind::Diff(_)) => "diff".into(),
        Some(Kind::Build(_)) => "build".into(),
        Some(Kind::Passthrough(_)) => "passthrough".into(),
        None => "nothing".into(),
    }
}

fn write_source(source: &pb::SourceOp, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "source {}", source.identifier)?;
    for attr in &source.attrs {
        let value = attr.value.as_deref().unwrap_or_default();
        // Lists are JSON and would be hard to read with another layer of quotes.
        let value = if value.starts_with('[') { value.to_owned() } else { word(value) };
        writeln!(f, "  {} {value}", attr.key.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn write_surroundings(vertex: &Vertex, f: &mut Formatter<'_>) -> fmt::Result {
    let op = vertex.node.op();
    if let Some(platform) = &op.platform {
        writeln!(f, "  platform {}", Platform::from(platform))?;
    }
    for filter in op.constraints.iter().flat_map(|constraints| &constraints.filter) {
        writeln!(f, "  constraint {}", word(filter))?;
    }
    if encode_op(&mut op.clone()) != *vertex.node.bytes() {
        writeln!(f, "  not canonical")?;
    }
    write_metadata(&vertex.metadata, f)?;
    let caps: Vec<&str> = vertex.caps.iter().filter(|cap| **cap != CONSTRAINTS).map(|cap| cap.as_str()).collect();
    if !caps.is_empty() {
        writeln!(f, "  needs {}", caps.join(" "))?;
    }
    Ok(())
}

fn write_metadata(metadata: &Metadata, f: &mut Formatter<'_>) -> fmt::Result {
    for (key, text) in &metadata.description {
        let key = if key == "llb.customname" { "name" } else { key };
        writeln!(f, "  {key} {}", word(text))?;
    }
    if metadata.ignore_cache {
        writeln!(f, "  ignore cache")?;
    }
    if let Some(export) = metadata.export_cache {
        writeln!(f, "  export cache {export}")?;
    }
    if let Some(group) = &metadata.progress_group {
        let weak = if group.weak { " weak" } else { "" };
        writeln!(f, "  group {} {}{weak}", word(&group.id), word(&group.name))?;
    }
    if let Some(limits) = &metadata.linux_resources {
        writeln!(
            f,
            "  limits memory={} swap={} shares={} period={} quota={} cpus={} mems={}",
            limits.memory,
            limits.memory_swap,
            limits.cpu_shares,
            limits.cpu_period,
            limits.cpu_quota,
            word(&limits.cpuset_cpus),
            word(&limits.cpuset_mems),
        )?;
    }
    for location in &metadata.locations {
        write!(f, "  at {}:", word(&location.file.to_pb().filename))?;
        for (range, separator) in location.ranges.iter().zip(std::iter::once("").chain(std::iter::repeat(","))) {
            write!(f, "{separator}{}", range.first())?;
            if range.last() != range.first() {
                write!(f, "-{}", range.last())?;
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// The names of an op's inputs.
struct Refs(Vec<String>);

impl Refs {
    /// The input of that number. Definitions from elsewhere may have numbers that mean nothing.
    fn get(&self, index: i64) -> String {
        if index < 0 {
            return "scratch".into();
        }
        let position = usize::try_from(index).ok();
        position.and_then(|position| self.0.get(position)).cloned().unwrap_or_else(|| format!("?{index}"))
    }

    /// The same where higher numbers mean the results of actions.
    fn tree(&self, index: i64) -> String {
        match index.checked_sub(crate::node::index(self.0.len())) {
            Some(action) if action >= 0 => format!("@{action}"),
            _ => self.get(index),
        }
    }
}

/// A text as it is if it is one plain word, else quoted.
fn word(text: &str) -> String {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '\''));
    if is_plain { text.to_owned() } else { format!("{text:?}") }
}

/// Several words.
fn words<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let mut out = String::new();
    for text in texts {
        // Writing to a string does not fail.
        let _ = write!(out, " {}", word(text));
    }
    out
}

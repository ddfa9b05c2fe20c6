//! File steps: one file op each, one copy action for each directory.

use buildkit_llb::Output;
use buildkit_llb::file::{Copy, FileOp, Mkdir, Mkfile, Owner, Timestamp, Wildcard};
use buildkit_llb::{Input, Metadata};

use crate::path::ImagePath;
use crate::plan::{Content, CopyFiles, FileAction, Files, Mode, Step, StepId, Text};

use super::{Builder, GraphError, Texts};

/// Yarn's own time of archived files (1984-06-22T21:50:00Z): what is written here is as old.
pub const FIXED_TIME: i64 = 456_789_000;
const FIXED: Timestamp = Timestamp::from_unix_seconds(FIXED_TIME);

impl Builder<'_> {
    pub(super) fn files(&self, step: &Step, files: &Files, metadata: Metadata) -> Result<Output, GraphError> {
        let op = |source| GraphError::Op { step: step.id.clone(), source };
        let mut unhashed: Vec<Output> = Vec::new();
        let mut actions: Vec<buildkit_llb::file::Action> = Vec::new();
        for action in &files.actions {
            match action {
                FileAction::Copy(copy) => {
                    let Input::Output(from) = self.tree(&copy.from)? else { continue };
                    if copy.by_definition {
                        unhashed.push(from.clone());
                    }
                    actions.push(self.copy(&from, copy).into());
                }
                FileAction::Write { path, text, mode } => actions.push(self.write(path, text, *mode)?),
                FileAction::Mkdir { path, mode } => {
                    let dir = Mkdir::new(path.as_str(), *mode).make_parents().timestamp(FIXED);
                    actions.push(dir.into());
                }
            }
        }
        let mut file_op = FileOp::of(self.tree(&files.base)?, parents(files, actions)).map_err(op)?;
        for tree in &unhashed {
            file_op = file_op.without_content_hash(tree);
        }
        file_op.metadata(metadata).build().map_err(op)
    }

    /// A long text is copied from where it lies: bytes of a graph are hashed, sent and recorded with every build.
    fn write(&self, path: &ImagePath, text: &Content, mode: u32) -> Result<buildkit_llb::file::Action, GraphError> {
        Ok(match (text, &self.trees.texts) {
            (Content::Text(text), _) => {
                Mkfile::new(path.as_str(), mode, text.clone().into_bytes()).timestamp(FIXED).into()
            }
            (Content::Stored { sha256, .. }, Some(Texts { tree, folder })) => {
                let copy = Copy::new(tree, format!("/{folder}/{sha256}"), path.as_str());
                copy.owner(Owner::ids(0, 0)).mode(mode).timestamp(FIXED).into()
            }
            (Content::Stored { sha256, .. }, None) => return Err(GraphError::NoText(sha256.clone())),
        })
    }

    fn copy(&self, from: &Output, copy: &CopyFiles) -> Copy {
        let mut made = Copy::new(from, copy.src.as_str(), copy.dest.as_str())
            .dir_contents()
            .create_dest_path()
            .owner(Owner::ids(0, 0))
            .exclude_patterns(&copy.exclude);
        match copy.mode {
            Mode::Keep => {}
            Mode::Readable => made = made.mode_str("u+rwX,go+rX,go-w"),
            Mode::Bits(bits) => made = made.mode(bits),
        }
        if copy.unpack {
            made = made.attempt_unpack();
        }
        if copy.optional {
            made = made.wildcard(Wildcard::MayBeEmpty);
        }
        if copy.fixed_time {
            made = made.timestamp(Timestamp::from_unix_seconds(self.settings.epoch));
        }
        made
    }

    /// The plan as files.
    pub(super) fn printed(&self) -> Result<Output, GraphError> {
        let op = |source| GraphError::Op { step: StepId::new("plan"), source };
        let json = serde_json::to_string_pretty(self.plan).unwrap_or_default();
        let file = |name: &str, text: String| Mkfile::new(name, 0o644, text.into_bytes()).timestamp(FIXED);
        FileOp::new(Input::Scratch, file("/plan.txt", Text(self.plan).to_string()))
            .then(file("/plan.json", json + "\n"))
            .metadata(Metadata::named("[plan] print"))
            .build()
            .map_err(op)
    }
}

/// A written file needs its directory: makes each once, before its first use.
fn parents(files: &Files, actions: Vec<buildkit_llb::file::Action>) -> Vec<buildkit_llb::file::Action> {
    use std::collections::BTreeSet;

    let mut made: BTreeSet<&str> = BTreeSet::from([""]);
    let mut all = Vec::with_capacity(actions.len());
    let writes = files.actions.iter().filter_map(|action| match action {
        FileAction::Write { path, .. } => path.as_str().rsplit_once('/').map(|(dir, _)| dir),
        _ => None,
    });
    for dir in writes {
        if made.insert(dir) {
            all.push(Mkdir::new(dir, 0o755).make_parents().timestamp(FIXED).into());
        }
    }
    all.extend(actions);
    all
}

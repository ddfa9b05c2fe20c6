//! File steps: one file op each, one copy action for each directory.

use std::collections::BTreeSet;

use buildkit_frontend::path::ImagePath;
use buildkit_llb::Output;
use buildkit_llb::file::{Copy, FileOp, Mkdir, Mkfile, Owner, Timestamp, Wildcard};
use buildkit_llb::{Input, Metadata};

use crate::epoch::FIXED_TIME;
use crate::plan::{self, CopyFiles, FileAction, Files, GeneratedFile, GeneratedFiles, Mode, Step, Text, Tree};

use super::{Builder, GraphError};

const FIXED: Timestamp = Timestamp::from_unix_seconds(FIXED_TIME);

/// A pattern that no name matches, whatever is there: a class without a character. (A name holds no NUL, and Go reads what is no
/// UTF-8 as U+FFFD.)
const NOTHING: &str = "/[^\u{1}-\u{10ffff}]";

impl Builder<'_> {
    pub(super) fn files(&self, step: &Step, files: &Files, metadata: Metadata) -> Result<Output, GraphError> {
        let op = |source| GraphError::Op { step: step.id.to_string(), source };
        let mut unhashed: Vec<Output> = Vec::new();
        let mut actions: Vec<buildkit_llb::file::Action> = Vec::new();
        for (at, action) in files.actions.iter().enumerate() {
            match action {
                FileAction::Write(written) => match &self.trees.written {
                    Some(tree) => {
                        let folder = step.id.written_folder(at);
                        // At once, where there is nothing yet that a copy of a directory would change.
                        if at == 0 && files.base == Tree::Scratch {
                            actions.push(copy_of(tree, format!("/{folder}"), "/").dir_contents().into());
                        } else {
                            actions.extend(dirs(written));
                            let paths = written.keys().map(ImagePath::as_str);
                            actions.extend(paths.map(|path| copy_of(tree, format!("/{folder}{path}"), path).into()));
                        }
                    }
                    None => write(written, &mut actions)?,
                },
                FileAction::Copy(copy) => {
                    let Input::Output(from) = self.tree(&copy.from)? else { continue };
                    if copy.skip_content_hash {
                        unhashed.push(from.clone());
                    }
                    actions.push(self.copy(&from, copy).into());
                }
                FileAction::Mkdir { path, mode } => {
                    let dir = Mkdir::new(path.as_str(), *mode).make_parents().timestamp(FIXED);
                    actions.push(dir.into());
                }
                FileAction::DependsOn(tree) => {
                    let Input::Output(tree) = self.tree(tree)? else { continue };
                    actions.push(Copy::new(&tree, NOTHING, "/").wildcard(Wildcard::MayBeEmpty).into());
                }
            }
        }
        let mut file_op = FileOp::of(self.tree(&files.base)?, actions).map_err(op)?;
        for tree in &unhashed {
            file_op = file_op.without_content_hash(tree);
        }
        file_op.metadata(metadata).build().map_err(op)
    }

    fn copy(&self, from: &Output, copy: &CopyFiles) -> Copy {
        let mut made = Copy::new(from, copy.src.as_str(), copy.dest.as_str())
            .dir_contents()
            .create_dest_path()
            .owner(Owner::ids(0, 0))
            .include_patterns(&copy.only)
            .exclude_patterns(&copy.exclude);
        let is_root = copy.src == ImagePath::root();
        if copy.from == Tree::Context && copy.only.is_empty() && !is_root {
            // A link that somebody names stands for what it leads to, as in a Dockerfile.
            made = made.follow_symlink();
        }
        match copy.mode {
            Mode::Keep => {}
            Mode::Readable => made = made.mode_str("u+rwX,go+rX,go-w"),
            Mode::Bits(bits) => made = made.mode(bits),
        }
        if copy.unpack {
            made = made.attempt_unpack();
        }
        if copy.fixed_time {
            made = made.timestamp(Timestamp::from_unix_seconds(self.settings.epoch));
        }
        made
    }

    /// The plan as files.
    pub(super) fn printed(&self) -> Result<Output, GraphError> {
        let op = |source| GraphError::Op { step: "plan".to_owned(), source };
        let json = plan::json(self.plan);
        let file = |name: &str, text: String| Mkfile::new(name, 0o644, text.into_bytes()).timestamp(FIXED);
        FileOp::new(Input::Scratch, file("/plan.txt", Text(self.plan).to_string()))
            .then(file("/plan.json", json + "\n"))
            .metadata(Metadata::named("[plan] print"))
            .build()
            .map_err(op)
    }
}

/// A copy of what somebody has written: bytes of a graph are hashed, sent and recorded with every build.
fn copy_of(written: &Output, src: String, dest: &str) -> Copy {
    Copy::new(written, src, dest).owner(Owner::ids(0, 0)).timestamp(FIXED)
}

/// Writes files whose text is here.
fn write(files: &GeneratedFiles, actions: &mut Vec<buildkit_llb::file::Action>) -> Result<(), GraphError> {
    actions.extend(dirs(files));
    for (path, GeneratedFile { text, mode }) in files {
        let text = text.text().ok_or_else(|| GraphError::NoText(path.clone()))?;
        actions.push(Mkfile::new(path.as_str(), *mode, text.as_bytes().to_vec()).timestamp(FIXED).into());
    }
    Ok(())
}

/// Makes the directories of written files, each once.
fn dirs(files: &GeneratedFiles) -> impl Iterator<Item = buildkit_llb::file::Action> {
    let dirs = files.keys().filter_map(|path| path.as_str().rsplit_once('/')).map(|(dir, _)| dir);
    let dirs: BTreeSet<&str> = dirs.filter(|dir| !dir.is_empty()).collect();
    dirs.into_iter().map(|dir| Mkdir::new(dir, 0o755).make_parents().timestamp(FIXED).into())
}

//! What runs inside the step.
#![allow(clippy::disallowed_methods, reason = "the step's own files, in a container of its own")]

use std::io;
use std::path::Path;

use crate::files::{DirectoryFiles, ReadSet};
use crate::pipeline::Reading;
use crate::repo;

use super::step::{ANSWER, TEXTS};
use super::{Answer, Made, Task};

/// Plans the repository whose facts are in a folder, as the file `task` says, and leaves the answer in the folder `out`.
///
/// # Errors
/// When the files cannot be read or written: a step that fails is not remembered. Never for what is wrong with a repository.
pub fn work(task: &Path, facts: &Path, out: &Path) -> io::Result<()> {
    let task: Task = serde_json::from_slice(&std::fs::read(task)?)?;
    let answer = answer(&task, facts, out)?;
    std::fs::write(out.join(ANSWER), serde_json::to_vec(&answer)?)
}

/// The answer to a task. Long texts of a plan are left in `out`.
pub(super) fn answer(task: &Task, facts: &Path, out: &Path) -> io::Result<Answer> {
    let source = task.source();
    // What is wrong is said by the frontend, which comes to the same.
    let Ok(mut reading) = Reading::start(&source) else { return Ok(Answer::Nothing) };
    reading.include(task.included.clone());
    // All of it: the daemon has left out already what is not shown.
    let files = DirectoryFiles::new(facts, &ReadSet::default()).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let prepared = match runtime.block_on(reading.read(&files)) {
        Ok(Some(facts)) => facts.plan(&source),
        Ok(None) => return Ok(Answer::More(reading.included().clone())),
        Err(mistakes) => Err(mistakes),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(mistakes) => {
            let unreadable = mistakes.0.into_iter().find(|mistake| mistake.code == repo::UNREADABLE);
            return unreadable.map_or(Ok(Answer::Nothing), |mistake| Err(io::Error::other(mistake.message)));
        }
    };
    let texts = out.join(TEXTS);
    std::fs::create_dir_all(&texts)?;
    for (sha256, text) in prepared.plan.long_texts() {
        std::fs::write(texts.join(sha256), text)?;
    }
    Ok(Answer::Plan(Box::new(Made::of(prepared.plan, &prepared.warnings, &source.file))))
}

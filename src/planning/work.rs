//! What runs inside the step.
#![allow(clippy::disallowed_methods, reason = "the step's own files, in a container of its own")]

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use buildkit_frontend::files::{DirectoryFiles, ReadSet};

use crate::pipeline::PlanSession;
use crate::plan::Plan;
use crate::repo;

use super::step::ANSWER;
use super::{Answer, PlanResult, Task};

/// Plans the repository whose facts are in a folder, as the file `task` says, and leaves the answer in the folder `out`.
///
/// # Errors
/// When the files cannot be read or written: a step that fails is not remembered. Never for what is wrong with a repository.
pub fn work(task: &Path, facts: &Path, out: &Path) -> io::Result<()> {
    let task: Task = serde_json::from_slice(&fs::read(task)?)?;
    let answer = answer(&task, facts, out)?;
    fs::write(out.join(ANSWER), serde_json::to_vec(&answer)?)
}

/// The answer to a task. What the steps of a plan write is left in `out`.
pub(super) fn answer(task: &Task, facts: &Path, out: &Path) -> io::Result<Answer> {
    let source = task.source();
    // What is wrong is said by the frontend, which comes to the same.
    let Ok(mut reading) = PlanSession::start(&source) else { return Ok(Answer::Unavailable) };
    reading.include(task.included.clone());
    // All of it: the daemon has left out already what is not shown.
    let files = DirectoryFiles::new(facts, &ReadSet::default()).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let prepared = match runtime.block_on(reading.read(&files)) {
        Ok(Some(facts)) => facts.plan(&source),
        Ok(None) => return Ok(Answer::NeedsFiles(reading.included().clone())),
        Err(mistakes) => Err(mistakes),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(mistakes) => {
            let unreadable = mistakes.0.into_iter().find(|mistake| mistake.code == repo::UNREADABLE);
            return unreadable.map_or(Ok(Answer::Unavailable), |mistake| Err(io::Error::other(mistake.message)));
        }
    };
    write(&prepared.plan, out)?;
    Ok(Answer::Plan(Box::new(PlanResult::of(prepared.plan, &prepared.warnings, &source.file))))
}

/// Makes a directory below `out`, with those that it lies in. Their bits are part of what steps are keyed by, and not for
/// a runtime's umask to decide.
fn make_dirs(out: &Path, dir: &Path) -> io::Result<()> {
    if dir == out || dir.is_dir() {
        return Ok(());
    }
    dir.parent().map_or(Ok(()), |parent| make_dirs(out, parent))?;
    fs::create_dir(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(0o755))
}

/// Writes what steps of a plan write, each action's files in a folder of their own.
fn write(plan: &Plan, out: &Path) -> io::Result<()> {
    for (folder, files) in plan.written() {
        let folder = out.join(folder);
        make_dirs(out, &folder)?;
        for (path, file) in files {
            let text = file.text.text().ok_or_else(|| io::Error::other(format!("nobody has the text of {path}")))?;
            let path = folder.join(path.as_str().trim_start_matches('/'));
            path.parent().map_or(Ok(()), |dir| make_dirs(out, dir))?;
            fs::write(&path, text)?;
            fs::set_permissions(&path, Permissions::from_mode(file.mode))?;
        }
    }
    Ok(())
}

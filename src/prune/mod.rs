//! The production packages, cut out of the one install.
//!
//! In: a tree that a package manager has installed, with development and frontend packages in it, and a [`Task`] that the
//! plan made. Out: below a folder, what the image needs of it, at its final path; beside it a report of what went and why.
//! It runs as a step of the build, in the frontend's own image. Nobody installs a second time, and what goes is decided
//! by what the tree shows: no package goes that something which stays asks for.
//!
//! A package is followed to what Node finds from its folder. Whom to look for says the lockfile's production closure, by
//! way of the places that Yarn's state file names; where there is no such file, each `package.json`.

#![allow(clippy::disallowed_methods, reason = "the step's own files, in a container of its own")]

mod bundle;
mod check;
mod elf;
mod natives;
mod patterns;
mod report;
mod requires;
mod rules;
mod select;
mod task;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod write;

use std::fs;
use std::io;
use std::path::Path;

use patterns::Patterns;
use report::Report;
use rules::FileRules;
use select::select;
use tree::Installed;
use write::Writer;

pub(crate) use bundle::check_bundle;
pub(crate) use natives::{Built, place_natives};
pub(crate) use task::Prune;
pub use task::Task;

/// The argument that starts the program as the step that selects packages.
pub(crate) const COMMAND: &str = "prune-step";
/// The argument that starts it as the step that puts built natives into them.
pub(crate) const NATIVES_COMMAND: &str = "natives-step";
/// The argument that starts it as the step that looks whether the bundle finds what it loads.
pub(crate) const BUNDLE_COMMAND: &str = "bundle-step";
/// The report's name.
pub(crate) const REPORT: &str = "deps.json";

/// Writes the packages that the file `task` asks for out of the tree `installed` below `out`, for an image's `cpu` in Node's
/// words (`x64`), and a report into the folder `report`.
///
/// # Errors
/// When files cannot be read or written, when the tree lacks a dependency, and when `prune.drop` leaves out what is loaded.
pub(crate) fn work(cpu: &str, task: &Path, installed: &Path, out: &Path, report: &Path) -> io::Result<Report> {
    let task: Task = serde_json::from_slice(&fs::read(task)?)?;
    let tree = Installed::open(installed)?;
    let patterns = Patterns::new(&task.prune)?;
    let selection = select(&tree, &task, cpu, &patterns)?;
    let rules = FileRules { prune: &task.prune, typescript: selection.typescript.is_some(), cpu };
    let writer = Writer { tree: &tree, selection: &selection, rules, patterns: &patterns, out };
    let written = writer.write()?;
    check::check(&tree, &selection, &written.dropped)?;
    let made = Report::of(selection, written);
    let mut text = serde_json::to_string_pretty(&made)?;
    text.push('\n');
    fs::write(report.join(REPORT), text)?;
    Ok(made)
}

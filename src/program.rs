//! The frontend's own program, for steps that run it.

use buildkit_frontend::gateway::Client;
use buildkit_llb::file::{FileOp, Mkfile};
use buildkit_llb::{Definition, Input, Metadata, Output};

use crate::graph::Program;

/// Where the program lies in a file system that holds nothing else.
const ALONE: &str = "/backstage-build";

/// This program in the frontend's own image; `None` where the daemon does not say which image that is.
pub(crate) fn of_image(client: &Client) -> Option<Program> {
    let image = client.environment().frontend.as_ref()?;
    let Input::Output(root) = Definition::from_pb(image).ok()?.output().clone() else { return None };
    let path = std::env::current_exe().ok()?.to_str()?.to_owned();
    Some(Program { root, path })
}

/// This program in a file system of its own, which the graph holds: megabytes that are sent with each build, for daemons
/// that do not say which image the frontend is. `None` where the program cannot read itself.
#[allow(clippy::disallowed_methods, reason = "the program itself, which no repository has a hand in")]
pub(crate) fn alone() -> Option<Program> {
    let program = std::fs::read(std::env::current_exe().ok()?).ok()?;
    let file = Mkfile::new(ALONE, 0o755, program);
    let metadata = Metadata::named("[internal] the frontend's program");
    let root: Output = FileOp::new(Input::Scratch, file).metadata(metadata).build().ok()?;
    Some(Program { root, path: ALONE.to_owned() })
}

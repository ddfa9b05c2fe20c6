//! Runs of the frontend's own program.

use std::collections::BTreeMap;

use buildkit_frontend::path::ImagePath;

use super::{Mount, NetworkAccess, Run, RunsOn, Tree};

/// A run of the frontend's own program: files in, files out, and nothing else in reach.
pub(super) fn own(args: Vec<String>, mounts: Vec<Mount>) -> Run {
    Run {
        root: Tree::Program,
        runs_on: RunsOn::Build,
        mounts,
        args: std::iter::once("backstage-build".to_owned()).chain(args).collect(),
        env: BTreeMap::new(),
        path: None,
        cwd: ImagePath::root(),
        network: NetworkAccess::None,
    }
}

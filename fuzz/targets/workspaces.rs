//! Any manifests and settings of Yarn.
#![no_main]

use backstage_build::repo::{natives, project};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(repo) = fuzz::read(&fuzz::repository(fuzz::files(text))) else { return };
    project::development(&repo);
    for workspace in &repo.workspaces {
        project::production(&repo, &workspace.name);
        natives(&repo, &workspace.name);
    }
});

//! Any manifests and settings of Yarn: every project that an install could see is made of them.
#![no_main]

use backstage_build::repo::native_project;
use backstage_build::repo::project::{self, Production};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(repo) = fuzz::read(&fuzz::repository(fuzz::files(text))) else { return };
    project::development(&repo);
    for workspace in &repo.workspaces {
        let production = Production::of(&repo, &workspace.name);
        production.project();
        for native in production.natives() {
            native_project(&repo, &native);
        }
    }
});

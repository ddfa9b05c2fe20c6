//! Inside BuildKit a frontend, otherwise a command-line tool.

use std::process::ExitCode;

use backstage_build::{cli, frontend};
use buildkit_frontend::gateway::{self, Identity};

const IDENTITY: Identity = Identity { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    if gateway::is_frontend_environment() { gateway::serve(IDENTITY, frontend::build) } else { cli::run() }
}

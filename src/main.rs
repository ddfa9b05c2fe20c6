//! Inside BuildKit a frontend, otherwise a command-line tool.

use std::process::ExitCode;

use backstage_build::{cli, frontend, gateway};

fn main() -> ExitCode {
    if gateway::is_frontend_environment() { gateway::serve(frontend::build) } else { cli::run() }
}

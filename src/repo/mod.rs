//! Facts of a Backstage repository: workspaces, manifests, Yarn's set-up and lockfile, natives, app-config.
//!
//! In: [`buildkit_frontend::files::Files`] and the paths that the build file names. Out: a [`Repository`] or diagnostics. Knows
//! nothing of BuildKit, of the build file or of what will be decided.

mod closure;
pub mod config;
pub mod database;
mod facts;
mod json;
pub mod lock;
mod manifest;
mod natives;
mod needs;
pub mod project;
pub mod range;
mod read;
mod read_set;
mod withheld;
mod yaml;

pub use config::config_references;
pub use facts::{AppConfig, Manifest, NodeHint, Registries, Repository, YarnSetup, YarnVersion};
pub use lock::is_name;
pub use natives::{Native, native_project};
pub use needs::Needs;
pub use read::{BuildFileSays, read, read_for};
pub(crate) use read::{UNREADABLE, certificates};
pub use read_set::{Reader, is_fact, read_set, root_config};
pub use withheld::{Ignores, Naming, Withheld};

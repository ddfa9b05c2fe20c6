//! Facts of a Backstage repository: workspaces, manifests, Yarn's set-up and lockfile, natives, app-config.
//!
//! In: [`crate::files::Files`] and the paths that the build file names. Out: a [`Repository`] or diagnostics. Knows
//! nothing of BuildKit, of the build file or of what will be decided.

mod closure;
mod facts;
mod orphans;
pub mod range;
mod read_set;
mod schema;
pub mod lock;
mod natives;
pub mod project;

pub use natives::{Native, PrebuiltTool, native_project, natives};
pub use read_set::{DENY, read_set};
pub use schema::SchemaStyle;
pub use orphans::orphans;
pub use facts::{AppConfig, Manifest, NodeHint, Repository, YarnSetup, YarnVersion};

//! Facts of a Backstage repository: workspaces, manifests, Yarn's set-up and lockfile, natives, app-config.
//!
//! In: [`crate::files::Files`] and the paths that the build file names. Out: a [`Repository`] or diagnostics. Knows
//! nothing of BuildKit, of the build file or of what will be decided.

mod facts;
pub mod lock;

pub use facts::{AppConfig, Manifest, NodeHint, Repository, YarnSetup, YarnVersion};

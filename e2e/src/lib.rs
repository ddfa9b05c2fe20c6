//! What the end-to-end tests are written with: engines, builds, images, repositories.
//!
//! Nothing here stands for BuildKit: every build is a `docker buildx build` (or a `buildctl build`) against a real
//! daemon with the frontend image that `make test` pushed. It tells the tests where that is through the environment:
//! `FRONTEND`, `APP`, `APP_WITH_NATIVES`, and what `make engine` exports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "only tests use this crate: what goes wrong in it is a failed test"
)]

pub mod attestation;
pub mod build;
pub mod canary;
pub mod cli;
pub mod engine;
pub mod git;
pub mod image;
pub mod npm;
pub mod repo;
pub mod run;

pub use build::{Build, Built, Vertex};
pub use engine::{Engine, Postgres};
pub use image::Image;
pub use repo::Repo;
pub use run::{Output, run};

/// A text that no earlier run has used: what is built with it was never built before.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{:x}{:x}", now.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What a test measured, for the person who reads its output.
pub fn report(test: &str, text: impl AsRef<str>) {
    eprintln!("{test}: {}", text.as_ref());
}

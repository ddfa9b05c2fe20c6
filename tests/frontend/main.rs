//! Whole builds against a daemon that is played in this process, for what a real one does not do on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

mod build;
#[path = "../../frontend/tests/gateway/daemon.rs"]
mod daemon;
mod planning;

//! End-to-end tests, in one program so that they run beside each other. `make test` runs them.
//!
//! The names of those that take longest come first in the alphabet, since that is the order in which tests are started.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "tests: what goes wrong here is to fail"
)]

mod app;
mod canary;
mod daemons;
mod determinism;
mod examples;
mod frontend;
mod harness;
mod large;
mod mistakes;
mod natives;
mod options;
mod plans;
mod platforms;
mod prune;
mod releases;
mod secrets;

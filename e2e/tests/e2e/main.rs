//! End-to-end tests, in one program so that they run beside each other. `make test` runs them.
//!
//! The names of those that take longest come first in the alphabet, since that is the order in which tests are started.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

mod app;
mod daemons;
mod determinism;
mod large;
mod mistakes;
mod options;
mod plans;

//! End-to-end tests, in one program so that they run beside each other. `make test` runs them.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

mod options;

//! Serves inside BuildKit, otherwise a command-line tool.

fn main() {}

//! Yarn's lockfile: entries, reachability, and the cut to a production closure.

/// A parsed lockfile.
#[derive(Debug, Clone, Default)]
pub struct Lockfile {}

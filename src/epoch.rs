//! The one time that files of an image have.

/// Yarn's own time of archived files (1984-06-22T21:50:00Z), in Unix seconds: what steps write is as old.
pub const FIXED_TIME: i64 = 456_789_000;

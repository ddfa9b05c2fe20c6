//! The language: from the text of a build file to a [`model::Spec`].
//!
//! In: the file's text and the build args that override scalars by path. Out: plain values with their places, or
//! diagnostics. Knows nothing of BuildKit or of the repository.

pub mod model;

pub use model::Spec;

//! Where the files of a build are: the build file, its ignore file, the repository, images.
//!
//! In: the request. Out: source ops of the graph, and what was read or looked up through them. The only stage that both
//! knows BuildKit's sources and asks the daemon for something.

mod build_file;
mod context;
mod images;

pub use build_file::BuildFile;
pub use context::{Repository, local_context, local_facts};
pub use images::{Images, imports};

//! Where the files of a build are: the build file, its ignore file, the repository.
//!
//! In: the request. Out: source ops of the graph, and what was read through them.

mod build_file;
mod repository;

use crate::gateway::CacheImport;
use crate::request::Request;

pub use build_file::BuildFile;
pub use repository::{Names, Repository, local_context, local_facts};

/// `--cache-from`, which has an effect only where a solve names it.
pub fn imports(request: &Request) -> Vec<CacheImport> {
    request
        .cache_imports
        .iter()
        .map(|import| CacheImport { kind: import.kind.clone(), attrs: import.attrs.clone() })
        .collect()
}

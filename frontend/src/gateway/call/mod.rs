//! The calls, one file each: a typed request in, a typed answer out.

mod evaluate;
mod fault;
mod finish;
mod inputs;
mod read_dir;
mod read_file;
mod resolve;
mod solve;
mod stat_file;
mod warn;

pub use finish::ResultBuilder;
pub(super) use finish::{Answer, Refusal};
pub use resolve::{GitMeta, HttpMeta, ImageMeta, ImageRequest, SourceMeta, SourceRequest};
pub use solve::{CacheImport, Evaluation, SolveRequest};
pub use stat_file::Stat;
pub use warn::Warning;

//! A BuildKit frontend for Backstage: a repository becomes a production image, through one small build file.
//!
//! A build is seven steps, and data moves from one to the next only. [`frontend::build`] takes them in order:
//!
//! 1. [`buildkit_frontend::request`]: every option that the client gave, typed once. What cannot be done is refused by its name.
//! 2. [`buildkit_frontend::contexts`]: where build file and repository are, and the transfers that bring them.
//! 3. [`spec`]: the build file's language, from YAML to plain values with their places.
//! 4. [`repo`]: facts of the repository, read through [`buildkit_frontend::files::Files`], which is a BuildKit reference in a build
//!    and a directory on the command line. [`hidden`] says which files are not for an image.
//! 5. [`plan`]: what will be done and why, as plain data for all platforms: what `plan` prints and golden files hold.
//! 6. [`images`] and [`graph`]: what the plan's images are today, and the plan as LLB. They decide nothing.
//! 7. [`buildkit_frontend::result`]: references, configurations, metadata.
//!
//! Steps 3 to 5 are [`pipeline`], which the command line ([`cli`]) shares.

pub mod cli;
pub mod epoch;
pub mod frontend;
pub mod graph;
pub mod hidden;
pub mod images;
pub mod pipeline;
pub mod plan;
pub mod planning;
mod program;
pub mod prune;
pub mod repo;
pub mod spec;

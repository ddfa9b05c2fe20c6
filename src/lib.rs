//! A BuildKit frontend for Backstage: a repository becomes a production image, through one small build file.
//!
//! A build is seven steps, and data moves from one to the next only. [`frontend::build`] takes them in order:
//!
//! 1. [`request`]: every option that the client gave, typed once. What cannot be done is refused by its name.
//! 2. [`sources`]: where build file and repository are, and the transfers that bring them.
//! 3. [`spec`]: the build file's language, from YAML to plain values with their places.
//! 4. [`repo`]: facts of the repository, read through [`files::Files`], which is a BuildKit reference in a build and a
//!    directory on the command line.
//! 5. [`plan`]: what will be done and why, as plain data: what `plan` prints and golden files hold.
//! 6. [`images`] and [`graph`]: what the plan's images are today, and the plan as LLB. They decide nothing.
//! 7. [`result`]: references, the [`image`] configuration, metadata.
//!
//! Steps 3 to 5 are [`pipeline`], which the command line ([`cli`]) shares. [`gateway`] is the connection to
//! BuildKit and [`diagnostic`] what a person is told; neither knows Backstage. [`call`] answers questions in the place of
//! a build.

pub mod call;
pub mod cli;
pub mod diagnostic;
mod digest;
pub mod epoch;
pub mod files;
pub mod frontend;
pub mod gateway;
pub mod graph;
pub mod ignore;
pub mod image;
pub mod images;
pub mod path;
pub mod pipeline;
pub mod plan;
pub mod planning;
pub mod platform;
mod program;
pub mod prune;
pub mod repo;
pub mod request;
pub mod result;
mod secret;
pub mod sources;
pub mod spec;
mod words;

//! A BuildKit frontend for Backstage: a repository becomes a production image, through one small build file.
//!
//! ```text
//! request ─► sources ─► spec ─► repo ─► plan ─► graph ─► result
//! ```
//!
//! Data moves to the right only. Up to the plan everything reads files through [`files::Files`], which is a BuildKit
//! reference in a build and a directory on the command line. The [`plan::Plan`] is plain data: [`graph`] turns it into
//! LLB and decides nothing. [`frontend::build`] and [`pipeline::prepare`] are the way through.

pub mod call;
pub mod cli;
pub mod diagnostic;
pub mod files;
pub mod frontend;
pub mod gateway;
pub mod graph;
pub mod image;
pub mod path;
pub mod pipeline;
pub mod plan;
pub mod platform;
pub mod repo;
pub mod request;
mod secret;
pub mod sources;
pub mod spec;

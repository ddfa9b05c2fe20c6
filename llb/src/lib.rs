//! Typed LLB: the graphs that BuildKit builds, as values.
//!
//! A frontend hands the daemon a graph of ops: sources, processes, file operations, and layers put
//! together. This crate makes such graphs, and reads those that others made. It knows nothing of
//! the gateway through which they travel, nor of any build language.
//!
//! - A [`Node`] is made from nodes that exist already and never changes, so a graph has no cycles,
//!   and its digest is known at once. Equal nodes are one vertex.
//! - Each kind of op has a module with a builder: [`source`], [`exec`], [`mod@file`], and [`merge`]
//!   and [`diff`]. What an op cannot do without is an argument of its constructor; what a kind of
//!   mount or action does not have, its type does not have.
//! - Capabilities are worked out from what is used. [`Definition::check`] compares them with a
//!   daemon's list.
//! - Bytes are canonical: a daemon that decodes and encodes an op gets the same digest, without
//!   which the lines of a build file get lost on the way to an error message.
//!
//! ```
//! use buildkit_llb::exec::{Cache, ExecOp, Sharing};
//! use buildkit_llb::file::{self, FileOp};
//! use buildkit_llb::source::{Image, Local};
//! use buildkit_llb::{Definition, LineRange, Metadata, SourceFile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let build_file = SourceFile::new("build.yaml", "YAML", "base: node:22\ninstall: yarn\n");
//! let platform = "linux/amd64".parse()?;
//!
//! let base = Image::new(&"node:22".parse()?)
//!     .platform(&platform)
//!     .metadata(Metadata::named("base").at(build_file.at([LineRange::line(1)])))
//!     .build();
//! let context = Local::new("context").include_patterns(["package.json", "yarn.lock"]).build();
//!
//! let manifests = FileOp::new(&base, file::Copy::new(&context, "/", "/app").dir_contents().create_dest_path()).build()?;
//! let install = ExecOp::new(&manifests, "yarn")
//!     .args(["install", "--immutable"])
//!     .cwd("/app")
//!     .mount(Cache::new("/root/.yarn", "example/yarn").sharing(Sharing::Locked))
//!     .platform(&platform)
//!     .metadata(Metadata::named("install").at(build_file.at([LineRange::line(2)])))
//!     .build()?;
//!
//! let definition = Definition::new(install.root()?);
//! definition.check(|cap| cap.as_str() != "mergeop")?;
//! let message = definition.to_pb(); // goes into SolveRequest.Definition
//! assert_eq!(message.def.len(), 5); // four ops and the terminal
//! assert_eq!(Definition::from_pb(&message)?.to_pb(), message);
//! # Ok(())
//! # }
//! ```
//!
//! Facts about fields, defaults and checks were read in moby/buildkit v0.33.1; "not in 0.17" means
//! that v0.17.3 has no capability for it.

pub mod caps;
pub mod exec;
pub mod file;
pub mod source;

mod definition;
mod digest;
mod encode;
mod error;
mod location;
mod merge;
mod metadata;
mod node;
mod platform;
mod reference;

pub use caps::{Cap, Caps};
pub use definition::{Definition, InvalidDefinition, UnsupportedCap, Vertex};
pub use digest::{Digest, InvalidDigest};
pub use encode::encode_op;
pub use error::Error;
pub use location::{LineRange, Location, SourceFile};
pub use merge::{diff, merge};
pub use metadata::{LinuxResources, Metadata, ProgressGroup};
pub use node::{Input, Node, Output};
pub use platform::{InvalidPlatform, Platform};
pub use reference::{ImageRef, ImageRefProblem, InvalidImageRef};

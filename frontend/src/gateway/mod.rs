//! The daemon's side of a build: BuildKit starts a frontend as a container and answers its calls over stdin and stdout.
//!
//! This module knows BuildKit's gateway and nothing of what is built. [`serve`] is a frontend's whole life; inside it a
//! handler gets a [`Client`], makes calls, and ends in a [`ResultBuilder`] or a [`Failure`], which go back exactly once.
//!
//! - Calls that look at a reference wait for the steps behind it and so have no deadline; only Ping has one.
//! - A file that is not there is `None`. The daemon's own words for file errors never reach the user.
//! - What the daemon says of a failed solve is handed on whole ([`Status`]), excerpts included.
//! - A handler is dropped when the connection ends. A panic in it becomes an error of the build.
//!
//! ```no_run
//! use buildkit_frontend::diagnostic::{SourceFile, Span};
//! use buildkit_frontend::files::Files as _;
//! use buildkit_frontend::gateway::{self, BuildkitFiles, Client, Failure, Identity, ResultBuilder, SolveRequest};
//! use buildkit_frontend::path::ContextPath;
//!
//! async fn build(client: Client) -> Result<ResultBuilder, Failure> {
//!     client.require(gateway::FLOOR)?;
//!     let name = client.environment().opts.get("filename").map_or("build.yaml", String::as_str);
//!
//!     let definition = Default::default(); // a graph that fetches the build file
//!     let reference = client.solve(SolveRequest { definition, ..SolveRequest::default() }).await?;
//!     let files = BuildkitFiles::new(client.clone(), reference.clone());
//!     let path = ContextPath::new(name).map_err(|error| Failure::new(error.to_string()))?;
//!     let Some(text) = files.read(&path, 1 << 20).await? else {
//!         return Err(Failure::new(format!("{name} is not there")));
//!     };
//!     let file = SourceFile::new(name, String::from_utf8_lossy(&text).into_owned());
//!     client.set_fallback(Span::line(&file, 1));
//!
//!     Ok(ResultBuilder::single(reference).metadata("containerimage.config", "{}"))
//! }
//!
//! const IDENTITY: Identity = Identity { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };
//!
//! fn main() -> std::process::ExitCode {
//!     if gateway::is_frontend_environment() { gateway::serve(IDENTITY, build) } else { std::process::ExitCode::FAILURE }
//! }
//! ```

mod call;
mod caps;
mod client;
mod connection;
pub mod detail;
mod environment;
mod error;
mod excerpt;
mod failure;
mod files;
mod identity;
mod panic;
mod reference;
mod rpc;
mod serve;
mod status;
mod transport;

pub use call::{
    CacheImport, Evaluation, GitMeta, HttpMeta, ImageMeta, ImageRequest, ResultBuilder, SolveRequest, SourceMeta,
    SourceRequest, Stat, Warning,
};
pub use caps::{CapSet, Caps, FLOOR, MissingCap, MissingCaps};
pub use client::Client;
pub use environment::{Environment, Worker, environment, is_frontend_environment};
pub use error::{CallError, FileError};
pub use failure::Failure;
pub use files::BuildkitFiles;
pub use identity::Identity;
pub use reference::Reference;
pub use serve::{ServeError, serve, serve_over};
pub use status::Status;
pub use transport::Transport;

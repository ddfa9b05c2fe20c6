//! What any BuildKit frontend needs, whatever it builds.
//!
//! BuildKit starts a frontend as a container, hands it options as texts and answers its calls over stdin and stdout. This crate
//! is that side of a frontend; what the build file says and which graph comes of it is the frontend's own affair.
//!
//! | module | in | out |
//! | --- | --- | --- |
//! | [`gateway`] | stdin and stdout | a [`gateway::Client`] with its calls, and the one answer |
//! | [`request`] | the options | one typed [`request::Request`], or what is wrong with which flag |
//! | [`contexts`] | the request | the build file, and the repository as sources of a graph and as [`files`] |
//! | [`image`] | a reference | the image that it is today; the configuration of the result |
//! | [`result`] | a graph for each platform | references, configurations, metadata |
//! | [`subrequests`] | a question (`--call`) | its answer |
//! | [`diagnostic`] | a mistake and its place | what a person reads, in a terminal and from BuildKit |
//!
//! Nothing here knows a build language. `examples/three_keys.rs` is a whole frontend on top of it.

pub mod contexts;
pub mod diagnostic;
pub mod digest;
pub mod files;
pub mod gateway;
pub mod ignore;
pub mod image;
pub mod path;
pub mod platform;
pub mod request;
pub mod result;
pub mod secret;
pub mod subrequests;
pub mod text;

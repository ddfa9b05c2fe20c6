//! A BuildKit frontend for Backstage.

pub mod diagnostic;
pub mod files;
pub mod path;
pub mod repo;
pub mod request;
pub mod spec;

//! A BuildKit frontend for Backstage.

pub mod diagnostic;
pub mod files;
pub mod gateway;
pub mod path;
pub mod repo;
pub mod spec;

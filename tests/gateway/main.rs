//! The gateway client against a daemon that is played in this process, for what a real one does not do on demand.

mod cut;
mod daemon;
mod errors;
mod files;
mod life;
mod malformed;

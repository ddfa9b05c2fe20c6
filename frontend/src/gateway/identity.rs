//! Who answers.

/// Which frontend this is, for messages about its own mistakes: `env!("CARGO_PKG_NAME")` and `env!("CARGO_PKG_VERSION")`.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

//! What the result's configuration says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The result's configuration, to be put over the runtime base's own.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ImageSettings {
    /// Working directory.
    pub workdir: String,
    /// Put in front of the base's `PATH`.
    pub path: Option<String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Entrypoint; empty clears the base's.
    pub entrypoint: Vec<String>,
    /// Command.
    pub cmd: Vec<String>,
    /// User; `None` is the base's if it is not root, otherwise `fallback_user`.
    pub user: Option<String>,
    /// Used where the base would run as root.
    pub fallback_user: String,
    /// Exposed port.
    pub port: u16,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Manifest annotations.
    pub annotations: BTreeMap<String, String>,
    /// Stop signal.
    pub stop_signal: Option<String>,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// Directories declared as volumes.
    pub volumes: Vec<String>,
    /// One line for each layer, in order: the image's history.
    pub history: Vec<String>,
}

/// A health check; times in nanoseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Healthcheck {
    /// `["NONE"]` or `["CMD", …]`.
    pub test: Vec<String>,
    /// Time between checks.
    pub interval: Option<u64>,
    /// Time a check may take.
    pub timeout: Option<u64>,
    /// Time before failures count.
    pub start: Option<u64>,
    /// Failures in a row.
    pub retries: Option<u32>,
}

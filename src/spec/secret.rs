//! What must not be in a build file, or be named by one: variables that are secrets, and files that hold secrets or one
//! person's settings.

use super::language::Misfit;
use crate::files::denied_by;
use crate::path::ContextPath;

/// Whether a file may be named in a build file.
pub(crate) fn local_file(path: &ContextPath) -> Result<(), Misfit> {
    let Some(pattern) = denied_by(path) else { return Ok(()) };
    let pattern = pattern.trim_start_matches("**/");
    Err(Misfit {
        what: format!("holds secrets or personal settings (`{pattern}`), which a build never sees"),
        help: "mount it where the container runs, or use a config file without secrets".to_owned(),
    })
}

/// Whether a variable of this name is usually a secret.
pub(crate) fn secret_name(name: &str) -> bool {
    let name = name.to_uppercase();
    ["_TOKEN", "_SECRET", "_PASSWORD", "_PASSWD", "_API_KEY", "_PRIVATE_KEY"].iter().any(|end| name.ends_with(end))
        || matches!(name.as_str(), "TOKEN" | "SECRET" | "PASSWORD")
}

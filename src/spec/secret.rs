//! What must not be in a build file, or be named by one: variables that are secrets, and files that hold secrets or one
//! person's settings.

use super::language::Misfit;
use crate::path::ContextPath;

/// Files that a build never sees: local config and secrets. Backstage keeps personal settings in `*.local.yaml`,
/// its GitHub App setup writes `*-credentials.yaml`.
pub const LOCAL_FILES: [&str; 5] = ["*.local.yaml", "*.local.yml", "*-credentials.yaml", "*-credentials.yml", ".env*"];

/// Whether a file may be named in a build file.
pub(crate) fn local_file(path: &ContextPath) -> Result<(), Misfit> {
    let name = path.name();
    let hit = LOCAL_FILES.iter().find(|pattern| match pattern.split_once('*') {
        Some((start, end)) => name.starts_with(start) && name.ends_with(end),
        None => name == **pattern,
    });
    match hit {
        Some(pattern) => Err(Misfit {
            what: format!("holds secrets or personal settings (`{pattern}`), which a build never sees"),
            help: "mount it where the container runs, or use a config file without secrets".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether a variable of this name is usually a secret.
pub(crate) fn secret_name(name: &str) -> bool {
    let name = name.to_uppercase();
    ["_TOKEN", "_SECRET", "_PASSWORD", "_PASSWD", "_API_KEY", "_PRIVATE_KEY"].iter().any(|end| name.ends_with(end))
        || matches!(name.as_str(), "TOKEN" | "SECRET" | "PASSWORD")
}

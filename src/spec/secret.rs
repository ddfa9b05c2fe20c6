//! What must not be named by a build file: files that hold secrets or one person's settings.

use buildkit_frontend::path::ContextPath;

use crate::hidden::{denied_by, is_template_content};

use super::language::ValueError;

/// Whether a file may be named in a build file. Below a template's content it may be: that is for other repositories.
pub(crate) fn local_file(path: &ContextPath) -> Result<(), ValueError> {
    let Some(pattern) = denied_by(path).filter(|_| !is_template_content(path)) else { return Ok(()) };
    Err(ValueError {
        what: format!("holds secrets or personal settings (`{pattern}`), which a build never sees"),
        help: "mount it where the container runs, or use a config file without secrets".to_owned(),
    })
}

//! The ignore files that say whether an image may have what configs name.

use buildkit_frontend::diagnostic::Diagnostic;
use buildkit_frontend::files::Files;
use buildkit_frontend::path::ContextPath;

use crate::repo::withheld::Ignores;

use super::{SMALL, failed, read_each};

/// Reads the `.gitignore` files above some paths, those that were not read yet.
pub(super) async fn learn(files: &dyn Files, ignores: &mut Ignores, paths: &[ContextPath]) -> Result<(), Diagnostic> {
    let dirs = ignores.unasked(paths)?;
    let asked: Vec<ContextPath> = dirs.iter().filter_map(|dir| dir.join(".gitignore").ok()).collect();
    let found = read_each(files, &asked, SMALL).await.map_err(|error| failed(&error))?;
    for (dir, data) in dirs.into_iter().zip(found) {
        // A directory of that name says nothing.
        if let Ok(Some(data)) = data {
            ignores.insert(dir, &data);
        }
    }
    ignores.count(paths)
}

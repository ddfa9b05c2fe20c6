//! Files of a directory, in order and without recursion.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::tree::{join, named};

/// What lies in a directory.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    /// A directory; visited if the visitor says so.
    Directory,
    /// A regular file.
    File {
        /// Where it is.
        from: &'a Path,
        /// Whether anybody may execute it.
        executable: bool,
    },
    /// A symbolic link, with its target as written.
    Link(PathBuf),
}

/// Visits everything below a directory by its path relative to it, each directory's entries in the order of their names.
/// What is neither file, directory nor link is passed over, as are names that are no text.
pub(super) fn files(root: &Path, visit: &mut dyn FnMut(&str, &Entry<'_>) -> io::Result<bool>) -> io::Result<()> {
    let mut open: Vec<String> = vec![String::new()];
    while let Some(dir) = open.pop() {
        let path = if dir.is_empty() { root.to_owned() } else { root.join(&dir) };
        let mut entries: Vec<_> = fs::read_dir(&path)
            .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
            .map_err(|error| named(&path, &error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut inner: Vec<String> = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let (place, from) = (join(&dir, name), entry.path());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if visit(&place, &Entry::Directory)? {
                    inner.push(place);
                }
            } else if kind.is_symlink() {
                visit(&place, &Entry::Link(fs::read_link(&from)?))?;
            } else if kind.is_file() {
                let executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
                visit(&place, &Entry::File { from: &from, executable })?;
            }
        }
        open.extend(inner.into_iter().rev());
    }
    Ok(())
}

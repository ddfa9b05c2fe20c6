//! A directory: on the command line the repository, in the planning step its facts.
//!
//! The only place that reads a repository from the file system. It shows what the [`ReadSet`] shows and nothing else, and
//! resolves links as BuildKit does for a snapshot: inside the root, an absolute target starting at the root, never out of it.
#![allow(clippy::disallowed_methods)]

use std::future::ready;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::path::ContextPath;

use super::{Entry, Files, FilesError, Kind, PatternError, Pending, ReadSet, ReadSetMatcher};

/// Links followed in one path before it is called a loop, as in Linux.
const MAX_LINKS: usize = 40;

/// A directory of the local file system.
#[derive(Debug, Clone)]
pub struct DirectoryFiles {
    root: PathBuf,
    shown: ReadSetMatcher,
}

impl DirectoryFiles {
    /// Shows `set` of a directory.
    pub fn new(root: impl Into<PathBuf>, set: &ReadSet) -> Result<Self, PatternError> {
        Ok(Self { root: root.into(), shown: set.matcher()? })
    }

    /// Follows the links of a path inside the root. `None` where nothing is there, or a link leads to nowhere.
    fn resolve(&self, path: &ContextPath) -> Result<Option<ContextPath>, FilesError> {
        let mut todo: Vec<String> =
            path.as_str().split('/').rev().filter(|p| !p.is_empty()).map(str::to_owned).collect();
        let mut done = ContextPath::root();
        let mut links = 0_usize;
        while let Some(part) = todo.pop() {
            if part == ".." {
                done = done.parent();
                continue;
            }
            let Ok(next) = done.join(&part) else { return Ok(None) };
            let Some(meta) = found(&next, std::fs::symlink_metadata(self.real(&next)))? else { return Ok(None) };
            if !meta.is_symlink() {
                done = next;
                continue;
            }
            // A client sends a link to a directory only where the link itself is asked for.
            if !self.shown.contains(&next) {
                return Ok(None);
            }
            links = links.saturating_add(1);
            let Some(target) = found(&next, std::fs::read_link(self.real(&next)))? else { return Ok(None) };
            let Some(target) = target.to_str().filter(|_| links <= MAX_LINKS) else { return Ok(None) };
            if target.starts_with('/') {
                done = ContextPath::root();
            }
            todo.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
        }
        Ok(Some(done))
    }

    fn real(&self, path: &ContextPath) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(Path::new(path.as_str())) }
    }

    fn read_one(&self, path: &ContextPath, limit: u64) -> Result<Option<Bytes>, FilesError> {
        if !self.shown.contains(path) {
            return Ok(None);
        }
        let Some(target) = self.resolve(path)?.filter(|target| self.shown.contains(target)) else { return Ok(None) };
        let real = self.real(&target);
        let Some(meta) = found(path, std::fs::symlink_metadata(&real))? else { return Ok(None) };
        if !meta.is_file() {
            return Err(FilesError::WrongKind { path: path.clone(), wanted: "a file" });
        }
        if meta.len() > limit {
            return Err(FilesError::TooLarge { path: path.clone(), limit });
        }
        let Some(file) = found(path, std::fs::File::open(&real))? else { return Ok(None) };
        let mut data = Vec::new();
        // A file that grows while it is read is bounded too.
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut data);
        found(path, read)?;
        match u64::try_from(data.len()) {
            Ok(len) if len <= limit => Ok(Some(data.into())),
            _ => Err(FilesError::TooLarge { path: path.clone(), limit }),
        }
    }

    fn list_one(&self, dir: &ContextPath) -> Result<Option<Vec<Entry>>, FilesError> {
        if self.shown.prunes(dir) {
            return Ok(None);
        }
        let Some(target) = self.resolve(dir)?.filter(|target| !self.shown.prunes(target)) else { return Ok(None) };
        let real = self.real(&target);
        let Some(meta) = found(dir, std::fs::symlink_metadata(&real))? else { return Ok(None) };
        if !meta.is_dir() {
            return Err(FilesError::WrongKind { path: dir.clone(), wanted: "a directory" });
        }
        let Some(listing) = found(dir, std::fs::read_dir(&real))? else { return Ok(None) };
        let mut entries = Vec::new();
        for entry in listing {
            let Some(entry) = found(dir, entry)? else { continue };
            // A name that is no text or no path of ours can be asked for by nobody.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(path) = dir.join(&name) else { continue };
            let Some(meta) = found(&path, entry.metadata())? else { continue };
            let kind = kind(&meta);
            let shown = match kind {
                Kind::Directory => !self.shown.prunes(&path),
                _ => self.shown.contains(&path),
            };
            if shown {
                entries.push(Entry { name, kind });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }

    fn stat_one(&self, path: &ContextPath) -> Result<Option<Kind>, FilesError> {
        let Some(target) = self.resolve(path)? else { return Ok(None) };
        let Some(meta) = found(path, std::fs::symlink_metadata(self.real(&target)))? else { return Ok(None) };
        let shown = |p: &ContextPath| if meta.is_dir() { !self.shown.prunes(p) } else { self.shown.contains(p) };
        Ok((shown(path) && shown(&target)).then(|| kind(&meta)))
    }
}

impl Files for DirectoryFiles {
    fn read_many<'a>(&'a self, paths: &'a [ContextPath], limit: u64) -> Pending<'a, Vec<Option<Bytes>>> {
        Box::pin(ready(paths.iter().map(|path| self.read_one(path, limit)).collect()))
    }

    fn list_many<'a>(&'a self, dirs: &'a [ContextPath]) -> Pending<'a, Vec<Option<Vec<Entry>>>> {
        Box::pin(ready(dirs.iter().map(|dir| self.list_one(dir)).collect()))
    }

    fn stat<'a>(&'a self, path: &'a ContextPath) -> Pending<'a, Option<Kind>> {
        Box::pin(ready(self.stat_one(path)))
    }
}

fn kind(meta: &std::fs::Metadata) -> Kind {
    if meta.is_symlink() {
        Kind::Symlink
    } else if meta.is_dir() {
        Kind::Directory
    } else if meta.is_file() {
        Kind::File { size: meta.len() }
    } else {
        Kind::Other
    }
}

/// What is not there is no error.
fn found<T>(path: &ContextPath, result: std::io::Result<T>) -> Result<Option<T>, FilesError> {
    use std::io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    match result {
        Ok(value) => Ok(Some(value)),
        // Nothing can have a name that is too long.
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename) => Ok(None),
        Err(error) => Err(FilesError::Failed { path: path.clone(), reason: error.kind().to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn path(text: &str) -> ContextPath {
        ContextPath::new(text).unwrap()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// A root beside a secret, with links of all kinds.
    fn tree() -> (tempfile::TempDir, DirectoryFiles) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "outside").unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("a/node_modules")).unwrap();
        for (name, text) in
            [("a/x", "inside"), ("a/node_modules/y", "hidden"), ("secret", "inside too"), (".env", "S=1")]
        {
            std::fs::write(root.join(name), text).unwrap();
        }
        for (target, name) in [
            ("../secret", "up"),
            ("../../../../../../secret", "far-up"),
            ("/a/x", "absolute"),
            ("a", "dir"),
            ("loop", "loop"),
            ("nowhere", "dangling"),
            (".env", "to-env"),
            ("a/node_modules/y", "to-hidden"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let set = ReadSet { include: vec![], exclude: vec!["**/node_modules".to_owned(), "**/.env*".to_owned()] };
        let files = DirectoryFiles::new(root, &set).unwrap();
        (dir, files)
    }

    #[test]
    fn links_stay_inside_and_hidden_files_hidden() {
        let (_dir, files) = tree();
        for (name, wanted) in [
            ("a/x", Some("inside")),
            ("up", Some("inside too")),
            ("far-up", Some("inside too")),
            ("absolute", Some("inside")),
            ("dir/x", Some("inside")),
            ("loop", None),
            ("dangling", None),
            (".env", None),
            ("to-env", None),
            ("to-hidden", None),
            ("a/node_modules/y", None),
            ("dir/node_modules/y", None),
            ("a/x/y", None),
            ("none", None),
        ] {
            let found = run(files.read(&path(name), 100)).unwrap();
            assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn bounds_and_kinds() {
        let (_dir, files) = tree();
        assert!(matches!(run(files.read(&path("a/x"), 5)), Err(FilesError::TooLarge { limit: 5, .. })));
        assert!(matches!(run(files.read(&path("a"), 5)), Err(FilesError::WrongKind { .. })));
        assert!(matches!(run(files.list_many(&[path("a/x")])), Err(FilesError::WrongKind { .. })));
        assert_eq!(run(files.stat(&path("absolute"))).unwrap(), Some(Kind::File { size: 6 }));
        assert_eq!(run(files.stat(&path("dir"))).unwrap(), Some(Kind::Directory));
        assert_eq!(run(files.stat(&path("to-env"))).unwrap(), None);
        assert_eq!(run(files.stat(&path("none"))).unwrap(), None);
        let names = |dir: &str| {
            let listing = run(files.list_many(&[path(dir)])).unwrap().remove(0);
            listing.map(|entries| entries.into_iter().map(|e| e.name).collect::<Vec<_>>())
        };
        assert_eq!(names("a").unwrap(), ["x"]);
        assert_eq!(names("dir").unwrap(), ["x"]);
        assert_eq!(names("none"), None);
        assert_eq!(names("a/node_modules"), None);
        let all = ["a", "absolute", "dangling", "dir", "far-up", "loop", "secret", "to-env", "to-hidden", "up"];
        assert_eq!(names("").unwrap(), all);
    }

    /// As a build sees it: the client sends the link only where a pattern matches the link itself.
    #[test]
    fn a_link_that_is_not_asked_for_leads_nowhere() {
        let (dir, _) = tree();
        let read = |include: &[&str]| {
            let set = ReadSet { include: include.iter().map(|text| (*text).to_owned()).collect(), exclude: vec![] };
            let files = DirectoryFiles::new(dir.path().join("root"), &set).unwrap();
            run(async { files.read(&path("dir/x"), 100).await }).unwrap()
        };
        assert_eq!(read(&["**/x"]), None);
        assert_eq!(read(&["**/x", "dir"]).as_deref(), Some(b"inside".as_slice()));
    }
}

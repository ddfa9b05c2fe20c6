//! Repositories to build.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::engine;

/// A repository in a directory of its own.
#[derive(Debug)]
pub struct Repo {
    dir: TempDir,
}

impl Repo {
    /// An empty one with nothing but the build file's syntax line.
    pub fn empty() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        repo.build_file("");
        repo
    }

    /// A small but real Yarn 4 repository that builds in a few seconds (see `e2e/mini`).
    pub fn mini() -> Self {
        Self::copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("mini"))
    }

    /// The reference app, today's.
    pub fn portal() -> Self {
        Self::app(&engine::app())
    }

    /// The older reference app.
    pub fn portal_with_natives() -> Self {
        Self::app(&engine::app_with_natives())
    }

    fn app(from: &Path) -> Self {
        assert!(from.join("package.json").is_file(), "no app is there: {}", from.display());
        Self::copy(from)
    }

    /// A copy of a directory, with a build file that holds its syntax line only.
    pub fn copy(from: &Path) -> Self {
        let repo = Self::empty();
        copy(from, repo.path());
        repo
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in it.
    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, data: impl AsRef<[u8]>) -> &Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
        self
    }

    /// Writes the build file: the syntax line, and these lines from line 2 on.
    pub fn build_file(&self, text: &str) -> &Self {
        self.write("backstage.build.yaml", with_syntax(text))
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// Replaces a text that must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not hold {from:?}");
        self.write(path, text.replacen(from, to, 1))
    }

    /// Adds to the end of a file.
    pub fn append(&self, path: &str, text: &str) -> &Self {
        self.write(path, self.read(path) + text)
    }

    /// Changes a JSON file.
    pub fn json(&self, path: &str, change: impl FnOnce(&mut Value)) -> &Self {
        let mut value: Value = serde_json::from_str(&self.read(path)).unwrap();
        change(&mut value);
        self.write(path, serde_json::to_string_pretty(&value).unwrap() + "\n")
    }

    /// Removes a file or a directory.
    pub fn remove(&self, path: &str) -> &Self {
        let path = self.at(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        self
    }

    /// Makes every build and check of it new, as an edit of every workspace would.
    pub fn refresh(&self) -> &Self {
        for path in ["packages/backend/src/index.js", "packages/app/src/title.txt"] {
            self.append(path, &format!("// {}\n", crate::unique()));
        }
        self
    }
}

/// A build file: the syntax line, then `text`.
pub fn with_syntax(text: &str) -> String {
    format!("# syntax={}\n{text}", engine::frontend())
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, dest) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            fs::create_dir_all(&dest).unwrap();
            copy(&source, &dest);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).unwrap(), &dest).unwrap();
        } else {
            fs::copy(&source, &dest).unwrap();
        }
    }
}

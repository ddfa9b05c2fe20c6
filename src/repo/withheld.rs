//! Files that configs name and that neither an image nor a build step gets.
//!
//! `$file` and `$include` are how Backstage reads secrets that are mounted when the container starts; on a developer's machine
//! the same files lie in the repository, where an ignore file keeps them out of git and of images. A config that names one is no
//! wish to have it in the image. A build file that does is.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::diagnostic::Diagnostic;
use buildkit_frontend::files::{PatternMatcher, parse_ignore_file};
use buildkit_frontend::path::ContextPath;

use crate::hidden::{GitIgnore, ignored_by, is_secret, looks_secret};

use super::BuildFileSays;

/// Folders whose `.gitignore` is looked for. Nobody names files in more.
const MAX_FOLDERS: usize = 5_000;
/// Bytes of ignore files times bytes of paths: how long the questions take together.
const MAX_TRIED: usize = 1_000_000_000;

/// Why a file that a config names is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// The deny-list hides it.
    Denied,
    /// An ignore file excludes it.
    Ignored {
        /// The ignore file.
        file: String,
        /// The line in it, counted from 1, where that is known.
        line: Option<usize>,
    },
    /// Its name is that of a secret.
    LooksSecret,
}

/// How a config names a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By `$file` or `$include`.
    Reference,
    /// As a location of the catalog: descriptions of things, whatever they are called.
    Location,
}

/// What the repository ignores, as far as configs name it.
#[derive(Debug, Clone, Default)]
pub struct Ignores {
    /// The ignore file of Docker's that counts for this build: its name, its patterns, and the lines that they stand in.
    docker: Option<(String, PatternMatcher, Vec<usize>)>,
    /// By folder.
    git: BTreeMap<ContextPath, GitIgnore>,
    /// Folders that were asked for theirs.
    asked: BTreeSet<ContextPath>,
    /// Bytes tried, at most, for the paths that were asked for.
    tried: usize,
    /// What the build file names.
    named: BTreeSet<ContextPath>,
}

impl Ignores {
    /// `text` is the repository's `.dockerignore`, which does not count where the build file has one of its own.
    pub(super) fn new(text: Option<&str>, says: &BuildFileSays<'_>) -> Self {
        let docker = match (says.ignore, text) {
            (Some((name, patterns)), _) => {
                PatternMatcher::new(patterns).ok().map(|matcher| (name.to_owned(), matcher, Vec::new()))
            }
            (None, Some(text)) => {
                // What is wrong with it is told where it is used.
                let lines = (1..).zip(text.lines()).filter(|(_, line)| !parse_ignore_file(line).is_empty());
                let lines = lines.map(|(number, _)| number).collect();
                PatternMatcher::new(&parse_ignore_file(text))
                    .ok()
                    .map(|matcher| (".dockerignore".to_owned(), matcher, lines))
            }
            (None, None) => None,
        };
        Self { docker, named: says.files.iter().cloned().collect(), ..Self::default() }
    }

    /// The folders of paths that were not asked yet.
    ///
    /// # Errors
    /// There are more of them than anybody names.
    pub(super) fn unasked(&mut self, paths: &[ContextPath]) -> Result<Vec<ContextPath>, Diagnostic> {
        let mut fresh = BTreeSet::new();
        for dir in paths.iter().flat_map(|path| path.parent().with_parents()) {
            if !self.asked.contains(&dir) {
                fresh.insert(dir);
            }
            if self.asked.len().saturating_add(fresh.len()) > MAX_FOLDERS {
                let message = format!("config files name files in more than {MAX_FOLDERS} folders");
                return Err(Diagnostic::error("repo/references", message).help(
                    "`$file`, `$include` and catalog locations in so many folders cannot be right: is one of the config files generated?",
                ));
            }
        }
        self.asked.extend(fresh.iter().cloned());
        Ok(fresh.into_iter().collect())
    }

    /// Takes the `.gitignore` of a folder.
    pub(super) fn insert(&mut self, dir: ContextPath, text: &[u8]) {
        self.git.insert(dir, GitIgnore::new(text));
    }

    /// Counts what questions about paths will take.
    ///
    /// # Errors
    /// It is too much.
    pub(super) fn count(&mut self, paths: &[ContextPath]) -> Result<(), Diagnostic> {
        for path in paths {
            let files = path.with_parents().filter_map(|dir| self.git.get(&dir));
            let bytes = files.map(GitIgnore::bytes).fold(0, usize::saturating_add);
            let tries = bytes.saturating_mul(path.as_str().len()).saturating_mul(path.with_parents().count());
            self.tried = self.tried.saturating_add(tries);
        }
        if self.tried <= MAX_TRIED {
            return Ok(());
        }
        let message = "the repository's .gitignore files are too large for what its config files name";
        Err(Diagnostic::error("repo/references", message)
            .help("each file that a config names is looked up in them: is one of them generated?"))
    }

    /// Why a path that a config names is left out, if it is.
    pub fn withholds(&self, path: &ContextPath, naming: Naming) -> Option<Withheld> {
        if is_secret(path) {
            return Some(Withheld::Denied);
        }
        let why = |path: &ContextPath| {
            let secret = naming == Naming::Reference && looks_secret(path);
            self.ignored(path).or_else(|| secret.then_some(Withheld::LooksSecret))
        };
        match path.with_parents().find(|dir| self.named.contains(dir)) {
            Some(named) if named == *path => None,
            // Who names a folder that is left out as a whole wants what is in it. Who names another one has said nothing of
            // a file in it that is left out.
            Some(folder) if folder.join("any").is_ok_and(|any| why(&any).is_some()) => None,
            _ => why(path),
        }
    }

    fn ignored(&self, path: &ContextPath) -> Option<Withheld> {
        if let Some((name, matcher, lines)) = &self.docker
            && let Some(index) = matcher.hidden_by(path.as_str())
        {
            return Some(Withheld::Ignored { file: name.clone(), line: lines.get(index).copied() });
        }
        let (dir, line) = ignored_by(path, |dir| self.git.get(dir))?;
        let file = dir.join(".gitignore").unwrap_or_default().to_string();
        Some(Withheld::Ignored { file, line: Some(line) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ContextPath {
        ContextPath::new(text).unwrap()
    }

    fn ignores(docker: Option<&str>, git: &[(&str, &str)], says: &BuildFileSays<'_>) -> Ignores {
        let mut ignores = Ignores::new(docker, says);
        git.iter().for_each(|(dir, text)| ignores.insert(path(dir), text.as_bytes()));
        ignores
    }

    fn by(file: &str, line: usize) -> Option<Withheld> {
        Some(Withheld::Ignored { file: file.to_owned(), line: Some(line) })
    }

    #[test]
    fn ignore_files_are_named_with_their_line() {
        let git = [("", "# made\nbuild/\n*.txt\n"), ("config", "!keep.txt\n/own.yaml\n")];
        let docker = "# x\n\nprivate\n!private/public.yaml\n";
        let ignores = ignores(Some(docker), &git, &BuildFileSays::default());
        for (name, wanted) in [
            ("private/a.yaml", by(".dockerignore", 3)),
            ("private/public.yaml", None),
            ("build/a.yaml", by(".gitignore", 2)),
            ("config/a.txt", by(".gitignore", 3)),
            ("config/keep.txt", None),
            ("config/own.yaml", by("config/.gitignore", 2)),
            ("config/deep/own.yaml", None),
            ("other.yaml", None),
        ] {
            assert_eq!(ignores.withholds(&path(name), Naming::Location), wanted, "{name}");
        }
    }

    #[test]
    fn the_build_file_has_the_last_word_but_for_the_deny_list() {
        let says = BuildFileSays {
            files: vec![path("secrets"), path("config/token.txt"), path("id_rsa"), path("notes")],
            ignore: None,
        };
        let ignores = ignores(None, &[("", "secrets/\nconfig/\nid_rsa\n*.tmp\n")], &says);
        for (name, wanted) in [
            ("secrets/a", None),
            ("config/token.txt", None),
            ("config/other.txt", by(".gitignore", 2)),
            ("token.txt", Some(Withheld::LooksSecret)),
            ("id_rsa", Some(Withheld::Denied)),
            ("secrets/.npmrc", Some(Withheld::Denied)),
            ("notes/a.md", None),
            ("notes/draft.tmp", by(".gitignore", 4)),
            ("notes/token.txt", Some(Withheld::LooksSecret)),
        ] {
            assert_eq!(ignores.withholds(&path(name), Naming::Reference), wanted, "{name}");
        }
        assert_eq!(ignores.withholds(&path("token.txt"), Naming::Location), None);
    }

    #[test]
    fn an_ignore_file_of_the_build_file_stands_for_the_repository_s() {
        let own = ["extra".to_owned()];
        let says = BuildFileSays { files: vec![], ignore: Some(("b.yaml.dockerignore", &own)) };
        let ignores = ignores(Some("other\n"), &[], &says);
        let own = Some(Withheld::Ignored { file: "b.yaml.dockerignore".to_owned(), line: None });
        assert_eq!(ignores.withholds(&path("extra/a.yaml"), Naming::Reference), own);
        assert_eq!(ignores.withholds(&path("other/a.yaml"), Naming::Reference), None);
    }

    #[test]
    fn what_is_asked_for_is_bounded() {
        let mut ignores = Ignores::default();
        let many: Vec<ContextPath> = (0..6_000).map(|i| path(&format!("{i}/x"))).collect();
        assert!(ignores.unasked(&many).is_err());
        let mut ignores = Ignores::default();
        assert_eq!(ignores.unasked(&[path("a/b/c"), path("a/d")]).unwrap(), [path(""), path("a"), path("a/b")]);
        assert_eq!(ignores.unasked(&[path("a/b/e")]).unwrap(), []);
        ignores.insert(path(""), &vec![b'a'; 1 << 20]);
        assert!(ignores.count(&[path("a/b")]).is_ok());
        assert!(ignores.count(&[path(&"a/".repeat(400))]).is_err());
    }
}

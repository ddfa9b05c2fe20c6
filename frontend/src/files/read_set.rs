//! The declared set of paths that facts are read from.

use crate::path::ContextPath;

use super::pattern::{PatternError, PatternMatcher};

/// Which paths of a repository are shown to the pipeline: what any include matches and the last matching exclude does
/// not hide. Patterns have `.dockerignore` semantics, relative to the root; a pattern that matches a directory matches
/// what is below it. No include at all shows everything. These are BuildKit's include and exclude patterns of a local
/// source (`fsutil`), so that a directory on the command line shows the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Patterns of files to show.
    pub include: Vec<String>,
    /// Patterns to hide, in order; `!` shows again.
    pub exclude: Vec<String>,
}

/// A [`ReadSet`] made ready for many questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSetMatcher {
    include: Option<PatternMatcher>,
    exclude: PatternMatcher,
}

impl ReadSet {
    /// Whether a file is shown. Compiles the patterns anew: ask [`Self::matcher`] for more than one path. A pattern that
    /// is none shows nothing.
    pub fn contains(&self, path: &ContextPath) -> bool {
        self.matcher().is_ok_and(|matcher| matcher.contains(path))
    }

    /// Compiles the patterns.
    pub fn matcher(&self) -> Result<ReadSetMatcher, PatternError> {
        let include = if self.include.is_empty() { None } else { Some(PatternMatcher::new(&self.include)?) };
        Ok(ReadSetMatcher { include, exclude: PatternMatcher::new(&self.exclude)? })
    }
}

impl ReadSetMatcher {
    /// Whether a file is shown.
    pub fn contains(&self, path: &ContextPath) -> bool {
        let included = self.include.as_ref().is_none_or(|include| include.matches(path.as_str()));
        included && !self.hides(path)
    }

    /// Whether an exclude hides a path, be it a file or a directory.
    pub fn hides(&self, path: &ContextPath) -> bool {
        !path.is_root() && self.exclude.matches(path.as_str())
    }

    /// Whether nothing below a directory can be shown: it is hidden and no exception may show something in it.
    pub fn prunes(&self, dir: &ContextPath) -> bool {
        self.hides(dir) && !self.exclude.has_exceptions()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(include: &[&str], exclude: &[&str], path: &str) -> bool {
        let own = |list: &[&str]| list.iter().map(|p| (*p).to_owned()).collect();
        let set = ReadSet { include: own(include), exclude: own(exclude) };
        set.contains(&ContextPath::new(path).unwrap())
    }

    #[test]
    fn includes_and_excludes() {
        let include = ["**/package.json", ".yarn/releases"];
        let exclude = ["**/node_modules", "packages/x/**", "!packages/x/package.json"];
        for (path, wanted) in [
            ("package.json", true),
            ("packages/app/package.json", true),
            ("packages/app/node_modules/a/package.json", false),
            (".yarn/releases/yarn-4.cjs", true),
            ("README.md", false),
            ("packages/x/package.json", true),
            ("packages/x/y/package.json", false),
        ] {
            assert_eq!(shown(&include, &exclude, path), wanted, "{path}");
        }
        assert!(shown(&[], &[], "anything"));
        assert!(!shown(&["["], &[], "anything"));
    }
}

//! `prune.drop` and `prune.keep`: patterns relative to any `node_modules`.

use std::io;

use buildkit_frontend::files::PatternMatcher;

use super::task::Prune;

/// Both lists.
#[derive(Debug)]
pub(super) struct Patterns {
    drop: PatternMatcher,
    keep: PatternMatcher,
}

/// What the patterns say of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It stays, whatever else is said.
    Keep,
    /// It goes.
    Drop,
    /// Nothing.
    Open,
}

impl Patterns {
    pub(super) fn new(prune: &Prune) -> io::Result<Self> {
        let matcher = |patterns: &[String]| {
            let own = |pattern: &String| {
                let pattern = pattern.trim_start_matches("node_modules/").trim_start_matches('/');
                format!("**/node_modules/{pattern}")
            };
            let patterns: Vec<String> = patterns.iter().map(own).collect();
            PatternMatcher::new(&patterns).map_err(|error| io::Error::other(error.to_string()))
        };
        Ok(Self { drop: matcher(&prune.drop)?, keep: matcher(&prune.keep)? })
    }

    /// What holds for a path of the tree, or for a directory that it lies in.
    pub(super) fn decide(&self, path: &str) -> Decision {
        if self.keep.matches(path) {
            Decision::Keep
        } else if self.drop.matches(path) {
            Decision::Drop
        } else {
            Decision::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_relative_to_any_node_modules() {
        let list = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let prune = Prune {
            drop: list(&["a", "b/docs", "node_modules/c"]),
            keep: list(&["b/docs/x", "@s/*/lib"]),
            ..Prune::default()
        };
        let patterns = Patterns::new(&prune).unwrap();
        for (path, wanted) in [
            ("node_modules/a", Decision::Drop),
            ("node_modules/a/x", Decision::Drop),
            ("packages/p/node_modules/a", Decision::Drop),
            ("a", Decision::Open),
            ("node_modules/b", Decision::Open),
            ("node_modules/b/docs", Decision::Drop),
            ("node_modules/b/docs/y", Decision::Drop),
            ("node_modules/b/docs/x", Decision::Keep),
            ("node_modules/c", Decision::Drop),
            ("node_modules/@s/p/lib/y", Decision::Keep),
        ] {
            assert_eq!(patterns.decide(path), wanted, "{path}");
        }
    }
}

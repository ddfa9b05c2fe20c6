//! The deny-list: what no build sees, and what a build file must not name.

use std::sync::LazyLock;

use crate::path::ContextPath;

use super::PatternMatcher;

/// What nobody's build may see unless it is named: secrets, local configuration, credentials.
///
/// Sources: backstage/backstage #15274 (`app-config.local.yaml` built in), #16520 (GitHub App key file), #3457 (npm
/// token in the container); create-app's own `.gitignore` (`*.local.yaml`, `*-credentials.yaml`, `.env*`); GitHub names App keys `*.private-key.pem`.
pub const DENY: [&str; 11] = [
    "**/.env*",
    "**/*.local.yaml",
    "**/*.local.yml",
    "**/*-credentials.yaml",
    "**/*-credentials.yml",
    "**/.npmrc",
    "**/*.private-key.pem",
    "**/*.key",
    "**/.netrc",
    "**/.git-credentials",
    "**/.git",
];

/// Whether the list hides a path.
pub fn is_denied(path: &ContextPath) -> bool {
    static MATCHER: LazyLock<Option<PatternMatcher>> =
        LazyLock::new(|| PatternMatcher::new(&DENY.map(str::to_owned)).ok());
    // Our own patterns are patterns; were they not, hiding is the safe answer.
    MATCHER.as_ref().is_none_or(|deny| deny.matches(path.as_str()))
}

/// Whether a path may never be put into an image: what the deny-list hides, and `.yarnrc.yml`, which an install needs but
/// which may hold credentials.
pub fn is_secret(path: &ContextPath) -> bool {
    is_denied(path) || path.name() == ".yarnrc.yml"
}

/// The line of the list that hides a path.
pub fn denied_by(path: &ContextPath) -> Option<&'static str> {
    DENY.into_iter().find(|pattern| matches(&[pattern], path.as_str()))
}

/// Whether a list of our own matches a path.
pub(crate) fn matches(patterns: &[&str], path: &str) -> bool {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    // Our own patterns are patterns; were they not, hiding is the safe answer.
    PatternMatcher::new(&patterns).map_or(true, |matcher| matcher.matches(path))
}

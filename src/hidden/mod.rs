//! Which files of a repository are not for an image: secrets by their names, and what git ignores.

mod deny;
mod gitignore;

pub use deny::{SETTINGS, denied_by, deny_patterns, is_denied, is_secret, is_template_content, looks_secret};
pub(crate) use deny::{is_matched, matches};
pub use gitignore::{GitIgnore, Verdict, ignored_by};

//! Ignore files: the repository's `.dockerignore` and the one beside the build file.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, SourceFile, Span};
use crate::files::{PatternMatcher, parse_ignore_file};
use crate::path::ContextPath;

/// Bytes of an ignore file.
pub const MAX_BYTES: u64 = 1 << 20;

/// An ignore file as text; what is no UTF-8 in it matches nothing.
pub fn file(path: &ContextPath, data: &[u8]) -> Arc<SourceFile> {
    SourceFile::new(path.as_str(), String::from_utf8_lossy(data).into_owned())
}

/// The patterns of an ignore file.
///
/// # Errors
/// A line that BuildKit's client would refuse, or more of them than anyone writes.
pub fn patterns(file: &Arc<SourceFile>) -> Result<Vec<String>, Diagnostic> {
    let patterns = parse_ignore_file(&file.text);
    let Err(error) = PatternMatcher::new(&patterns) else { return Ok(patterns) };
    let mut lines = (1..).zip(file.text.lines());
    let bad = lines.find(|(_, line)| PatternMatcher::new(&parse_ignore_file(line)).is_err());
    Err(Diagnostic::error("ignore/pattern", format!("a pattern cannot be used: {error}"))
        .help("patterns are paths from the root, with `*`, `?`, `**` and classes such as `[a-z]`; a backslash stands before one of these only")
        .at(Span::line(file, bad.map_or(1, |(number, _)| number))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> (String, usize) {
        let error = patterns(&SourceFile::new(".dockerignore", text)).unwrap_err();
        (error.message.clone(), error.labels.first().unwrap().span.first_line())
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        assert_eq!(complaint("node_modules\n\n!foo[\n").1, 3);
        assert_eq!(complaint("a\n/foo[\n").1, 2);
        assert_eq!(
            complaint("a\n*.md\ndocs/*.md[\n"),
            ("a pattern cannot be used: `docs/*.md[` is not a valid pattern".to_owned(), 3)
        );
        assert_eq!(complaint("a\n# x[\n!\n").1, 3);
        assert_eq!(complaint(&"a\n".repeat(30_000)).1, 1);
        let file = SourceFile::new(".dockerignore", "\u{feff}a\n#[\n!b\n");
        assert_eq!(patterns(&file).unwrap(), ["a", "!b"]);
    }
}

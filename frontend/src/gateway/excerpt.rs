//! A span of a file as the typed detail that makes clients print an excerpt.
//!
//! The printer gets a file and line numbers and takes the surroundings itself, so the file has to travel. A small one goes
//! whole. Of a large one only the lines around the span do; those before are left blank, which keeps the numbers right.

use std::borrow::Cow;

use crate::diagnostic::Span;
use crate::secret;
use crate::secret::head;

use super::detail::{Detail, Position, Range, Source, SourceInfo};
use super::status::printable;

/// Files up to this many bytes go whole.
const WHOLE: usize = 64 << 10;
/// What the blank lines before an excerpt may come to.
const MOST: usize = 512 << 10;
/// Lines sent before and after the span; clients show two to four.
const CONTEXT: usize = 6;
/// Lines marked at most. A span can be a whole file, an excerpt should not.
const LINES: usize = 8;
/// Bytes of a line at most: a minified file is one line.
const LINE: usize = 2000;

/// An excerpt for a span.
pub(super) fn source(span: &Span) -> Detail {
    let (info, range) = parts(span);
    Detail::Source(Source { info: Some(info), ranges: vec![range] })
}

/// An excerpt that prints nothing. An error needs some Source: to one without, BuildKit's own frontend adds the syntax
/// line, as if that were the culprit.
pub(super) fn nowhere(filename: &str) -> Detail {
    let info = SourceInfo { filename: printable(filename), ..SourceInfo::default() };
    Detail::Source(Source { info: Some(info), ranges: Vec::new() })
}

/// A span's file, cut, and its lines.
pub(super) fn parts(span: &Span) -> (SourceInfo, Range) {
    let first = span.first_line();
    let last = span.last_line().min(first.saturating_add(LINES).saturating_sub(1));
    let start = span.file.position(span.range.start);
    let end = span.file.position(span.range.end);
    let end_column = if end.line == last { end.column } else { start.column };
    let place =
        |line: usize, column: usize| Position { line: to_i32(line), character: to_i32(column.saturating_sub(1)) };
    let range = Range { start: place(first, start.column), end: place(last, end_column) };
    let info = SourceInfo {
        filename: printable(&span.file.name),
        data: cut(&span.file.text, first, last).into_bytes().into(),
        ..SourceInfo::default()
    };
    (info, range)
}

/// The text with long lines shortened and, if it is large, without the lines that are far from `first..=last`. Empty where
/// even that is too much, which prints nothing.
fn cut(text: &str, first: usize, last: usize) -> String {
    let whole = text.len() <= WHOLE;
    let shown = if whole { 1..=usize::MAX } else { first.saturating_sub(CONTEXT)..=last.saturating_add(CONTEXT) };
    // A text that is shown whole is looked through once, not once for each of its lines.
    let safe = if whole { secret::masked(text) } else { Cow::Borrowed(text) };
    let mut out = String::new();
    let mut end = 0_usize;
    for (number, line) in (1_usize..).zip(safe.split('\n')) {
        let start = end;
        end = start.saturating_add(line.len()).saturating_add(1);
        if number > *shown.end() || out.len() > MOST {
            break;
        }
        if number > 1 {
            out.push('\n');
        }
        if shown.contains(&number) {
            let range = start..start.saturating_add(line.len());
            let line = if whole { Cow::Borrowed(line) } else { secret::masked_line(text, range) };
            let line = printable(line.strip_suffix('\r').unwrap_or(&line));
            let short = head(&line, LINE);
            out.push_str(short);
            if short.len() < line.len() {
                out.push('…');
            }
        }
    }
    if out.len() > MOST { String::new() } else { out }
}

fn to_i32(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::SourceFile;

    use super::*;

    fn lines(n: usize) -> String {
        (1..=n).map(|i| format!("line number {i}\n")).collect()
    }

    #[test]
    fn a_small_file_goes_whole() {
        let file = SourceFile::new("a.yaml", "one\r\ntwo: \u{1b}[31mred\nthree\n");
        let (info, range) = parts(&Span::new(&file, 5..8));
        assert_eq!((info.filename.as_str(), &*info.data), ("a.yaml", "one\ntwo: \u{fffd}[31mred\nthree\n".as_bytes()));
        assert_eq!(range.start, Position { line: 2, character: 0 });
        assert_eq!(range.end, Position { line: 2, character: 3 });
    }

    #[test]
    fn short_lines_cost_no_more_than_long_ones() {
        // Each with what lies above it these would be 10^9 bytes for each kind of token.
        let file = SourceFile::new("a", "x\n".repeat(WHOLE / 2));
        let (info, _) = parts(&Span::new(&file, 0..1));
        assert_eq!(info.data.len(), WHOLE);
    }

    #[test]
    fn no_excerpt_shows_a_token() {
        let file = SourceFile::new("package.json", "x\n\"postinstall\": \"npm_0123456789abcdefghij\"\n");
        let (info, _) = parts(&Span::new(&file, 0..1));
        assert_eq!(&*info.data, format!("x\n\"postinstall\": \"{}\"\n", "*".repeat(24)).as_bytes());
        let file = SourceFile::new(".yarnrc.yml", "nodeLinker: pnp\nnpmAuthToken: secret\n");
        assert_eq!(&*parts(&Span::line(&file, 1)).0.data, b"nodeLinker: pnp\nnpmAuthToken: ******\n");
    }

    #[test]
    fn a_large_file_keeps_its_line_numbers() {
        let file = SourceFile::new("yarn.lock", lines(40_000));
        let (info, range) = parts(&Span::line(&file, 20_000));
        assert_eq!((range.start.line, range.end.line), (20_000, 20_000));
        let data = String::from_utf8(info.data.to_vec()).unwrap();
        let cut: Vec<_> = data.split('\n').collect();
        assert_eq!(cut.len(), 20_006);
        assert_eq!((cut[19_992], cut[19_993], cut[19_999]), ("", "line number 19994", "line number 20000"));
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let file = SourceFile::new("min.js", "é".repeat(100_000));
        let (info, _) = parts(&Span::line(&file, 1));
        assert_eq!(info.data.len(), LINE + "…".len());
    }

    #[test]
    fn a_span_of_everything_marks_its_first_lines() {
        let file = SourceFile::new("a", lines(100));
        let (_, range) = parts(&Span::new(&file, 0..file.text.len()));
        assert_eq!((range.start.line, range.end.line), (1, 8));
    }

    #[test]
    fn hostile_spans_and_files_end_in_something_printable() {
        for (text, at) in [("", 0..0), ("a", 9..99), ("a\n\n\n", 4..4), ("é", 1..1)] {
            let file = SourceFile::new("a\u{1b}b", text);
            let (info, range) = parts(&Span::new(&file, at));
            assert_eq!(info.filename, "a\u{fffd}b");
            assert!(range.start.line >= 1 && range.end.line >= range.start.line, "{range:?}");
        }
        let file = SourceFile::new("a", "\n".repeat(1 << 20));
        assert!(parts(&Span::line(&file, 1_000_000)).0.data.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_span_of_any_text_is_shown_at_its_line(text in "(?s).{0,300}", copies in 1_usize..400, from in 0_usize..100_000, len in 0_usize..500) {
            let file = SourceFile::new("a", text.repeat(copies));
            let span = Span::new(&file, from..from.saturating_add(len));
            let (info, range) = parts(&span);
            proptest::prop_assert!(1 <= range.start.line && range.start.line <= range.end.line);
            let data = String::from_utf8(info.data.to_vec()).unwrap();
            let line = usize::try_from(range.start.line).unwrap().saturating_sub(1);
            let shown = data.split('\n').nth(line).unwrap_or_default();
            let written = file.text.split('\n').nth(line).unwrap_or_default();
            proptest::prop_assert_eq!(shown.chars().next(), printable(written.strip_suffix('\r').unwrap_or(written)).chars().next());
        }
    }
}

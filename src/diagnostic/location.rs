//! Diagnostics as BuildKit's clients show them: one line of text, and line ranges in files.

use std::borrow::Cow;
use std::sync::Arc;

use super::render::printable;
use super::{Diagnostic, Diagnostics, Severity, SourceFile};
use crate::secret;

/// Files up to this size travel whole with an error; the limit keeps the headers of the reply small.
const MAX_WHOLE: usize = 64 * 1024;
/// What is larger even with its far lines blank does not travel at all.
const MAX_CUT: usize = 128 * 1024;
/// Characters of a line in a file that is cut.
const MAX_LINE: usize = 160;
/// Lines around a range that a client may print.
const AROUND: usize = 5;
/// Most lines of one range: who marks a whole file marks nothing.
const MAX_LINES: usize = 20;

/// Lines of a file, as in the details of BuildKit's errors and warnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: Arc<SourceFile>,
    /// At least one range, in the order of the diagnostic's labels.
    pub ranges: Vec<LineRange>,
}

/// 1-based lines, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRange {
    /// The first line.
    pub start: usize,
    /// The last line, not before the first.
    pub end: usize,
}

impl Location {
    /// The file's text as it travels. In a file of more than 64 KiB the lines far from the ranges are blank, so that
    /// line numbers stay true; where that is not enough it is empty, and a client shows no excerpt.
    pub fn data(&self) -> Cow<'_, str> {
        if self.file.text.len() <= MAX_WHOLE {
            return secret::masked(&self.file.text);
        }
        let near = |line: usize| {
            self.ranges
                .iter()
                .any(|range| line >= range.start.saturating_sub(AROUND) && line <= range.end.saturating_add(AROUND))
        };
        let last = self.ranges.iter().map(|range| range.end).max().unwrap_or(0).saturating_add(AROUND);
        let lines = self.file.text.split('\n').zip(1..=last);
        let text: Vec<Cow<'_, str>> =
            lines.map(|(text, line)| if near(line) { cut(&secret::masked(text)) } else { Cow::Borrowed("") }).collect();
        let text = text.join("\n");
        Cow::Owned(if text.len() > MAX_CUT { String::new() } else { text })
    }
}

/// A line of bearable length.
fn cut(line: &str) -> Cow<'static, str> {
    Cow::Owned(match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or("")),
        None => line.to_owned(),
    })
}

impl Diagnostic {
    /// Place, message and help, without the words that belong to an excerpt.
    fn headline(&self) -> String {
        let place = self.labels.first().map_or_else(String::new, |label| {
            let at = label.span.file.position(label.span.range.start);
            format!("{}:{}:{}: ", label.span.file.name, at.line, at.column)
        });
        let help = self.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        format!("{place}{}{help}", self.message)
    }

    /// Where it points, by file, the main place first.
    pub fn locations(&self) -> Vec<Location> {
        let mut locations: Vec<Location> = Vec::new();
        for label in &self.labels {
            let start = label.span.first_line();
            let end = label.span.last_line().min(start.saturating_add(MAX_LINES));
            let range = LineRange { start, end };
            match locations.iter_mut().find(|location| location.file == label.span.file) {
                Some(location) if location.ranges.contains(&range) => {}
                Some(location) => location.ranges.push(range),
                None => locations.push(Location { file: Arc::clone(&label.span.file), ranges: vec![range] }),
            }
        }
        locations
    }
}

impl Diagnostics {
    /// The error that the others are measured by: the first, or the first warning where there is no error.
    pub fn main(&self) -> Option<&Diagnostic> {
        self.0.iter().find(|diagnostic| diagnostic.severity == Severity::Error).or_else(|| self.0.first())
    }

    /// One line: the main message with its place and help, and how many more there are.
    pub fn headline(&self) -> String {
        let first = printable(&self.main().map_or_else(String::new, Diagnostic::headline));
        match self.0.len().saturating_sub(1) {
            0 => first,
            more => format!("{first} (and {more} more)"),
        }
    }

    /// Where the diagnostics point, by file and in their order, the main one first.
    pub fn locations(&self) -> Vec<Location> {
        let main = self.main();
        let rest = self.0.iter().filter(|diagnostic| main.is_none_or(|main| !std::ptr::eq(*diagnostic, main)));
        let mut all: Vec<Location> = Vec::new();
        for location in main.into_iter().chain(rest).flat_map(Diagnostic::locations) {
            match all.iter_mut().find(|known| known.file == location.file) {
                Some(known) => {
                    for range in location.ranges {
                        if !known.ranges.contains(&range) {
                            known.ranges.push(range);
                        }
                    }
                }
                None => all.push(location),
            }
        }
        all
    }
}

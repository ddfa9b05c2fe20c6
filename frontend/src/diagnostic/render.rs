//! Diagnostics as a person sees them in a terminal.
//!
//! What is shown is bounded whatever the file holds: long lines are cut around the place that matters, control and
//! direction characters are replaced (a build file must not be able to paint the terminal), and after a number of
//! diagnostics only their count is given.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::secret;

use super::{Diagnostic, Label, Severity, SourceFile};

/// Diagnostics that are shown in full.
const MAX_SHOWN: usize = 20;
/// Places shown of one diagnostic.
const MAX_LABELS: usize = 4;
/// Labels at most this many lines apart share an excerpt.
const TOGETHER: usize = 8;
/// Characters of a line that are shown, and how many of them before the place that matters.
const MAX_COLUMNS: usize = 140;
const BEFORE: usize = 60;

/// Whether escape sequences may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Text only.
    Never,
    /// ANSI colours.
    Always,
}

/// Renders diagnostics with their excerpts; ends with a line break unless there is nothing to show.
pub fn terminal(diagnostics: &[Diagnostic], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(MAX_SHOWN) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one(diagnostic, &renderer));
        text.push('\n');
    }
    let more = diagnostics.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        text.push_str(&format!("\nand {more} more\n"));
    }
    text
}

/// Text on one line without characters that move the cursor or turn the direction of writing.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_harmful(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Whether a character steers a terminal or reorders what is around it.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(printable(&diagnostic.message)).id(&*diagnostic.code));
    for excerpt in excerpts(&diagnostic.labels) {
        group = group.element(excerpt.snippet());
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    renderer.render(&[group])
}

/// Some lines of a file with the labels on them.
struct Excerpt<'a> {
    file: &'a SourceFile,
    first: usize,
    last: usize,
    labels: Vec<(&'a Label, bool)>,
}

/// The labels by neighbourhood, the main one first.
fn excerpts(labels: &[Label]) -> Vec<Excerpt<'_>> {
    let mut excerpts: Vec<Excerpt<'_>> = Vec::new();
    for (i, label) in labels.iter().take(MAX_LABELS).enumerate() {
        let file = label.span.file.as_ref();
        let line = label.span.first_line();
        let near = excerpts.iter_mut().find(|excerpt| {
            excerpt.file == file
                && line.saturating_add(TOGETHER) >= excerpt.first
                && line <= excerpt.last.saturating_add(TOGETHER)
        });
        match near {
            Some(excerpt) => {
                excerpt.first = excerpt.first.min(line);
                excerpt.last = excerpt.last.max(line);
                excerpt.labels.push((label, i == 0));
            }
            None => excerpts.push(Excerpt { file, first: line, last: line, labels: vec![(label, i == 0)] }),
        }
    }
    excerpts
}

impl Excerpt<'_> {
    fn snippet(&self) -> Snippet<'static, Annotation<'static>> {
        let mut text = String::new();
        let mut annotations = Vec::new();
        for line in self.first..=self.last {
            if !text.is_empty() || line > self.first {
                text.push('\n');
            }
            let labels = self.labels.iter().filter(|(label, _)| label.span.first_line() == line);
            let focus = labels.clone().map(|(label, _)| label.span.range.start).min();
            let shown = Line::new(self.file, line, focus);
            let base = text.len();
            text.push_str(&shown.text);
            for (label, main) in labels {
                let kind = if *main { AnnotationKind::Primary } else { AnnotationKind::Context };
                let start = base.saturating_add(shown.offset(label.span.range.start));
                let end = base.saturating_add(shown.offset(label.span.range.end)).max(start);
                let annotation = kind.span(start..end);
                let words = printable(&label.text);
                annotations.push(if words.is_empty() { annotation } else { annotation.label(words) });
            }
        }
        Snippet::source(text).line_start(self.first).path(printable(&self.file.name)).annotations(annotations)
    }
}

/// One line of a file as it is shown.
struct Line {
    text: String,
    /// Byte offset in the file and in `text` of each character shown, then of the end.
    offsets: Vec<(usize, usize)>,
}

impl Line {
    fn new(file: &SourceFile, line: usize, focus: Option<usize>) -> Self {
        let range = file.line(line);
        let masked = secret::masked_line(&file.text, range.clone());
        let all = masked.trim_end_matches('\r');
        let column = focus.map_or(0, |at| {
            let before = at.saturating_sub(range.start).min(all.len());
            all.get(..before).map_or(0, |text| text.chars().count())
        });
        let length = all.chars().count();
        let skip = if length > MAX_COLUMNS { column.saturating_sub(BEFORE) } else { 0 };
        let mut text = String::new();
        let mut offsets = Vec::new();
        if skip > 0 {
            text.push('…');
        }
        let mut end = range.start;
        for (at, c) in all.char_indices().skip(skip).take(MAX_COLUMNS) {
            let at = range.start.saturating_add(at);
            offsets.push((at, text.len()));
            end = at.saturating_add(c.len_utf8());
            text.push(if is_harmful(c) && c != '\t' { char::REPLACEMENT_CHARACTER } else { c });
        }
        offsets.push((end, text.len()));
        if length > skip.saturating_add(MAX_COLUMNS) {
            text.push('…');
        }
        Self { text, offsets }
    }

    /// Where a byte of the file is in the shown text, or the nearest place.
    fn offset(&self, at: usize) -> usize {
        let found = self.offsets.iter().find(|(file, _)| *file >= at).or_else(|| self.offsets.last());
        found.map_or(0, |(_, shown)| *shown)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test may panic")]
mod tests;

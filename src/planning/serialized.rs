//! Warnings as the step tells them. What stands in its answer is a layer that may be exported: of a file of the repository
//! only the lines around the place are told, without what looks like a secret.

use std::ops::Range;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Label, SourceFile, Span};
use buildkit_frontend::secret;
use buildkit_frontend::secret::head;
use serde::{Deserialize, Serialize};

/// Lines told before and after a place; clients show two to four.
const CONTEXT: usize = 6;
/// Lines of a place.
const LINES: usize = 8;
/// Bytes of a line.
const LINE: usize = 2000;

/// A warning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SerializedDiagnostic {
    code: String,
    message: String,
    help: Option<String>,
    labels: Vec<ToldLabel>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ToldLabel {
    /// `None` is the build file, which the frontend has.
    excerpt: Option<Excerpt>,
    /// Byte offsets into the build file, or into the excerpt's text.
    bytes: Range<usize>,
    build_arg: Option<String>,
    text: String,
}

/// Lines of a file of the repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Excerpt {
    name: String,
    /// How many lines come before.
    before: usize,
    text: String,
}

impl SerializedDiagnostic {
    /// Tells a warning. (An error is never told: the frontend comes to it by itself.)
    pub(super) fn of(warning: &Diagnostic, build_file: &Arc<SourceFile>) -> Self {
        let labels = warning.labels.iter().map(|Label { span, text }| {
            let (excerpt, bytes) = match Arc::ptr_eq(&span.file, build_file) {
                true => (None, span.range.clone()),
                false => excerpt(span),
            };
            ToldLabel { excerpt, bytes, build_arg: span.build_arg.as_deref().map(str::to_owned), text: text.clone() }
        });
        Self {
            code: warning.code.to_string(),
            message: warning.message.clone(),
            help: warning.help.clone(),
            labels: labels.collect(),
        }
    }

    /// The warning, with its places in their files.
    pub(super) fn located(self, build_file: &Arc<SourceFile>) -> Diagnostic {
        let mut warning = Diagnostic::warning(self.code, self.message);
        warning.help = self.help;
        warning.labels.extend(self.labels.into_iter().map(|label| {
            let ToldLabel { excerpt, bytes, build_arg, text } = label;
            let span = match excerpt {
                None => Span::new(build_file, bytes),
                Some(Excerpt { name, before, text }) => {
                    let range = bytes.start.saturating_add(before)..bytes.end.saturating_add(before);
                    Span::new(&SourceFile::new(name, "\n".repeat(before) + &text), range)
                }
            };
            Label { span: Span { build_arg: build_arg.map(Arc::from), ..span }, text }
        }));
        warning
    }
}

/// The lines around a place, and the place in them. Secrets are blotted out before a line is cut, for what is cut off may be
/// what they are known by.
fn excerpt(span: &Span) -> (Option<Excerpt>, Range<usize>) {
    let file = &span.file;
    let first = span.first_line();
    let last = span.last_line().min(first.saturating_add(LINES));
    let before = first.saturating_sub(CONTEXT).saturating_sub(1);
    let mut text = String::new();
    let (mut start, mut end, mut next) = (0, 0, 0_usize);
    for (number, line) in (1_usize..=last.saturating_add(CONTEXT)).zip(file.text.split('\n')) {
        let range = next..next.saturating_add(line.len());
        next = range.end.saturating_add(1);
        if number <= before {
            continue;
        }
        let at = text.len();
        let line = secret::masked_line(&file.text, range.clone());
        let line = head(&line, LINE);
        text.push_str(line);
        // Blots keep the length of what they hide, so columns stay true as far as the line goes.
        let place = |offset: usize| at.saturating_add(head(line, offset.saturating_sub(range.start)).len());
        if number == first {
            start = place(span.range.start);
        }
        if number == last {
            end = place(span.range.end);
        }
        text.push('\n');
    }
    (Some(Excerpt { name: file.name.clone(), before, text }), start..end.max(start))
}

//! Warnings as the step tells them.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Label, SourceFile, Span};

/// A warning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told {
    code: String,
    message: String,
    help: Option<String>,
    labels: Vec<ToldLabel>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ToldLabel {
    /// `None` is the build file, which the frontend has.
    file: Option<ToldFile>,
    bytes: Range<usize>,
    build_arg: Option<String>,
    text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ToldFile {
    name: String,
    text: String,
}

impl Told {
    pub(super) fn of(warning: &Diagnostic, build_file: &Arc<SourceFile>) -> Self {
        let labels = warning.labels.iter().map(|Label { span, text }| ToldLabel {
            file: (span.file != *build_file)
                .then(|| ToldFile { name: span.file.name.clone(), text: span.file.text.to_string() }),
            bytes: span.range.clone(),
            build_arg: span.build_arg.as_deref().map(str::to_owned),
            text: text.clone(),
        });
        Self {
            code: warning.code.to_string(),
            message: warning.message.clone(),
            help: warning.help.clone(),
            labels: labels.collect(),
        }
    }

    pub(super) fn located(self, build_file: &Arc<SourceFile>) -> Diagnostic {
        let mut warning = Diagnostic::warning(self.code, self.message);
        warning.help = self.help;
        warning.labels.extend(self.labels.into_iter().map(|label| {
            let file = match label.file {
                Some(file) => SourceFile::new(file.name, file.text),
                None => Arc::clone(build_file),
            };
            let build_arg = label.build_arg.map(Arc::from);
            Label { span: Span { build_arg, ..Span::new(&file, label.bytes) }, text: label.text }
        }));
        warning
    }
}

//! Warn: a line at the end of the client's output.

use buildkit_proto::{frontend, pb};
use bytes::Bytes;

use crate::diagnostic::{Diagnostic, Span};
use crate::gateway::client::Client;
use crate::gateway::error::CallError;
use crate::gateway::status::printable;
use crate::gateway::{detail, excerpt};

/// A warning. Clients show the first line always, the rest on demand.
#[derive(Debug, Clone, Default)]
pub struct Warning {
    /// Digest of a vertex. The warning also shows up there while the build runs.
    pub vertex: String,
    /// One line.
    pub short: String,
    /// More lines.
    pub detail: Vec<String>,
    /// Where to read on.
    pub url: String,
    /// Where it is.
    pub span: Option<Span>,
}

impl Warning {
    /// The warning that a diagnostic makes.
    pub fn new(vertex: impl Into<String>, diagnostic: &Diagnostic) -> Self {
        Self {
            vertex: vertex.into(),
            short: diagnostic.message.clone(),
            detail: diagnostic.help.iter().cloned().collect(),
            url: String::new(),
            span: diagnostic.labels.first().map(|label| label.span.clone()),
        }
    }
}

impl Client {
    /// Warns. A daemon that takes no warnings is not told.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn warn(&self, warning: Warning) -> Result<(), CallError> {
        if !self.caps().gateway.supports("gateway.warnings") {
            return Ok(());
        }
        let bytes = |text: &str| Bytes::from(printable(text));
        let (info, ranges) = match &warning.span {
            Some(span) => {
                let (info, range) = excerpt::parts(span);
                (Some(source_info(info)), vec![proto_range(range)])
            }
            None => (None, Vec::new()),
        };
        let request = frontend::WarnRequest {
            digest: warning.vertex,
            level: 1,
            short: bytes(&warning.short),
            detail: warning.detail.iter().map(|line| bytes(line)).collect(),
            url: warning.url,
            info,
            ranges,
        };
        self.call(&request).await?;
        Ok(())
    }
}

fn source_info(info: detail::SourceInfo) -> pb::SourceInfo {
    pb::SourceInfo { filename: info.filename, data: info.data, language: info.language, ..pb::SourceInfo::default() }
}

fn proto_range(range: detail::Range) -> pb::Range {
    let position = |at: detail::Position| pb::Position { line: at.line, character: at.character };
    pb::Range { start: Some(position(range.start)), end: Some(position(range.end)) }
}

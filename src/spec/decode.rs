//! From bytes to text: what is not a text of reasonable size ends here.

use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile, Span};

/// Largest build file. BuildKit sends the whole file with every graph and every error.
pub const MAX_BYTES: usize = 1024 * 1024;

/// How much of a refused file is kept for the excerpt.
const EXCERPT_BYTES: usize = 64 * 1024;

/// The text of a build file called `name`.
///
/// A UTF-8 byte order mark is dropped, as BuildKit does.
///
/// # Errors
/// A file of more than [`MAX_BYTES`], an empty one, or one that is not UTF-8 text; the diagnostic points at the first such byte.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Arc<SourceFile>, Diagnostics> {
    if bytes.len() > MAX_BYTES {
        let file = excerpt(name, bytes);
        let help = "a build file is a few lines of YAML; check that `-f` names the right file";
        let message = format!("the build file is too large: {}, at most 1 MiB is read", size(bytes.len()));
        return Err(Diagnostic::error("spec/too-large", message).at(Span::line(&file, 1)).help(help).into());
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        let file = SourceFile::new(name, "");
        let message = "the build file is encoded as UTF-16";
        return Err(Diagnostic::error("spec/encoding", message)
            .at(Span::line(&file, 1))
            .help("save it as UTF-8")
            .into());
    }
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let nul = body.iter().position(|byte| *byte == 0);
    match (std::str::from_utf8(body), nul) {
        // Most likely a wrong file or one cut short; who wants all defaults writes at least the syntax line.
        (Ok(text), None) if text.trim().is_empty() => Err(empty(name)),
        (Ok(text), None) => Ok(SourceFile::new(name, text)),
        (Err(error), None) => Err(binary(name, body, error.valid_up_to())),
        (Ok(_), Some(nul)) => Err(binary(name, body, nul)),
        (Err(error), Some(nul)) => Err(binary(name, body, error.valid_up_to().min(nul))),
    }
}

fn empty(name: &str) -> Diagnostics {
    Diagnostic::error("spec/empty", "the build file is empty")
        .help("a file that holds only its `# syntax=` line builds with defaults")
        .at(Span::line(&SourceFile::new(name, "\n"), 1))
        .into()
}

fn binary(name: &str, bytes: &[u8], at: usize) -> Diagnostics {
    let byte = bytes.get(at).copied().unwrap_or(0);
    let before = bytes.get(..at).unwrap_or(&[]);
    let line = before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1);
    let file = excerpt(name, bytes);
    // Everything before the byte is valid UTF-8, so its offset is the same in the excerpt, if it reaches that far.
    let start = at.min(file.text.len());
    let len = file.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Diagnostic::error(
        "spec/encoding",
        format!("the build file is not text: line {line} holds the byte 0x{byte:02x} (offset {at})"),
    )
    .label(Span::new(&file, start..start.saturating_add(len)), "here")
    .help("save it as UTF-8, or check that `-f` names the right file")
    .into()
}

fn excerpt(name: &str, bytes: &[u8]) -> Arc<SourceFile> {
    let head = bytes.get(..EXCERPT_BYTES).unwrap_or(bytes);
    SourceFile::new(name, String::from_utf8_lossy(head).into_owned())
}

fn size(bytes: usize) -> String {
    format!("{} MiB", bytes.div_ceil(1024 * 1024))
}

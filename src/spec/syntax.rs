//! What the YAML parser stumbled over, in words that help someone who does not know YAML's grammar.

use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span};
use granit_parser::{ErrorKind, ScanError};

/// What went wrong, and what to do.
struct Words {
    code: &'static str,
    message: String,
    help: String,
}

fn words(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Words {
    Words { code, message: message.into(), help: help.into() }
}

/// A diagnostic for a parse error.
///
/// The parser notices some mistakes lines later, where the text stops making sense: those are traced back.
pub(super) fn explain(file: &Arc<SourceFile>, error: &ScanError) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(file.text.len()).min(file.text.len());
    let found = describe(error.kind());
    let (Words { code, message, help }, span) = match found.code {
        "spec/tab" => (found, tab(file, at)),
        "spec/unclosed" => (found, opener(file, at).unwrap_or_else(|| point(file, at))),
        "spec/syntax" | "spec/indentation" => {
            traced(file, at, error.kind()).unwrap_or_else(|| (found, point(file, at)))
        }
        _ => (found, point(file, at)),
    };
    Diagnostic::error(code, message).at(span).help(help)
}

/// The cause of an error on an earlier line, when there is a likely one.
fn traced(file: &Arc<SourceFile>, at: usize, kind: &ErrorKind) -> Option<(Words, Span)> {
    let line = file.position(at).line;
    if let Some(opener) = opener(file, at).filter(|span| span.first_line() < line) {
        let quote = file.text.get(opener.range.clone()).is_some_and(|text| text == "\"" || text == "'");
        let kind = if quote { ErrorKind::UnclosedQuotedScalar } else { ErrorKind::UnexpectedEofFlowSequence };
        return Some((describe(&kind), opener));
    }
    if *kind != ErrorKind::MappingValueNotAllowed {
        return None;
    }
    let start = file.line(line).start;
    let here = file.text.get(start..at)?;
    if here.contains(": ") {
        return None;
    }
    // The nearest line above that says something, with its offset.
    let mut end = start;
    let (above, above_start) = file.text.get(..start)?.split_inclusive('\n').rev().find_map(|text| {
        end = end.saturating_sub(text.len());
        let says = !text.trim().is_empty() && !text.trim_start().starts_with('#');
        says.then_some((text.trim_end(), end))
    })?;
    let indent = |text: &str| text.len().saturating_sub(text.trim_start().len());
    if !above.contains(':') {
        let span = above_start.saturating_add(indent(above))..above_start.saturating_add(above.len());
        return Some((describe(&ErrorKind::SimpleKeyExpected), Span::new(file, span)));
    }
    (indent(here) > indent(above))
        .then(|| (describe(&ErrorKind::InvalidIndentation), point(file, start.saturating_add(indent(here)))))
}

/// The character at an offset; at the end of the file the last line that says something.
fn point(file: &Arc<SourceFile>, at: usize) -> Span {
    let rest = file.text.get(at..).unwrap_or("");
    if rest.trim().is_empty() {
        let end = file.text.trim_end().len();
        let start = file.text.get(..end).and_then(|text| text.char_indices().next_back()).map_or(end, |(i, _)| i);
        return Span::new(file, start..end);
    }
    let len = rest.chars().next().map_or(0, char::len_utf8);
    Span::new(file, at..at.saturating_add(len))
}

/// The first tab of the line that an offset is on, or the next one after it.
fn tab(file: &Arc<SourceFile>, at: usize) -> Span {
    let line = file.line(file.position(at).line);
    let found = file.text.get(line.clone()).and_then(|text| text.find('\t')).map(|i| line.start.saturating_add(i));
    let found = found.or_else(|| file.text.get(at..).and_then(|text| text.find('\t')).map(|i| at.saturating_add(i)));
    found.map_or_else(|| point(file, at), |start| Span::new(file, start..start.saturating_add(1)))
}

/// The last bracket or quote before an offset that nothing closes.
fn opener(file: &Arc<SourceFile>, at: usize) -> Option<Span> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut before = ' ';
    let mut comment = false;
    for (i, c) in file.text.get(..at)?.char_indices() {
        let quote = open.last().map(|(_, c)| *c).filter(|c| matches!(c, '"' | '\''));
        let starts = before.is_whitespace() || matches!(before, '[' | '{' | ',' | ':');
        match (quote, c) {
            _ if comment => comment = c != '\n',
            (Some('"'), '"') if before == '\\' => {}
            (Some(quote), c) if c == quote => drop(open.pop()),
            (Some(_), _) => {}
            (None, '#') if before.is_whitespace() => comment = true,
            (None, '"' | '\'') if starts => open.push((i, c)),
            (None, '[' | '{') if starts || !open.is_empty() => open.push((i, c)),
            (None, ']' | '}') => drop(open.pop()),
            _ => {}
        }
        before = c;
    }
    open.last().map(|(i, _)| Span::new(file, *i..i.saturating_add(1)))
}

fn describe(kind: &ErrorKind) -> Words {
    use ErrorKind as K;
    match kind {
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabInIndentation
        | K::TabAtBlockScalarStart
        | K::TabInPlainScalar
        | K::InvalidBlockEntryWhitespace
        | K::InvalidMappingValueWhitespace => words(
            "spec/tab",
            "a tab is used where YAML wants spaces",
            "indent with spaces; most editors can be told to",
        ),
        K::RecursionLimitExceeded => words(
            "spec/too-deep",
            "the values are nested too deeply",
            "nothing in a build file needs more than a few levels; check that `-f` names the right file",
        ),
        K::DirectiveDisallowed | K::InvalidDirectiveTerminator | K::MissingDirectiveName | K::InvalidDirectiveName => {
            words(
                "spec/directive",
                "YAML directives (`%…`) cannot be used here",
                "remove the line, or put the text in quotes if it is a value",
            )
        }
        K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar => {
            words("spec/unclosed", "a quote is opened and never closed", "close it on the same line")
        }
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::UnclosedFlowCollection { .. } => {
            words("spec/unclosed", "a bracket is opened and never closed", "close it with `]` or `}`")
        }
        K::MismatchedFlowCollectionEnd { open, close } => words(
            "spec/syntax",
            format!("`{open}` is closed by `{close}`"),
            "lists are written `[a, b]`, mappings `{key: value}`",
        ),
        K::MisplacedFlowCollectionEnd => {
            words("spec/syntax", "a closing bracket has no opening one", "remove it, or add `[` or `{` before it")
        }
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => words(
            "spec/syntax",
            "a comma or a closing bracket is missing before this",
            "separate items by commas; text with `,`, `[`, `]`, `{`, `}` or `: ` in it needs quotes",
        ),
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => words(
            "spec/syntax",
            "there is more text after the closing quote",
            "put the whole value into one pair of quotes, and a comma between two values",
        ),
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate
        | K::InvalidUnicodeEscape => words(
            "spec/syntax",
            "this is not an escape that YAML knows",
            "write a backslash in double quotes as `\\\\`, or use single quotes, which take it as it is",
        ),
        K::UnexpectedCharacter { character } => words(
            "spec/syntax",
            format!("a value cannot begin with `{}`", character.escape_debug()),
            "put the value in quotes",
        ),
        K::MissingAnchorOrAliasName => {
            words("spec/syntax", "YAML reads `*` and `&` as references to other values", "put the value in quotes")
        }
        K::UndeclaredTagHandle
        | K::ExpectedTagBang
        | K::InvalidTagTerminator
        | K::MissingTagUri
        | K::UnclosedVerbatimTag
        | K::InvalidTagEscape
        | K::InvalidGlobalTagCharacter => {
            words("spec/syntax", "YAML reads `!` as the start of a type tag", "put the value in quotes")
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey => words(
            "spec/syntax",
            "this line has no `:`",
            "write `key: value`, with a space after the colon; values that go on in the next line are indented",
        ),
        K::MappingValueNotAllowed | K::InvalidColonPlacement | K::FlowMappingValueAdjacentCollection => words(
            "spec/syntax",
            "a `:` stands where YAML allows none",
            "put the value in quotes if the `:` belongs to it; otherwise give the key a line of its own, indented",
        ),
        K::InvalidIndentation
        | K::ExpectedBlockMappingKey
        | K::MappingKeyNotAllowed
        | K::ExpectedNodeContent
        | K::InvalidFlowScalarIndent
        | K::InvalidQuotedScalarIndent => words(
            "spec/indentation",
            "the indentation does not fit the lines above",
            "keys that belong together start in the same column",
        ),
        K::ExpectedBlockSequenceEntry
        | K::BlockSequenceEntryNotAllowed
        | K::BlockEntryInFlowCollection
        | K::PlainScalarStartsWithDashFlowIndicator => words(
            "spec/indentation",
            "a list item (`-`) stands where none can be",
            "put the list on lines of its own below its key, every `-` in the same column",
        ),
        K::ZeroBlockScalarIndent | K::InvalidBlockScalarHeader | K::InvalidBlockScalarIndent => words(
            "spec/indentation",
            "the block of text after `|` or `>` is not indented as it should be",
            "indent all its lines by two spaces more than its key",
        ),
        K::CommentNotSeparated | K::CommentInterceptedScalar => words(
            "spec/syntax",
            "a comment stands where none can be",
            "put a space before `#`, and quotes around a value that holds a `#`",
        ),
        K::BomInsideDocument => {
            words("spec/syntax", "an invisible byte order mark stands in the text", "delete the character")
        }
        _ => words("spec/syntax", "this is not valid YAML", "check quotes, brackets and indentation on this line"),
    }
}

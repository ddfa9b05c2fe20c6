//! YAML into plain values.

use std::ops::Range;

use serde_json::Value;

/// A text that is no YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Byte range of the place, as far as it is known; the start of the text otherwise.
    pub(crate) range: Range<usize>,
    /// 1-based line, when it is known.
    pub(crate) line: usize,
    /// What is wrong, without any of the text.
    pub(crate) kind: &'static str,
    /// The same in the library's words, where they hold none of the text.
    pub(crate) detail: String,
}

/// Parses YAML 1.2 as the `yaml` package of npm does, which Backstage and Yarn use or come close to: `yes` is a text,
/// `<<` is a key like any other. Bounds against alias bombs are the library's defaults. An empty text is null.
pub(crate) fn parse(text: &str) -> Result<Value, YamlError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: serde_saphyr::MergeKeyPolicy::AsOrdinary,
        underscored_numbers_as_strings: true,
        // Short ids of digits look like such numbers.
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let location = error.location();
        let line = location.and_then(|l| usize::try_from(l.line()).ok()).unwrap_or(1).max(1);
        let column = location.and_then(|l| usize::try_from(l.column()).ok()).unwrap_or(1).max(1);
        let start = offset(text, line, column);
        let end = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        YamlError {
            range: start..start.saturating_add(end),
            line,
            kind: kind(&error),
            detail: detail(&error, text, line),
        }
    })
}

/// Byte offset of a 1-based line and column (in characters); the end of the line where the column lies behind it.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0_usize;
    let mut lines = text.split_inclusive('\n');
    for skipped in lines.by_ref().take(line.saturating_sub(1)) {
        start = start.saturating_add(skipped.len());
    }
    let line = lines.next().unwrap_or_default().trim_end();
    let inner = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(i, _)| i);
    start.saturating_add(inner)
}

/// The library's words without its place and its advice to programmers, unless one of them stands in the line: then it may
/// be a quote.
fn detail(error: &serde_saphyr::Error, text: &str, line: usize) -> String {
    let said = error.to_string();
    let end = [" at line ", ", set Dup", "; use from_"].iter().filter_map(|mark| said.find(mark)).min();
    let said = said.get(..end.unwrap_or(said.len())).unwrap_or_default().lines().next().unwrap_or_default();
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let mut words = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    if words.any(|word| line.contains(word)) { kind(error).to_owned() } else { said.to_owned() }
}

/// The library's messages may quote the text, which may hold a secret: only the kind is told.
fn kind(error: &serde_saphyr::Error) -> &'static str {
    let said = error.to_string();
    if said.contains("duplicate") {
        "a key is given twice"
    } else if said.contains("budget") || said.contains("alias") {
        "it is larger than it looks: too many aliases or levels"
    } else if said.contains("multiple") {
        "there is more than one document"
    } else {
        "it is not valid YAML"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let text = "a: yes\nb: [1, 2.5, true, ~]\nc: {$env: X}\nd: 0x10\ne: '1'\nbase: &b {x: 1}\ncopy: *b\nf: 08\n";
        let value = parse(text).unwrap();
        assert_eq!(value["a"], "yes");
        assert_eq!(value["b"], serde_json::json!([1, 2.5, true, null]));
        assert_eq!(value["c"]["$env"], "X");
        assert_eq!(value["e"], "1");
        assert_eq!(value["copy"]["x"], 1);
        assert_eq!(parse("").unwrap(), Value::Null);
        assert_eq!(parse("# only a comment\n").unwrap(), Value::Null);
    }

    #[test]
    fn errors_say_where_and_quote_nothing() {
        let error = parse("a: 1\nb: [1, 2\nc: s3cret\n").unwrap_err();
        assert!(error.line >= 2, "{error:?}");
        assert_eq!(parse("a: 1\na: 2\n").unwrap_err().kind, "a key is given twice");
        assert!(parse("a: 1\n\tb: 2\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a-c:\\-\\[\\]{}&*!|>'\"#%@ \n\té0-9.~<]{0,40}") {
            if let Err(error) = parse(&text) {
                assert!(text.get(error.range).is_some());
            }
        }
    }
}

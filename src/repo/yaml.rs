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
}

/// Parses YAML 1.2 as the `yaml` package of npm does, which Backstage and Yarn use or come close to: `yes` is a text,
/// `<<` is a key like any other. Bounds against alias bombs are the library's defaults. An empty text is null.
pub(crate) fn parse(text: &str) -> Result<Value, YamlError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: serde_saphyr::MergeKeyPolicy::AsOrdinary,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let location = error.location();
        let start = location.and_then(|l| usize::try_from(l.span().byte_offset()?).ok()).unwrap_or(0).min(text.len());
        let start = (0..=start).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        let end = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let line = location.and_then(|l| usize::try_from(l.line()).ok()).unwrap_or(1);
        YamlError { range: start..start.saturating_add(end), line, kind: kind(&error) }
    })
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

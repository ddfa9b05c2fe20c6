//! Places in JSON texts: where in the file a value stands that was found in the parsed document.

use std::ops::Range;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span};
use serde_json::{Map, Value};

/// A step into a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Parses a file that must hold an object. A broken one is reported under `code`.
pub(crate) fn object(file: &Arc<SourceFile>, code: &'static str) -> Result<Map<String, Value>, Diagnostic> {
    match serde_json::from_str(&file.text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Diagnostic::error(code, format!("{} is not a JSON object", file.name)).at(Span::new(file, 0..0))),
        Err(error) => {
            let line = file.line(error.line().max(1));
            let column = error.column().saturating_sub(1);
            let start = line.start.saturating_add(column).min(line.end);
            let message = error.to_string();
            let said = message.rsplit_once(" at line ").map_or(message.as_str(), |(said, _)| said);
            let end = file.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            Err(Diagnostic::error(code, format!("{} is not valid JSON", file.name))
                .label(Span::new(file, start..start.saturating_add(end)), said.to_owned()))
        }
    }
}

/// Byte range of a value: for a key the key and the value, for an index the value. The deepest step that is there
/// decides; the whole text is never pointed at, but its first line.
pub(crate) fn locate(file: &Arc<SourceFile>, path: &[Step<'_>]) -> Span {
    let mut scanner = Scanner { text: &file.text, at: 0 };
    let mut best = file.line(1);
    for step in path {
        match scanner.enter(*step) {
            Some(range) => best = range,
            None => break,
        }
    }
    // An object or array that fills many lines is pointed at by its first.
    let first = file.text.get(best.clone()).and_then(|text| text.find('\n'));
    let end = first.map_or(best.end, |len| best.start.saturating_add(len));
    Span::new(file, best.start..end)
}

/// A scanner over a text that is known to be JSON; it stops where it is not.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    /// Moves to a child of the value at the cursor; answers the child's range, its key included.
    fn enter(&mut self, step: Step<'_>) -> Option<Range<usize>> {
        self.space();
        let open = self.next()?;
        let mut index = 0_usize;
        loop {
            self.space();
            let start = self.at;
            let found = match (open, step) {
                (b'{', Step::Key(wanted)) => {
                    let key = self.string()?;
                    self.space();
                    (self.next()? == b':').then_some(())?;
                    self.space();
                    key == wanted
                }
                (b'[', Step::Index(wanted)) => index == wanted,
                _ => return None,
            };
            let value = self.at;
            self.skip()?;
            if found {
                let end = self.at;
                self.at = value;
                return Some(start..end);
            }
            self.space();
            (self.next()? == b',').then_some(())?;
            index = index.saturating_add(1);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        (self.next()? == b'"').then_some(())?;
        loop {
            match self.next()? {
                b'\\' => drop(self.next()?),
                b'"' => return serde_json::from_str(self.text.get(start..self.at)?).ok(),
                _ => {}
            }
        }
    }

    /// Skips a value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.space();
            match self.peek()? {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    depth = depth.saturating_add(1);
                    self.next();
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.next();
                }
                b',' | b':' if depth > 0 => drop(self.next()),
                b',' | b':' => return None,
                _ => {
                    while self.peek().is_some_and(|b| !b.is_ascii_whitespace() && !b",]}:\"[{".contains(&b)) {
                        self.next();
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str, path: &[Step<'_>]) -> String {
        let file = SourceFile::new("package.json", json);
        file.text.get(locate(&file, path).range).unwrap().to_owned()
    }

    #[test]
    fn values_are_found() {
        let json = "{\n  \"a\": {\"b\\u0062\": [1, \"x\", {\"c\": null}]},\n  \"w\": [\n    \"p/*\"\n  ]\n}\n";
        assert_eq!(text(json, &[Step::Key("a"), Step::Key("bb"), Step::Index(1)]), "\"x\"");
        assert_eq!(text(json, &[Step::Key("a"), Step::Key("bb"), Step::Index(2), Step::Key("c")]), "\"c\": null");
        assert_eq!(text(json, &[Step::Key("w"), Step::Index(0)]), "\"p/*\"");
        assert_eq!(text(json, &[Step::Key("w")]), "\"w\": [");
        assert_eq!(text(json, &[Step::Key("w"), Step::Index(7)]), "\"w\": [");
        assert_eq!(text(json, &[Step::Key("no")]), "{");
    }

    #[test]
    fn broken_json_is_pointed_at() {
        let file = SourceFile::new("package.json", "{\n  \"a\": 1,\n  oops\n}\n");
        let error = object(&file, "repo/manifest").unwrap_err();
        assert_eq!(error.to_string(), "package.json:3:3: package.json is not valid JSON: key must be a string");
        assert!(object(&SourceFile::new("x", "[]"), "repo/manifest").is_err());
        assert!(object(&SourceFile::new("x", ""), "repo/manifest").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(json in "[{}\\[\\],:\"\\\\a1 é]{0,40}") {
            let file = SourceFile::new("package.json", json);
            let _ = object(&file, "repo/manifest");
            let _ = locate(&file, &[Step::Key("a"), Step::Index(1), Step::Key("")]);
        }
    }
}

//! A lockfile told as parts of another one.
//!
//! The lockfile of a production install is hundreds of kilobytes of the repository's own. In the graph each of them is
//! hashed, sent, and recorded with every build, also with one in which nothing runs; told as parts, they are a twentieth.

use std::ops::Range;

use serde::Serialize;

use crate::digest;

/// A lockfile as parts of another one, for a step that puts it together (`cut.mjs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// In order.
    parts: Vec<Part>,
    /// SHA-256 of the whole, in hex: parts of any other file would give anything.
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Part {
    /// Byte offset and length in the other file.
    Same(usize, usize),
    /// Text that the other file lacks.
    New(String),
}

impl Recipe {
    /// As `cut.mjs` reads it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What `cut.mjs` makes of the other file; `None` where that lacks a part.
    pub fn made(&self, from: &str) -> Option<String> {
        let part = |part| match part {
            &Part::Same(at, len) => from.get(at..at.checked_add(len)?),
            Part::New(text) => Some(text.as_str()),
        };
        self.parts.iter().map(part).collect()
    }
}

/// A lockfile in the making.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    from: &'a str,
    text: String,
    parts: Vec<Part>,
}

impl<'a> Writer<'a> {
    /// Starts an empty one that takes parts of `from`.
    pub(super) fn new(from: &'a str) -> Self {
        Self { from, text: String::new(), parts: Vec::new() }
    }

    /// Text of its own.
    pub(super) fn add(&mut self, text: &str) {
        self.text.push_str(text);
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::New(before)) => before.push_str(text),
            _ => self.parts.push(Part::New(text.to_owned())),
        }
    }

    /// A part of the other file, with the text before it: taken from there, too, where it is the same.
    pub(super) fn take(&mut self, before: &str, range: Range<usize>) {
        let known = self.from.get(..range.start).is_some_and(|from| from.ends_with(before));
        let start = if known {
            range.start.saturating_sub(before.len())
        } else {
            self.add(before);
            range.start
        };
        let Some(text) = self.from.get(start..range.end) else { return };
        self.text.push_str(text);
        match self.parts.last_mut() {
            Some(Part::Same(at, len)) if at.saturating_add(*len) == start => *len = len.saturating_add(text.len()),
            _ => self.parts.push(Part::Same(start, text.len())),
        }
    }

    /// Ends a line that the other file leaves open.
    pub(super) fn end_line(&mut self) {
        if !self.text.ends_with('\n') {
            self.add("\n");
        }
    }

    /// Its text, and the recipe for it.
    pub(super) fn done(self) -> (String, Recipe) {
        let sha256 = digest::sha256(&self.text);
        (self.text, Recipe { parts: self.parts, sha256 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_follow_each_other_are_one() {
        let from = "a\nkey:\n  b\nkey:\n  c";
        let mut writer = Writer::new(from);
        writer.take("a\n", 7..11);
        writer.take("key:\n", 16..19);
        writer.end_line();
        writer.take("other:\n", 7..11);
        let (text, recipe) = writer.done();
        assert_eq!(text, "a\n  b\nkey:\n  c\nother:\n  b\n");
        assert_eq!(recipe.made(from).unwrap(), text);
        assert!(recipe.to_json().starts_with(r#"{"parts":["a\n",[7,12],"\nother:\n",[7,4]],"sha256":""#), "{recipe:?}");
    }
}

//! A lockfile told as parts of another one.
//!
//! The lockfile of a production install is hundreds of kilobytes of the repository's own. In the graph each of them is
//! hashed, sent, and recorded with every build, also with one in which nothing runs; told as parts, they are a twentieth.

use std::collections::BTreeMap;

use serde::Serialize;

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
    /// Tells `to` as parts of `from`, entry by entry. Any two texts will do.
    pub fn new(from: &str, to: &str) -> Self {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, entry) in entries(from) {
            known.insert(entry, at);
            let (key, body) = split(entry);
            known.entry(body).or_insert(at.saturating_add(key.len()));
        }
        let mut parts = Parts { from, done: Vec::new() };
        let mut end = 0_usize;
        for (at, entry) in entries(to) {
            parts.blank(to.get(end..at).unwrap_or_default());
            match known.get(entry) {
                Some(at) => parts.same(*at, entry.len()),
                None => {
                    // A key that fewer descriptors are left of.
                    let (key, body) = split(entry);
                    parts.new_text(key);
                    match known.get(body).filter(|_| !body.is_empty()) {
                        Some(at) => parts.same(*at, body.len()),
                        None => parts.new_text(body),
                    }
                }
            }
            end = at.saturating_add(entry.len());
        }
        parts.blank(to.get(end..).unwrap_or_default());
        let digest = sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), to));
        Self { parts: parts.done, sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// As `cut.mjs` reads it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What lies between line breaks that follow each other, with its offset.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0_usize;
    text.split("\n\n").filter_map(move |entry| {
        let at = end;
        end = at.saturating_add(entry.len()).saturating_add(2);
        let entry = entry.trim_end_matches('\n');
        (!entry.is_empty()).then_some((at, entry))
    })
}

/// An entry's key, line break included, and what lies below it.
fn split(entry: &str) -> (&str, &str) {
    // A key above 1,024 characters has a second line.
    let last = usize::from(entry.starts_with("? "));
    let end = entry.match_indices('\n').nth(last).map_or(entry.len(), |(at, _)| at.saturating_add(1));
    entry.split_at_checked(end).unwrap_or((entry, ""))
}

struct Parts<'a> {
    from: &'a str,
    done: Vec<Part>,
}

impl Parts<'_> {
    fn same(&mut self, at: usize, len: usize) {
        match self.done.last_mut() {
            Some(Part::Same(start, before)) if start.saturating_add(*before) == at => {
                *before = before.saturating_add(len);
            }
            _ => self.done.push(Part::Same(at, len)),
        }
    }

    fn new_text(&mut self, text: &str) {
        match self.done.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::New(before)) => before.push_str(text),
            _ => self.done.push(Part::New(text.to_owned())),
        }
    }

    /// What lies between two entries: of the other file, too, where it goes on like that.
    fn blank(&mut self, text: &str) {
        if let Some(Part::Same(start, len)) = self.done.last() {
            let next = start.saturating_add(*len);
            if self.from.get(next..).is_some_and(|rest| rest.starts_with(text)) {
                return self.same(next, text.len());
            }
        }
        self.new_text(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(from: &str, recipe: &Recipe) -> String {
        let part = |part: &Part| match part {
            Part::Same(at, len) => from.get(*at..at.saturating_add(*len)).unwrap().to_owned(),
            Part::New(text) => text.clone(),
        };
        recipe.parts.iter().map(part).collect()
    }

    #[test]
    fn entries_are_told_by_their_places() {
        let from = "# c\n\n__metadata:\n  version: 8\n\na@1, a@2:\n  x: 1\n\nb@1:\n  x: 2\n\nc@1:\n  x: 3\n";
        let to = "# c\n\n__metadata:\n  version: 8\n\na@2:\n  x: 1\n\nc@1:\n  x: 3\n\nd@1:\n  x: 4\n";
        let recipe = Recipe::new(from, to);
        assert_eq!(made(from, &recipe), to);
        let json = recipe.to_json();
        assert!(
            json.starts_with(r#"{"parts":[[0,32],"a@2:\n",[42,8],[59,12],"\n\nd@1:\n  x: 4\n"],"sha256":""#),
            "{json}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_told_by_any_other(from in "[ab?:\n é]{0,40}", to in "[ab?:\n é]{0,40}") {
            assert_eq!(made(&from, &Recipe::new(&from, &to)), to);
            assert_eq!(made(&to, &Recipe::new(&to, &to)), to);
        }
    }
}

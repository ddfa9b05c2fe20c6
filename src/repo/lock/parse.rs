//! Reads `yarn.lock`.
//!
//! The file is written by Yarn alone, in a small subset of YAML: two spaces a level, plain or JSON-quoted scalars, no
//! sequences, keys above 1,024 characters in the `? key` form. A parser of that subset keeps each entry's text, which a
//! general YAML parser would not, and is fast: 2,925 entries in a few milliseconds.

use std::borrow::Cow;
use std::iter::Peekable;
use std::sync::Arc;

use crate::diagnostic::SourceFile;

use super::{Descriptor, Entry, Locator, Lockfile, Place};

/// Why a lockfile could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct LockError {
    /// 1-based line.
    pub line: usize,
    /// What is wrong there.
    pub kind: LockErrorKind,
}

/// What is wrong with a lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LockErrorKind {
    /// `<<<<<<<`, `=======` or `>>>>>>>` at the start of a line.
    #[error("a merge conflict was left in the file")]
    Conflict,
    /// The first lines say `# yarn lockfile v1`.
    #[error("the file was written by Yarn 1")]
    Classic,
    /// No `__metadata` with a version.
    #[error("the file has no `__metadata.version`")]
    NoMetadata,
    /// The version is none that is known here.
    #[error("the format version is not supported")]
    Version,
    /// An entry without `resolution`.
    #[error("the entry has no resolution")]
    NoResolution,
    /// A line that Yarn does not write.
    #[error("the line is not what Yarn writes")]
    Syntax,
    /// A descriptor or locator that cannot be read.
    #[error("the name and range cannot be told apart")]
    Name,
    /// Two entries hold the same descriptor.
    #[error("the descriptor was resolved before")]
    Duplicate,
}

const OLDEST: u32 = 4;
const NEWEST: u32 = 9;

impl LockErrorKind {
    fn at(self, line: usize) -> LockError {
        LockError { line, kind: self }
    }
}

/// A line of the file: its 1-based number, where it starts, and its text without the line break.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    number: usize,
    start: usize,
    text: &'a str,
}

type Lines<'a> = Peekable<LineIterator<'a>>;

struct LineIterator<'a> {
    text: &'a str,
    number: usize,
    at: usize,
}

impl<'a> Iterator for LineIterator<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (text, _) = rest.split_once('\n').unwrap_or((rest, ""));
        let start = self.at;
        self.number = self.number.saturating_add(1);
        self.at = start.saturating_add(text.len()).saturating_add(1);
        Some(Line { number: self.number, start, text })
    }
}

impl Lockfile {
    /// Reads a lockfile of Yarn 2 or later.
    pub fn parse(file: &Arc<SourceFile>) -> Result<Self, LockError> {
        if file.text.contains('\r') {
            return Self::parse(&SourceFile::new(&*file.name, file.text.replace("\r\n", "\n").replace('\r', "\n")));
        }
        if let Some(line) = conflict(&file.text) {
            return Err(LockErrorKind::Conflict.at(line));
        }
        let mut lock = Self { file: Arc::clone(file), ..Self::default() };
        let mut lines = LineIterator { text: &file.text, number: 0, at: 0 }.peekable();
        lock.read_preamble(&mut lines)?;
        while let Some(line) = lines.next() {
            if line.text.is_empty() || line.text.starts_with('#') {
                continue;
            }
            let key = read_key(line, &mut lines)?;
            let mut entry = Entry { line: line.number, ..Entry::default() };
            for part in key.split(',') {
                let descriptor = Descriptor::parse(part.trim()).ok_or(LockErrorKind::Name.at(line.number))?;
                entry.descriptors.push(descriptor);
            }
            read_entry(&mut entry, &mut lines)?;
            if entry.locator.name.is_empty() {
                return Err(LockErrorKind::NoResolution.at(line.number));
            }
            lock.add(entry);
        }
        lock.sort_index()?;
        Ok(lock)
    }

    /// Comments and the `__metadata` block.
    fn read_preamble(&mut self, lines: &mut Lines<'_>) -> Result<(), LockError> {
        let mut seen = false;
        while let Some(Line { number, text: line, .. }) = lines.peek().copied() {
            let line = if number == 1 { line.trim_start_matches('\u{feff}') } else { line };
            let comment = line.is_empty() || line.starts_with('#');
            if line.contains("yarn lockfile v1") && comment {
                return Err(LockErrorKind::Classic.at(number));
            }
            if line == "__metadata:" {
                seen = true;
            } else if let (true, Some(field)) = (seen, line.strip_prefix("  ")) {
                if let Some(version) = field.strip_prefix("version:") {
                    self.version = version.trim().parse().map_err(|_| LockErrorKind::Version.at(number))?;
                    if !(OLDEST..=NEWEST).contains(&self.version) {
                        return Err(LockErrorKind::Version.at(number));
                    }
                }
            } else if !comment {
                break;
            }
            self.preamble.push_str(line);
            self.preamble.push('\n');
            lines.next();
        }
        if self.version == 0 { Err(LockErrorKind::NoMetadata.at(1)) } else { Ok(()) }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        for (i, descriptor) in entry.descriptors.iter().enumerate() {
            let place = Place { entry: self.entries.len(), descriptor: i };
            self.index.push((self.indexed(descriptor), place));
        }
        if let Some(dir) = entry.workspace_dir() {
            self.workspaces.insert(dir.to_owned(), self.entries.len());
        }
        self.entries.push(entry);
    }

    pub(super) fn sort_index(&mut self) -> Result<(), LockError> {
        self.index.sort();
        let twice = self.index.windows(2).filter_map(|pair| match pair {
            [(first, _), (second, place)] if first == second => self.entries.get(place.entry).map(|entry| entry.line),
            _ => None,
        });
        twice.min().map_or(Ok(()), |line| Err(LockErrorKind::Duplicate.at(line)))
    }

    /// Yarn 2 and 3 wrote some descriptors without `npm:` (Project.setupResolutions adds it when it reads them).
    pub(super) fn indexed(&self, descriptor: &Descriptor) -> Descriptor {
        if self.version > 6 {
            return descriptor.clone();
        }
        let mut descriptor = descriptor.clone().normalized();
        if let Some((source, selector)) = descriptor.range.strip_prefix("patch:").and_then(|r| r.split_once('#'))
            && let Some(inner) = Descriptor::parse(source)
            && !inner.range.contains([':', '/', '%'])
        {
            descriptor.range = format!("patch:{}@npm%3A{}#{selector}", inner.name, inner.range);
        }
        descriptor
    }
}

fn conflict(text: &str) -> Option<usize> {
    let marks = |line: &str| {
        line.starts_with(['<', '=', '>', '|'])
            && ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark))
    };
    (1..).zip(text.lines()).find(|(_, line)| marks(line)).map(|(number, _)| number)
}

/// The key of an entry, without quotes and colon.
fn read_key<'a>(line: Line<'a>, lines: &mut Lines<'a>) -> Result<Cow<'a, str>, LockError> {
    let error = || LockErrorKind::Syntax.at(line.number);
    if let Some(long) = line.text.strip_prefix("? ") {
        return match lines.next() {
            Some(Line { text: ":", .. }) => scalar(long).ok_or_else(error),
            _ => Err(error()),
        };
    }
    line.text.strip_suffix(':').and_then(scalar).filter(|key| !key.is_empty()).ok_or_else(error)
}

/// Reads the lines below a key, up to the blank line or the next key.
fn read_entry(entry: &mut Entry, lines: &mut Lines<'_>) -> Result<(), LockError> {
    let mut section = "";
    let mut meta = Cow::Borrowed("");
    while let Some(Line { number, start, text }) = lines.next_if(|line| line.text.starts_with(' ')) {
        let error = || LockErrorKind::Syntax.at(number);
        if entry.body.is_empty() {
            entry.body.start = start;
        }
        entry.body.end = start.saturating_add(text.len()).saturating_add(1);
        let content = text.trim_start_matches(' ');
        let (key, value) = pair(content).ok_or_else(error)?;
        match (text.len().saturating_sub(content.len()), value) {
            (2, None) => section = key,
            (2, Some(value)) => {
                section = "";
                match key {
                    "version" => entry.version = scalar(value).ok_or_else(error)?.into_owned(),
                    "resolution" => {
                        let locator = scalar(value).and_then(|value| Locator::parse(&value));
                        entry.locator = locator.ok_or(LockErrorKind::Name.at(number))?;
                    }
                    "linkType" => entry.soft = value == "soft",
                    "conditions" => entry.conditions = Some(scalar(value).ok_or_else(error)?.into_owned()),
                    _ => {}
                }
            }
            (4, None) => meta = scalar(key).ok_or_else(error)?,
            (4, Some(value)) => {
                let map = match section {
                    "dependencies" => &mut entry.dependencies,
                    "peerDependencies" => &mut entry.peer_dependencies,
                    _ => continue,
                };
                let (key, value) = scalar(key).zip(scalar(value)).ok_or_else(error)?;
                map.insert(key.into_owned(), value.into_owned());
            }
            (6, Some(value)) => {
                if section == "dependenciesMeta" && key == "optional" && value == "true" {
                    entry.optional.insert(std::mem::take(&mut meta).into_owned());
                }
            }
            _ => return Err(error()),
        }
    }
    Ok(())
}

/// `key: value` or `key:`, both as written.
fn pair(content: &str) -> Option<(&str, Option<&str>)> {
    let end = if content.starts_with('"') { quoted_end(content)? } else { content.find(':')? };
    let (key, rest) = content.split_at_checked(end)?;
    let rest = rest.strip_prefix(':')?;
    Some((key, if rest.is_empty() { None } else { Some(rest.strip_prefix(' ')?) }))
}

/// Byte offset behind the closing quote of a text that starts with a quote.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i.checked_add(1),
            _ => {}
        }
    }
    None
}

/// A plain or JSON-quoted scalar.
fn scalar(text: &str) -> Option<Cow<'_, str>> {
    if !text.starts_with('"') {
        return Some(Cow::Borrowed(text));
    }
    match text.get(1..text.len().checked_sub(1)?) {
        Some(inner) if text.ends_with('"') && text.len() > 1 && !inner.bytes().any(|b| b == b'\\' || b == b'"') => {
            Some(Cow::Borrowed(inner))
        }
        _ => serde_json::from_str(text).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# comment\n\n__metadata:\n  version: 8\n  cacheKey: 10c0\n";

    fn parse(text: &str) -> Result<Lockfile, LockError> {
        Lockfile::parse(&SourceFile::new("yarn.lock", text))
    }

    #[test]
    fn entries_are_read() {
        let long = "? \"a@npm:^1, a@npm:~1.0.0, a@npm:^2\"\n:\n";
        let text = format!(
            "{HEAD}\n{long}  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  dependencies:\n    \"@s/b\": \"npm:^1\"\n    \
             c: \"npm:*\"\n  peerDependencies:\n    d: ^1 || ^2\n  dependenciesMeta:\n    c:\n      optional: true\n  \
             conditions: os=linux & cpu=x64\n  languageName: node\n  linkType: hard\n"
        );
        let lock = parse(&text).unwrap();
        assert_eq!(lock.version, 8);
        let entry = &lock.entries[0];
        assert_eq!(entry.descriptors.len(), 3);
        assert_eq!(entry.dependencies["@s/b"], "npm:^1");
        assert_eq!(entry.peer_dependencies["d"], "^1 || ^2");
        assert!(entry.optional.contains("c"));
        assert_eq!(entry.conditions.as_deref(), Some("os=linux & cpu=x64"));
        assert_eq!(lock.entry(&Descriptor::new("a", "npm:^2")).unwrap().locator.to_string(), "a@npm:1.0.0");
        // CRLF and a byte order mark change nothing.
        let windows = parse(&format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        assert_eq!(windows.entries[0].dependencies, entry.dependencies);
    }

    #[test]
    fn old_formats_are_normalised() {
        let text = "__metadata:\n  version: 6\n\n\"a@^1, b@npm:^1\":\n  resolution: \"a@npm:1.0.0\"\n\n\
                    \"a@patch:a@^1#./x.patch::locator=r%40workspace%3A.\":\n  resolution: \"a@patch:a@npm%3A1.0.0#./x.patch\"\n";
        let lock = parse(text).unwrap();
        let found = |name: &str, range: &str| lock.entry(&Descriptor::new(name, range)).map(|e| e.locator.to_string());
        assert_eq!(found("a", "npm:^1").as_deref(), Some("a@npm:1.0.0"));
        assert_eq!(found("b", "npm:^1").as_deref(), Some("a@npm:1.0.0"));
        let patched = Some("a@patch:a@npm%3A1.0.0#./x.patch");
        assert_eq!(found("a", "patch:a@^1#./x.patch::locator=r%40workspace%3A.").as_deref(), patched);
        assert_eq!(found("a", "patch:a@npm%3A^1#./x.patch::locator=r%40workspace%3A.").as_deref(), patched);
    }

    #[test]
    fn errors_have_a_line() {
        for (text, kind, line) in [
            ("# yarn lockfile v1\n\n\na@^1:\n", LockErrorKind::Classic, 1),
            ("", LockErrorKind::NoMetadata, 1),
            ("\"a@npm:1\":\n  version: 1\n", LockErrorKind::NoMetadata, 1),
            ("__metadata:\n  version: 99\n", LockErrorKind::Version, 2),
            ("__metadata:\n  version: 8\n\n<<<<<<< HEAD\n", LockErrorKind::Conflict, 4),
            ("__metadata:\n  version: 8\n\n\"a@npm:1\":\n  version: 1\n", LockErrorKind::NoResolution, 4),
            ("__metadata:\n  version: 8\n\noops\n", LockErrorKind::Syntax, 4),
            ("__metadata:\n  version: 8\n\n\"a\":\n", LockErrorKind::Name, 4),
            ("__metadata:\n  version: 8\n\n\"a@npm:1\":\n   x: 1\n", LockErrorKind::Syntax, 5),
        ] {
            assert_eq!(parse(text).unwrap_err(), LockError { line, kind }, "{text}");
        }
        let twice = "\n\"a@npm:1\":\n  resolution: \"a@npm:1\"\n".repeat(2);
        assert_eq!(parse(&format!("{HEAD}{twice}")).unwrap_err().kind, LockErrorKind::Duplicate);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a-c@:\",?^ \n#~é-]{0,60}") {
            let _ = parse(&text);
            let _ = parse(&format!("{HEAD}\n{text}"));
        }

        #[test]
        fn no_bytes_panic(data in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&String::from_utf8_lossy(&data));
        }
    }
}

//! Reads `yarn.lock`.
//!
//! The file is written by Yarn alone, in a small subset of YAML: two spaces a level, plain or JSON-quoted scalars, no
//! sequences, keys above 1,024 characters in the `? key` form. A parser of that subset keeps each entry's text, which a
//! general YAML parser would not, and is fast: 2,925 entries in a few milliseconds.

use std::borrow::Cow;
use std::sync::Arc;

use buildkit_frontend::diagnostic::SourceFile;
use bytestring::ByteString;
use indexmap::map;

use super::descriptor::shared;
use super::format::OLDEST;
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
    /// The version is no number, or older than Yarn 2.
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

/// The lines of a text, one at a time.
struct Lines<'a> {
    text: &'a str,
    current: Option<Line<'a>>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = Self { text, current: None };
        lines.read(0, 1);
        lines
    }

    fn read(&mut self, start: usize, number: usize) {
        self.current = self.text.get(start..).filter(|rest| !rest.is_empty()).map(|rest| {
            let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            Line { number, start, text: rest.get(..end).unwrap_or(rest) }
        });
    }

    /// Goes to the next line and answers the one before it.
    fn next(&mut self) -> Option<Line<'a>> {
        let line = self.current?;
        self.read(line.end(), line.number.saturating_add(1));
        Some(line)
    }
}

impl Line<'_> {
    /// Where the next one starts.
    fn end(&self) -> usize {
        self.start.saturating_add(self.text.len()).saturating_add(1)
    }
}

impl Lockfile {
    /// Reads a lockfile of Yarn 2 or later.
    pub fn parse(file: &Arc<SourceFile>) -> Result<Self, LockError> {
        if memchr::memchr(b'\r', file.text.as_bytes()).is_some() {
            return Self::parse(&SourceFile::new(&*file.name, file.text.replace("\r\n", "\n").replace('\r', "\n")));
        }
        let mut lock = Self { file: Arc::clone(file), ..Self::default() };
        // What a conflict does to a file may be seen before its marks are.
        lock.read(&file.text)
            .map_err(|error| conflict(&file.text).map_or(error, |line| LockErrorKind::Conflict.at(line)))?;
        Ok(lock)
    }

    fn read(&mut self, whole: &ByteString) -> Result<(), LockError> {
        let mut lines = Lines::of(whole);
        self.read_preamble(&mut lines)?;
        while let Some(line) = lines.next() {
            if line.text.is_empty() || line.text.starts_with('#') {
                continue;
            }
            let key = shared(whole, read_key(line, &mut lines)?);
            let mut entry = Entry { line: line.number, ..Entry::default() };
            for part in key.split(',') {
                let descriptor = Descriptor::parse_in(&key, part.trim());
                entry.descriptors.push(descriptor.ok_or(LockErrorKind::Name.at(line.number))?);
            }
            read_entry(&mut entry, whole, &mut lines)?;
            if entry.locator.name.is_empty() {
                return Err(LockErrorKind::NoResolution.at(line.number));
            }
            self.add(entry)?;
        }
        Ok(())
    }

    /// Comments and the `__metadata` block.
    fn read_preamble(&mut self, lines: &mut Lines<'_>) -> Result<(), LockError> {
        let mut seen = false;
        while let Some(Line { number, text: line, .. }) = lines.current {
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
                    // Formats are close to each other: what a newer one says anew is most likely for Yarn alone.
                    if self.version < OLDEST {
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

    pub(super) fn add(&mut self, mut entry: Entry) -> Result<(), LockError> {
        self.sorted.take();
        entry.first = self.entries.last().map_or(0, |last| last.first.saturating_add(last.descriptors.len()));
        for (i, descriptor) in entry.descriptors.iter().enumerate() {
            let place = Place { entry: self.entries.len(), descriptor: i };
            match self.index.entry(self.indexed(descriptor)) {
                map::Entry::Occupied(_) => return Err(LockErrorKind::Duplicate.at(entry.line)),
                map::Entry::Vacant(free) => _ = free.insert(place),
            }
        }
        if let Some(dir) = entry.workspace_dir() {
            self.workspaces.insert(dir.to_owned(), self.entries.len());
        }
        self.entries.push(entry);
        Ok(())
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
            descriptor.range = format!("patch:{}@npm%3A{}#{selector}", inner.name, inner.range).into();
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
fn read_entry(entry: &mut Entry, whole: &ByteString, lines: &mut Lines<'_>) -> Result<(), LockError> {
    let mut section = "";
    let mut meta = Cow::Borrowed("");
    entry.body = lines.current.map_or(0..0, |line| line.start..line.start);
    while let Some(line @ Line { number, text, .. }) = lines.current.filter(|line| line.text.starts_with(' ')) {
        lines.next();
        let error = || LockErrorKind::Syntax.at(number);
        entry.body.end = line.end();
        let indent = text.bytes().take_while(|byte| *byte == b' ').count();
        let (key, value) = text.get(indent..).and_then(pair).ok_or_else(error)?;
        match (indent, value) {
            (2, None) => section = key,
            (2, Some(value)) => {
                section = "";
                match key {
                    "version" => entry.version = shared(whole, scalar(value).ok_or_else(error)?),
                    "resolution" => {
                        let locator = scalar(value).and_then(|value| Locator::parse_in(whole, &value));
                        entry.locator = locator.ok_or(LockErrorKind::Name.at(number))?;
                    }
                    "linkType" => entry.soft = value == "soft",
                    "conditions" => entry.conditions = Some(shared(whole, scalar(value).ok_or_else(error)?)),
                    _ => {}
                }
            }
            (4, None) => meta = scalar(key).ok_or_else(error)?,
            (4, Some(value)) => {
                if !matches!(section, "dependencies" | "peerDependencies") {
                    continue;
                }
                let (key, value) = scalar(key).zip(scalar(value)).ok_or_else(error)?;
                match section {
                    "dependencies" => entry.dependencies.push((shared(whole, key), shared(whole, value))),
                    _ => entry.peers.push(shared(whole, key)),
                }
            }
            (6, Some(value)) => {
                if section == "dependenciesMeta" && key == "optional" && value == "true" {
                    entry.optional.insert(shared(whole, std::mem::take(&mut meta)));
                }
            }
            _ => return Err(error()),
        }
    }
    Ok(())
}

/// `key: value` or `key:`, both as written.
fn pair(content: &str) -> Option<(&str, Option<&str>)> {
    let end = if content.starts_with('"') { quoted_end(content)? } else { memchr::memchr(b':', content.as_bytes())? };
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
        assert_eq!(entry.dependencies, [("@s/b".into(), "npm:^1".into()), ("c".into(), "npm:*".into())]);
        assert_eq!(entry.peers, ["d"]);
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
            ("__metadata:\n  version: 3\n", LockErrorKind::Version, 2),
            ("__metadata:\n  version: new\n", LockErrorKind::Version, 2),
            ("__metadata:\n  version: 4294967296\n", LockErrorKind::Version, 2),
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

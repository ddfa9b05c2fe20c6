//! Reads `yarn.lock`.
//!
//! The file is written by Yarn alone, in a small subset of YAML: two spaces a level, plain or JSON-quoted scalars, no
//! sequences, keys above 1,024 characters in the `? key` form. A parser of that subset keeps each entry's text, which a
//! general YAML parser would not, and is fast: 2,925 entries in a few milliseconds.

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

/// Lines with their 1-based numbers; a line's indentation is counted in spaces.
type Lines<'a> = Peekable<std::iter::Zip<std::ops::RangeFrom<usize>, std::str::Lines<'a>>>;

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
        let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
        let mut lines: Lines<'_> = (1_usize..).zip(text.lines()).peekable();
        lock.read_preamble(&mut lines)?;
        while let Some((number, line)) = lines.next() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = read_key(number, line, &mut lines)?;
            let mut entry = Entry { line: number, ..Entry::default() };
            for part in key.split(',') {
                let descriptor = Descriptor::parse(part.trim()).ok_or(LockErrorKind::Name.at(number))?;
                entry.descriptors.push(descriptor);
            }
            read_entry(&mut entry, &mut lines)?;
            if entry.locator.name.is_empty() {
                return Err(LockErrorKind::NoResolution.at(number));
            }
            lock.add(entry)?;
        }
        Ok(lock)
    }

    /// Comments and the `__metadata` block.
    fn read_preamble(&mut self, lines: &mut Lines<'_>) -> Result<(), LockError> {
        let mut seen = false;
        while let Some((number, line)) = lines.peek().copied() {
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

    pub(super) fn add(&mut self, entry: Entry) -> Result<(), LockError> {
        for (i, descriptor) in entry.descriptors.iter().enumerate() {
            let place = Place { entry: self.entries.len(), descriptor: i };
            if self.index.insert(self.index_key(descriptor), place).is_some() {
                return Err(LockErrorKind::Duplicate.at(entry.line));
            }
        }
        if let Some(dir) = entry.workspace_dir() {
            self.workspaces.insert(dir.to_owned(), self.entries.len());
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Yarn 2 and 3 wrote some descriptors without `npm:` (Project.setupResolutions adds it when it reads them).
    fn index_key(&self, descriptor: &Descriptor) -> String {
        if self.version > 6 {
            return descriptor.to_string();
        }
        let mut descriptor = descriptor.clone().normalized();
        if let Some((source, selector)) = descriptor.range.strip_prefix("patch:").and_then(|r| r.split_once('#'))
            && let Some(inner) = Descriptor::parse(source)
            && !inner.range.contains([':', '/', '%'])
        {
            descriptor.range = format!("patch:{}@npm%3A{}#{selector}", inner.name, inner.range);
        }
        descriptor.to_string()
    }
}

fn conflict(text: &str) -> Option<usize> {
    let marks = |line: &str| ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark));
    (1..).zip(text.lines()).find(|(_, line)| marks(line)).map(|(number, _)| number)
}

/// The key of an entry, without quotes and colon.
fn read_key(number: usize, line: &str, lines: &mut Lines<'_>) -> Result<String, LockError> {
    let error = || LockErrorKind::Syntax.at(number);
    if let Some(long) = line.strip_prefix("? ") {
        match lines.next() {
            Some((_, ":")) => return scalar(long).ok_or_else(error),
            _ => return Err(error()),
        }
    }
    line.strip_suffix(':').and_then(scalar).filter(|key| !key.is_empty()).ok_or_else(error)
}

/// Reads the lines below a key, up to the blank line or the next key.
fn read_entry(entry: &mut Entry, lines: &mut Lines<'_>) -> Result<(), LockError> {
    let mut section = String::new();
    let mut meta = String::new();
    while let Some((number, line)) = lines.next_if(|(_, line)| line.starts_with(' ')) {
        let error = || LockErrorKind::Syntax.at(number);
        entry.body.push_str(line);
        entry.body.push('\n');
        let content = line.trim_start_matches(' ');
        let (key, value) = pair(content).ok_or_else(error)?;
        match (line.len().saturating_sub(content.len()), value) {
            (2, None) => section = key,
            (2, Some(value)) => {
                section.clear();
                match key.as_str() {
                    "version" => entry.version = value,
                    "resolution" => {
                        entry.locator = Locator::parse(&value).ok_or(LockErrorKind::Name.at(number))?;
                    }
                    "linkType" => entry.soft = value == "soft",
                    "conditions" => entry.conditions = Some(value),
                    _ => {}
                }
            }
            (4, None) => meta = key,
            (4, Some(value)) => match section.as_str() {
                "dependencies" => drop(entry.dependencies.insert(key, value)),
                "peerDependencies" => drop(entry.peer_dependencies.insert(key, value)),
                _ => {}
            },
            (6, Some(value)) => {
                if section == "dependenciesMeta" && key == "optional" && value == "true" {
                    entry.optional.insert(std::mem::take(&mut meta));
                }
            }
            _ => return Err(error()),
        }
    }
    Ok(())
}

/// `key: value` or `key:`; keys and values may be quoted.
fn pair(content: &str) -> Option<(String, Option<String>)> {
    let end = if content.starts_with('"') { quoted_end(content)? } else { content.find(':')? };
    let key = scalar(content.get(..end)?)?;
    let rest = content.get(end..)?.strip_prefix(':')?;
    if rest.is_empty() {
        return Some((key, None));
    }
    scalar(rest.strip_prefix(' ')?).map(|value| (key, Some(value)))
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
fn scalar(text: &str) -> Option<String> {
    if !text.starts_with('"') {
        return Some(text.to_owned());
    }
    match text.get(1..text.len().checked_sub(1)?) {
        Some(inner) if text.ends_with('"') && text.len() > 1 && !inner.contains(['\\', '"']) => Some(inner.to_owned()),
        _ => serde_json::from_str(text).ok(),
    }
}

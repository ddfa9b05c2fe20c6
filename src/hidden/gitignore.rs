//! One `.gitignore` file, with git's own meaning (`dir.c` and `wildmatch.c` of git 2.39).
//!
//! Patterns differ from those of `.dockerignore`: one without a slash is matched against names at any depth, one that ends in
//! a slash against directories only, and nothing below an ignored directory can be taken back. Bytes are matched, as in git;
//! case counts. What only a checkout knows (`.git/info/exclude`, the user's own file, which files are tracked) is not known.

use buildkit_frontend::path::ContextPath;

/// The patterns of one file, relative to its directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitIgnore {
    rules: Vec<Rule>,
    bytes: usize,
}

/// What a file says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is ignored; otherwise it was taken back with `!`.
    pub ignored: bool,
    /// The line that says so, counted from 1.
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    tokens: Vec<Token>,
    line: usize,
    taken_back: bool,
    directories_only: bool,
    /// Matched against the last name alone.
    name_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`
    Any,
    /// `*`: what has no slash.
    Star,
    /// `**/`: any number of directories, none among them.
    Directories,
    /// `**` at the end: anything.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
}

impl GitIgnore {
    /// Reads a file. Every text is one: a pattern that git cannot use matches nothing.
    pub fn new(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = (1..).zip(text.split(|byte| *byte == b'\n'));
        let rules = lines.filter_map(|(line, text)| rule(text.strip_suffix(b"\r").unwrap_or(text), line)).collect();
        Self { rules, bytes: text.len() }
    }

    /// Its length: with that of a path, a measure of how long a question takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the last pattern that matches says of a path (not of the directories that it lies in).
    pub fn verdict(&self, path: &str, is_directory: bool) -> Option<Verdict> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let found = self.rules.iter().rev().find(|rule| {
            (is_directory || !rule.directories_only)
                && matches(&rule.tokens, if rule.name_only { name } else { path }.as_bytes())
        });
        found.map(|rule| Verdict { ignored: !rule.taken_back, line: rule.line })
    }
}

/// The directory of the `.gitignore` that ignores a path, and the line. From the root downwards: what lies in an ignored
/// directory is ignored, whatever is said of it. The file nearest to a path decides, if it says anything of it.
pub fn ignored_by<'a>(
    path: &ContextPath,
    file: impl Fn(&ContextPath) -> Option<&'a GitIgnore>,
) -> Option<(ContextPath, usize)> {
    let mut outer: Vec<ContextPath> = path.with_parents().filter(|path| !path.is_root()).collect();
    outer.reverse();
    outer.iter().find_map(|known| {
        let nearest = known.parent().with_parents().find_map(|dir| {
            let below = known.as_str().strip_prefix(dir.as_str())?.trim_start_matches('/');
            Some((file(&dir)?.verdict(below, known != path)?, dir))
        });
        nearest.filter(|(verdict, _)| verdict.ignored).map(|(verdict, dir)| (dir, verdict.line))
    })
}

fn rule(line: &[u8], number: usize) -> Option<Rule> {
    if line.first() == Some(&b'#') {
        return None;
    }
    let line = without_trailing_spaces(line);
    let (taken_back, line) = line.strip_prefix(b"!").map_or((false, line), |rest| (true, rest));
    let (directories_only, line) = line.strip_suffix(b"/").map_or((false, line), |rest| (true, rest));
    let name_only = !line.contains(&b'/');
    let tokens = tokens(line.strip_prefix(b"/").unwrap_or(line), name_only)?;
    (!tokens.is_empty()).then_some(Rule { tokens, line: number, taken_back, directories_only, name_only })
}

/// Spaces at the end do not count, unless a backslash stands before them.
fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let (mut end, mut escaped) = (0_usize, false);
    for (at, byte) in (1_usize..).zip(line) {
        if escaped || *byte != b' ' {
            end = at;
        }
        escaped = !escaped && *byte == b'\\';
    }
    line.get(..end).unwrap_or(line)
}

/// `None` where git takes the pattern for one that matches nothing.
///
/// Git compares the plain text that a pattern for a path begins with by itself, and reads the rest as a pattern of its own: in
/// `a**/b` the stars stand at the beginning (`match_pathname` in `dir.c`, Git 2.47).
fn tokens(pattern: &[u8], name_only: bool) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    let mut after_slash = true;
    let mut only_text = !name_only;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let is_special = matches!(byte, b'*' | b'?' | b'[' | b'\\');
        let starts = std::mem::replace(&mut after_slash, *byte == b'/') || only_text;
        only_text = only_text && !is_special;
        match byte {
            b'*' => {
                let stars = rest.iter().take_while(|byte| **byte == b'*').count();
                rest = rest.get(stars..).unwrap_or_default();
                match rest {
                    [] if starts && stars > 0 => tokens.push(Token::Rest),
                    [b'/', behind @ ..] | [b'\\', b'/', behind @ ..] if starts && stars > 0 => {
                        rest = behind;
                        after_slash = true;
                        tokens.push(Token::Directories);
                    }
                    _ => tokens.push(Token::Star),
                }
            }
            b'?' => tokens.push(Token::Any),
            b'\\' => {
                let (escaped, behind) = rest.split_first()?;
                rest = behind;
                after_slash = *escaped == b'/';
                tokens.push(Token::Byte(*escaped));
            }
            b'[' => {
                let (class, behind) = class(rest)?;
                rest = behind;
                tokens.push(class);
            }
            byte => tokens.push(Token::Byte(*byte)),
        }
    }
    Some(tokens)
}

/// A class behind its `[`, and what follows it.
fn class(text: &[u8]) -> Option<(Token, &[u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    // The byte before, where a range may begin with it.
    let mut low = None;
    let mut first = true;
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        match byte {
            b']' if !first => return Some((Token::Class { negated, ranges }, rest)),
            b'-' if low.is_some() && rest.first().is_some_and(|next| *next != b']') => {
                let (high, behind) = literal(rest)?;
                rest = behind;
                ranges.extend(low.take().map(|low| (low, high)));
            }
            b'[' if rest.first() == Some(&b':') => {
                let inner = rest.get(1..)?;
                let end = inner.iter().position(|byte| *byte == b']')?;
                match inner.get(..end)?.strip_suffix(b":") {
                    Some(name) => {
                        ranges.extend(named(name)?);
                        rest = inner.get(end.checked_add(1)?..)?;
                        low = None;
                    }
                    None => {
                        ranges.push((b'[', b'['));
                        low = Some(b'[');
                    }
                }
            }
            b'\\' => {
                let (byte, behind) = rest.split_first()?;
                rest = behind;
                ranges.push((*byte, *byte));
                low = Some(*byte);
            }
            byte => {
                ranges.push((*byte, *byte));
                low = Some(*byte);
            }
        }
        first = false;
    }
}

fn literal(text: &[u8]) -> Option<(u8, &[u8])> {
    let (byte, rest) = text.split_first()?;
    if *byte != b'\\' {
        return Some((*byte, rest));
    }
    let (byte, rest) = rest.split_first()?;
    Some((*byte, rest))
}

fn named(name: &[u8]) -> Option<Vec<(u8, u8)>> {
    let ranges: &[(u8, u8)] = match name {
        b"alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        b"alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        b"blank" => &[(b' ', b' '), (b'\t', b'\t')],
        b"cntrl" => &[(0, 31), (127, 127)],
        b"digit" => &[(b'0', b'9')],
        b"graph" => &[(33, 126)],
        b"lower" => &[(b'a', b'z')],
        b"print" => &[(32, 126)],
        b"punct" => &[(33, 47), (58, 64), (91, 96), (123, 126)],
        b"space" => &[(b' ', b' '), (b'\t', b'\r')],
        b"upper" => &[(b'A', b'Z')],
        b"xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    };
    Some(ranges.to_vec())
}

/// Whether tokens match all of a text. Runs all ways to match at once: the time is tokens times bytes, whatever the pattern.
fn matches(tokens: &[Token], text: &[u8]) -> bool {
    // Most patterns are plain text, or begin with some.
    let plain = tokens.iter().zip(text).take_while(|(token, _)| matches!(token, Token::Byte(_)));
    if plain.into_iter().any(|(token, byte)| *token != Token::Byte(*byte)) {
        return false;
    }
    // For each token, whether what stands before it has matched; of `**/` also whether it is within a directory's name.
    let mut states = vec![false; tokens.len().saturating_add(1)];
    let mut inside = vec![false; tokens.len()];
    let (mut next, mut next_inside) = (states.clone(), inside.clone());
    if let Some(first) = states.first_mut() {
        *first = true;
    }
    skip_empty(tokens, &mut states);
    for byte in text {
        next.fill(false);
        next_inside.fill(false);
        for (at, token) in tokens.iter().enumerate() {
            let active = states.get(at).copied().unwrap_or_default();
            let within = inside.get(at).copied().unwrap_or_default();
            if !active && !within {
                continue;
            }
            let (stay, advance) = match token {
                Token::Byte(wanted) => (false, byte == wanted),
                Token::Any => (false, *byte != b'/'),
                Token::Star => (*byte != b'/', false),
                Token::Rest => (true, false),
                Token::Class { negated, ranges } => {
                    let found = ranges.iter().any(|(low, high)| (low..=high).contains(&byte));
                    (false, found != *negated && *byte != b'/')
                }
                Token::Directories => {
                    if let Some(slot) = next_inside.get_mut(at) {
                        *slot = true;
                    }
                    (false, *byte == b'/')
                }
            };
            for (at, on) in [(at, stay), (at.saturating_add(1), advance)] {
                if let (true, Some(slot)) = (on, next.get_mut(at)) {
                    *slot = true;
                }
            }
        }
        std::mem::swap(&mut states, &mut next);
        std::mem::swap(&mut inside, &mut next_inside);
        if !states.contains(&true) && !inside.contains(&true) {
            return false;
        }
        skip_empty(tokens, &mut states);
    }
    states.last().copied().unwrap_or_default()
}

/// `*`, `**` and `**/` match nothing too.
fn skip_empty(tokens: &[Token], states: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        let skips = matches!(token, Token::Star | Token::Rest | Token::Directories);
        if skips
            && states.get(at).copied().unwrap_or_default()
            && let Some(slot) = states.get_mut(at.saturating_add(1))
        {
            *slot = true;
        }
    }
}

#[cfg(test)]
mod tests;

//! Patterns as in `.dockerignore`.
//!
//! The semantics are those of github.com/moby/patternmatcher (`MatchesOrParentMatches`), which BuildKit's client and the
//! docker CLI use: paths are matched from the root, `*` and `?` stop at `/`, `**` does not, a pattern that matches a
//! directory matches everything below it, `!` takes back, and the last pattern that matches decides. Case counts.
//!
//! Differences, all of characters that moby passes on to Go's regexp: a backslash before a letter or a digit, there a class
//! (`\d`) or a mistake, is refused, and `^` and `|` are the plain characters.

use std::collections::{BTreeMap, BTreeSet};

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// `!` without a pattern behind it.
    #[error("`!` has no pattern behind it")]
    EmptyException,
    /// A bracket that is not closed, an empty class, a range that runs backwards, a backslash at the end or before a letter.
    #[error("`{0}` is not a valid pattern")]
    Syntax(String),
    /// Longer or more than anyone writes: matching would take for ever.
    #[error("the patterns are too long or too many (at most {MAX_PATTERN} bytes each, {MAX_PATTERNS} in all)")]
    TooMuch,
}

/// Bytes of one pattern: more than those of the longest path, escaped.
const MAX_PATTERN: usize = 8192;
/// Patterns of one list.
const MAX_PATTERNS: usize = 20_000;

/// An ordered list of patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatternMatcher {
    /// Those that are no plain path, in their order.
    patterns: Vec<(Rule, Kind)>,
    /// Those that are: there may be thousands, one for each file that somebody named.
    exact: BTreeMap<String, Rule>,
    exceptions: bool,
}

/// What a pattern says of what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    /// Position in the list that was given.
    index: usize,
    exception: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Exact(String),
    Prefix(String),
    Suffix(String),
    /// A name in any directory: what `**/` begins and no `/` follows.
    Name(Vec<Token>),
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `**` with something behind it: nothing, or anything up to and with a `/`.
    Directories,
    /// `**` at the end.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Token {
    /// Whether it cannot match a `/`.
    fn stays_in_a_name(&self) -> bool {
        matches!(self, Self::Any | Self::Star) || matches!(self, Self::Char(c) if *c != '/')
    }
}

impl PatternMatcher {
    /// Compiles patterns. Blank ones are skipped; the others are trimmed and cleaned.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        if patterns.len() > MAX_PATTERNS || patterns.iter().any(|text| text.len() > MAX_PATTERN) {
            return Err(PatternError::TooMuch);
        }
        let mut compiled = Self::default();
        for (index, text) in patterns.iter().enumerate() {
            if text.trim().is_empty() {
                continue;
            }
            let cleaned = cleaned(text);
            let (exception, text) = match cleaned.strip_prefix('!') {
                Some("") => return Err(PatternError::EmptyException),
                Some(text) => (true, text),
                None => (false, cleaned.as_str()),
            };
            compiled.exceptions |= exception;
            let rule = Rule { index, exception };
            match compile(text).ok_or_else(|| PatternError::Syntax(text.to_owned()))? {
                // The last of the same is the one that decides.
                Kind::Exact(path) => drop(compiled.exact.insert(path, rule)),
                kind => compiled.patterns.push((rule, kind)),
            }
        }
        Ok(compiled)
    }

    /// Whether the last pattern that matches a path or one of its parents is no exception.
    pub fn matches(&self, path: &str) -> bool {
        self.hidden_by(path).is_some()
    }

    /// Index, in the list given, of the last pattern that matches a path or one of its parents, if it is no exception:
    /// what to name when a file is hidden.
    pub fn hidden_by(&self, path: &str) -> Option<usize> {
        self.deciding(path).filter(|rule| !rule.exception).map(|rule| rule.index)
    }

    /// Whether any pattern is an exception (`!`).
    pub fn has_exceptions(&self) -> bool {
        self.exceptions
    }

    /// The last pattern that matches a path or one of its parents.
    fn deciding(&self, path: &str) -> Option<Rule> {
        let exact = with_parents(path).filter_map(|path| self.exact.get(path)).max().copied();
        let later = self.patterns.iter().rev().take_while(|(rule, _)| exact.is_none_or(|exact| *rule > exact));
        let mut matching = later.filter(|(_, kind)| kind.matches(path));
        matching.next().map(|(rule, _)| *rule).or(exact)
    }
}

/// A path, and every directory that it lies in.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once(path).chain(path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
}

impl Kind {
    /// Whether it matches a path or a directory that it lies in.
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(text) => with_parents(path).any(|path| path == text),
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => {
                with_parents(path).any(|path| path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path))
            }
            Self::Name(tokens) => path.split('/').any(|name| matches_name(tokens, name)),
            Self::Tokens(tokens) => matches_tokens(tokens, path),
        }
    }
}

/// Whether tokens that stay in a name match all of one. Where it goes wrong, the last star takes one character more: stars before
/// it need no other length, so that the time is tokens times characters at most.
fn matches_name(tokens: &[Token], name: &str) -> bool {
    let (mut tokens, mut chars) = (tokens, name.chars());
    let mut star = None;
    loop {
        let mut after = chars.clone();
        match (tokens.split_first(), after.next()) {
            (Some((Token::Star, rest)), _) => {
                star = Some((rest, chars.clone()));
                tokens = rest;
            }
            (Some((Token::Any, rest)), Some(_)) => (tokens, chars) = (rest, after),
            (Some((Token::Char(wanted), rest)), Some(c)) if *wanted == c => (tokens, chars) = (rest, after),
            (None, None) => return true,
            _ => {
                let Some((rest, from)) = &mut star else { return false };
                if from.next().is_none() {
                    return false;
                }
                (tokens, chars) = (*rest, from.clone());
            }
        }
    }
}

/// Whether tokens match a path or a directory that it lies in. Runs all ways to match at once: the time is tokens times
/// characters, whatever the pattern. Most patterns say no at the first character, and there are many patterns and paths.
fn matches_tokens(tokens: &[Token], path: &str) -> bool {
    let mut states = vec![false; tokens.len().saturating_add(1)];
    if let Some(first) = states.first_mut() {
        *first = true;
    }
    // Whether `**/` has swallowed characters but not yet its `/`.
    let mut inside = vec![false; tokens.len()];
    let (mut next, mut next_inside) = (states.clone(), inside.clone());
    skip_empty(tokens, &mut states);
    for c in path.chars() {
        if c == '/' && states.last().copied().unwrap_or_default() {
            return true;
        }
        next.fill(false);
        next_inside.fill(false);
        for (i, token) in tokens.iter().enumerate() {
            let active = states.get(i).copied().unwrap_or_default();
            let swallowing = inside.get(i).copied().unwrap_or_default();
            let (stay, advance) = match token {
                Token::Char(wanted) => (false, active && c == *wanted),
                Token::Any => (false, active && c != '/'),
                Token::Star => (active && c != '/', false),
                Token::Rest => (active, false),
                Token::Class { negated, ranges } => {
                    let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                    (false, active && within != *negated)
                }
                Token::Directories => {
                    if let (true, Some(slot)) = (active || swallowing, next_inside.get_mut(i)) {
                        *slot = true;
                    }
                    (false, (active || swallowing) && c == '/')
                }
            };
            for (at, on) in [(i, stay), (i.saturating_add(1), advance)] {
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
    for (i, token) in tokens.iter().enumerate() {
        let skips = matches!(token, Token::Star | Token::Rest | Token::Directories);
        if skips
            && states.get(i).copied().unwrap_or_default()
            && let Some(slot) = states.get_mut(i.saturating_add(1))
        {
            *slot = true;
        }
    }
}

/// moby's `Pattern.compile`: a few forms are matched as plain text, in one place with another meaning (`**foo` is a
/// suffix, `**fo?` is `foo` in any directory).
fn compile(text: &str) -> Option<Kind> {
    let mut tokens = Vec::new();
    let mut plain = true;
    let mut chars = text.chars().peekable();
    let mut first = true;
    let (mut prefix, mut suffix) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_none() {
                    prefix = plain && !suffix;
                    plain &= prefix;
                    tokens.push(Token::Rest);
                } else {
                    plain = false;
                    tokens.push(Token::Directories);
                }
                if first {
                    (plain, prefix, suffix) = (true, false, true);
                }
            }
            '*' => (plain, _) = (false, tokens.push(Token::Star)),
            '?' => (plain, _) = (false, tokens.push(Token::Any)),
            '[' => (plain, _) = (false, tokens.push(class(&mut chars)?)),
            '\\' => (plain, _) = (false, tokens.push(Token::Char(escaped(&mut chars)?))),
            ']' => (plain, _) = (false, tokens.push(Token::Char(']'))),
            c => tokens.push(Token::Char(c)),
        }
        first = false;
    }
    Some(match (plain, prefix, suffix) {
        (false, ..) => match tokens.as_slice() {
            [Token::Directories, name @ ..] if name.iter().all(Token::stays_in_a_name) => Kind::Name(name.to_vec()),
            _ => Kind::Tokens(tokens),
        },
        (true, _, true) => Kind::Suffix(text.strip_prefix("**")?.to_owned()),
        (true, true, _) => Kind::Prefix(text.strip_suffix("**")?.to_owned()),
        (true, false, false) => Kind::Exact(text.to_owned()),
    })
}

/// A class behind its `[`, as Go's `filepath.Match` takes it.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Some(Token::Class { negated, ranges });
        }
        let low = class_char(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { class_char(chars)? } else { low };
        if low > high {
            return None;
        }
        ranges.push((low, high));
    }
}

fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => escaped(chars),
        c => Some(c),
    }
}

/// The character behind a backslash: one that a pattern may give a meaning to.
fn escaped(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    chars.next().filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric())
}

/// Go's `filepath.Clean`.
fn clean(text: &str) -> String {
    let rooted = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// The patterns of an ignore file: a byte order mark is dropped, `#` in the first column is a comment, lines are
/// trimmed, blank ones skipped, paths cleaned, one leading `/` dropped. Source: moby/patternmatcher `ignorefile`.
pub fn parse_ignore_file(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| ignore_line(line.trim())).collect()
}

fn ignore_line(line: &str) -> Option<String> {
    let (exception, pattern) = match line.strip_prefix('!') {
        Some(pattern) => ("!", pattern.trim()),
        None => ("", line),
    };
    if line.is_empty() {
        return None;
    }
    if pattern.is_empty() {
        return Some(exception.to_owned());
    }
    let cleaned = clean(pattern);
    let relative = if cleaned.len() > 1 { cleaned.strip_prefix('/').unwrap_or(&cleaned) } else { &cleaned };
    Some(format!("{exception}{relative}"))
}

/// A path as a pattern that matches it alone. Patterns are trimmed, so that outer blanks have to be hidden in a class; a
/// backslash would be left alone at the end.
pub fn ignore_pattern(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let last = path.char_indices().next_back().map_or(0, |(at, _)| at);
    for (at, c) in path.char_indices() {
        let outer = at == 0 || at == last;
        match c {
            c if outer && c.is_whitespace() => out.extend(['[', c, ']']),
            '*' | '?' | '[' | ']' | '\\' => out.extend(['\\', c]),
            '!' if at == 0 => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A pattern as the matcher reads it.
pub fn cleaned(pattern: &str) -> String {
    clean(pattern.trim())
}

/// Whether a [`cleaned`] pattern may hide a path, a directory that it lies in or something below it. Looks at names only
/// up to the first wildcard.
pub fn could_match(pattern: &str, path: &str) -> bool {
    for (wanted, name) in pattern.split('/').zip(path.split('/')) {
        if wanted.contains(['*', '?', '[', '\\']) {
            return true;
        }
        if wanted != name {
            return false;
        }
    }
    true
}

/// The same patterns without those that decide nothing: one that stands there again later, or whose last name a later
/// pattern hides everywhere (`a/dist` before `**/dist`). The last that matches decides, and each is tried on each file of
/// a client.
pub fn drop_redundant(patterns: &[String]) -> Vec<String> {
    let mut later: BTreeSet<&str> = BTreeSet::new();
    let mut everywhere: BTreeSet<&str> = BTreeSet::new();
    let mut kept: Vec<&String> = Vec::with_capacity(patterns.len());
    for pattern in patterns.iter().rev() {
        let idle = later.contains(pattern.as_str()) || last_name(pattern).is_some_and(|name| everywhere.contains(name));
        if !idle {
            later.insert(pattern);
            everywhere.extend(last_name(pattern).filter(|name| pattern.strip_prefix("**/") == Some(name)));
            kept.push(pattern);
        }
    }
    kept.into_iter().rev().cloned().collect()
}

/// The pattern of the last name of all that a pattern matches; `None` where its text does not tell that: in an exception,
/// in what is not clean, where `**` crosses a `/` within a name, or where a `/` may be in a class or behind a backslash.
fn last_name(pattern: &str) -> Option<&str> {
    let unclear = |part: &str| ["", ".", ".."].contains(&part) || (part.contains("**") && part != "**");
    if pattern.starts_with('!') || pattern.contains(['[', '\\']) || pattern.split('/').any(unclear) {
        return None;
    }
    pattern.rsplit('/').next().filter(|name| *name != "**")
}

#[cfg(test)]
mod tests;

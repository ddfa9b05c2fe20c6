//! Values of settings whose names say that they are secrets, in YAML, JSON and npm's format.

use std::ops::Range;

use super::head;
use super::{LONGEST_NAME, is_variable};

/// How the name of a variable or setting ends whose value is a secret, and whole names that say it.
const SECRET_NAMES: [&str; 11] = [
    "token",
    "password",
    "passwd",
    "secret",
    "apikey",
    "api_key",
    "privatekey",
    "private_key",
    "accesskey",
    "access_key",
    "authident",
];

/// The same, where other words end alike (`COMPASS`): behind a separator, or as a word of a name like `dbPass`.
const SECRET_WORDS: [&str; 2] = ["pass", "pwd"];

/// Whether a variable or setting of this name is usually a secret: `GITHUB_TOKEN`, `npmAuthToken`, `api-token`, `DB_PASS`,
/// but not `jsonwebtoken`.
pub fn is_secret_name(name: &str) -> bool {
    let parted = |begin: &str| begin.is_empty() || begin.ends_with(['_', '-']);
    let is_upper = |end: &str| end.starts_with(|c: char| c.is_ascii_uppercase());
    let ends = |word: &str, begins_a_word: &dyn Fn(&str, &str) -> bool| {
        let parts = name.len().checked_sub(word.len()).and_then(|at| name.split_at_checked(at));
        parts.is_some_and(|(begin, end)| end.eq_ignore_ascii_case(word) && begins_a_word(begin, end))
    };
    let lower_before = |begin: &str| begin.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    name == "_auth"
        || SECRET_NAMES.iter().any(|word| ends(word, &|begin, end| parted(begin) || is_upper(end)))
        || SECRET_WORDS
            .iter()
            .any(|word| ends(word, &|begin, end| parted(begin) || (is_upper(end) && lower_before(begin))))
}

/// Bytes of a secret: in a build file `secret` is followed by the short name of one.
const SHORT_SECRET: usize = 16;

/// The values of secret settings in YAML, JSON and npm's format, where they are one word or quoted; a variable is none.
pub(super) fn settings(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut done = 0_usize;
    for (at, separator) in text.match_indices([':', '=']) {
        if at < done {
            continue;
        }
        let Some(Name { name, begins_a_line, hyphenated }) = name_before(text.get(..at).unwrap_or_default()) else {
            continue;
        };
        let npm = name.starts_with('_');
        if !is_secret_name(name) || (separator == "=" && !npm) {
            continue;
        }
        let behind = text.get(at.saturating_add(1)..).unwrap_or_default();
        let value = behind.trim_start_matches([' ', '\t']);
        let (spaced, from) = (npm || value.len() < behind.len(), value.len());
        let inner = value.strip_prefix(['"', '\'']);
        if is_variable(inner.unwrap_or(value)) {
            continue;
        }
        let (inside, value) = match (value.chars().next(), inner) {
            (Some(quote), Some(inner)) => (1_usize, quoted(inner, quote)),
            _ if spaced && begins_a_line => (0, line(value)),
            _ if spaced => (0, word(value)),
            _ => continue,
        };
        let start = text.len().saturating_sub(from).saturating_add(inside);
        let short = name == "secret" && value.len() < SHORT_SECRET;
        // Packages have such names as well.
        let range = hyphenated && is_range(value);
        if !value.is_empty() && !short && !range {
            done = start.saturating_add(value.len());
            found.push(start..done);
        }
    }
    found
}

/// A name that a separator follows.
struct Name<'a> {
    name: &'a str,
    /// Whether nothing stands before it on its line but what YAML and comments begin with.
    begins_a_line: bool,
    /// Whether it is the end of a name with hyphens, such as `api-token`.
    hyphenated: bool,
}

/// The name at the end of a text, quoted or not; none where it is the end of a package's name.
fn name_before(text: &str) -> Option<Name<'_>> {
    let text = text.trim_end_matches([' ', '\t']);
    let text = text.strip_suffix(['"', '\'']).unwrap_or(text);
    let is_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    // All of it ASCII, so that characters are bytes.
    let length = text.chars().rev().take(LONGEST_NAME).take_while(is_name).count();
    let (before, name) = text.split_at_checked(text.len().saturating_sub(length)).unwrap_or_default();
    let indent = before.trim_end_matches([' ', '\t', '"', '\'', '-', '#', ';']);
    let begins_a_line = indent.is_empty() || indent.ends_with(['\n', '\r']);
    let hyphenated = name.trim_start_matches('-').contains('-');
    // The dashes of a list, of a flag or of a comment are not the name's.
    let name = name.trim_start_matches('-');
    (!before.ends_with(['-', '/', '@', '.', '$'])).then_some(Name { name, begins_a_line, hyphenated })
}

/// Whether a value is what stands behind the name of a package: a version or a range.
fn is_range(value: &str) -> bool {
    let version = value.trim_start_matches(['^', '~', '>', '<', '=', 'v', ' ']);
    value == "*"
        || ["npm:", "workspace:", "patch:", "file:", "link:", "portal:", "latest"]
            .iter()
            .any(|kind| value.starts_with(kind))
        || (version.starts_with(|c: char| c.is_ascii_digit()) && version.split('.').count() > 1)
}

/// Bytes of a value that are looked at before it is known to be one.
const LONGEST_VALUE: usize = 4 << 10;

/// What stands before a closing quote, be it on another line.
fn quoted(inner: &str, quote: char) -> &str {
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let doubled = quote == '\'' && c == quote && chars.next_if(|(_, next)| *next == quote).is_some();
        if (c == quote && !doubled) || (c == '\n' && at > LONGEST_VALUE) {
            return inner.get(..at).unwrap_or_default();
        }
        if quote == '"' && c == '\\' {
            chars.next();
        }
    }
    inner
}

/// The value without quotes of a name that begins a line: all of the line. What opens a block, a list or a mapping is none.
fn line(text: &str) -> &str {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    let opens = match line.chars().next() {
        Some('{') => line.contains(':') || ["{", "{}"].contains(&line),
        Some('[') => ["[", "[]"].contains(&line),
        Some('|' | '>') => line.chars().skip(1).all(|c| matches!(c, '-' | '+' | '0'..='9')),
        Some('&') => !line.contains(' '),
        _ => CONSTANTS.contains(&line),
    };
    if opens { "" } else { line }
}

/// What YAML has in the place of a text.
const CONSTANTS: [&str; 4] = ["null", "true", "false", "~"];

/// A value without quotes within a line: a word that a comment or another setting follows, since a sentence has more.
fn word(text: &str) -> &str {
    if text.starts_with(['{', '[', '|', '>', '&', '*', '`']) {
        return "";
    }
    let is_end = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let seen = head(text, LONGEST_VALUE);
    let Some(end) = seen.find(is_end).or_else(|| (seen.len() == text.len()).then_some(text.len())) else {
        // No sentence has such words.
        return text.split(is_end).next().unwrap_or_default();
    };
    let (word, rest) = text.split_at_checked(end).unwrap_or_default();
    let rest = rest.trim_start_matches([' ', '\t', '\r']);
    let ends = word.ends_with([',', '}', ']']) || rest.is_empty() || rest.starts_with(['\n', '#', ';', ',', '}', ']']);
    // `{token: a,b: 1}`: the next name needs no blank before it.
    if let Some((value, _)) = word.strip_suffix(':').and_then(|word| word.rsplit_once(',')) {
        return value;
    }
    // In a mapping on one line these are not of the value; where they are, they are all that is seen of it.
    if ends && !CONSTANTS.contains(&word) { word.trim_end_matches([',', '}', ']']) } else { "" }
}

#[cfg(test)]
mod tests {
    use crate::secret::{masked, redacted};

    #[test]
    fn values_of_secret_settings_are_found() {
        for text in [
            "npmAuthToken: S3KRET\nx: 1",
            "    npmAuthIdent: \"bob:S3KRET\" # x",
            "{\"clientSecret\":\"S3KRET\"}",
            "a: {token: S3KRET, b: 1}",
            "password: 'S3KRET with words'",
            "//registry.example/:_authToken=S3KRET",
            "_password = S3KRET",
            "- secret: S3KRET0123456789abcdef",
            "npmAuthToken: KRET # bot",
            "  # npmAuthToken: KRET comes from the vault",
            "token: S3 KRET",
            "password: S3, KRET",
            "apiKey: S3K,RET",
            "token: S3K]RET",
            "NPM_TOKEN: S3KRET",
            "_auth=a=b,KRET=",
            "password: \"S3'KRET\"",
            "\"password\": \"S3\\\"KRET\", \"x\": 1",
            "password: 'it''s KRET'",
            "password: `KRET",
            "password: *KRET",
            "password: !KRET x",
            "password: {KRET",
            "password: |KRET",
            "password: &a KRET",
            "password: true KRET",
            "password: \"a\n  KRET\" x",
            "a: b\rpassword: KRET\rc",
            "{token: S3KRET,b: 1}",
            "api-token: S3KRET",
            "{api-token: S3KRET, b: 1}",
            "DB_PASS: S3KRET",
            "dbPwd: S3KRET",
            "- api-token: S3KRET",
        ] {
            assert!(!redacted(text).contains("KRET"), "{text}: {}", redacted(text));
            assert_eq!(masked(text).len(), text.len());
        }
        for text in [
            "npmAuthToken: ${TOKEN}",
            "\"jsonwebtoken\": \"^9.0.0\"",
            "csrf-token@npm:^1.0.0",
            "\"csrf-token\": \"^1.0.0\"",
            "csrf-token: 1.0.0",
            "COMPASS: north",
            "bypass: all",
            "network: {npmrc: {secret: npmrc}}",
            "`token`: text",
            "found the token: then something else",
            "the token: 1 of 2",
            "a secret: npm_token",
            "\"@scope/token\": \"^1.0.0\"",
            "token: true",
            "token:\n  a: 1",
            "token: |\n  a",
            "token: >-\n  a",
            "token: [\n",
            "token: null # none",
            "secret: {$env: X}",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}

//! Passwords and secret parameters of URLs.

use std::ops::Range;

use super::{LONGEST_NAME, is_variable};

/// Bytes of a user name that is a token: where a registry or a forge wants one, it may stand alone.
const TOKEN_USER: usize = 16;

/// What stands between a URL's scheme and its host, behind a user, between user and password, and behind the host: as one
/// writes it, also without the scheme, and as Yarn encodes it within a range, also within one that is encoded itself.
const URLS: [(&str, &str, &str, &str); 4] = [
    ("//", "@", ":", "/"),
    ("%3a//", "%40", "%3a", "/"),
    ("%3a%2f%2f", "%40", "%3a", "%2f"),
    ("%253a%252f%252f", "%2540", "%253a", "%252f"),
];

/// The user names and passwords in a text's URLs; a shell's variable is neither. `lower` is a text in lower case.
pub(super) fn passwords(lower: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (separator, at, colon, slash) in URLS {
        let next = if separator == "//" { "://" } else { separator };
        // No text is looked through twice.
        let mut done = 0_usize;
        found.extend(lower.match_indices(separator).filter_map(|(place, _)| {
            let scheme = lower.get(..place)?;
            let start = place.saturating_add(separator.len());
            let rest = lower.get(start..)?;
            let ends = |c: char| c.is_whitespace() || c == '"';
            // The next separator has a slash in it.
            let host = rest.split(slash).next()?.split(ends).next()?.split(['?', '#']).next()?;
            let user = user_of(host, at).or_else(|| {
                // A password may hold what ends a host, where it was not escaped; digits are a port.
                let (_, port) = split(host, colon).filter(|_| start >= done && !host.starts_with('['))?;
                if !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()) {
                    return None;
                }
                let is_behind =
                    |(at, c): &(usize, char)| ends(*c) || rest.get(*at..).is_some_and(|rest| rest.starts_with(next));
                let end = rest.char_indices().find(is_behind).map_or(rest.len(), |(at, _)| at);
                let rest = rest.get(..end)?;
                done = start.saturating_add(end);
                user_of(rest, at)
            })?;
            let (name, password) = split(user, colon).unwrap_or((user, ""));
            let web =
                ["http:", "https:", "http%3a", "https%3a", "http", "https"].iter().any(|end| scheme.ends_with(end));
            let token = web && is_token(name) && !is_variable(name);
            let secret = token || !(password.is_empty() || is_variable(password));
            secret.then(|| start..start.saturating_add(user.len()))
        }));
    }
    found
}

/// Whether a user name may be a token: long, and not made of words as an organization's is.
fn is_token(name: &str) -> bool {
    let is_long = |part: &str| part.len() >= TOKEN_USER;
    is_long(name)
        && (name.bytes().any(|b| b.is_ascii_digit()) || name.split(|c: char| !c.is_alphanumeric()).any(is_long))
}

/// What stands before the last `@` of a text.
fn user_of<'a>(text: &'a str, at: &str) -> Option<&'a str> {
    text.get(..text.rfind(at).or_else(|| text.rfind('@'))?)
}

/// The text before the first colon, and the text behind it.
fn split<'a>(text: &'a str, colon: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(colon).or_else(|| text.split_once(':'))
}

/// How the name of a URL's parameter ends whose value is a secret.
const SECRET_PARAMETERS: [&str; 12] = [
    "token",
    "tokens",
    "password",
    "passwd",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "signature",
    "jwt",
    "credential",
];

/// Names of such parameters that other names end in as well (`sort_key`, `country_code`).
const SECRET_PARAMETER_NAMES: [&str; 6] = ["key", "code", "auth", "sig", "pass", "pwd"];

/// What begins a parameter, what stands behind its name and what ends it: as one writes it, and as Yarn encodes it within
/// a range.
const PARAMETERS: [(&[&str], &str); 3] = [
    (&["?", "&", "#", ";"], "="),
    (&["%3f", "%26", "%23", "%3b"], "%3d"),
    (&["%253f", "%2526", "%2523", "%253b"], "%253d"),
];

/// The values of secret parameters in a text's URLs (`?token=...`); a shell's variable is none. `lower` is a text in lower
/// case.
pub(super) fn parameters(lower: &str) -> Vec<Range<usize>> {
    let is_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    let mut found = Vec::new();
    for (begins, equals) in PARAMETERS {
        for begin in begins {
            let mut done = 0_usize;
            for (at, _) in lower.match_indices(begin) {
                // A shell's `a &&b=1`.
                let before = lower.get(..at).unwrap_or_default();
                if *begin == "&" && [" &", "\t&", "\n&"].iter().any(|and| before.ends_with(and)) {
                    continue;
                }
                let start = at.saturating_add(begin.len());
                let rest = lower.get(start..).unwrap_or_default();
                // All of it ASCII, so that characters are bytes.
                let length = rest.chars().take(LONGEST_NAME).take_while(is_name).count();
                let (name, behind) = rest.split_at_checked(length).unwrap_or_default();
                let Some(value) = behind.strip_prefix(equals).filter(|_| at >= done) else { continue };
                let name = name.trim_end_matches(['[', ']']);
                let is_secret =
                    SECRET_PARAMETER_NAMES.contains(&name) || SECRET_PARAMETERS.iter().any(|end| name.ends_with(end));
                if !is_secret {
                    continue;
                }
                let encoded = |at: usize| {
                    let ends = ["%26", "%23", "%2526", "%2523"];
                    value.get(at..).is_some_and(|rest| ends.iter().any(|end| rest.starts_with(end)))
                };
                let ends = |(at, c): &(usize, char)| {
                    c.is_whitespace() || matches!(c, '&' | '#' | '"' | '`') || (*c == '%' && encoded(*at))
                };
                let end = value.char_indices().find(ends).map_or(value.len(), |(at, _)| at);
                let value = value.get(..end).unwrap_or_default();
                let start = start.saturating_add(length).saturating_add(equals.len());
                done = start.saturating_add(value.len());
                if !value.is_empty() && !is_variable(value) {
                    found.push(start..done);
                }
            }
        }
    }
    found
}

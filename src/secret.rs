//! Tokens and passwords in texts: what no message and no excerpt may repeat.

use std::borrow::Cow;
use std::ops::Range;

/// How a token begins, how many letters and digits follow at least, and what it is.
const TOKENS: [(&str, usize, &str); 15] = [
    ("ghp_", 20, "a GitHub token"),
    ("gho_", 20, "a GitHub token"),
    ("ghu_", 20, "a GitHub token"),
    ("ghs_", 20, "a GitHub token"),
    ("ghr_", 20, "a GitHub token"),
    ("github_pat_", 20, "a GitHub token"),
    ("npm_", 20, "an npm token"),
    ("glpat-", 16, "a GitLab token"),
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("xoxb-", 10, "a Slack token"),
    ("xoxp-", 10, "a Slack token"),
    ("dckr_pat_", 16, "a Docker token"),
    ("AIza", 30, "a Google API key"),
    ("-----BEGIN ", 0, "a key or certificate"),
];

/// Characters of a token or of a URL's host that are looked at: a file of nothing but beginnings must not take long.
const LONGEST: usize = 512;

/// The tokens in a text: their places and what they look like.
fn tokens(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    TOKENS.iter().flat_map(move |(start, min, what)| {
        text.match_indices(start).filter_map(move |(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                return None;
            }
            let body = at.saturating_add(start.len());
            let rest = text.get(body..)?;
            let belongs = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            // All of it ASCII, so that characters are bytes.
            let len = rest.chars().take(LONGEST).take_while(belongs).count();
            let letters = rest.get(..len)?.chars().take_while(char::is_ascii_alphanumeric).count();
            let long = if *start == "github_pat_" { len } else { letters };
            (long >= *min).then(|| (at..body.saturating_add(len), *what))
        })
    })
}

/// The first token in a text: its place and what it looks like.
pub(crate) fn token(text: &str) -> Option<(Range<usize>, &'static str)> {
    tokens(text).next()
}

/// The user names and passwords in a text's URLs; a shell's variable is neither.
fn passwords(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, separator)| {
        let start = at.saturating_add(separator.len());
        let rest = text.get(start..)?;
        let belongs = |(_, c): &(usize, char)| !c.is_whitespace() && !matches!(c, '/' | '?' | '#');
        let len = rest.char_indices().take(LONGEST).take_while(belongs).last();
        let host = rest.get(..len.map_or(0, |(at, c)| at.saturating_add(c.len_utf8())))?;
        let end = host.rfind('@')?;
        let (_, password) = host.get(..end)?.split_once(':')?;
        (!password.is_empty() && !password.contains('$')).then(|| start..start.saturating_add(end))
    })
}

/// The user name and password of the first URL that has them.
pub(crate) fn credentials(text: &str) -> Option<Range<usize>> {
    passwords(text).next()
}

/// Every token and password in a file's text, comments included: what no excerpt may show.
pub(crate) fn places(text: &str) -> Vec<Range<usize>> {
    tokens(text).map(|(range, _)| range).chain(passwords(text)).collect()
}

/// A text without its tokens and passwords.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    replaced(text, places(text), |out, _| out.push_str("***"))
}

/// A text whose tokens and passwords are blotted out.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    blotted(text, places(text))
}

/// A text with some bytes blotted out: one `*` for each, line breaks kept, so that offsets behind stay true.
pub(crate) fn blotted(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    replaced(text, ranges, |out, hidden| {
        for c in hidden.chars() {
            let blot = if c == '\n' { "\n" } else { "*" };
            out.extend(std::iter::repeat_n(blot, c.len_utf8()));
        }
    })
}

fn replaced(text: &str, mut ranges: Vec<Range<usize>>, put: impl Fn(&mut String, &str)) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    ranges.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0_usize;
    for range in ranges {
        let start = range.start.max(at);
        let Some(hidden) = text.get(start..range.end).filter(|hidden| !hidden.is_empty()) else { continue };
        out.push_str(text.get(at..start).unwrap_or_default());
        put(&mut out, hidden);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_and_names_are_not() {
        for text in [
            "ghp_0123456789abcdefghij0123",
            "x=npm_0123456789abcdefghij",
            "glpat-0123456789abcdef",
            "AKIA0123456789ABCDEF",
        ] {
            assert!(token(text).is_some(), "{text}");
        }
        for text in ["npm_token", "npm_config_nodedir", "ghp_short", "my_ghp_0123456789abcdefghij0123", "AKIA"] {
            assert!(token(text).is_none(), "{text}");
        }
        assert_eq!(credentials("https://user:pass@host/x@y"), Some(8..17));
        for text in ["https://host/@scope/name", "ssh://git@host/x", "https://x:${TOKEN}@host", "http://host:80/a@b"] {
            assert_eq!(credentials(text), None, "{text}");
        }
    }

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let text = "a ghp_0123456789abcdefghij0123 https://u:ghp_0123456789abcdefghij0123@h/x é";
        assert_eq!(redacted(text), "a *** https://***@h/x é");
        assert_eq!(masked(text).len(), text.len());
        assert!(!masked(text).contains("ghp_"));
        assert_eq!(redacted("nothing"), "nothing");
        // One pass: with a search of the whole text for each token this would take for hours.
        let many = "npm_0123456789abcdefghij ".repeat(200_000);
        assert_eq!(redacted(&many).len(), 800_000);
    }
}

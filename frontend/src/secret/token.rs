//! Tokens that are known by how they begin, and keys.

use std::ops::Range;

/// What a token is made of after its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Letters and digits.
    Letters,
    /// Those of base64url: `-` and `_` as well.
    Base64,
    /// Lines, up to the one that ends it.
    Lines,
}

/// How a token begins, what follows and how much of it at least, and what it is.
const TOKENS: [(&str, Body, usize, &str); 15] = [
    ("ghp_", Body::Letters, 20, "a GitHub token"),
    ("gho_", Body::Letters, 20, "a GitHub token"),
    ("ghu_", Body::Letters, 20, "a GitHub token"),
    ("ghs_", Body::Letters, 20, "a GitHub token"),
    ("ghr_", Body::Letters, 20, "a GitHub token"),
    ("github_pat_", Body::Base64, 20, "a GitHub token"),
    ("npm_", Body::Letters, 20, "an npm token"),
    ("glpat-", Body::Base64, 16, "a GitLab token"),
    ("AKIA", Body::Letters, 16, "an AWS access key"),
    ("ASIA", Body::Letters, 16, "an AWS access key"),
    ("xoxb-", Body::Letters, 10, "a Slack token"),
    ("xoxp-", Body::Letters, 10, "a Slack token"),
    ("dckr_pat_", Body::Base64, 16, "a Docker token"),
    ("AIza", Body::Base64, 30, "a Google API key"),
    ("-----BEGIN ", Body::Lines, 0, "a key or certificate"),
];

/// Characters of a token that are looked at: a file of nothing but beginnings must not take long.
const LONGEST: usize = 512;

/// The tokens in a text: their places and what they look like.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    TOKENS.iter().flat_map(move |(start, body, min, what)| {
        let mut done = 0_usize;
        text.match_indices(start).filter_map(move |(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            if at < done || before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                return None;
            }
            let begin = at.saturating_add(start.len());
            let rest = text.get(begin..)?;
            if *body == Body::Lines {
                let end = rest.find("-----END ").and_then(|end| Some(end.saturating_add(rest.get(end..)?.find('\n')?)));
                done = begin.saturating_add(end.unwrap_or(rest.len()));
                return Some((at..done, *what));
            }
            let belongs = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            // All of it ASCII, so that characters are bytes.
            let len = rest.chars().take(LONGEST).take_while(belongs).count();
            let letters = rest.get(..len)?.chars().take_while(char::is_ascii_alphanumeric).count();
            let long = if *body == Body::Base64 { len } else { letters };
            (long >= *min).then(|| (at..begin.saturating_add(len), *what))
        })
    })
}

/// The first token in a text: its place and what it looks like.
pub fn token(text: &str) -> Option<(Range<usize>, &'static str)> {
    tokens(text).next()
}

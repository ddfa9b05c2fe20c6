//! Tokens and passwords in texts: what no message and no excerpt may repeat.

use std::borrow::Cow;
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
fn tokens(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
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
pub(crate) fn token(text: &str) -> Option<(Range<usize>, &'static str)> {
    tokens(text).next()
}

/// Bytes of a user name that is a token: where a registry or a forge wants one, it may stand alone.
const TOKEN_USER: usize = 16;

/// Bytes of the largest key that people have in files.
const LONGEST_KEY: usize = 16 << 10;

/// What stands between a URL's scheme and its host, behind a user, between user and password, and behind the host: as one
/// writes it, also without the scheme, and as Yarn encodes it within a range.
const URLS: [(&str, &str, &str, &str); 3] =
    [("//", "@", ":", "/"), ("%3a//", "%40", "%3a", "/"), ("%3a%2f%2f", "%40", "%3a", "%2f")];

/// The user names and passwords in a text's URLs; a shell's variable is neither. `lower` is a text in lower case.
fn passwords(lower: &str) -> Vec<Range<usize>> {
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
                let is_port = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
                let rest = rest.split(next).next()?.split(ends).next().filter(|_| !is_port)?;
                done = start.saturating_add(rest.len());
                user_of(rest, at)
            })?;
            let (name, password) = split(user, colon).unwrap_or((user, ""));
            let web =
                ["http:", "https:", "http%3a", "https%3a", "http", "https"].iter().any(|end| scheme.ends_with(end));
            let token = web && name.len() >= TOKEN_USER && !is_variable(name);
            let secret = token || !(password.is_empty() || is_variable(password));
            secret.then(|| start..start.saturating_add(user.len()))
        }));
    }
    found
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
const SECRET_PARAMETERS: [&str; 14] = [
    "token",
    "tokens",
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "key",
    "signature",
    "sig",
    "auth",
    "jwt",
    "code",
    "credential",
];

/// What begins a parameter, what stands behind its name and what ends it: as one writes it, and as Yarn encodes it within
/// a range.
const PARAMETERS: [(&[&str], &str); 2] = [(&["?", "&", "#", ";"], "="), (&["%3f", "%26", "%23", "%3b"], "%3d")];

/// Characters of a parameter's name that are looked at.
const LONGEST_NAME: usize = 64;

/// The values of secret parameters in a text's URLs (`?token=...`); a shell's variable is none. `lower` is a text in lower
/// case.
fn parameters(lower: &str) -> Vec<Range<usize>> {
    let is_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    let mut found = Vec::new();
    for (begins, equals) in PARAMETERS {
        for begin in begins {
            let mut done = 0_usize;
            for (at, _) in lower.match_indices(begin) {
                let start = at.saturating_add(begin.len());
                let rest = lower.get(start..).unwrap_or_default();
                // All of it ASCII, so that characters are bytes.
                let length = rest.chars().take(LONGEST_NAME).take_while(is_name).count();
                let (name, behind) = rest.split_at_checked(length).unwrap_or_default();
                let Some(value) = behind.strip_prefix(equals).filter(|_| at >= done) else { continue };
                let name = name.trim_end_matches(['[', ']']);
                if !SECRET_PARAMETERS.iter().any(|end| name.ends_with(end)) {
                    continue;
                }
                let encoded =
                    |at: usize| value.get(at..).is_some_and(|rest| rest.starts_with("%26") || rest.starts_with("%23"));
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

/// Whether a variable or setting of this name is usually a secret: `GITHUB_TOKEN`, `npmAuthToken`, `password`, but not
/// `jsonwebtoken`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let begins_a_word = |begin: &str, end: &str| {
        begin.is_empty() || begin.ends_with('_') || end.starts_with(|c: char| c.is_ascii_uppercase())
    };
    name == "_auth"
        || SECRET_NAMES.iter().any(|word| {
            let parts = name.len().checked_sub(word.len()).and_then(|at| name.split_at_checked(at));
            parts.is_some_and(|(begin, end)| end.eq_ignore_ascii_case(word) && begins_a_word(begin, end))
        })
}

/// The values of secret settings in YAML, JSON and npm's format, where they are one word or quoted; a variable is none. In a
/// build file `secret` is followed by a short name.
fn settings(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut done = 0_usize;
    for (at, separator) in text.match_indices([':', '=']) {
        if at < done {
            continue;
        }
        let name = name_before(text.get(..at).unwrap_or_default());
        let npm = name.starts_with('_');
        if !is_secret_name(name) || (separator == "=" && !npm) {
            continue;
        }
        let behind = text.get(at.saturating_add(1)..).unwrap_or_default();
        let value = behind.trim_start_matches([' ', '\t']);
        let (spaced, from) = (npm || value.len() < behind.len(), value.len());
        let (inside, value) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => (1_usize, quoted(value, quote)),
            _ if spaced => (0, word(value, begins_a_line(text.get(..at).unwrap_or_default(), name))),
            _ => continue,
        };
        let start = text.len().saturating_sub(from).saturating_add(inside);
        let short = name == "secret" && value.len() < TOKEN_USER;
        if !value.is_empty() && !short && !is_variable(value) {
            done = start.saturating_add(value.len());
            found.push(start..done);
        }
    }
    found
}

/// The name before a separator; none where it is the end of a package's name.
fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\t']);
    let text = text.strip_suffix(['"', '\'']).unwrap_or(text);
    let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    // All of it ASCII, so that characters are bytes.
    let length = text.chars().rev().take(LONGEST_NAME).take_while(is_name).count();
    let (before, name) = text.split_at_checked(text.len().saturating_sub(length)).unwrap_or_default();
    if before.ends_with(['-', '/', '@', '.', '$']) { "" } else { name }
}

/// What stands between quotes, up to the end of the line at most.
fn quoted(text: &str, quote: char) -> &str {
    let inner = text.get(1..).unwrap_or_default();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let doubled = quote == '\'' && c == quote && chars.next_if(|(_, next)| *next == quote).is_some();
        if c == '\n' || (c == quote && !doubled) {
            return inner.get(..at).unwrap_or_default();
        }
        if quote == '"' && c == '\\' {
            chars.next();
        }
    }
    inner
}

/// Whether nothing stands before a name on its line but what YAML and comments begin with.
fn begins_a_line(before: &str, name: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '"', '\'']);
    let before = before.strip_suffix(name).unwrap_or(before).trim_end_matches([' ', '\t', '"', '\'', '-', '#', ';']);
    before.is_empty() || before.ends_with('\n')
}

/// A value without quotes: the line, where its name begins one; elsewhere a word that a comment or another setting follows,
/// since a sentence has more.
fn word(text: &str, line: bool) -> &str {
    let word = text.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
    let rest = text.get(word.len()..).unwrap_or_default().trim_start_matches([' ', '\t', '\r']);
    let ends = word.ends_with([',', '}', ']']) || rest.is_empty() || rest.starts_with(['\n', '#', ';', ',', '}', ']']);
    let is_value =
        !word.starts_with(['{', '[', '|', '>', '&', '*', '`']) && !["null", "true", "false", "~"].contains(&word);
    if !is_value {
        return "";
    }
    if line {
        let line = text.split(['\r', '\n']).next().unwrap_or_default();
        return line.split(" #").next().unwrap_or_default().trim_end();
    }
    // In a mapping on one line these are not of the value; where they are, they are all that is seen of it.
    if ends { word.trim_end_matches([',', '}', ']']) } else { "" }
}

/// Whether a text begins with a shell's variable; one with a value of its own (`${A:-x}`) is none.
fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix('$').and_then(|rest| rest.chars().next());
    let own = text.split(['}', ' ']).next().is_some_and(|name| name.contains(":-") || name.contains(":="));
    name.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '{')) && !own
}

/// What a text's URLs hold of secrets: the first user name with a password, or secret parameter.
pub(crate) fn credentials(text: &str) -> Option<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    passwords(&lower).into_iter().chain(parameters(&lower)).next()
}

/// Every token and password in a file's text, comments included: what no excerpt may show.
pub(crate) fn places(text: &str) -> Vec<Range<usize>> {
    // Of the same length: only ASCII changes.
    let lower = text.to_ascii_lowercase();
    let urls = passwords(&lower).into_iter().chain(parameters(&lower));
    tokens(text).map(|(range, _)| range).chain(urls).chain(settings(text)).collect()
}

/// A text without its tokens and passwords.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    replaced(text, places(text), |out, _| out.push_str("***"))
}

/// A text whose tokens and passwords are blotted out.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    blotted(text, places(text))
}

/// A line of a text, as [`masked`] has it: what begins on a line above it counts, as far as keys are long.
pub(crate) fn masked_line(text: &str, line: Range<usize>) -> Cow<'_, str> {
    let from = line.start.saturating_sub(LONGEST_KEY);
    // Some byte of the next four begins a character.
    let window = (from..from.saturating_add(4)).find_map(|from| text.get(from.min(line.start)..line.end));
    match masked(window.unwrap_or_default()) {
        Cow::Borrowed(_) => Cow::Borrowed(text.get(line).unwrap_or_default()),
        Cow::Owned(all) => {
            let start = all.len().saturating_sub(line.len());
            Cow::Owned(all.get(start..).unwrap_or_default().to_owned())
        }
    }
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
            "glpat-ab-cdefghij_klmnopqr",
            "dckr_pat_a-b_c-d_e-f_g-h_i",
            "AIzaSyA-1234_5678-90abcdefghijklmnopqrs",
            "AKIA0123456789ABCDEF",
        ] {
            assert!(token(text).is_some(), "{text}");
        }
        for text in ["npm_token", "npm_config_nodedir", "ghp_short", "my_ghp_0123456789abcdefghij0123", "AKIA"] {
            assert!(token(text).is_none(), "{text}");
        }
        assert_eq!(credentials("https://user:pass@host/x@y"), Some(8..17));
        assert!(credentials("https://u:pa$$w0rd@host").is_some());
        assert!(credentials("https://abcdefghijklmnopqrstuvwxyz@host/x.git").is_some());
        assert!(credentials("https://abcdefghijklmnopqrstuvwxyz:@host/x.git").is_some());
        for text in [
            "https://host/@scope/name",
            "ssh://git@host/x",
            "https://name@host",
            "https://${A_LONG_VARIABLE}@host",
            "https://x:${TOKEN}@host",
            "http://host:80/a@b",
            "http://[::1]:4873/@scope/x",
            "https://registry.npmjs.org/@scope%2fname/-/name-1.0.0.tgz",
            "// a comment: @scope/name",
            "https://${USER}:${TOKEN}@host/a:b@c",
            "//a//b",
        ] {
            assert_eq!(credentials(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_hidden_to_its_last_line() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\né\n-----END RSA PRIVATE KEY-----\n";
        let text = format!("a: 1\n{key}b: 2\n");
        assert_eq!(masked(&text).len(), text.len());
        assert_eq!(masked(&text).lines().filter(|line| line.contains(char::is_alphanumeric)).count(), 2);
        let at = text.find("MIIE").unwrap();
        assert_eq!(masked_line(&text, at..at + 4), "****");
        assert_eq!(masked_line(&text, 0..4), "a: 1");
        // One that does not end hides what follows.
        assert!(!masked("-----BEGIN x\nsecret").contains("secret"));
        let many = "-----BEGIN ".repeat(100_000);
        assert_eq!(tokens(&many).count(), 1);
    }

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
        ] {
            assert!(!redacted(text).contains("KRET"), "{text}: {}", redacted(text));
            assert_eq!(masked(text).len(), text.len());
        }
        for text in [
            "npmAuthToken: ${TOKEN}",
            "\"jsonwebtoken\": \"^9.0.0\"",
            "csrf-token@npm:^1.0.0",
            "network: {npmrc: {secret: npmrc}}",
            "`token`: text",
            "found the token: then something else",
            "the token: 1 of 2",
            "a secret: npm_token",
            "\"@scope/token\": \"^1.0.0\"",
            "token: true",
            "token:\n  a: 1",
            "token: |\n  a",
            "secret: {$env: X}",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let text = "a ghp_0123456789abcdefghij0123 https://u:ghp_0123456789abcdefghij0123@h/x é";
        assert_eq!(redacted(text), "a *** https://***@h/x é");
        assert_eq!(masked(text).len(), text.len());
        assert!(!masked(text).contains("ghp_"));
        assert_eq!(redacted("nothing"), "nothing");
        assert_eq!(redacted("https://h/x?a=1&access_token=s3cret#z"), "https://h/x?a=1&access_token=***#z");
        assert_eq!(redacted("`https://h/x?a=1&X-Amz-Signature=abc`"), "`https://h/x?a=1&X-Amz-Signature=***`");
        let encoded = "patch:zz@https%3A%2F%2Fh.io%2Fx.tgz%3Ftoken%3DS3KRET#./p.patch";
        assert_eq!(redacted(encoded), encoded.replace("S3KRET", "***"));
        for text in [
            "https://u:S3/KRET@h/x",
            "https://u:S3?KRET@h",
            "//u:S3KRET@h/x",
            "http://u:#S3KRET@h",
            "https://u:p//S3KRET@h",
            "//u:p//KRET@h",
        ] {
            assert!(!redacted(text).contains("KRET"), "{text}");
        }
        for text in ["?token=a,S3KRET", "?sig=S3KRET", "?token[]=a'S3KRET", "#access_token=S3KRET", ";pwd=a)S3KRET"] {
            assert!(!redacted(text).contains("S3KRET"), "{text}");
        }
        assert_eq!(parameters(&"?token=".repeat(200_000)).len(), 1);
        assert_eq!(parameters(&"%26token%3da".repeat(50_000)).len(), 50_000);
        assert!(redacted("https://user:${A:-S3KRET}@h").contains("***"));
        for text in ["a ? b : c", "x?key", "x?key=", "x?token=$TOKEN", "a && b", "?page=2"] {
            assert_eq!(redacted(text), text);
        }
        // One pass: with a search of the whole text for each token this would take for hours.
        for url in ["https://u:p@h", "https%3a%2f%2fu%3ap%40h", "https%3a//u%3ap%40h"] {
            assert_eq!(passwords(&url.repeat(100_000)).len(), 100_000);
        }
        assert!(passwords(&"//a:b".repeat(200_000)).is_empty());
        assert_eq!(settings(&" token: a\n".repeat(100_000)).len(), 100_000);
        for one_line in [
            "_auth=",
            " token: a",
            " token: a,",
            "token: ",
            "#token: a ",
            "token: \"$a",
            "password: '$'' ",
            "'token' : $a",
        ] {
            settings(&one_line.repeat(200_000));
        }
        let many = "npm_0123456789abcdefghij ".repeat(200_000);
        assert_eq!(redacted(&many).len(), 800_000);
    }
}

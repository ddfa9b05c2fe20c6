//! Tokens and passwords in texts: what no message and no excerpt may repeat.
//!
//! One file for each place in which people have them: by themselves, in URLs, as the value of a setting. All take time in
//! proportion to a text, for it may be anybody's.

mod setting;
mod token;
mod url;

use std::borrow::Cow;
use std::ops::Range;

pub use setting::is_secret_name;
use setting::settings;
pub use token::token;
use token::tokens;
use url::{parameters, passwords};

/// Bytes of the largest key that people have in files.
const LONGEST_KEY: usize = 16 << 10;

/// Characters of a name that are looked at.
const LONGEST_NAME: usize = 64;

/// The first `len` bytes of a text, or a few less, so that no character is split.
pub fn head(text: &str, len: usize) -> &str {
    (0..=len.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// What a text's URLs hold of secrets: the first user name with a password, or secret parameter.
pub fn credentials(text: &str) -> Option<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    passwords(&lower).into_iter().chain(parameters(&lower)).next()
}

/// Every token and password in a file's text, comments included: what no excerpt may show.
pub fn places(text: &str) -> Vec<Range<usize>> {
    // Of the same length: only ASCII changes.
    let lower = text.to_ascii_lowercase();
    let urls = passwords(&lower).into_iter().chain(parameters(&lower));
    tokens(text).map(|(range, _)| range).chain(urls).chain(settings(text)).collect()
}

/// A text without its tokens and passwords.
pub fn redacted(text: &str) -> Cow<'_, str> {
    replaced(text, places(text), |out, _| out.push_str("***"))
}

/// A text whose tokens and passwords are blotted out.
pub fn masked(text: &str) -> Cow<'_, str> {
    mask_in_place(text, places(text))
}

/// A line of a text, as [`masked`] has it: what begins on a line above it counts, as far as keys are long.
pub fn masked_line(text: &str, line: Range<usize>) -> Cow<'_, str> {
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
pub fn mask_in_place(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
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

/// Bytes of a variable that are looked at for a value of its own.
const LONGEST_VARIABLE: usize = 1 << 10;

/// Whether a text begins with a shell's variable; one with a value of its own (`${A:-x}`) is none.
fn is_variable(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else { return false };
    let has_own = |name: &str| name.contains(":-") || name.contains(":=");
    name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{'))
        && !head(name, LONGEST_VARIABLE).split(['}', ' ']).next().is_some_and(has_own)
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
            "https://organization-name@host",
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
    fn secrets_are_replaced_wherever_they_stand() {
        let text = "a ghp_0123456789abcdefghij0123 https://u:ghp_0123456789abcdefghij0123@h/x é";
        assert_eq!(redacted(text), "a *** https://***@h/x é");
        assert_eq!(masked(text).len(), text.len());
        assert!(!masked(text).contains("ghp_"));
        assert_eq!(redacted("nothing"), "nothing");
        assert_eq!(redacted("https://h/x?a=1&access_token=s3cret#z"), "https://h/x?a=1&access_token=***#z");
        assert_eq!(redacted("`https://h/x?a=1&X-Amz-Signature=abc`"), "`https://h/x?a=1&X-Amz-Signature=***`");
        let twice = "patch:zz@https%253A%252F%252Fu%253AS3KRET%2540h.io%252Fx.tgz%253Ftoken%253DS3KRET%2526a%253D1";
        assert!(!redacted(twice).contains("S3KRET") && redacted(twice).contains("%2526a"), "{}", redacted(twice));
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
        for text in [
            "a ? b : c",
            "x?key",
            "x?key=",
            "x?token=$TOKEN",
            "x &&pass=1",
            "a && b",
            "?page=2",
            "?sort_key=name&country_code=de&oauth=true",
        ] {
            assert_eq!(redacted(text), text);
        }
        // One pass: with a search of the whole text for each token this would take for hours.
        for url in ["https://u:p@h", "https%3a%2f%2fu%3ap%40h", "https%3a//u%3ap%40h"] {
            assert_eq!(passwords(&url.repeat(100_000)).len(), 100_000);
        }
        for url in [
            "//a:b",
            "//a:b ",
            "//a:b\"",
            "http://a:b",
            "http://a:b/",
            "http%3a%2f%2fa%3ab%2f",
            "//a:0/",
            "//a:0 ",
            "//a:0?//",
        ] {
            assert!(passwords(&url.repeat(50_000)).is_empty());
        }
        assert_eq!(settings(&" token: a\n".repeat(100_000)).len(), 100_000);
        for one_line in [
            "_auth=",
            "_auth={",
            "_auth=${",
            "_auth=`",
            "_auth=\"$\\\"",
            " token: a",
            " token: a,",
            "token: ",
            "#token: a ",
            "token: \"$a",
            "password: '$'' ",
            "'token' : $a",
            "_auth=é",
        ] {
            settings(&one_line.repeat(50_000));
            settings(&format!("# a {} x y", one_line.repeat(50_000)));
        }
        let many = "npm_0123456789abcdefghij ".repeat(200_000);
        assert_eq!(redacted(&many).len(), 800_000);
    }
}

//! How a user's text is shown in a message: never raw. A value can hold terminal escapes, text direction marks or a
//! password, and a message goes to terminals, to logs and into build records.

use std::fmt;

/// Characters of a value that a message shows.
const SHOWN: usize = 100;

/// A text in double quotes, with what a terminal would obey escaped, and cut after 100 characters.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        // What is cut off cannot be told from a password's end, so those go first.
        for (i, c) in crate::text::quotable(self.0).chars().enumerate() {
            if i >= SHOWN {
                f.write_str("…")?;
                break;
            }
            match c {
                '"' | '\\' | '\n' | '\r' | '\t' => write!(f, "{}", c.escape_default())?,
                c if is_unprintable(c) => write!(f, "{}", c.escape_unicode())?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Control characters and the marks that change the order or the visibility of what stands around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// An address of something remote. It may hold a user's name and password, and a signed one keeps its token in the
/// query, so only [`RemoteUrl::as_str`] gives all of it: `Display` and `Debug` leave both out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteUrl(String);

impl RemoteUrl {
    /// Takes an address as it is.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, credentials included: for BuildKit, never for a message.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&redacted(&self.0), f)
    }
}

/// An address with its user information (for ssh only the password) replaced and the values of its query left out.
pub fn redacted(url: &str) -> String {
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (url, None),
    };
    let (address, query) = match address.split_once('?') {
        Some((address, _)) => (address, "?…"),
        None => (address, ""),
    };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{}{query}{fragment}", without_credentials(address))
}

/// An address without the part of its user information that can be a secret: for http and https all of it, since
/// a token is often given as the user's name; for others the password.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let Some((user, host)) = authority.rsplit_once('@') else {
        return url.to_owned();
    };
    let user = match user.split_once(':') {
        _ if scheme.to_ascii_lowercase().starts_with("http") => String::new(),
        Some((name, _)) => format!("{name}@"),
        None => format!("{user}@"),
    };
    format!("{scheme}://{user}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, shown) in [
            ("plain", r#""plain""#),
            ("a\x1b[31mb", r#""a\u{1b}[31mb""#),
            ("a\"b\\c\nd", r#""a\"b\\c\nd""#),
            ("abc\u{202e}fed", r#""abc\u{202e}fed""#),
            ("grün", "\"grün\""),
            ("", "\"\""),
        ] {
            assert_eq!(Quoted(text).to_string(), shown);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let shown = Quoted(&"ä".repeat(10_000)).to_string();
        assert_eq!(shown.chars().count(), SHOWN + 3);
        assert!(shown.ends_with("…\""));
    }

    #[test]
    fn credentials_are_left_out() {
        for (url, shown) in [
            ("https://github.com/a/b.git#main:sub", "https://github.com/a/b.git#main:sub"),
            ("https://ghp_secret@github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://me:secret@github.com/a/b.git?ref=x#y", "https://github.com/a/b.git?…#y"),
            ("https://host/x.tgz?token=secret", "https://host/x.tgz?…"),
            ("ssh://git:secret@host:22/a.git", "ssh://git@host:22/a.git"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("https://a@b@host/x@y", "https://host/x@y"),
        ] {
            assert_eq!(RemoteUrl::new(url).to_string(), shown);
            assert_eq!(format!("{:?}", RemoteUrl::new(url)), format!("{shown:?}"));
        }
    }
}

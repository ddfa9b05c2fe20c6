//! Which texts are addresses of git repositories, and the parts of one. No meaning is given to the parts here: that is
//! `git`'s part.

use super::text::Quoted;

/// A git address taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GitUrl {
    /// Without query and fragment.
    pub remote: String,
    /// Keys and values, decoded, in the order they stand.
    pub query: Vec<(String, String)>,
    /// What follows `#`, decoded; may be empty.
    pub fragment: String,
}

/// Why an address is not well formed. Never holds the address: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("is encoded wrongly in {}", Quoted(.0))]
    Encoding(String),
    /// A `;` in the query.
    #[error("has a \";\" in its query")]
    Semicolon,
    /// Nothing between `//` and the path.
    #[error("names no host")]
    NoHost,
    /// What follows the host's colon is not a number.
    #[error("has a port that is not a number")]
    Port,
    /// A space or a control character.
    #[error("holds a space or a control character")]
    Character,
    /// More keys than anyone needs.
    #[error("has more than {MAX_KEYS} keys in its query")]
    TooManyKeys,
}

const MAX_KEYS: usize = 64;

impl GitUrl {
    /// Takes a text apart; `None` if it is not the address of a git repository.
    pub fn parse(text: &str) -> Result<Option<Self>, UrlError> {
        if text.starts_with("./") || text.starts_with("../") {
            return Ok(None);
        }
        if text.starts_with("github.com/") {
            return Self::url("https", &format!("https://{text}")).map(Some);
        }
        match text.split_once("://") {
            Some((scheme, _)) if !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                match scheme.to_ascii_lowercase().as_str() {
                    scheme @ ("ssh" | "git") => Self::url(scheme, text).map(Some),
                    scheme @ ("http" | "https") if ends_in_git(text) => Self::url(scheme, text).map(Some),
                    _ => Ok(None),
                }
            }
            _ => Self::scp(text),
        }
    }

    fn url(scheme: &str, text: &str) -> Result<Self, UrlError> {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        if text.chars().any(char::is_control) || address.contains(' ') {
            return Err(UrlError::Character);
        }
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port),
            _ => (host, ""),
        };
        if name.is_empty() {
            return Err(UrlError::NoHost);
        }
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(UrlError::Port);
        }
        decode(path, Plus::Plus)?;
        Ok(Self { remote: format!("{scheme}://{rest}"), query: pairs(query)?, fragment: decode(fragment, Plus::Plus)? })
    }

    /// `user@host:path[?query][#fragment]`, as scp and git write it. The fragment is not encoded.
    fn scp(text: &str) -> Result<Option<Self>, UrlError> {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let word = |text: &str, more: &[u8]| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || more.contains(&b))
        };
        let Some((user, rest)) = address.split_once('@') else {
            return Ok(None);
        };
        match rest.split_once(':') {
            Some((host, _)) if word(user, b"_") && word(host, b".") => {}
            _ => return Ok(None),
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::Character);
        }
        Ok(Some(Self { remote: address.to_owned(), query: pairs(query)?, fragment: fragment.to_owned() }))
    }
}

/// Whether the path of an http address ends in exactly `.git`, decoded or not.
fn ends_in_git(text: &str) -> bool {
    let address = text.split(['#', '?']).next().unwrap_or_default();
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    path.ends_with(".git") || decode(path, Plus::Plus).is_ok_and(|path| path.ends_with(".git"))
}

/// The keys and values of a query.
fn pairs(query: &str) -> Result<Vec<(String, String)>, UrlError> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return Err(UrlError::Semicolon);
        }
        if pairs.len() >= MAX_KEYS {
            return Err(UrlError::TooManyKeys);
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(key, Plus::Space)?, decode(value, Plus::Space)?));
    }
    Ok(pairs)
}

/// What `+` stands for: a space in queries, itself elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Plus,
    Space,
}

/// Resolves `%xx`.
fn decode(text: &str, plus: Plus) -> Result<String, UrlError> {
    let wrong = || UrlError::Encoding(text.to_owned());
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut digit =
                    || bytes.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                out.push((high << 4) | low);
            }
            b'+' if plus == Plus::Space => out.push(b' '),
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).map_err(|_| wrong())
}

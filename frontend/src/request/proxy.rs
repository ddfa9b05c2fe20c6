//! Proxies. They come as build args, in upper or lower case, mostly from the client's own configuration, and may hold
//! a password. They go into the environment of steps and nowhere else.

use std::collections::BTreeMap;
use std::fmt;

/// Addresses of proxies. `Debug` says which there are, never what they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyEnv {
    /// `HTTP_PROXY`.
    pub http: Option<String>,
    /// `HTTPS_PROXY`.
    pub https: Option<String>,
    /// `FTP_PROXY`.
    pub ftp: Option<String>,
    /// `NO_PROXY`.
    pub no: Option<String>,
    /// `ALL_PROXY`.
    pub all: Option<String>,
}

impl ProxyEnv {
    /// These, and others where there is none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            http: self.http.or(other.http),
            https: self.https.or(other.https),
            ftp: self.ftp.or(other.ftp),
            no: self.no.or(other.no),
            all: self.all.or(other.all),
        }
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for ProxyEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all =
            [("http", &self.http), ("https", &self.https), ("ftp", &self.ftp), ("no", &self.no), ("all", &self.all)];
        f.debug_set().entries(all.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name)).finish()
    }
}

/// Whether a build arg of this name is a proxy.
pub fn is_proxy(name: &str) -> bool {
    ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"].iter().any(|p| name.eq_ignore_ascii_case(p))
}

/// Takes the proxies out of all build args. Where a name comes in several cases, lower case wins, as in curl;
/// an empty value means none, which is how a client's configuration is overridden.
pub(super) fn take(build_args: &mut BTreeMap<String, String>) -> ProxyEnv {
    let mut proxies: BTreeMap<String, String> = BTreeMap::new();
    // Upper case sorts before lower case, so what is written last is the lowest.
    for (name, value) in build_args.iter().filter(|(name, _)| is_proxy(name)) {
        proxies.insert(name.to_ascii_lowercase(), value.clone());
    }
    build_args.retain(|name, _| !is_proxy(name));
    let mut take = |name: &str| proxies.remove(name).filter(|value| !value.is_empty());
    ProxyEnv {
        http: take("http_proxy"),
        https: take("https_proxy"),
        ftp: take("ftp_proxy"),
        no: take("no_proxy"),
        all: take("all_proxy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn any_case_is_taken_and_nothing_else() {
        let mut build_args = args(&[
            ("HTTP_PROXY", "http://upper"),
            ("http_proxy", "http://lower"),
            ("Https_Proxy", "http://s"),
            ("ftp_proxy", "http://f"),
            ("NO_PROXY", "localhost"),
            ("all_proxy", "socks://a"),
            ("my_http_proxy", "mine"),
        ]);
        let proxy = take(&mut build_args);
        assert_eq!(proxy.http.as_deref(), Some("http://lower"));
        assert_eq!(proxy.https.as_deref(), Some("http://s"));
        assert_eq!(proxy.ftp.as_deref(), Some("http://f"));
        assert_eq!(proxy.no.as_deref(), Some("localhost"));
        assert_eq!(proxy.all.as_deref(), Some("socks://a"));
        assert_eq!(build_args, args(&[("my_http_proxy", "mine")]));
    }

    #[test]
    fn an_empty_one_switches_off() {
        assert!(take(&mut args(&[("HTTP_PROXY", "http://config"), ("http_proxy", "")])).is_empty());
    }

    #[test]
    fn addresses_are_not_shown() {
        let proxy = ProxyEnv { http: Some("http://me:secret@proxy".into()), ..ProxyEnv::default() };
        assert_eq!(format!("{proxy:?}"), r#"{"http"}"#);
    }
}

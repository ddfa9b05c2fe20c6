//! Every option that a client may send, in one table: its name, the flag that sets it, whether it is honoured, what it
//! takes and what it does here. Parsers and messages read this table, so that no option is known in two places.
//!
//! What is in no row is not an error: BuildKit and its clients add options of their own.

use super::table::OPTIONS;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// The option's name in the request.
    pub key: Key,
    /// What a user types to set it: a flag of `docker buildx build`, or words where it is no flag; empty where clients
    /// set it by themselves.
    pub flag: &'static str,
    /// Whether it is honoured.
    pub status: Status,
    /// What it takes; follows "allowed: ".
    pub allowed: &'static str,
    /// What it does here, or why it does nothing.
    pub text: &'static str,
}

/// How an option's name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The whole name.
    Exact(&'static str),
    /// The whole name, in upper or lower case.
    AnyCase(&'static str),
    /// The start of the name; the rest is the user's.
    Prefix(&'static str),
}

impl Key {
    /// The name, or the fixed part of it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Exact(text) | Self::AnyCase(text) | Self::Prefix(text) => text,
        }
    }
}

/// Whether an option is honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Honoured,
    /// For some values; [`super::Request::refuse_unsupported`] refuses the others.
    Partly,
    /// It is meant for someone else, or has no meaning here, and changes nothing.
    Ignored,
    /// Not yet: [`super::Request::refuse_unsupported`] says so.
    Refused,
}

impl Opt {
    /// What a message calls the option: the flag as code, or the words as they are.
    pub fn subject(&self) -> String {
        if self.flag.starts_with('-') { format!("`{}`", self.flag) } else { self.flag.to_owned() }
    }
}

/// The row of an option, by its full name. The longest prefix wins; a whole name wins over a prefix.
pub fn find(name: &str) -> Option<&'static Opt> {
    let whole = OPTIONS.iter().copied().find(|opt| match opt.key {
        Key::Exact(key) => name == key,
        Key::AnyCase(key) => name.eq_ignore_ascii_case(key),
        Key::Prefix(_) => false,
    });
    let prefix = || {
        let fits = |opt: &&&'static Opt| matches!(opt.key, Key::Prefix(key) if name.starts_with(key));
        OPTIONS.iter().filter(fits).copied().max_by_key(|opt| opt.key.text().len())
    };
    whole.or_else(prefix)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every option of BuildKit's own frontends, as its documentation and `frontend/dockerui` know them.
    const KNOWN: &[&str] = &[
        "filename",
        "target",
        "platform",
        "multi-platform",
        "build-arg:BUILDKIT_MULTI_PLATFORM",
        "label:x",
        "build-arg:x",
        "image-resolve-mode",
        "no-cache",
        "requestid",
        "cmdline",
        "source",
        "frontend.caps",
        "force-network-mode",
        "add-hosts",
        "shm-size",
        "ulimit",
        "cgroup-parent",
        "hostname",
        "build-arg:BUILDKIT_SANDBOX_HOSTNAME",
        "memory",
        "memswap",
        "cpushares",
        "cpuperiod",
        "cpuquota",
        "cpusetcpus",
        "cpusetmems",
        "build-arg:http_proxy",
        "build-arg:HTTPS_PROXY",
        "build-arg:ftp_proxy",
        "build-arg:no_proxy",
        "build-arg:all_proxy",
        "context",
        "contextkey",
        "dockerfilekey",
        "contextsubdir",
        "context:x",
        "context:x::linux/amd64",
        "input-metadata:x",
        "local-sessionid:x",
        "sharedkey:localdir:x",
        "build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR",
        "input:context",
        "vcs:source",
        "vcs:revision",
        "vcs:localdir:x",
        "cache-imports",
        "cache-from",
        "build-arg:BUILDKIT_CACHE_MOUNT_NS",
        "attest:sbom",
        "build-arg:BUILDKIT_ATTEST_SBOM",
        "attest:provenance",
        "build-arg:BUILDKIT_ATTEST_PROVENANCE",
        "build-arg:SOURCE_DATE_EPOCH",
        "build-arg:BUILDKIT_SYNTAX",
        "build-arg:BUILDKIT_DOCKERFILE_CHECK",
        "build-arg:BUILDKIT_SBOM_SCAN_CONTEXT",
        "build-arg:BUILDKIT_SBOM_SCAN_STAGE",
        "build-arg:BUILDKIT_INLINE_CACHE",
        "build-arg:BUILDKIT_BUILD_NAME",
        "build-arg:BUILDKIT_GIT_ADVICE",
        "build-arg:BUILDKIT_DISABLE_FILEOP",
        "override-copy-image",
        "gateway-devel",
    ];

    #[test]
    fn every_option_has_a_row() {
        for name in KNOWN {
            let opt = find(name).unwrap_or_else(|| panic!("{name} is in no row"));
            assert!(!opt.allowed.is_empty() && !opt.text.is_empty(), "{name}");
        }
        assert_eq!(find("something-new"), None);
    }

    #[test]
    fn every_row_is_there_once_and_is_needed() {
        let names: BTreeSet<_> =
            OPTIONS.iter().map(|opt| (opt.key.text(), matches!(opt.key, Key::Prefix(_)))).collect();
        assert_eq!(names.len(), OPTIONS.len());
        for opt in OPTIONS {
            assert!(KNOWN.iter().any(|name| find(name) == Some(opt)), "{:?} stands for nothing known", opt.key);
        }
    }

    #[test]
    fn the_longest_name_wins() {
        assert_eq!(find("build-arg:BUILDKIT_NEW").unwrap().key, Key::Prefix("build-arg:BUILDKIT_"));
        assert_eq!(find("build-arg:SOURCE_DATE_EPOCH").unwrap().key, Key::Exact("build-arg:SOURCE_DATE_EPOCH"));
        assert_eq!(find("build-arg:Http_Proxy").unwrap().key, Key::AnyCase("build-arg:http_proxy"));
        assert_eq!(find("context:x").unwrap().key, Key::Prefix("context:"));
    }
}

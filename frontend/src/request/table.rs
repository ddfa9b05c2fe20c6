//! The rows of the option table. What an option is for is BuildKit's to say (`frontend/dockerui` and
//! `frontend/gateway` of BuildKit, `build/opt.go` of buildx: the names and flags were read there); what it does here is
//! said in each row.

use super::options::{Key, Opt, Status};

/// Makes a constant of each row and the table of all of them, so that no row can be missing from the table.
macro_rules! options {
    ($($name:ident: $kind:ident $key:literal, $flag:literal, $status:ident, $allowed:literal, $text:literal;)*) => {
        $(
            #[doc = concat!("`", $key, "`: ", $text)]
            pub static $name: Opt = Opt {
                key: Key::$kind($key),
                flag: $flag,
                status: Status::$status,
                allowed: $allowed,
                text: $text,
            };
        )*

        /// Every option that is known.
        pub static OPTIONS: &[&Opt] = &[$(&$name),*];
    };
}

options! {
    FILENAME: Exact "filename", "--file", Honoured,
        "a relative path inside the directory that the build file is in",
        "The build file; `Dockerfile` where a client does not say.";
    TARGET: Exact "target", "--target", Honoured,
        "the name of a target or stage",
        "What is built; the image by default.";
    PLATFORM: Exact "platform", "--platform", Honoured,
        "platforms of Linux as os/architecture[/variant], such as linux/amd64 or linux/arm64, separated by commas",
        "The platforms of the image; the worker's own by default.";
    MULTI_PLATFORM: Exact "multi-platform", "", Honoured,
        "true or false",
        "Whether the result is a list of platforms even if it holds one.";
    MULTI_PLATFORM_ARG: Exact "build-arg:BUILDKIT_MULTI_PLATFORM", "--build-arg BUILDKIT_MULTI_PLATFORM", Honoured,
        "true or false",
        "The same; wins over it.";
    LABEL: Prefix "label:", "--label", Honoured,
        "name=value",
        "A label of the image; wins over the build file's.";
    IMAGE_RESOLVE_MODE: Exact "image-resolve-mode", "--pull", Honoured,
        "default, pull or local",
        "Whether images are looked up anew.";
    NO_CACHE: Exact "no-cache", "--no-cache-filter", Honoured,
        "nothing for all steps, or the names of groups of steps, separated by commas",
        "Steps that run even where a result is at hand; `--no-cache` for all.";
    REQUEST_ID: Exact "requestid", "--call", Partly,
        "the id of a request",
        "A question about the build instead of a build; `--check` is one.";
    CMDLINE: Exact "cmdline", "syntax line", Honoured,
        "an image reference and arguments",
        "The whole value of the syntax line.";
    SOURCE: Exact "source", "syntax line", Honoured,
        "an image reference",
        "The image that this frontend came from.";
    FRONTEND_CAPS: Exact "frontend.caps", "", Honoured,
        "names, separated by commas",
        "What the client expects of a frontend; BuildKit compares it with the image's label.";
    NETWORK: Exact "force-network-mode", "--network", Honoured,
        "none, host or default",
        "The network of steps.";
    ADD_HOSTS: Exact "add-hosts", "--add-host", Honoured,
        "host=address, separated by commas, such as registry=10.0.0.5",
        "Lines for the steps' /etc/hosts.";
    SHM_SIZE: Exact "shm-size", "--shm-size", Honoured,
        "a number of bytes, such as 67108864",
        "The size of the steps' /dev/shm.";
    ULIMIT: Exact "ulimit", "--ulimit", Honoured,
        "name=soft[:hard], such as nofile=1024:2048; names are core, cpu, data, fsize, locks, memlock, \
         msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending and stack; -1 is no limit",
        "Limits of the steps' processes.";
    CGROUP_PARENT: Exact "cgroup-parent", "--cgroup-parent", Honoured,
        "the path of a cgroup",
        "The cgroup that steps run in.";
    HOSTNAME: Exact "hostname", "", Honoured,
        "a host name of at most 64 bytes",
        "The steps' host name.";
    HOSTNAME_ARG: Exact "build-arg:BUILDKIT_SANDBOX_HOSTNAME", "--build-arg BUILDKIT_SANDBOX_HOSTNAME", Honoured,
        "a host name of at most 64 bytes",
        "The same; wins over it.";
    MEMORY: Exact "memory", "--resource memory", Honoured,
        "a number of bytes above 0",
        "Memory of a step.";
    MEMSWAP: Exact "memswap", "--resource memory-swap", Honoured,
        "a number of bytes above 0, or -1 for no limit",
        "Memory and swap of a step together.";
    CPU_SHARES: Exact "cpushares", "--resource cpu-shares", Honoured,
        "a number above 0",
        "Weight of a step against others.";
    CPU_PERIOD: Exact "cpuperiod", "--resource cpu-period", Honoured,
        "microseconds above 0",
        "Length of a scheduler period.";
    CPU_QUOTA: Exact "cpuquota", "--resource cpu-quota", Honoured,
        "microseconds above 0",
        "Processor time of a step per period.";
    CPUSET_CPUS: Exact "cpusetcpus", "--resource cpuset-cpus", Honoured,
        "numbers and ranges, such as 0-3,5",
        "Processors that steps run on.";
    CPUSET_MEMS: Exact "cpusetmems", "--resource cpuset-mems", Honoured,
        "numbers and ranges, such as 0-1",
        "Memory nodes that steps use.";
    HTTP_PROXY: AnyCase "build-arg:http_proxy", "--build-arg http_proxy", Honoured,
        "an address",
        "A proxy, in the steps' environment only.";
    HTTPS_PROXY: AnyCase "build-arg:https_proxy", "--build-arg https_proxy", Honoured,
        "an address",
        "A proxy, in the steps' environment only.";
    FTP_PROXY: AnyCase "build-arg:ftp_proxy", "--build-arg ftp_proxy", Honoured,
        "an address",
        "A proxy, in the steps' environment only.";
    NO_PROXY: AnyCase "build-arg:no_proxy", "--build-arg no_proxy", Honoured,
        "hosts, separated by commas",
        "Hosts reached without a proxy, in the steps' environment only.";
    ALL_PROXY: AnyCase "build-arg:all_proxy", "--build-arg all_proxy", Honoured,
        "an address",
        "A proxy, in the steps' environment only.";
    CONTEXT: Exact "context", "build context", Partly,
        "a directory, or a git repository such as https://example.com/team/portal.git#main:directory",
        "Where the repository is. Archives from an address or from standard input not yet.";
    CONTEXT_KEY: Exact "contextkey", "", Honoured,
        "the name of an option",
        "The option that says where the repository is, in place of `context`.";
    DOCKERFILE_KEY: Exact "dockerfilekey", "--file", Honoured,
        "the name of a directory that the client offers",
        "Reads the build file from the client although the repository is elsewhere.";
    CONTEXT_SUBDIR: Exact "contextsubdir", "", Honoured,
        "a relative path inside the build context",
        "The directory of a remote context that becomes its root.";
    NAMED_CONTEXT: Prefix "context:", "--build-context", Refused,
        "name=docker-image://…, oci-layout://…, a git or http address, or a directory",
        "Replaces an image, a stage or a source by name.";
    INPUT_METADATA: Prefix "input-metadata:", "`target:` context of bake", Refused,
        "JSON",
        "The image config of another target's result.";
    INPUT: Prefix "input:", "`target:` context of bake", Ignored,
        "an address",
        "Where an input came from; for provenance, which the daemon writes.";
    LOCAL_SESSION: Prefix "local-sessionid:", "", Honoured,
        "the id of a session",
        "The session that offers a directory, where bake shares one.";
    SHARED_KEY: Prefix "sharedkey:localdir:", "--build-context", Refused,
        "a text",
        "Part of the name under which the daemon keeps a named context's files.";
    KEEP_GIT_DIR: Exact "build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "--build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR", Honoured,
        "true or false",
        "Whether a git context keeps its .git.";
    VCS: Prefix "vcs:", "", Honoured,
        "a text",
        "Revision and address of the client's work tree; for provenance, which the daemon writes.";
    CACHE_IMPORTS: Exact "cache-imports", "--cache-from", Honoured,
        "a JSON array of objects with Type and Attrs",
        "Caches that results are read from.";
    CACHE_FROM: Exact "cache-from", "--cache-from", Honoured,
        "image references, separated by commas",
        "The same in its old form.";
    CACHE_NAMESPACE: Exact "build-arg:BUILDKIT_CACHE_MOUNT_NS", "--build-arg BUILDKIT_CACHE_MOUNT_NS", Honoured,
        "a name without spaces",
        "Keeps cache mounts apart from those of other builds.";
    ATTEST: Prefix "attest:", "--attest", Honoured,
        "sbom or provenance, with comma-separated settings",
        "SBOM and provenance, which the daemon makes.";
    ATTEST_ARG: Prefix "build-arg:BUILDKIT_ATTEST_", "--build-arg BUILDKIT_ATTEST_…", Honoured,
        "comma-separated settings",
        "The same in its old form.";
    SOURCE_DATE_EPOCH: Exact "build-arg:SOURCE_DATE_EPOCH", "--build-arg SOURCE_DATE_EPOCH", Partly,
        "seconds since 1970, such as 1700000000",
        "The time that files and image carry. The name of a context or stage not yet.";
    SYNTAX: Exact "build-arg:BUILDKIT_SYNTAX", "--build-arg BUILDKIT_SYNTAX", Ignored,
        "an image reference",
        "What chose this frontend.";
    CHECK: Exact "build-arg:BUILDKIT_DOCKERFILE_CHECK", "--build-arg BUILDKIT_DOCKERFILE_CHECK", Ignored,
        "skip=…, experimental=… and error=…, separated by semicolons",
        "Which lint rules hold; there are none so far.";
    BUILDKIT_ARG: Prefix "build-arg:BUILDKIT_", "--build-arg BUILDKIT_…", Ignored,
        "a text",
        "Meant for BuildKit or for Dockerfiles.";
    BUILD_ARG: Prefix "build-arg:", "--build-arg", Honoured,
        "name=value",
        "Overrides a value of the build file by its path.";
    OVERRIDE_COPY_IMAGE: Exact "override-copy-image", "", Ignored,
        "nothing",
        "Removed from BuildKit, which refuses it itself.";
    GATEWAY_DEVEL: Exact "gateway-devel", "", Ignored,
        "nothing",
        "Removed from BuildKit, which refuses it itself.";
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

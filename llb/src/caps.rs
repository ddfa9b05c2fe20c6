//! Capabilities: the names under which a daemon says what it understands. An op lists those of the
//! fields it uses; a daemon refuses a definition that lists one it does not have, and silently
//! ignores fields it does not know. Listing them is what turns the second into the first.
//!
//! Names read in `solver/pb/caps.go` of v0.17.3 and v0.33.1. Two names there,
//! `file.copy.modestring` and `exec.meta.removemountstubs.recursive`, are declared but never
//! registered: no daemon has them, so they are not here. The fields work where
//! [`EXEC_VALID_EXIT_CODE`] is.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// The name of a capability.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cap(Cow<'static, str>);

/// A set of capabilities.
pub type Caps = BTreeSet<Cap>;

impl Cap {
    /// A capability by its name on the wire.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Cap {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! caps {
    ($($name:ident = $text:literal, $doc:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`: ", $doc)]
            pub const $name: Cap = Cap::new($text);
        )*
    };
}

caps! {
    CONSTRAINTS = "constraints", "ops carry worker constraints.";
    PLATFORM = "platform", "ops carry a platform.";
    META_IGNORE_CACHE = "meta.ignorecache", "`ignore_cache` is honoured.";
    META_DESCRIPTION = "meta.description", "descriptions, the custom name among them.";
    META_EXPORT_CACHE = "meta.exportcache", "`export_cache` is honoured.";

    SOURCE_IMAGE = "source.image", "images.";
    SOURCE_IMAGE_RESOLVE_MODE = "source.image.resolvemode", "resolve mode `pull` is enforced.";
    SOURCE_IMAGE_LAYER_LIMIT = "source.image.layerlimit", "only the first layers of an image.";
    SOURCE_IMAGE_CHECKSUM = "source.image.checksum", "an image's digest is verified. Not in 0.17.";
    SOURCE_IMAGE_BLOB = "source.imageblob", "single blobs of a registry or layout. Not in 0.17.";
    SOURCE_OCI_LAYOUT = "source.ocilayout", "images of an OCI layout.";
    SOURCE_LOCAL = "source.local", "directories of the client.";
    SOURCE_LOCAL_UNIQUE = "source.local.unique", "a text that keeps equal ops apart.";
    SOURCE_LOCAL_SESSION_ID = "source.local.sessionid", "the session to ask.";
    SOURCE_LOCAL_INCLUDE_PATTERNS = "source.local.includepatterns", "include patterns.";
    SOURCE_LOCAL_FOLLOW_PATHS = "source.local.followpaths", "paths whose symlinks are followed.";
    SOURCE_LOCAL_EXCLUDE_PATTERNS = "source.local.excludepatterns", "exclude patterns.";
    SOURCE_LOCAL_SHARED_KEY_HINT = "source.local.sharedkeyhint", "a name for what may be reused between builds.";
    SOURCE_LOCAL_DIFFER = "source.local.differ", "how files are compared with those of the last transfer.";
    SOURCE_LOCAL_METADATA_TRANSFER = "source.local.metadatatransfer", "only the metadata of files. Not in 0.17.";
    SOURCE_GIT = "source.git", "git repositories.";
    SOURCE_GIT_KEEP_DIR = "source.git.keepgitdir", "`.git` stays.";
    SOURCE_GIT_FULL_URL = "source.git.fullurl", "the real remote besides the neutral identifier.";
    SOURCE_GIT_HTTP_AUTH = "source.git.httpauth", "secrets for HTTP.";
    SOURCE_GIT_KNOWN_SSH_HOSTS = "source.git.knownsshhosts", "known hosts for SSH.";
    SOURCE_GIT_MOUNT_SSH_SOCK = "source.git.mountsshsock", "an agent for SSH.";
    SOURCE_GIT_CHECKSUM = "source.git.checksum", "the commit is verified. Not in 0.17.";
    SOURCE_GIT_SKIP_SUBMODULES = "source.git.skipsubmodules", "submodules stay away. Not in 0.17.";
    SOURCE_GIT_SIGNATURE_VERIFY = "source.git.signatureverify", "signatures are verified. Not in 0.17.";
    SOURCE_GIT_MTIME = "source.git.mtime", "file times of the commit. Not in 0.17.";
    SOURCE_GIT_FETCH_BY_COMMIT = "source.git.fetchbycommit", "the commit is fetched, not the ref. Not in 0.17.";
    SOURCE_GIT_BUNDLE = "source.git.bundle", "commits out of a bundle. Not in 0.17.";
    SOURCE_GIT_CHECKOUT_BUNDLE = "source.git.checkoutbundle", "a bundle as the result. Not in 0.17.";
    SOURCE_HTTP = "source.http", "files over HTTP.";
    SOURCE_HTTP_AUTH = "source.http.auth", "a secret as the authorization header. Not in 0.17.";
    SOURCE_HTTP_CHECKSUM = "source.http.checksum", "the file is verified.";
    SOURCE_HTTP_PERM = "source.http.perm", "the file's mode.";
    SOURCE_HTTP_UID_GID = "soruce.http.uidgid", "the file's owner. The misspelling is the name on the wire.";
    SOURCE_HTTP_HEADER = "source.http.header", "request headers. Not in 0.17.";
    SOURCE_HTTP_SIGNATURE_VERIFY = "source.http.signatureverify", "signatures are verified. Not in 0.17.";

    EXEC_META_BASE = "exec.meta.base", "processes.";
    EXEC_META_CGROUP_PARENT = "exec.meta.cgroup.parent", "the parent of the process's cgroup.";
    EXEC_META_NETWORK = "exec.meta.network", "network modes.";
    EXEC_META_PROXY = "exec.meta.proxyenv", "proxy variables outside the cache key.";
    EXEC_META_SECURITY = "exec.meta.security", "security modes.";
    EXEC_META_SETS_DEFAULT_PATH = "exec.meta.setsdefaultpath", "a PATH is set where the environment has none.";
    EXEC_META_ULIMIT = "exec.meta.ulimit", "resource limits of the process.";
    EXEC_META_CDI = "exec.meta.cdi", "devices. Not in 0.17.";
    EXEC_META_LINUX_RESOURCES = "exec.meta.linux.resources", "cgroup limits. Not in 0.17.";
    EXEC_MOUNT_BIND = "exec.mount.bind", "bind mounts.";
    EXEC_MOUNT_BIND_READWRITE_NO_OUTPUT = "exec.mount.bind.readwrite-nooutput", "writable mounts that are thrown away.";
    EXEC_MOUNT_CACHE = "exec.mount.cache", "cache mounts.";
    EXEC_MOUNT_CACHE_SHARING = "exec.mount.cache.sharing", "sharing modes of cache mounts.";
    EXEC_MOUNT_SELECTOR = "exec.mount.selector", "a path inside a mount's input.";
    EXEC_MOUNT_TMPFS = "exec.mount.tmpfs", "tmpfs mounts.";
    EXEC_MOUNT_TMPFS_SIZE = "exec.mount.tmpfs.size", "their size.";
    EXEC_MOUNT_SECRET = "exec.mount.secret", "secrets.";
    EXEC_MOUNT_SSH = "exec.mount.ssh", "SSH agents.";
    EXEC_MOUNT_CONTENT_CACHE = "exec.mount.cache.content", "whether a mount's content counts for the cache.";
    EXEC_SECRET_ENV = "exec.secretenv", "secrets as variables.";
    EXEC_VALID_EXIT_CODE = "exec.validexitcode", "other exit codes than 0 as success.";

    FILE_BASE = "file.base", "file operations.";
    FILE_RM_WILDCARD = "file.rm.wildcard", "wildcards in rm.";
    FILE_COPY_INCLUDE_EXCLUDE_PATTERNS = "file.copy.includeexcludepatterns", "patterns in copy.";
    FILE_COPY_REQUIRED_PATHS = "file.copy.requiredpaths", "paths that a copy must find. Not in 0.17.";
    FILE_COPY_ALWAYS_REPLACE = "file.copy.alwaysreplaceexistingdestpaths", "a file replaces a directory and the other way round.";
    FILE_SYMLINK_CREATE = "file.symlink.create", "symlinks. Not in 0.17.";

    MERGE_OP = "mergeop", "MergeOp.";
    DIFF_OP = "diffop", "DiffOp.";
}

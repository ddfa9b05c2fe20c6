//! SourceOp: what comes from outside the graph. One module per kind.
//!
//! A source is an identifier and attributes. The builders know which attribute means what; the
//! table here knows which capability an attribute needs, also for sources that come from elsewhere
//! ([`resolved`]). Attributes read in `solver/pb/attr.go` and `client/llb/source.go`.

mod git;
mod http;
mod image;
mod local;
mod oci_layout;

use std::collections::BTreeMap;

use buildkit_proto::pb;

pub use git::{Git, GitSignature, MTime};
pub use http::Http;
pub use image::{Image, RecordType, ResolveMode};
pub use local::{Differ, Local};
pub use oci_layout::OciLayout;

use crate::caps::{self, Cap, Caps};
use crate::node::{Inputs, Node};
use crate::{Metadata, Output, Platform};

/// An identifier with attributes, under construction.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    identifier: String,
    attrs: BTreeMap<&'static str, String>,
    platform: Option<Platform>,
    metadata: Metadata,
    /// Those that attributes alone don't tell.
    caps: Caps,
}

impl Source {
    fn new(identifier: String) -> Self {
        Self { identifier, attrs: BTreeMap::new(), platform: None, metadata: Metadata::default(), caps: Caps::new() }
    }

    fn set(&mut self, attr: &'static str, value: impl Into<String>) {
        self.attrs.insert(attr, value.into());
    }

    fn build(self) -> Output {
        let source = pb::SourceOp {
            identifier: self.identifier,
            attrs: self.attrs.into_iter().map(|(key, value)| entry(key, value)).collect(),
        };
        node(source, self.platform.as_ref(), self.metadata, self.caps)
    }
}

/// A source as the daemon gave it, which is what a graph should use after the daemon was asked to
/// resolve one: policy may have rewritten the identifier, even to another scheme.
///
/// The platform is taken over where the scheme has one (images and layouts).
pub fn resolved(mut source: pb::SourceOp, platform: Option<&Platform>, metadata: Metadata) -> Output {
    // Decoded entries may lack an empty member, and any order is legal on the wire.
    for attr in &mut source.attrs {
        attr.key.get_or_insert_default();
        attr.value.get_or_insert_default();
    }
    source.attrs.sort_by(|a, b| a.key.cmp(&b.key));
    let platform = platform.filter(|_| has_platform(&source.identifier));
    node(source, platform, metadata, Caps::new())
}

fn node(source: pb::SourceOp, platform: Option<&Platform>, metadata: Metadata, mut caps: Caps) -> Output {
    caps.extend(source_caps(&source));
    if platform.is_some() {
        caps.insert(caps::PLATFORM);
    }
    let op =
        pb::Op { op: Some(pb::op::Op::Source(source)), platform: platform.map(Platform::to_pb), ..Default::default() };
    Node::new(op, Inputs::default(), metadata, caps).output(0)
}

fn entry(key: &str, value: String) -> pb::StringEntry {
    pb::StringEntry { key: Some(key.into()), value: Some(value) }
}

fn has_platform(identifier: &str) -> bool {
    matches!(identifier.split_once("://"), Some(("docker-image" | "oci-layout", _)))
}

/// A list of patterns or paths as an attribute holds it.
fn json_list<S: Into<String>>(items: impl IntoIterator<Item = S>) -> String {
    serde_json::Value::from(items.into_iter().map(Into::into).collect::<Vec<String>>()).to_string()
}

/// A mode as Go writes it: octal with a leading zero.
fn octal(mode: u32) -> String {
    format!("0{mode:o}")
}

/// Capability by scheme.
const SCHEMES: &[(&str, Cap)] = &[
    ("docker-image", caps::SOURCE_IMAGE),
    ("docker-image+blob", caps::SOURCE_IMAGE_BLOB),
    ("oci-layout", caps::SOURCE_OCI_LAYOUT),
    ("oci-layout+blob", caps::SOURCE_IMAGE_BLOB),
    ("local", caps::SOURCE_LOCAL),
    ("git", caps::SOURCE_GIT),
    ("http", caps::SOURCE_HTTP),
    ("https", caps::SOURCE_HTTP),
];

/// Capability by attribute. Attributes that are hints to older daemons, such as the names of git's
/// secrets, have none.
const ATTRS: &[(&str, Cap)] = &[
    ("image.layerlimit", caps::SOURCE_IMAGE_LAYER_LIMIT),
    ("image.checksum", caps::SOURCE_IMAGE_CHECKSUM),
    ("local.session", caps::SOURCE_LOCAL_SESSION_ID),
    ("local.unique", caps::SOURCE_LOCAL_UNIQUE),
    ("local.includepattern", caps::SOURCE_LOCAL_INCLUDE_PATTERNS),
    ("local.excludepatterns", caps::SOURCE_LOCAL_EXCLUDE_PATTERNS),
    ("local.followpaths", caps::SOURCE_LOCAL_FOLLOW_PATHS),
    ("local.sharedkeyhint", caps::SOURCE_LOCAL_SHARED_KEY_HINT),
    ("local.differ", caps::SOURCE_LOCAL_DIFFER),
    ("local.metadatatransfer", caps::SOURCE_LOCAL_METADATA_TRANSFER),
    ("git.keepgitdir", caps::SOURCE_GIT_KEEP_DIR),
    ("git.fullurl", caps::SOURCE_GIT_FULL_URL),
    ("git.knownsshhosts", caps::SOURCE_GIT_KNOWN_SSH_HOSTS),
    ("git.mountsshsock", caps::SOURCE_GIT_MOUNT_SSH_SOCK),
    ("git.checksum", caps::SOURCE_GIT_CHECKSUM),
    ("git.skipsubmodules", caps::SOURCE_GIT_SKIP_SUBMODULES),
    ("git.mtime", caps::SOURCE_GIT_MTIME),
    ("git.fetchbycommit", caps::SOURCE_GIT_FETCH_BY_COMMIT),
    ("git.bundle", caps::SOURCE_GIT_BUNDLE),
    ("git.checkoutbundle", caps::SOURCE_GIT_CHECKOUT_BUNDLE),
    ("git.sig.pubkey", caps::SOURCE_GIT_SIGNATURE_VERIFY),
    ("http.authheadersecret", caps::SOURCE_HTTP_AUTH),
    ("http.checksum", caps::SOURCE_HTTP_CHECKSUM),
    ("http.perm", caps::SOURCE_HTTP_PERM),
    ("http.uid", caps::SOURCE_HTTP_UID_GID),
    ("http.gid", caps::SOURCE_HTTP_UID_GID),
    ("http.header.accept", caps::SOURCE_HTTP_HEADER),
    ("http.header.user-agent", caps::SOURCE_HTTP_HEADER),
    ("http.sig.signature", caps::SOURCE_HTTP_SIGNATURE_VERIFY),
];

fn source_caps(source: &pb::SourceOp) -> Caps {
    let scheme = source.identifier.split_once("://").map_or("", |(scheme, _)| scheme);
    // A blob shares attributes with HTTP, but not their capabilities.
    let is_blob = scheme.ends_with("+blob");
    let by_scheme = SCHEMES.iter().filter(|(name, _)| *name == scheme);
    let by_attr = source
        .attrs
        .iter()
        .filter(|_| !is_blob)
        .flat_map(|attr| ATTRS.iter().filter(|(name, _)| attr.key.as_deref() == Some(*name)));
    let mut caps: Caps = by_scheme.chain(by_attr).map(|(_, cap)| cap.clone()).collect();
    // Only `pull` has to be obeyed; the other modes are wishes.
    let is_pull = |attr: &pb::StringEntry| {
        attr.key.as_deref() == Some("image.resolvemode") && attr.value.as_deref() == Some("pull")
    };
    if source.attrs.iter().any(is_pull) {
        caps.insert(caps::SOURCE_IMAGE_RESOLVE_MODE);
    }
    caps
}

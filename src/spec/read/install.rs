//! Reads `install`, `build` and `network`.

use buildkit_frontend::diagnostic::{Diagnostic, Spanned};

use crate::spec::language::memory;
use crate::spec::model::{Build, CaSource, Install, NativeMode, Network, Proxy};
use crate::spec::tree::{Kind, Node};

use super::{boolean, fitting, path, paths, set, set_list, set_map, text, word};

const NATIVES: [(&str, NativeMode); 4] = [
    ("auto", NativeMode::Auto),
    ("prebuilt", NativeMode::Prebuilt),
    ("source", NativeMode::Source),
    ("skip", NativeMode::Skip),
];

pub(super) fn install(node: &Node, install: &mut Install) {
    set(&mut install.yarn, text(node.get("yarn")));
    set(&mut install.registry, text(node.get("registry")));
    set_list(&mut install.secrets, node.get("secrets"));
    set(&mut install.immutable, boolean(node.get("immutable")));
    if let Some(node) = node.get("natives") {
        set(&mut install.natives, word(Some(node), &NATIVES));
        for entry in node.entries() {
            if let Some(mode) = word(Some(&entry.value), &NATIVES) {
                install.natives_by_package.insert(entry.key.value.clone(), mode);
            }
        }
    }
}

pub(super) fn build(node: &Node, build: &mut Build) {
    set(&mut build.base, text(node.get("base")));
    set_list(&mut build.packages, node.get("packages"));
    set(&mut build.command, text(node.get("command")));
    set_list(&mut build.before, node.get("before"));
    if let Some(list) = node.get("config") {
        build.config = Some(Spanned::new(paths(list), list.span.clone()));
    }
    set_map(&mut build.env, node.get("env"));
    if let Some(size) = fitting(node.get("memory"), memory) {
        let Spanned { value, span } = size;
        build.memory = value.map(|mib| Spanned::new(mib, span));
    }
    set(&mut build.minify, boolean(node.get("minify")));
}

pub(super) fn network(node: &Node, network: &mut Network, mistakes: &mut Vec<Diagnostic>) {
    if let Some(node) = node.get("ca") {
        ca(node, network, mistakes);
    }
    if let Some(node) = node.get("proxy") {
        let merged = proxy(node, network.proxy.as_ref());
        set(&mut network.proxy, merged);
    }
    set(&mut network.binary_mirror, text(node.get("binaryMirror")));
}

fn ca(node: &Node, network: &mut Network, mistakes: &mut Vec<Diagnostic>) {
    set(&mut network.ca, text(Some(node)).map(|id| id.map(CaSource::Secret)));
    if !matches!(node.kind, Kind::Map(_)) {
        return;
    }
    let secret = text(node.get("secret"));
    let file = path(node.get("file"));
    match (secret, file) {
        (Some(secret), Some(file)) => mistakes.push(
            Diagnostic::error("spec/conflict", "`network.ca` has both a secret and a file")
                .label(file.span, "the file")
                .label(secret.span, "the secret")
                .help("keep one of them"),
        ),
        (Some(secret), None) => network.ca = Some(secret.map(CaSource::Secret)),
        (None, Some(file)) => network.ca = Some(file.map(CaSource::File)),
        (None, None) => {}
    }
}

fn proxy(node: &Node, before: Option<&Spanned<Proxy>>) -> Option<Spanned<Proxy>> {
    let mut proxy = before.map(|proxy| proxy.value.clone()).unwrap_or_default();
    let value = |key: &str| text(node.get(key)).map(|url| url.value);
    match &node.kind {
        Kind::Scalar { text, .. } => {
            proxy.http = Some(text.clone());
            proxy.https = Some(text.clone());
        }
        Kind::Map(_) => {
            set(&mut proxy.http, value("http"));
            set(&mut proxy.https, value("https"));
            set(&mut proxy.no_proxy, value("noProxy"));
        }
        Kind::Null | Kind::List(_) | Kind::Broken => return None,
    }
    Some(Spanned::new(proxy, node.span.clone()))
}

//! From a tree to the model's values.
//!
//! What does not fit has been reported by the check and is passed over here. Reading fills in what a tree says and
//! leaves the rest: the trees of build args are read into the same [`Spec`] after the file's.

mod assets;
mod image;
mod install;

use std::collections::BTreeMap;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Spanned};
use buildkit_frontend::path::ContextPath;

use super::language::{ValueError, node_version, workspace};
use super::model::{Frontend, Prune, PruneMode, SourceMaps, Spec};
use super::tree::{Kind, Node};

/// Reads a tree; answers the mistakes that only show between several keys of one value.
pub(crate) fn read(root: &Node, spec: &mut Spec) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    set(&mut spec.node, fitting(root.get("node"), node_version));
    set(&mut spec.backend, fitting(root.get("backend"), workspace));
    set(&mut spec.frontend, word(root.get("frontend"), &FRONTEND));
    set(&mut spec.source_maps, word(root.get("sourceMaps"), &SOURCE_MAPS));
    if let Some(node) = root.get("exclude") {
        spec.exclude = texts(node);
    }
    if let Some(node) = root.get("config") {
        set(&mut spec.config, assets::config(node, &mut mistakes));
    }
    if let Some(node) = root.get("files") {
        spec.files = assets::files(node, &mut mistakes);
    }
    if let Some(node) = root.get("checks") {
        set(&mut spec.checks, assets::checks(node));
    }
    if let Some(node) = root.get("prune") {
        prune(node, &mut spec.prune);
    }
    if let Some(node) = root.get("install") {
        install::install(node, &mut spec.install);
    }
    if let Some(node) = root.get("build") {
        install::build(node, &mut spec.build);
    }
    if let Some(node) = root.get("network") {
        install::network(node, &mut spec.network, &mut mistakes);
    }
    if let Some(node) = root.get("runtime") {
        image::runtime(node, &mut spec.runtime);
    }
    mistakes
}

/// Drops the keys that other programs read: BuildKit finds `syntax` in a build file that is JSON, editors `$schema`.
pub(crate) fn drop_foreign_keys(file: &SourceFile, root: &mut Node) {
    let json = file.text.trim_start().starts_with('{');
    if let Kind::Map(entries) = &mut root.kind {
        entries.retain(|entry| entry.key.value != "$schema" && !(json && entry.key.value == "syntax"));
    }
}

const FRONTEND: [(&str, Frontend); 2] = [("bundled", Frontend::Bundled), ("none", Frontend::None)];

const SOURCE_MAPS: [(&str, SourceMaps); 2] = [("drop", SourceMaps::Drop), ("keep", SourceMaps::Keep)];

const PRUNE_MODES: [(&str, PruneMode); 2] = [("safe", PruneMode::Safe), ("off", PruneMode::Off)];

fn prune(node: &Node, prune: &mut Prune) {
    set(&mut prune.mode, word(Some(node), &PRUNE_MODES));
    set_list(&mut prune.keep, node.get("keep"));
    set_list(&mut prune.drop, node.get("drop"));
}

/// Takes a value over if there is one.
fn set<T>(slot: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *slot = value;
    }
}

/// Takes a list of texts over if there is one.
fn set_list(slot: &mut Vec<Spanned<String>>, node: Option<&Node>) {
    if let Some(node) = node {
        *slot = texts(node);
    }
}

/// Adds the entries of a mapping with texts.
fn set_map(slot: &mut BTreeMap<String, Spanned<String>>, node: Option<&Node>) {
    for entry in node.map_or(&[][..], Node::entries) {
        if let Some(value) = text(Some(&entry.value)) {
            slot.insert(entry.key.value.clone(), value);
        }
    }
}

fn text(node: Option<&Node>) -> Option<Spanned<String>> {
    fitting(node, |text| Ok(text.to_owned()))
}

fn texts(node: &Node) -> Vec<Spanned<String>> {
    node.items().iter().filter_map(|item| text(Some(item))).collect()
}

fn boolean(node: Option<&Node>) -> Option<Spanned<bool>> {
    let node = node?;
    Some(Spanned::new(node.boolean()?, node.span.clone()))
}

/// A scalar that has a value of another type.
fn fitting<T>(node: Option<&Node>, read: impl Fn(&str) -> Result<T, ValueError>) -> Option<Spanned<T>> {
    let node = node?;
    let value = read(node.text()?).ok()?;
    Some(Spanned::new(value, node.span.clone()))
}

fn word<T: Copy>(node: Option<&Node>, words: &[(&str, T)]) -> Option<Spanned<T>> {
    let node = node?;
    let text = node.text()?;
    let (_, value) = words.iter().find(|(word, _)| *word == text)?;
    Some(Spanned::new(*value, node.span.clone()))
}

fn path(node: Option<&Node>) -> Option<Spanned<ContextPath>> {
    let node = node?;
    let path = ContextPath::new(node.text()?).ok()?;
    Some(Spanned::new(path, node.span.clone()))
}

fn paths(node: &Node) -> Vec<Spanned<ContextPath>> {
    node.items().iter().filter_map(|item| path(Some(item))).collect()
}

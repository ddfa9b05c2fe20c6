//! Small facts: the Backstage release and what the repository says of Node.

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostics, SourceFile};
use crate::files::Files;
use crate::path::ContextPath;
use crate::repo::{Manifest, NodeHint, json};

use super::root::Root;
use super::{SMALL, source};

/// `version` of backstage.json, if there is such a file.
pub(super) fn backstage(root: &Root) -> Result<Option<String>, Diagnostics> {
    let Some(file) = root.text("backstage.json") else { return Ok(None) };
    let json = json::object(file, "repo/backstage-json")?;
    Ok(json.get("version").and_then(Value::as_str).map(str::to_owned))
}

/// Files of the root that say something of the Node version and nothing else, the strongest first.
const NODE: [&str; 2] = [".nvmrc", ".node-version"];

/// What a repository says of Node, ahead of everything else about it. Nothing where that cannot be read: it is read again,
/// and all that is lost is the early look at the base images.
pub async fn node_hints<F: Files>(files: &F) -> Vec<NodeHint> {
    let path = |name: &str| ContextPath::new(name).unwrap_or_default();
    let paths: Vec<ContextPath> = std::iter::once("package.json").chain(NODE).map(path).collect();
    let Ok(mut found) = files.read_many(&paths, SMALL).await.map(Vec::into_iter) else { return Vec::new() };
    let manifest = found.next().flatten().map(|data| Manifest::parse(&ContextPath::root(), data));
    let Some(Ok(manifest)) = manifest else { return Vec::new() };
    let texts: Vec<_> = NODE.into_iter().zip(found).filter_map(|(name, data)| Some(source(name, data?))).collect();
    node(|name| texts.iter().find(|file| file.name == name), &manifest)
}

/// Statements about the Node version, the strongest first.
pub(super) fn node<'a>(text: impl Fn(&str) -> Option<&'a Arc<SourceFile>>, manifest: &Manifest) -> Vec<NodeHint> {
    let hint =
        |file: &Arc<SourceFile>, range: &str, kind| NodeHint { file: Arc::clone(file), range: range.to_owned(), kind };
    let mut hints = Vec::new();
    for kind in NODE {
        if let Some(file) = text(kind) {
            let lines = file.text.lines().map(|line| line.split_once('#').map_or(line, |(said, _)| said).trim());
            hints.extend(lines.filter(|line| !line.is_empty()).take(1).map(|said| hint(file, said, kind)));
        }
    }
    let engines = manifest.json.get("engines").and_then(|engines| engines.get("node")).and_then(Value::as_str);
    hints.extend(engines.map(|range| hint(&manifest.file, range.trim(), "engines.node")));
    hints
}

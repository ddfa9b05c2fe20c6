//! Small facts: the Backstage release and what the repository says of Node.

use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostics, SourceFile};
use serde_json::Value;

use crate::repo::{Manifest, NodeHint, json};

use super::root::{NODE_FILES, Root};

/// `version` of backstage.json, if there is such a file.
pub(super) fn backstage(root: &Root) -> Result<Option<String>, Diagnostics> {
    let Some(file) = root.text("backstage.json") else { return Ok(None) };
    let json = json::object(file, "repo/backstage-json")?;
    Ok(json.get("version").and_then(Value::as_str).map(str::to_owned))
}

/// Statements about the Node version, the strongest first.
pub(super) fn node(root: &Root, manifest: &Manifest) -> Vec<NodeHint> {
    let hint =
        |file: &Arc<SourceFile>, range: &str, kind| NodeHint { file: Arc::clone(file), range: range.to_owned(), kind };
    let mut hints = Vec::new();
    for kind in NODE_FILES {
        if let Some(file) = root.text(kind) {
            let lines = file.text.lines().map(|line| line.split_once('#').map_or(line, |(said, _)| said).trim());
            hints.extend(lines.filter(|line| !line.is_empty()).take(1).map(|said| hint(file, said, kind)));
        }
    }
    let engines = manifest.json.get("engines").and_then(|engines| engines.get("node")).and_then(Value::as_str);
    hints.extend(engines.map(|range| hint(&manifest.file, range.trim(), "engines.node")));
    hints
}

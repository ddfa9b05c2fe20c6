//! Whole builds, as far as a real daemon cannot be made to do what they meet.

use std::time::Duration;

use backstage_build::frontend;
use buildkit_frontend::gateway::Environment;
use bytes::Bytes;

use crate::daemon::{Daemon, Inner};

/// A repository without a backend.
fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("backstage.build.yaml", "# syntax=backstage-build\n"),
        ("package.json", r#"{"name": "root", "workspaces": ["packages/*"]}"#),
        (".yarnrc.yml", "nodeLinker: node-modules\n"),
        (
            "yarn.lock",
            "__metadata:\n  version: 8\n\n\"root@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"root@workspace:.\"\n  linkType: soft\n",
        ),
    ]
}

#[tokio::test]
async fn a_mistake_asks_no_registry() {
    let files = files().into_iter().map(|(name, text)| (name, Bytes::from_static(text.as_bytes()))).collect();
    let daemon = Daemon::new(Inner { files, bound: Duration::from_secs(20), ..Inner::default() });
    let opts = [("filename".to_owned(), "backstage.build.yaml".to_owned())].into();
    daemon.serve_with(Environment { opts, ..Environment::default() }, frontend::build).await.unwrap();
    let error = daemon.error();
    assert!(error.message.contains("backend"), "{}", error.message);
    assert_eq!(daemon.calls("ResolveSourceMeta"), 0);
}

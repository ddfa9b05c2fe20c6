//! A solved definition: a file system that the daemon has, or will have once someone looks.

use std::sync::Arc;

use buildkit_proto::frontend::{self, result};
use buildkit_proto::pb;
use tokio::sync::OnceCell;

/// A file system in the daemon. Lasts as long as this process. Cheap to clone but for its definition, which is shared bytes.
#[derive(Debug, Clone)]
pub struct Reference {
    id: String,
    definition: Option<pb::Definition>,
    /// Set once a look at it succeeded, shared by all clones.
    pub(super) evaluated: Arc<OnceCell<()>>,
}

impl Reference {
    /// No file system at all.
    pub fn scratch() -> Self {
        Self::new(String::new(), None)
    }

    pub(super) fn new(id: String, definition: Option<pb::Definition>) -> Self {
        Self { id, definition, evaluated: Arc::default() }
    }

    /// The daemon's name for it; empty for scratch.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether there is nothing in it. The daemon refuses to read files of such a reference.
    pub fn is_scratch(&self) -> bool {
        self.id.is_empty()
    }

    /// The graph behind it, to be used as an input of another.
    pub fn definition(&self) -> Option<&pb::Definition> {
        self.definition.as_ref()
    }

    /// The one reference of a result, `None` if it has several.
    pub(super) fn from_result(result: Option<frontend::Result>) -> Option<Self> {
        match result.and_then(|result| result.result) {
            None => Some(Self::scratch()),
            Some(result::Result::Ref(reference)) => Some(Self::new(reference.id, reference.def)),
            Some(result::Result::RefDeprecated(id)) => Some(Self::new(id, None)),
            Some(result::Result::Refs(_) | result::Result::RefsDeprecated(_)) => None,
        }
    }

    pub(super) fn to_proto(&self) -> frontend::Ref {
        frontend::Ref { id: self.id.clone(), def: None }
    }
}

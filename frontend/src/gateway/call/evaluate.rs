//! Evaluate: wait until a reference is there.

use buildkit_proto::frontend::{EvaluateRequest, StatFileRequest};

use crate::gateway::client::Client;
use crate::gateway::error::CallError;
use crate::gateway::reference::Reference;

impl Client {
    /// Runs the steps behind a reference, or waits for them. Asked once for each reference, however often it is called.
    ///
    /// # Errors
    /// Those of the steps, with the daemon's own excerpts.
    pub async fn evaluate(&self, reference: &Reference) -> Result<(), CallError> {
        if reference.is_scratch() {
            return Ok(());
        }
        reference.evaluated.get_or_try_init(|| self.look(reference.id())).await.copied()
    }

    async fn look(&self, id: &str) -> Result<(), CallError> {
        if self.caps().gateway.supports("gateway.evaluate") {
            let request = EvaluateRequest { r#ref: id.to_owned() };
            self.ask(&request).await?;
        } else {
            // Any look evaluates, and a root is always there.
            let request = StatFileRequest { r#ref: id.to_owned(), path: "/".to_owned(), mount_index: 0 };
            self.ask(&request).await?;
        }
        Ok(())
    }
}

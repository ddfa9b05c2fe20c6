//! Inputs: graphs that the client hands over by name.

use std::collections::BTreeMap;

use buildkit_proto::frontend::InputsRequest;
use buildkit_proto::pb;

use crate::gateway::client::Client;
use crate::gateway::error::CallError;

impl Client {
    /// The definitions that the client gave, by name; none where the daemon knows of no inputs.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn inputs(&self) -> Result<BTreeMap<String, pb::Definition>, CallError> {
        if !self.caps().gateway.supports("frontend.inputs") {
            return Ok(BTreeMap::new());
        }
        Ok(self.ask(&InputsRequest {}).await?.definitions)
    }
}

//! The request of a client that is connected.

use std::collections::BTreeSet;

use crate::gateway::{Client, Failure};

use super::{Request, RequestEnvironment};

impl Request {
    /// What the client asks for.
    ///
    /// # Errors
    /// What is wrong with its options, and when the daemon does not tell the inputs.
    pub async fn of(client: &Client) -> Result<Self, Failure> {
        let environment = client.environment();
        // A call that is made only where an option speaks of one.
        let names_input = |(key, value): (&String, &String)| value.starts_with("input:") || key.starts_with("input-");
        let inputs = match environment.opts.iter().any(names_input) {
            true => client.inputs().await?.into_keys().collect(),
            false => BTreeSet::new(),
        };
        let daemon = RequestEnvironment {
            session: environment.session_id.clone(),
            default_platform: client.own_platform(),
            inputs,
        };
        Ok(Self::parse(&environment.opts, &daemon)?)
    }
}

//! Return: the one answer of this process.

use std::collections::BTreeMap;

use buildkit_proto::frontend::{self, ReturnRequest, result};
use bytes::Bytes;

use crate::gateway::connection::Connection;
use crate::gateway::error::CallError;
use crate::gateway::failure::Failure;
use crate::gateway::reference::Reference;

/// The result of a build: file systems and what is said about them.
#[derive(Debug, Clone, Default)]
pub struct ResultBuilder {
    references: References,
    metadata: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone, Default)]
enum References {
    #[default]
    None,
    One(Reference),
    Many(BTreeMap<String, Reference>),
}

impl ResultBuilder {
    /// A result without a file system: the answer to a subrequest.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A result of one platform.
    pub fn single(reference: Reference) -> Self {
        Self { references: References::One(reference), metadata: BTreeMap::new() }
    }

    /// A result of several platforms, by platform id such as `linux/arm64`. Clients also want the metadata key
    /// `refs.platforms`, which says what the ids mean.
    pub fn platforms(references: BTreeMap<String, Reference>) -> Self {
        Self { references: References::Many(references), metadata: BTreeMap::new() }
    }

    /// Adds metadata. Text, because the build's history keeps it as text.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), Bytes::from(value.into()));
        self
    }

    fn into_proto(self) -> frontend::Result {
        let result = match self.references {
            References::None => None,
            References::One(reference) => Some(result::Result::Ref(reference.to_proto())),
            References::Many(references) => Some(result::Result::Refs(frontend::RefMap {
                refs: references.into_iter().map(|(id, reference)| (id, reference.to_proto())).collect(),
            })),
        };
        frontend::Result { metadata: self.metadata, result, ..frontend::Result::default() }
    }
}

/// The right to answer. There is one, and an answer that the daemon took uses it up.
pub(in crate::gateway) struct Answer(Connection);

/// An answer that the daemon did not take.
pub(in crate::gateway) struct Refusal {
    /// Why.
    pub(in crate::gateway) error: CallError,
    /// The right to answer otherwise, if it is certain that this answer does not stand.
    pub(in crate::gateway) answer: Option<Answer>,
}

impl Answer {
    pub(in crate::gateway) fn new(connection: Connection) -> Self {
        Self(connection)
    }

    pub(in crate::gateway) async fn result(self, result: ResultBuilder) -> Result<(), Refusal> {
        self.send(ReturnRequest { result: Some(result.into_proto()), error: None }).await
    }

    pub(in crate::gateway) async fn failure(self, failure: Failure) -> Result<(), Refusal> {
        self.send(ReturnRequest { result: None, error: Some(failure.into_status().into_proto()) }).await
    }

    async fn send(self, request: ReturnRequest) -> Result<(), Refusal> {
        match self.0.call(&request).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let stands_not = matches!(error, CallError::Refused(_) | CallError::TooLarge { .. });
                Err(Refusal { error, answer: stands_not.then_some(self) })
            }
        }
    }
}

//! Solve: a definition becomes a reference.

use std::collections::BTreeMap;

use buildkit_proto::{frontend, pb};

use crate::gateway::client::Client;
use crate::gateway::error::CallError;
use crate::gateway::reference::Reference;

/// What to solve.
#[derive(Debug, Clone, Default)]
pub struct SolveRequest {
    /// The graph. Empty stands for scratch.
    pub definition: pb::Definition,
    /// What `--cache-from` named. It has an effect only where it is given here, so give it to every solve.
    pub cache_imports: Vec<CacheImport>,
    /// Whether to wait.
    pub evaluation: Evaluation,
}

/// When the steps of a definition run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Evaluation {
    /// When something looks at the reference, at the latest after Return. Mistakes in the graph surface only then.
    #[default]
    Lazy,
    /// Before the call returns.
    Now,
}

/// A place to import cache from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheImport {
    /// `registry`, `gha`, `local`…
    pub kind: String,
    /// Its attributes, such as `ref`.
    pub attrs: BTreeMap<String, String>,
}

impl Client {
    /// Solves a definition.
    ///
    /// # Errors
    /// With [`Evaluation::Now`] also those of the steps, with the daemon's own excerpts.
    pub async fn solve(&self, request: SolveRequest) -> Result<Reference, CallError> {
        let wants_now = request.evaluation == Evaluation::Now;
        let evaluate = wants_now && self.caps().gateway.supports("gateway.solve.evaluate");
        let cache_import =
            |import: CacheImport| frontend::CacheOptionsEntry { r#type: import.kind, attrs: import.attrs };
        let request = frontend::SolveRequest {
            definition: Some(request.definition),
            allow_result_return: true,
            allow_result_array_ref: true,
            cache_imports: request.cache_imports.into_iter().map(cache_import).collect(),
            evaluate,
            ..frontend::SolveRequest::default()
        };
        let response = self.call(&request).await?;
        let reference = match response.result {
            None if !response.r#ref.is_empty() => Reference::new(response.r#ref, None),
            result => Reference::from_result(result)
                .ok_or_else(|| CallError::malformed("Solve", "several references for one definition"))?,
        };
        if evaluate {
            // A second caller does not have to ask.
            let _ = reference.evaluated.set(());
        } else if wants_now {
            self.evaluate(&reference).await?;
        }
        Ok(reference)
    }
}

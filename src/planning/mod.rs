//! Planning as a step of the graph, so that BuildKit remembers the plan.
//!
//! A plan is made from the build file and the facts alone. So the frontend does not make it: it has a step make it, which
//! runs the frontend's own program over the facts. Where neither they nor the build file changed, the step is answered
//! from the cache, and nobody reads a lockfile of megabytes or works through it. What the plan's steps write (cut
//! lockfiles, manifests, helpers) the step writes as well: they copy it from there, and the graph does not hold it.
//!
//! What the step cannot answer is planned by the frontend itself: a mistake of the user's, whose place is known whole only
//! there; and everything where the daemon does not say what the frontend's image is, or the step fails.

mod serialized;
mod step;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile};
use buildkit_llb::Platform;
use serde::{Deserialize, Serialize};
use serialized::SerializedDiagnostic;

use crate::pipeline::{Included, PlanSession, Prepared, Source};
use crate::plan::Plan;

pub use step::{COMMAND, Planned, PlanningStep};
pub use work::work;

/// Warnings of one build: nobody reads more, and each is a call.
pub const MOST_WARNINGS: usize = 50;

/// What is planned, besides the facts: the input of the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    /// The build file's name.
    name: String,
    /// Its text, without what its comments say: the task is part of the graph.
    text: String,
    /// Patterns of `<build file>.dockerignore`.
    ignore: Option<Vec<String>>,
    /// Build args that the build file's language knows, but for proxies.
    build_args: BTreeMap<String, String>,
    /// Platforms of the result.
    platforms: Vec<Platform>,
    /// The builder's own.
    build: Platform,
    /// Config files that others include, as far as they are known.
    included: Included,
}

/// What the step comes to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// A plan.
    Plan(Box<PlanResult>),
    /// Config files include these, of which some are none of the facts yet.
    NeedsFiles(Included),
    /// No plan: the frontend has to look by itself.
    Unavailable,
}

/// A plan and its warnings.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PlanResult {
    plan: Plan,
    /// As many as a build shows.
    warnings: Vec<SerializedDiagnostic>,
    /// How many more there are.
    omitted_warnings: usize,
}

impl Task {
    fn of(reading: &PlanSession<'_>) -> Self {
        let source = reading.source();
        // A proxy is in no step's key.
        let plans = |name: &str| crate::spec::consumes(name) && !name.starts_with("network.proxy");
        let build_args = source.build_args.iter().filter(|(name, _)| plans(name));
        Self {
            name: source.file.name.clone(),
            text: crate::spec::without_comments(&source.file.text).into_owned(),
            ignore: source.ignore.clone(),
            build_args: build_args.map(|(name, value)| (name.clone(), value.clone())).collect(),
            platforms: source.platforms.clone(),
            build: source.build.clone(),
            included: reading.included().clone(),
        }
    }

    fn source(&self) -> Source {
        Source {
            file: SourceFile::new(self.name.as_str(), self.text.as_str()),
            ignore: self.ignore.clone(),
            build_args: self.build_args.clone(),
            platforms: self.platforms.clone(),
            build: self.build.clone(),
        }
    }
}

impl PlanResult {
    fn of(plan: Plan, warnings: &[Diagnostic], file: &Arc<SourceFile>) -> Self {
        let told = warnings.iter().take(MOST_WARNINGS);
        let omitted_warnings = warnings.len().saturating_sub(MOST_WARNINGS);
        Self { plan, warnings: told.map(|warning| SerializedDiagnostic::of(warning, file)).collect(), omitted_warnings }
    }

    /// What the frontend has of it.
    fn into_prepared(self, reading: &PlanSession<'_>) -> Prepared {
        let Self { mut plan, warnings, omitted_warnings } = self;
        let file = &reading.source().file;
        plan.locate(file);
        reading.planned(plan, warnings.into_iter().map(|told| told.located(file)).collect(), omitted_warnings)
    }
}

//! The step in the graph, and the question for its answer.

use std::ffi::OsString;

use buildkit_llb::exec::{Bind, ExecOp, Network};
use buildkit_llb::file::{FileOp, Mkfile};
use buildkit_llb::{Definition, Input, Metadata, Output, Platform};

use crate::diagnostic::Diagnostic;
use crate::files::Files as _;
use crate::gateway::{BuildkitFiles, CallError, Client, Evaluation, Failure, SolveRequest};
use crate::graph::Texts;
use crate::path::ContextPath;
use crate::pipeline::{Included, Reading};
use crate::plan::Plan;
use crate::request::{NoCache, Request};

use super::{Answer, Task};

/// Where the step finds its task: the folder, and the file in it.
const TASK: (&str, &str) = ("/task", "/task.json");
/// Where it finds the facts.
const FACTS: &str = "/facts";
/// Where it leaves its answer and the texts.
const OUT: &str = "/out";
/// The answer's name there.
pub(super) const ANSWER: &str = "answer.json";
/// The folder of the texts there, each named by its SHA-256.
pub(super) const TEXTS: &str = "texts";

/// The largest answer that is read, in bytes: what one message can carry.
const ANSWER_LIMIT: u64 = 16 << 20;

/// The argument that starts the program as the step.
pub const COMMAND: &str = "planning-step";

/// How planning is asked of the daemon.
#[derive(Debug, Clone)]
pub struct PlanningStep<'a> {
    client: &'a Client,
    request: &'a Request,
    /// The frontend's own image.
    root: Output,
    /// The frontend's own program in it.
    program: String,
    platform: &'a Platform,
}

/// What a question came to.
#[derive(Debug, Clone)]
pub enum Planned {
    /// A plan, its warnings, and where its long texts are.
    Plan(Box<Plan>, Vec<Diagnostic>, Texts),
    /// More files are to be read first.
    More(Included),
    /// The step has no answer.
    Nothing,
}

impl<'a> PlanningStep<'a> {
    /// A step that runs this program's own image; `None` where the daemon does not say which that is.
    pub fn new(client: &'a Client, request: &'a Request, platform: &'a Platform) -> Option<Self> {
        let image = client.environment().frontend.as_ref()?;
        let Input::Output(root) = Definition::from_pb(image).ok()?.output().clone() else { return None };
        let program = std::env::current_exe().map(OsString::from).ok()?.into_string().ok()?;
        Some(Self { client, request, root, program, platform })
    }

    /// Asks for the plan of what is being read.
    ///
    /// # Errors
    /// When the daemon is gone. A step that fails is no error: it has no answer.
    pub async fn ask(&self, reading: &Reading<'_>, facts: &Output) -> Result<Planned, Failure> {
        let Some(tree) = self.tree(&Task::of(reading), facts) else { return Ok(Planned::Nothing) };
        match self.answer(&tree).await {
            Ok(Some(Answer::Plan(made))) => {
                let (plan, warnings) = made.located(&reading.source().file);
                Ok(Planned::Plan(Box::new(plan), warnings, Texts { tree, folder: TEXTS }))
            }
            Ok(Some(Answer::More(included))) => Ok(Planned::More(included)),
            Ok(Some(Answer::Mistake) | None) => Ok(Planned::Nothing),
            Err(error @ CallError::Lost { .. }) => Err(error.into()),
            Err(_) => Ok(Planned::Nothing),
        }
    }

    /// What the step leaves.
    fn tree(&self, task: &Task, facts: &Output) -> Option<Output> {
        let task = serde_json::to_vec(task).ok()?;
        let (folder, file) = TASK;
        let task = FileOp::new(Input::Scratch, Mkfile::new(file, 0o644, task))
            .metadata(Metadata::named("[internal] what is to be planned"))
            .build()
            .ok()?;
        let out = Bind::output(OUT, Input::Scratch);
        let id = out.id();
        let run = ExecOp::new(self.root.clone(), &self.program)
            .args([COMMAND, &format!("{folder}{file}"), FACTS, OUT])
            .cwd("/")
            .platform(self.platform)
            .network(Network::None)
            .mount(Bind::read_only(FACTS, facts.clone()))
            .mount(Bind::read_only(folder, task))
            .mount(out)
            .metadata(Metadata::named("[internal] plan").ignoring_cache(matches!(self.request.no_cache, NoCache::All)));
        run.build().ok()?.output(&id).ok()
    }

    async fn answer(&self, tree: &Output) -> Result<Option<Answer>, CallError> {
        let definition = Definition::new(tree.clone());
        if definition.check(|cap| self.client.caps().llb.supports(cap.as_str())).is_err() {
            return Ok(None);
        }
        let request = SolveRequest {
            definition: definition.to_pb(),
            cache_imports: crate::sources::imports(self.request),
            evaluation: Evaluation::Now,
        };
        let reference = self.client.solve(request).await?;
        let path = ContextPath::new(ANSWER).unwrap_or_default();
        let read = BuildkitFiles::new(self.client.clone(), reference).read(&path, ANSWER_LIMIT).await;
        Ok(read.ok().flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

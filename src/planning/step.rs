//! The step in the graph, and the question for its answer.

use std::error::Error;

use buildkit_frontend::gateway::{CallError, Client, Failure, FileError, SolveRequest};
use buildkit_frontend::request::{NoCache, Request};
use buildkit_llb::exec::{Bind, ExecOp, Network};
use buildkit_llb::file::{FileOp, Mkfile};
use buildkit_llb::{Definition, Input, Metadata, Output};

use crate::graph::Program;
use crate::pipeline::{Included, PlanSession, Prepared};
use crate::program;

use super::{Answer, Task};

/// Where the step finds its task: the folder, and the file in it.
const TASK: (&str, &str) = ("/task", "/task.json");
/// Where it finds the facts.
const FACTS: &str = "/facts";
/// Where it leaves its answer and the files that the plan's steps write.
const OUT: &str = "/out";
/// The answer's name there.
pub(super) const ANSWER: &str = "answer.json";

/// The largest answer that is read, in bytes. That of the reference app has 27 kB.
const ANSWER_LIMIT: u64 = 64 << 20;

/// The argument that starts the program as the step.
pub const COMMAND: &str = "planning-step";

/// How planning is asked of the daemon.
#[derive(Debug, Clone)]
pub struct PlanningStep<'a> {
    client: &'a Client,
    request: &'a Request,
    program: Program,
}

/// What a question came to.
#[derive(Debug, Clone)]
pub enum Planned {
    /// A plan, and where the files are that its steps write.
    Plan(Box<Prepared>, Output),
    /// More files are to be read first.
    NeedsFiles(Included),
    /// The step leaves it to the frontend.
    Unavailable,
    /// The step failed, for this reason.
    Failed(String),
}

impl<'a> PlanningStep<'a> {
    /// A step that runs this program's own image, on the daemon's own platform; `None` where the daemon does not say
    /// which image that is.
    pub fn new(client: &'a Client, request: &'a Request) -> Option<Self> {
        Some(Self { client, request, program: program::of_image(client)? })
    }

    /// Asks for the plan of what is being read.
    ///
    /// # Errors
    /// When the daemon is gone.
    pub async fn solve(&self, reading: &PlanSession<'_>, facts: &Output) -> Result<Planned, Failure> {
        let tree = match self.tree(&Task::of(reading), facts) {
            Ok(tree) => tree,
            Err(error) => return Ok(Planned::Failed(error.to_string())),
        };
        Ok(match self.answer(&tree).await {
            Ok(Ok(Answer::Plan(made))) => Planned::Plan(Box::new(made.into_prepared(reading)), tree),
            Ok(Ok(Answer::NeedsFiles(included))) => Planned::NeedsFiles(included),
            Ok(Ok(Answer::Unavailable)) => Planned::Unavailable,
            Ok(Err(reason)) => Planned::Failed(reason),
            Err(FileError::Call(error @ CallError::Lost { .. })) => return Err(error.into()),
            Err(error) => Planned::Failed(error.to_string()),
        })
    }

    /// What the step leaves.
    fn tree(&self, task: &Task, facts: &Output) -> Result<Output, Box<dyn Error>> {
        let task = serde_json::to_vec(task)?;
        let (folder, file) = TASK;
        let task = FileOp::new(Input::Scratch, Mkfile::new(file, 0o644, task))
            .metadata(Metadata::named("[internal] what is to be planned"))
            .build()?;
        let out = Bind::output(OUT, Input::Scratch);
        let id = out.id();
        let metadata = Metadata::named("[internal] plan").ignoring_cache(self.request.no_cache == NoCache::All);
        let run = ExecOp::new(self.program.root.clone(), &self.program.path)
            .args([COMMAND, &format!("{folder}{file}"), FACTS, OUT])
            .cwd("/")
            .network(Network::None)
            .remove_mount_stubs_recursive(true)
            .mount(Bind::read_only(FACTS, facts.clone()))
            .mount(Bind::read_only(folder, task))
            .mount(out)
            .metadata(self.request.exec.resources.limit(metadata));
        Ok(run.build()?.output(&id)?)
    }

    /// The answer, or why what was read is none.
    async fn answer(&self, tree: &Output) -> Result<Result<Answer, String>, FileError> {
        let request = SolveRequest {
            definition: Definition::new(tree.clone()).to_pb(),
            cache_imports: buildkit_frontend::contexts::imports(self.request),
            ..SolveRequest::default()
        };
        let reference = self.client.solve(request).await?;
        let path = format!("/{ANSWER}");
        let data = self.client.read_file(&reference, &path, ANSWER_LIMIT).await?.unwrap_or_default();
        Ok(serde_json::from_slice(&data).map_err(|error| format!("its answer cannot be read: {error}")))
    }
}

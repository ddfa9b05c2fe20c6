//! Checks: they run beside the build, nothing waits for them, and the image exists only if they pass.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics};
use buildkit_frontend::path::ContextPath;

use crate::repo::Reader;
use crate::spec::model::Check;

use super::yarn::Purpose;
use super::{
    Action, FileAction, Files, Mount, MountKind, Origin, Planner, Run, RunsOn, Step, StepId, Tree, image_path,
};

/// A check that the image depends on: an empty tree that exists once it has passed.
pub(super) struct Gate {
    /// Its name, also a target.
    pub name: String,
    /// The tree.
    pub tree: Tree,
}

impl Gate {
    /// What makes a step wait for it.
    pub(super) fn action(&self) -> FileAction {
        FileAction::DependsOn(self.tree.clone())
    }
}

/// Where a check's empty output is mounted.
pub(super) const GATE: &str = "/run/backstage-build/gate";

impl Planner<'_> {
    /// The checks of the build file, or the default one where there is a tsconfig.
    pub(super) fn checks(&mut self, installed: &Tree) -> Result<Vec<Gate>, Diagnostics> {
        let wanted: Vec<(Check, Origin)> = match &self.spec().checks {
            Some(written) => {
                written.iter().map(|check| (check.value.clone(), Origin::Explicit(check.span.clone()))).collect()
            }
            None if self.repo().root_files.contains("tsconfig.json") => {
                vec![(Check::Typecheck, Origin::of_default("checks: [typecheck]"))]
            }
            None => Vec::new(),
        };
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let is_own = |check: &Check| matches!(check, Check::Command { .. });
        let sources = wanted.iter().any(|(check, _)| !is_own(check)).then(|| self.check_sources(installed));
        // What a command of the user's reads cannot be known.
        let whole = wanted.iter().any(|(check, _)| is_own(check)).then(|| self.whole(installed, "checks"));
        let mut gates = Vec::with_capacity(wanted.len());
        for (check, origin) in wanted {
            let sources = if is_own(&check) { &whole } else { &sources };
            gates.push(self.check(sources.as_ref().unwrap_or(installed), &check, origin)?);
        }
        Ok(gates)
    }

    /// One tree that exists once all checks have passed.
    pub(super) fn all_checks(&mut self, gates: &[Gate]) -> Option<Tree> {
        if gates.is_empty() {
            return None;
        }
        let id = self.step(Step {
            id: StepId::new("checks"),
            group: "checks".to_owned(),
            title: "all passed".to_owned(),
            because: "the target `checks`".to_owned(),
            origin: Origin::of_default("checks"),
            action: Action::Files(Files { base: Tree::Scratch, actions: gates.iter().map(Gate::action).collect() }),
        });
        Some(Tree::Step(id))
    }

    /// Everything that a check may look at.
    fn check_sources(&mut self, installed: &Tree) -> Tree {
        let workspaces: Vec<_> = self.repo().workspaces.iter().collect();
        let mut actions = self.root_sources();
        actions.extend(self.workspace_sources(&workspaces, &["**/node_modules"]));
        actions.extend(self.root_config(Reader::Check));
        let id = self.step(Step {
            id: StepId::new("check-files"),
            group: "checks".to_owned(),
            title: "sources".to_owned(),
            because: "checks see every workspace".to_owned(),
            origin: Origin::of_default("checks"),
            action: Action::Files(Files { base: installed.clone(), actions }),
        });
        Tree::Step(id)
    }

    fn check(&mut self, sources: &Tree, check: &Check, origin: Origin) -> Result<Gate, Diagnostics> {
        let (name, line, mut run) = match check {
            Check::Typecheck => self.script(sources, "typecheck", &["tsc"], &origin)?,
            Check::Lint => self.script(sources, "lint", &["lint:all", "lint"], &origin)?,
            Check::Test => self.script(sources, "test", &["test:all", "test"], &origin)?,
            Check::Command { name, run: line, base } => {
                let root = match base {
                    Some(base) => Tree::Image(self.image_of(base, &origin), RunsOn::Build),
                    None => self.build_root.clone(),
                };
                let run = self.shell(root, sources.clone(), &ContextPath::root(), line, Purpose::Build);
                (name.clone(), line.clone(), run)
            }
        };
        self.build_env(&mut run);
        run.mounts.push(Mount { dest: image_path(GATE), kind: MountKind::Output });
        let id = self.step(Step {
            id: StepId::of_check(&name),
            group: name.clone(),
            title: line,
            because: "the image needs it to pass; nothing waits for it".to_owned(),
            origin,
            action: Action::Run(run),
        });
        Ok(Gate { name, tree: Tree::Output(id, image_path(GATE)) })
    }

    /// A check that is a script of the root manifest: the first that is there.
    fn script(
        &self,
        sources: &Tree,
        name: &str,
        candidates: &[&str],
        origin: &Origin,
    ) -> Result<(String, String, Run), Diagnostics> {
        let root = &self.repo().root;
        let Some(script) = candidates.iter().find(|script| root.scripts.contains_key(**script)) else {
            if name == "typecheck" {
                let run = self.yarn(sources.clone(), &ContextPath::root(), &["exec", "tsc"], Purpose::Build);
                return Ok((name.to_owned(), "yarn exec tsc".to_owned(), run));
            }
            return Err(missing_script(name, candidates, origin, self.spec().default_span()).into());
        };
        let mut run = self.yarn(sources.clone(), &ContextPath::root(), &["run", script], Purpose::Build);
        if name == "test" {
            // Without it Jest watches; with it the CLI neither watches nor asks.
            run.env.insert("CI".to_owned(), "1".to_owned());
        }
        Ok((name.to_owned(), format!("yarn run {script}"), run))
    }
}

fn missing_script(
    name: &str,
    candidates: &[&str],
    origin: &Origin,
    default: buildkit_frontend::diagnostic::Span,
) -> Diagnostic {
    let scripts: Vec<_> = candidates.iter().map(|script| format!("`{script}`")).collect();
    Diagnostic::error("plan/no-script", format!("the root package.json has no script {}", scripts.join(" or ")))
        .help(format!("add the script, or write the check as a command: `- {{name: my-{name}, run: yarn …}}`"))
        .at(origin.span(default))
}

//! A plan as text that a person can read: what will be done, and why.

use std::fmt;

use buildkit_frontend::diagnostic::render::printable;

use super::{Action, CopyFiles, FileAction, LeftOut, Mount, MountKind, Plan, RunsOn, Step};

/// Prints a plan.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(pub &'a Plan);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and commands come from the repository: they must not be able to paint a terminal.
        Raw(self.0).to_string().lines().try_for_each(|line| writeln!(f, "{}", printable(line)))
    }
}

/// The same as the repository has it.
struct Raw<'a>(&'a Plan);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        let platforms: Vec<String> = plan.platforms.iter().map(ToString::to_string).collect();
        writeln!(f, "platforms {}", platforms.join(", "))?;
        writeln!(f, "node      {}  ({})", plan.node.value, plan.node.because)?;
        writeln!(f, "yarn      {}  ({})", plan.yarn.value, plan.yarn.because)?;
        writeln!(f, "backend   {}  ({})", plan.backend.value, plan.backend.because)?;
        match &plan.frontend {
            Some(frontend) => writeln!(f, "frontend  {}  ({})", frontend.value, frontend.because)?,
            None => writeln!(f, "frontend  none")?,
        }
        for (name, image) in &plan.images {
            writeln!(f, "{name:<8}  {}  ({})", image.reference, image.origin)?;
        }
        for LeftOut { name, version, because } in &plan.left_out {
            let key = if name.starts_with('@') { format!("\"{name}\"") } else { name.clone() };
            let word = format!("`install: {{natives: {{{key}: auto}}}}`");
            writeln!(
                f,
                "without   {name} {version}  ({because}; a container told to use it fails unless {word} builds it)"
            )?;
        }
        let checks: Vec<&str> = plan.steps.iter().filter_map(|step| step.id.check()).collect();
        writeln!(f, "checks    {}", if checks.is_empty() { "none".to_owned() } else { checks.join(", ") })?;
        if let Some(config) = plan.config() {
            writeln!(f, "command   {}", config.cmd.join(" "))?;
            match &config.user {
                Some(user) => writeln!(f, "user      {user}")?,
                None => writeln!(f, "user      that of the runtime image; {} if it is root", config.fallback_user)?,
            }
            writeln!(f, "port      {}", config.port)?;
            // Names alone: somebody may have written a password.
            let env: Vec<&str> = config.env.keys().map(String::as_str).collect();
            writeln!(f, "env       {}", env.join(" "))?;
        }
        let targets: Vec<&str> = plan.targets.iter().map(|target| target.name.as_str()).collect();
        writeln!(f, "targets   {}", targets.join(", "))?;
        writeln!(f, "\nsteps")?;
        plan.steps.iter().try_for_each(|step| write_step(f, step))?;
        writeln!(f, "\ncontext")?;
        plan.context.paths.iter().try_for_each(|path| writeln!(f, "  {}", if path.is_empty() { "." } else { path }))?;
        plan.context.exclude.iter().try_for_each(|pattern| writeln!(f, "  without {pattern}"))
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    writeln!(f, "  {}", step.id)?;
    writeln!(f, "    why   {}  ({})", step.because, step.origin)?;
    match &step.action {
        Action::Run(run) => {
            writeln!(f, "    run   {}", run.args.join(" ").replace('\n', "\\n"))?;
            writeln!(f, "    in    {} at {}", run.root, run.cwd)?;
            if let RunsOn::Target(platform) = &run.runs_on {
                writeln!(f, "    runs on {platform}")?;
            }
            run.mounts.iter().try_for_each(|mount| write_mount(f, mount))
        }
        Action::Files(files) => {
            writeln!(f, "    on    {}", files.base)?;
            files.actions.iter().try_for_each(|action| write_action(f, action))
        }
    }
}

fn write_mount(f: &mut fmt::Formatter<'_>, mount: &Mount) -> fmt::Result {
    let dest = &mount.dest;
    match &mount.kind {
        MountKind::Work(tree) => writeln!(f, "    work  {dest} from {tree}"),
        MountKind::Output => writeln!(f, "    makes {dest}"),
        MountKind::Read { tree, src, .. } => writeln!(f, "    reads {dest} from {tree} {src}"),
        MountKind::Cache { id, sharing } => {
            writeln!(f, "    cache {dest} id {id} {}", format!("{sharing:?}").to_lowercase())
        }
        MountKind::Tmpfs => writeln!(f, "    tmpfs {dest}"),
        MountKind::Secret { id } => writeln!(f, "    secret {id}, if given"),
    }
}

fn write_action(f: &mut fmt::Formatter<'_>, action: &FileAction) -> fmt::Result {
    match action {
        FileAction::Copy(copy) => write_copy(f, copy),
        FileAction::Write(files) => {
            files.iter().try_for_each(|(path, file)| writeln!(f, "    write {path} ({} bytes)", file.text.bytes()))
        }
        FileAction::Mkdir { path, .. } => writeln!(f, "    mkdir {path}"),
        FileAction::DependsOn(tree) => writeln!(f, "    await {tree}"),
    }
}

fn write_copy(f: &mut fmt::Formatter<'_>, copy: &CopyFiles) -> fmt::Result {
    let verb = if copy.unpack { "unpack" } else { "copy" };
    write!(f, "    {verb}  {} of {} to {}", copy.src, copy.from, copy.dest)?;
    if !copy.only.is_empty() {
        write!(f, " only {}", copy.only.join(" "))?;
    }
    if !copy.exclude.is_empty() {
        write!(f, " without {}", copy.exclude.join(" "))?;
    }
    writeln!(f)
}

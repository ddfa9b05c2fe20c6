//! The command line: the same pipeline over a directory, without a daemon.

mod notes;

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use buildkit_frontend::diagnostic::render::{Colour, printable, terminal};
use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, Span};
use buildkit_frontend::files::{DirectoryFiles, FilesError, ReadSet};
use buildkit_frontend::ignore;
use buildkit_frontend::path::ContextPath;
use buildkit_frontend::platform;
use buildkit_llb::Platform;
use clap::{Parser, Subcommand};

use crate::pipeline::{self, Prepared, Source};
use crate::plan::{self, Text};
use crate::planning;
use crate::prune;
use crate::spec;

/// Builds production images of Backstage repositories. Inside BuildKit it is a frontend; here it shows what a build does.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints what a build of a directory will do, and why.
    Plan {
        /// The repository.
        #[arg(default_value = ".")]
        directory: PathBuf,
        /// The build file, relative to the repository.
        #[arg(short, long, default_value = "backstage.build.yaml")]
        file: String,
        /// Overrides a value of the build file by its path.
        #[arg(long = "build-arg", value_name = "PATH=VALUE")]
        build_args: Vec<String>,
        /// Platforms of the image, separated by commas; the default is this machine's.
        #[arg(long, value_delimiter = ',')]
        platform: Vec<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of the build file.
    Schema,
    /// What BuildKit runs as a step of a build.
    #[command(name = planning::COMMAND, hide = true)]
    PlanningStep {
        /// What is to be planned.
        task: PathBuf,
        /// The folder with the repository's facts.
        facts: PathBuf,
        /// The folder for the answer.
        out: PathBuf,
    },
    /// What BuildKit runs as a step of a build: selects the production packages.
    #[command(name = prune::COMMAND, hide = true)]
    PruneStep {
        /// The image's CPU in Node's words.
        cpu: String,
        /// What is asked for.
        task: PathBuf,
        /// The installed tree.
        installed: PathBuf,
        /// The folder for the packages.
        out: PathBuf,
        /// The folder for the report.
        report: PathBuf,
    },
    /// What BuildKit runs as a step of a build: looks whether the image has what the backend's bundle loads.
    #[command(name = prune::BUNDLE_COMMAND, hide = true)]
    BundleStep {
        /// The unpacked bundle.
        bundle: PathBuf,
        /// The folder with the packages.
        app: PathBuf,
        /// The backend's directory in both.
        backend: String,
        /// What was left out of the packages.
        report: PathBuf,
    },
    /// What BuildKit runs as a step of a build: puts built natives into their packages.
    #[command(name = prune::NATIVES_COMMAND, hide = true)]
    NativesStep {
        /// The folder with the packages.
        app: PathBuf,
        /// The image's CPU in Node's words.
        cpu: String,
        /// For each native, its name, its version, the folder that it was built in, and `required` or `optional`.
        built: Vec<String>,
    },
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    let outcome = match arguments.command {
        Command::PlanningStep { task, facts, out } => {
            return step("planning/files", planning::work(&task, &facts, &out).map(|()| ""));
        }
        Command::PruneStep { cpu, task, installed, out: packages, report } => {
            return step("prune/files", prune::work(&cpu, &task, &installed, &packages, &report));
        }
        Command::BundleStep { bundle, app, backend, report } => {
            return step("prune/bundle", prune::check_bundle(&bundle, &app, &backend, &report).map(|()| ""));
        }
        Command::NativesStep { app, cpu, built } => return step("prune/natives", natives(&app, &cpu, &built)),
        Command::Schema => out.write_all(spec::schema::text().as_bytes()),
        Command::Plan { directory, file, build_args, platform, json } => {
            let plan = Plan { directory, file, build_args, platforms: platform };
            match plan.prepare() {
                Ok(prepared) => show(&mut out, &prepared, json),
                Err(diagnostics) => {
                    report_all(&diagnostics.0);
                    return ExitCode::FAILURE;
                }
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader went away, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            report_all(&[Diagnostic::error("cli/output", format!("the output cannot be written: {error}"))]);
            ExitCode::FAILURE
        }
    }
}

/// The end of a step of a build: what it says of its work, or what went wrong.
fn step(code: &'static str, outcome: io::Result<impl std::fmt::Display>) -> ExitCode {
    match outcome {
        Ok(report) => {
            print_lines(&report.to_string());
            ExitCode::SUCCESS
        }
        Err(error) => {
            // A list of mistakes, each on a line of its own.
            let text = error.to_string();
            let (first, list) = text.split_once('\n').unwrap_or((&text, ""));
            report_all(&[Diagnostic::error(code, first)]);
            print_lines(list);
            ExitCode::FAILURE
        }
    }
}

/// Writes lines to the step's output. Names in them come from packages.
fn print_lines(text: &str) {
    // Nothing can be done about a stderr that is closed.
    let _ = text.lines().try_for_each(|line| writeln!(io::stderr(), "{}", printable(line)));
}

/// Puts natives into their packages. One that the image cannot do without has to have a place.
fn natives(app: &Path, cpu: &str, built: &[String]) -> io::Result<String> {
    let (mut natives, mut required) = (Vec::new(), Vec::new());
    for native in built.chunks_exact(4) {
        let [name, version, folder, need] = native else { continue };
        if need == "required" {
            required.push(format!("{name}@{version}"));
        }
        natives.push(prune::Built { name: name.clone(), version: version.clone(), folder: PathBuf::from(folder) });
    }
    let places = prune::place_natives(app, cpu, &natives)?;
    if let Some(lost) = required.iter().find(|native| places.get(*native).is_none_or(Vec::is_empty)) {
        return Err(io::Error::other(format!("{lost} was built, and the image has no such package to put it into")));
    }
    let lines = places.iter().map(|(native, places)| match places.as_slice() {
        [] => format!("{native}: nowhere in the image\n"),
        places => format!("{native}: {}\n", places.join(", ")),
    });
    Ok(lines.collect())
}

fn show(out: &mut impl Write, prepared: &Prepared, json: bool) -> io::Result<()> {
    report_all(&prepared.warnings);
    if json { writeln!(out, "{}", plan::json(&prepared.plan)) } else { write!(out, "{}", Text(&prepared.plan)) }
}

/// Diagnostics go to stderr, coloured where a person reads it.
fn report_all(diagnostics: &[Diagnostic]) {
    let colour = if io::stderr().is_terminal() { Colour::Always } else { Colour::Never };
    // Nothing can be done about a stderr that is closed.
    let _ = write!(io::stderr(), "{}", terminal(diagnostics, colour));
}

/// The arguments of `plan`.
struct Plan {
    directory: PathBuf,
    file: String,
    build_args: Vec<String>,
    platforms: Vec<String>,
}

impl Plan {
    fn prepare(&self) -> Result<Prepared, Diagnostics> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Diagnostic::error("cli/runtime", format!("the program cannot start: {error}")))?;
        runtime.block_on(self.pipeline())
    }

    async fn pipeline(&self) -> Result<Prepared, Diagnostics> {
        let source = self.source().await?;
        let open = async |set: &ReadSet| self.files(set);
        let mut prepared = pipeline::prepare_from(&source, open).await?;
        prepared.warnings.extend(notes::syntax_line(&source.file));
        let default = Span::line(&source.file, 1);
        prepared.warnings.extend(notes::behind_links(&self.directory, &prepared.plan, &default));
        prepared.warnings.extend(notes::left_out(&self.directory, &prepared.plan, &default).await);
        prepared.warnings.extend(notes::missing(&self.directory, &prepared.plan, &default).await);
        Ok(prepared)
    }

    fn files(&self, set: &ReadSet) -> Result<DirectoryFiles, Diagnostics> {
        DirectoryFiles::new(&self.directory, set).map_err(|error| {
            Diagnostic::error("cli/directory", format!("{} cannot be read: {error}", self.directory.display())).into()
        })
    }

    async fn source(&self) -> Result<Source, Diagnostics> {
        use buildkit_frontend::files::Files as _;

        if !self.directory.is_dir() {
            let message = format!("there is no directory {}", self.directory.display());
            return Err(Diagnostic::error("cli/directory", message).into());
        }
        let usage = |message: String| Diagnostics::from(Diagnostic::error("cli/usage", message));
        let unreadable = |error: FilesError| Diagnostics::from(Diagnostic::error("cli/files", error.to_string()));
        let path = ContextPath::new(&self.file).map_err(|error| usage(format!("--file {}: {error}", self.file)))?;
        let ignore_path = ContextPath::new(&format!("{path}.dockerignore")).unwrap_or_default();
        let set = ReadSet { include: vec![path.to_string(), ignore_path.to_string()], exclude: Vec::new() };
        let files = self.files(&set)?;
        let Some(text) = files.read(&path, spec::MAX_BYTES as u64).await.map_err(unreadable)? else {
            let help = "name it with `--file`; a file that holds only its `# syntax=` line is enough";
            let diagnostic =
                Diagnostic::error("cli/no-build-file", format!("there is no {path} in {}", self.directory.display()));
            return Err(diagnostic.help(help).into());
        };
        let ignore = files.read(&ignore_path, ignore::MAX_BYTES).await.map_err(unreadable)?;
        let mut build_args = std::collections::BTreeMap::new();
        for arg in &self.build_args {
            let (name, value) =
                arg.split_once('=').ok_or_else(|| usage(format!("--build-arg {arg}: write NAME=VALUE")))?;
            build_args.insert(name.to_owned(), value.to_owned());
        }
        let build = platform::host();
        let mut platforms: Vec<Platform> = Vec::new();
        for text in &self.platforms {
            let platform: Platform =
                text.trim().parse().map_err(|error| usage(format!("--platform {text}: {error}")))?;
            if platform.os() != "linux" {
                let help = "images are for Linux, such as linux/amd64 or linux/arm64";
                return Err(usage(format!("--platform {platform}: {help}")));
            }
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        if platforms.is_empty() {
            platforms.push(build.clone());
        }
        Ok(Source {
            file: spec::decode(path.as_str(), &text)?,
            ignore: ignore.map(|bytes| ignore::patterns(&ignore::file(&ignore_path, &bytes))).transpose()?,
            build_args,
            platforms,
            build,
        })
    }
}

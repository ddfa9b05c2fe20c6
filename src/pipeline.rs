//! From a build file and a repository to a plan: the part of the way that is the same in a build and on the command
//! line. Only how files are opened differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use buildkit_frontend::files::{Files, ReadSet};
use buildkit_frontend::path::ContextPath;
use buildkit_frontend::request::is_proxy;
use buildkit_llb::Platform;
use serde::{Deserialize, Serialize};

use crate::plan::{self, Inputs, Plan};
use crate::repo::{BuildFileSays, Naming, Repository};
use crate::spec::Spec;
use crate::spec::model::Proxy;
use crate::{repo, spec};

/// Rounds of config files that include others.
const MAX_ROUNDS: usize = 8;
/// Files that they include: each is a pattern that the client tries on each of its files.
const MAX_INCLUDED: usize = 1000;

/// What a plan is made from, wherever it comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The build file.
    pub file: Arc<SourceFile>,
    /// Patterns of `<build file>.dockerignore`, if there is one.
    pub ignore: Option<Vec<String>>,
    /// `--build-arg`, without proxies.
    pub build_args: BTreeMap<String, String>,
    /// Platforms of the result, each once.
    pub platforms: Vec<Platform>,
    /// The builder's own platform.
    pub build: Platform,
}

/// A plan, and what it was made from.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What will be done.
    pub plan: Plan,
    /// What does not end the build.
    pub warnings: Vec<Diagnostic>,
    /// How many more warnings there are, of which somebody else told only the number.
    pub omitted_warnings: usize,
    /// What was read.
    pub read_set: ReadSet,
    /// Proxies of the build file, for every run: no part of a plan, since they are in no step's key.
    pub proxy: Proxy,
}

/// Build file and repository, read.
#[derive(Debug, Clone)]
pub struct Facts {
    spec: Spec,
    repo: Repository,
    warnings: Vec<Diagnostic>,
    read_set: ReadSet,
}

/// What a round of reading starts from.
#[derive(Debug)]
pub enum Round<F, W> {
    /// The files of the read set.
    Files(F),
    /// A planning step elsewhere needs these files of the repository as well.
    More(Included),
    /// A planning step elsewhere made the plan; its notes come with it.
    Planned(Box<Prepared>, W),
}

/// Makes the plan: the one loop over rounds. `round` shows the files of a read set, or knows what they come to; with the plan
/// comes what it has to say of one that was not made here.
///
/// # Errors
/// The user's mistakes, and what `round` and its files fail with.
pub async fn prepare<F, W, E>(
    source: &Source,
    mut round: impl AsyncFnMut(&PlanSession<'_>) -> Result<Round<F, W>, E>,
) -> Result<(Prepared, Option<W>), E>
where
    F: Files,
    E: From<Diagnostics>,
{
    let mut reading = PlanSession::start(source)?;
    loop {
        match round(&reading).await? {
            Round::Planned(prepared, said) => return Ok((*prepared, Some(said))),
            Round::More(included) => reading.include(included),
            Round::Files(files) => {
                if let Some(facts) = reading.read(&files).await? {
                    return Ok((facts.plan(source)?, None));
                }
            }
        }
    }
}

/// The same where every round reads files and nobody else plans.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_from<F, E>(source: &Source, open: impl AsyncFn(&ReadSet) -> Result<F, E>) -> Result<Prepared, E>
where
    F: Files,
    E: From<Diagnostics>,
{
    let round = async |reading: &PlanSession<'_>| Ok::<_, E>(Round::<F, ()>::Files(open(&reading.read_set()).await?));
    Ok(prepare(source, round).await?.0)
}

/// A repository that is being read. Config files may include others, which only reading them tells, and those may again:
/// so there are rounds, each with a larger read set.
#[derive(Debug, Clone)]
pub struct PlanSession<'a> {
    source: &'a Source,
    spec: Spec,
    warnings: Vec<Diagnostic>,
    included: Included,
}

/// Config files that others include, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Included {
    paths: Vec<ContextPath>,
    /// How often there were more of them.
    rounds: usize,
}

impl<'a> PlanSession<'a> {
    /// Reads the build file.
    ///
    /// # Errors
    /// The mistakes in it.
    pub fn start(source: &'a Source) -> Result<Self, Diagnostics> {
        let (spec, warnings) = spec::parse(&source.file, &source.build_args)?;
        Ok(Self { source, spec, warnings, included: Included::default() })
    }

    /// What is read.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// Config files that others include, as far as they are known.
    pub fn included(&self) -> &Included {
        &self.included
    }

    /// Takes over what somebody else found out.
    pub fn include(&mut self, included: Included) {
        self.included = included;
    }

    /// The files that this round reads.
    pub fn read_set(&self) -> ReadSet {
        let named = self.spec.named_configs().into_iter().map(|path| path.value);
        let ca = self.spec.network.ca_file().map(|path| path.value);
        let paths: Vec<_> = named.chain(self.included.paths.iter().cloned()).chain(ca).collect();
        repo::read_set(&paths, self.source.ignore.as_deref())
    }

    /// Reads the files of the read set. `None` where there is more to be read: the read set has grown.
    ///
    /// # Errors
    /// The mistakes in them.
    pub async fn read(&mut self, files: &dyn Files) -> Result<Option<Facts>, Diagnostics> {
        let named = self.spec.named_configs();
        let own = format!("{}.dockerignore", self.source.file.name);
        let ignore = self.source.ignore.as_deref().map(|patterns| (own.as_str(), patterns));
        let says = BuildFileSays { files: self.spec.named_files(), ignore };
        let (found, more) = repo::read_for(files, &named, &says).await?;
        repo::certificates(files, self.spec.network.ca_file()).await?;
        let mut references = repo::config_references(&found);
        // The plan tells of them.
        references.retain(|path| found.ignores.withholds(path, Naming::Reference).is_none());
        let Included { paths, rounds } = &mut self.included;
        let mut fresh = references.clone();
        fresh.retain(|path| !paths.contains(path) && !named.iter().any(|known| known.value == *path));
        if !fresh.is_empty() && *rounds < MAX_ROUNDS {
            paths.extend(fresh);
            if paths.len() > MAX_INCLUDED {
                let message = format!("config files include {} others", paths.len());
                let help = format!("more than {MAX_INCLUDED} cannot be right: is one of them generated?");
                return Err(Diagnostic::error("repo/includes", message).help(help).into());
            }
            *rounds = rounds.saturating_add(1);
            return Ok(None);
        }
        let mut warnings = self.warnings.clone();
        warnings.extend(more);
        warnings.extend(references.iter().map(unread));
        Ok(Some(Facts { spec: self.spec.clone(), repo: found, warnings, read_set: self.read_set() }))
    }

    /// A plan that somebody else made of the same, with its warnings and how many more there are.
    pub fn planned(&self, plan: Plan, mut warnings: Vec<Diagnostic>, omitted_warnings: usize) -> Prepared {
        warnings.extend(unknown_build_args(self.source));
        Prepared { plan, warnings, omitted_warnings, read_set: self.read_set(), proxy: proxy(&self.spec) }
    }
}

impl Facts {
    /// Makes the plan.
    ///
    /// # Errors
    /// The user's mistakes.
    pub fn plan(&self, source: &Source) -> Result<Prepared, Diagnostics> {
        let (plan, more) = plan::make(&self.inputs(source))?;
        let mut warnings = self.warnings.clone();
        warnings.extend(more);
        warnings.extend(unknown_build_args(source));
        let (read_set, proxy) = (self.read_set.clone(), proxy(&self.spec));
        Ok(Prepared { plan, warnings, omitted_warnings: 0, read_set, proxy })
    }

    fn inputs<'a>(&'a self, source: &'a Source) -> Inputs<'a> {
        Inputs {
            spec: &self.spec,
            repo: &self.repo,
            ignore: source.ignore.as_deref(),
            platforms: &source.platforms,
            build: &source.build,
        }
    }
}

fn proxy(spec: &Spec) -> Proxy {
    spec.network.proxy.as_ref().map(|proxy| proxy.value.clone()).unwrap_or_default()
}

/// What a config file includes and is not there: without it the backend would not start, unless it gets it elsewhere.
fn unread(path: &ContextPath) -> Diagnostic {
    let message = format!("a config file includes `{path}`, which is not in the repository");
    Diagnostic::warning("plan/missing-include", message)
        .help("check its path, which is relative to the file that includes it, or mount it when the container starts")
}

/// Build args that nothing here knows: a typing mistake, most likely.
fn unknown_build_args(source: &Source) -> Option<Diagnostic> {
    let known = |name: &String| {
        spec::consumes(name) || is_proxy(name) || name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH"
    };
    let shown = |name: &String| if name.is_empty() { "one without a name".to_owned() } else { name.clone() };
    let unknown = source.build_args.keys().filter(|name| !known(name));
    let unknown = unknown.map(|name| match spec::suggestion(name) {
        Some(near) => format!("{} (did you mean `{near}`?)", shown(name)),
        None => shown(name),
    });
    let unknown: Vec<String> = unknown.collect();
    (!unknown.is_empty()).then(|| {
        Diagnostic::warning("request/build-arg", format!("build args that nothing uses: {}", unknown.join(", "))).help(
            "a build arg overrides a value of the build file by its path, such as `--build-arg runtime.base=slim`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_args_that_nothing_uses_are_named() {
        let said = |names: &[&str]| {
            let build_args = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
            let file = SourceFile::new("backstage.build.yaml", "");
            let build = buildkit_frontend::platform::host();
            let source = Source { file, ignore: None, build_args, platforms: vec![build.clone()], build };
            unknown_build_args(&source).map(|d| d.message)
        };
        assert_eq!(said(&["node", "BUILDKIT_SYNTAX"]), None);
        assert_eq!(said(&[""]).unwrap(), "build args that nothing uses: one without a name");
        assert_eq!(
            said(&["", "nod"]).unwrap(),
            "build args that nothing uses: one without a name, nod (did you mean `node`?)"
        );
        assert!(said(&["ghp_0123456789abcdefghij0123"]).unwrap().ends_with(": ***"));
    }
}

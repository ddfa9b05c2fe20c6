//! From a build file and a repository to a plan: the part of the way that is the same in a build and on the command
//! line. Only how files are opened differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::files::{Files, ReadSet, is_denied};
use crate::path::ContextPath;
use crate::plan::{self, BaseImage, ImageRole, Inputs, Plan};
use crate::repo::{NodeHint, Repository};
use crate::spec::Spec;
use crate::{repo, spec};

/// Rounds of config files that include others.
const MAX_ROUNDS: usize = 8;

/// What a plan is made from, wherever it comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The build file.
    pub file: Arc<SourceFile>,
    /// Patterns of `<build file>.dockerignore`, if there is one.
    pub ignore: Option<Vec<String>>,
    /// `--build-arg`, without proxies.
    pub build_args: BTreeMap<String, String>,
    /// Architecture of the result, in OCI's words.
    pub arch: String,
}

/// A plan, and what it was made from.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What will be done.
    pub plan: Plan,
    /// What does not end the build.
    pub warnings: Vec<Diagnostic>,
    /// What was read.
    pub read_set: ReadSet,
}

/// Build file and repository, read.
#[derive(Debug, Clone)]
pub struct Facts {
    spec: Spec,
    repo: Repository,
    warnings: Vec<Diagnostic>,
    read_set: ReadSet,
}

/// Makes the plan. `open` shows the files of a read set.
///
/// # Errors
/// The user's mistakes, and what `open` and its files fail with.
pub async fn prepare<F, E>(source: &Source, open: impl AsyncFn(&ReadSet) -> Result<F, E>) -> Result<Prepared, E>
where
    F: Files,
    E: From<Diagnostics>,
{
    Ok(read(source, open, |_| {}).await?.plan(source)?)
}

/// The first half of [`prepare`]. `tell` hears of the base images that a plan would have as soon as they are known, which
/// is before it is known whether there will be one.
///
/// # Errors
/// As there.
pub async fn read<F, E>(
    source: &Source,
    open: impl AsyncFn(&ReadSet) -> Result<F, E>,
    tell: impl FnOnce(BTreeMap<ImageRole, BaseImage>),
) -> Result<Facts, E>
where
    F: Files,
    E: From<Diagnostics>,
{
    let (spec, mut warnings) = spec::parse(&source.file, &source.build_args)?;

    let named = spec.named_configs();
    let mut paths: Vec<_> = named.iter().map(|path| path.value.clone()).collect();
    let mut read_set = repo::read_set(&paths, source.ignore.as_deref());
    let tell = |hints: &[NodeHint]| tell(plan::bases(&spec, hints, &source.arch));
    let (mut found, mut more) = repo::read_telling(&open(&read_set).await?, &named, tell).await?;
    // Config files may include others, which only reading them tells; those may again.
    for _ in 0..MAX_ROUNDS {
        let mut fresh = repo::config_references(&found);
        fresh.retain(|path| !is_denied(path) && !paths.contains(path));
        if fresh.is_empty() {
            break;
        }
        paths.extend(fresh);
        read_set = repo::read_set(&paths, source.ignore.as_deref());
        (found, more) = repo::read(&open(&read_set).await?, &named).await?;
    }
    warnings.extend(more);
    warnings.extend(repo::config_references(&found).iter().map(unread));

    Ok(Facts { spec, repo: found, warnings, read_set })
}

impl Facts {
    /// The second half of [`prepare`].
    ///
    /// # Errors
    /// The user's mistakes.
    pub fn plan(&self, source: &Source) -> Result<Prepared, Diagnostics> {
        let (plan, more) = plan::make(&self.inputs(source))?;
        let mut warnings = self.warnings.clone();
        warnings.extend(more);
        warnings.extend(unconsumed(source));
        Ok(Prepared { plan, warnings, read_set: self.read_set.clone() })
    }

    fn inputs<'a>(&'a self, source: &'a Source) -> Inputs<'a> {
        Inputs { spec: &self.spec, repo: &self.repo, ignore: source.ignore.as_deref(), arch: &source.arch }
    }
}

/// What a config file includes and nobody read: a file of the deny-list never is, let alone sent; without another one
/// the backend would not start, unless it gets it elsewhere.
fn unread(path: &ContextPath) -> Diagnostic {
    if is_denied(path) {
        let message = format!("a config file includes `{path}`, which is not put into the image");
        Diagnostic::warning("plan/secret-include", message)
            .help("files like it hold secrets: mount it beside the config files when the container starts")
    } else {
        let message = format!("a config file includes `{path}`, which is not in the repository");
        Diagnostic::warning("plan/missing-include", message).help(
            "check its path, which is relative to the file that includes it, or mount it when the container starts",
        )
    }
}

/// Build args that nothing here knows: a typing mistake, most likely.
fn unconsumed(source: &Source) -> Option<Diagnostic> {
    let known = |name: &String| spec::consumes(name) || name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH";
    let shown = |name: &String| if name.is_empty() { "one without a name".to_owned() } else { name.clone() };
    let unknown: Vec<String> = source.build_args.keys().filter(|name| !known(name)).map(shown).collect();
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
            unconsumed(&Source { file, ignore: None, build_args, arch: "amd64".to_owned() }).map(|d| d.message)
        };
        assert_eq!(said(&["node", "BUILDKIT_SYNTAX"]), None);
        assert_eq!(said(&[""]).unwrap(), "build args that nothing uses: one without a name");
        assert_eq!(said(&["", "nod"]).unwrap(), "build args that nothing uses: one without a name, nod");
        assert!(said(&["ghp_0123456789abcdefghij0123"]).unwrap().ends_with(": ***"));
    }
}

//! Where the repository and the build file are. Nothing is read here: this says what to read, in BuildKit's order of
//! decision (`frontend/dockerui/context.go`): git, http, an input, a directory of the client.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::ContextPath;

use super::git::GitRef;
use super::text::{RemoteUrl, redacted};
use super::value::Invalid;

/// The name under which a client offers the build context, as a directory or as an input.
pub const CONTEXT: &str = "context";
/// The name under which a client offers the directory of the build file, unless `dockerfilekey` says another.
pub const DOCKERFILE: &str = "dockerfile";

/// Where the repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildContext {
    /// What holds it.
    pub source: ContextSource,
    /// The directory of a remote source that becomes the root. Always the root itself for a directory of the client.
    pub subdir: ContextPath,
}

/// What holds the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextSource {
    /// A directory that the client offers under the name [`CONTEXT`].
    Local,
    /// A git repository.
    Git(GitRef),
    /// A file to be downloaded: an archive of the repository, or the build file alone.
    Http(RemoteUrl),
    /// The input named [`CONTEXT`]: another build's result.
    Input,
}

/// The build file, which is also the file that the syntax line was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFile {
    /// Its path in `source`.
    pub name: ContextPath,
    /// Where it is.
    pub source: BuildFileSource,
}

/// Where the build file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildFileSource {
    /// With the repository, in its source without `contextsubdir`.
    Context,
    /// In the directory of the client with this name.
    Local(String),
    /// In the input with this name.
    Input(String),
}

impl BuildFile {
    /// The ignore file that belongs to this build file.
    pub fn ignore_file(&self) -> ContextPath {
        let name = format!("{}.dockerignore", self.name.name());
        self.name.parent().join(&name).unwrap_or_else(|_| self.name.clone())
    }
}

/// The sessions that directories of the client are read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// The build's own.
    pub id: String,
    /// Others, by the directory's name: bake shares one upload between builds.
    pub by_local: BTreeMap<String, String>,
}

impl Sessions {
    /// The session that offers the directory of this name.
    pub fn of(&self, local: &str) -> &str {
        self.by_local.get(local).unwrap_or(&self.id)
    }
}

/// Whether a remote address is one that the client serves itself, as it does for an archive on its standard input.
pub fn is_stdin(url: &RemoteUrl) -> bool {
    url.as_str().starts_with("http://buildkit-session/")
}

/// Option `context`, or the one that `contextkey` names. `inputs` are the names of the build's inputs.
pub(super) fn source(text: &str, inputs: &BTreeSet<String>) -> Result<ContextSource, Invalid> {
    if let Some(git) = GitRef::parse(text)? {
        return Ok(ContextSource::Git(git));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(ContextSource::Http(RemoteUrl::new(text)));
    }
    if inputs.contains(CONTEXT) {
        return Ok(ContextSource::Input);
    }
    // BuildKit's own frontends take anything else for a directory of the client, whatever it says. Nothing that is in
    // use sends such a value, so it is a mistake, and another directory than the one named would be built.
    if text.is_empty() { Ok(ContextSource::Local) } else { Err(Invalid::Source(redacted(text))) }
}

/// Where the build file is. `key` is option `dockerfilekey`.
pub(super) fn build_file_source(
    key: Option<&str>,
    context: &ContextSource,
    inputs: &BTreeSet<String>,
) -> BuildFileSource {
    match (key, context) {
        (Some(local), _) => BuildFileSource::Local(local.to_owned()),
        (None, ContextSource::Git(_) | ContextSource::Http(_)) => BuildFileSource::Context,
        (None, ContextSource::Input | ContextSource::Local) if inputs.contains(DOCKERFILE) => {
            BuildFileSource::Input(DOCKERFILE.to_owned())
        }
        (None, ContextSource::Input | ContextSource::Local) => BuildFileSource::Local(DOCKERFILE.to_owned()),
    }
}

/// A path that may start with a slash, which then means the root of what it is in.
pub(super) fn path(text: &str) -> Result<ContextPath, Invalid> {
    ContextPath::new(text.trim_start_matches('/')).map_err(|problem| Invalid::Path(text.to_owned(), problem))
}

/// Option `filename`.
pub(super) fn file_name(text: &str) -> Result<Option<ContextPath>, Invalid> {
    match path(text)? {
        name if name.is_root() => Ok(None),
        name => Ok(Some(name)),
    }
}

#[cfg(test)]
mod tests {
    use crate::path::PathError;

    use super::*;

    fn inputs(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_order_of_decision() {
        let with_input = inputs(&["context"]);
        assert!(matches!(source("https://h/a.git", &with_input), Ok(ContextSource::Git(_))));
        assert!(matches!(source("git@h:a.git", &with_input), Ok(ContextSource::Git(_))));
        let archive = ContextSource::Http(RemoteUrl::new("https://h/a.tgz"));
        assert_eq!(source("https://h/a.tgz", &with_input), Ok(archive));
        assert_eq!(source("", &with_input), Ok(ContextSource::Input));
        assert_eq!(source("anything", &with_input), Ok(ContextSource::Input));
        assert_eq!(source("", &inputs(&["other"])), Ok(ContextSource::Local));
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for text in ["../x", ".", "ftp://h/a.tgz", "context"] {
            assert_eq!(source(text, &inputs(&[])), Err(Invalid::Source(text.into())));
        }
        let error = source("ftp://me:hunter2@h/a.tgz", &inputs(&[])).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        assert!(matches!(source("https://h/a.git?x=y", &inputs(&[])), Err(Invalid::Git(_))));
    }

    #[test]
    fn where_the_build_file_is() {
        let git = source("https://h/a.git", &inputs(&[])).unwrap();
        let local = |name: &str| BuildFileSource::Local(name.to_owned());
        assert_eq!(build_file_source(None, &git, &inputs(&["dockerfile"])), BuildFileSource::Context);
        assert_eq!(build_file_source(Some("df"), &git, &inputs(&["dockerfile"])), local("df"));
        assert_eq!(build_file_source(None, &ContextSource::Local, &inputs(&[])), local("dockerfile"));
        assert_eq!(build_file_source(Some("df"), &ContextSource::Local, &inputs(&[])), local("df"));
        assert_eq!(build_file_source(None, &ContextSource::Input, &inputs(&["context"])), local("dockerfile"));
        let both = build_file_source(None, &ContextSource::Input, &inputs(&["context", "dockerfile"]));
        assert_eq!(both, BuildFileSource::Input("dockerfile".into()));
    }

    #[test]
    fn names_of_the_build_file() {
        let file = |name: &str| BuildFile { name: file_name(name).unwrap().unwrap(), source: BuildFileSource::Context };
        assert_eq!(file("/ci/./backstage.build.yaml").name.as_str(), "ci/backstage.build.yaml");
        assert_eq!(file("ci/b.yaml").ignore_file().as_str(), "ci/b.yaml.dockerignore");
        assert_eq!(file("b.yaml").ignore_file().as_str(), "b.yaml.dockerignore");
        assert_eq!(file_name(""), Ok(None));
        assert_eq!(file_name("../b.yaml"), Err(Invalid::Path("../b.yaml".into(), PathError::Escapes)));
    }

    #[test]
    fn sessions_of_directories() {
        let sessions = Sessions { id: "s1".into(), by_local: BTreeMap::from([("context".into(), "s2".into())]) };
        assert_eq!((sessions.of("context"), sessions.of("dockerfile")), ("s2", "s1"));
    }

    #[test]
    fn standard_input() {
        assert!(is_stdin(&RemoteUrl::new("http://buildkit-session/abc")));
        assert!(!is_stdin(&RemoteUrl::new("http://example.com/abc")));
    }
}

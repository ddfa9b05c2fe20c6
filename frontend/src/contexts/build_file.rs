//! The build file and the ignore file beside it, in one transfer.

use buildkit_llb::source::{Differ, Local};
use buildkit_llb::{Definition, Metadata, Output};
use bytes::Bytes;
use futures_util::future::join;

use crate::diagnostic::Diagnostic;
use crate::files::{Files as _, FilesError};
use crate::gateway::{BuildkitFiles, Client, Failure, SolveRequest};
use crate::ignore;
use crate::path::ContextPath;
use crate::request::{BuildFileSource, ContextSource, Request};

use super::repository::{git, unsupported};

/// What the user wrote for this build.
#[derive(Debug, Clone)]
pub struct BuildFile {
    /// Its name, as `--file` has it.
    pub name: ContextPath,
    /// What it holds.
    pub data: Bytes,
    /// Patterns of `<build file>.dockerignore`, if there is one; it holds even if it is empty.
    pub ignore: Option<Vec<String>>,
    /// Digest of the vertex that it came from: where warnings are shown.
    pub vertex: String,
}

impl BuildFile {
    /// Reads both files. The build file may have so many bytes.
    ///
    /// # Errors
    /// When the build file is not there or too large, when a pattern of the ignore file is none, and when BuildKit fails.
    pub async fn read(client: &Client, request: &Request, limit: u64) -> Result<Self, Failure> {
        let path = &request.build_file.name;
        let source = source(request, path)?;
        let vertex = source.node().digest().to_string();
        let definition = Definition::new(source).to_pb();
        let imports = super::imports(request);
        let reference =
            client.solve(SolveRequest { definition, cache_imports: imports, ..SolveRequest::default() }).await?;
        let files = BuildkitFiles::new(client.clone(), reference);
        let beside = request.build_file.ignore_file();
        let (text, ignore) = join(read(&files, path, limit), read(&files, &beside, ignore::MAX_BYTES)).await;
        Ok(Self {
            name: path.clone(),
            data: text?.ok_or_else(|| missing(path))?,
            ignore: ignore?.map(|bytes| ignore::patterns(&ignore::file(&beside, &bytes))).transpose()?,
            vertex,
        })
    }
}

async fn read(files: &BuildkitFiles, path: &ContextPath, limit: u64) -> Result<Option<Bytes>, Failure> {
    files.read(path, limit).await.map_err(|error| match error {
        FilesError::TooLarge { path, limit } => Failure::from(
            Diagnostic::error("request/too-large", format!("{path} is larger than {limit} bytes"))
                .help("is it the right file? it is named with `--file`"),
        ),
        other => other.into(),
    })
}

fn missing(name: &ContextPath) -> Failure {
    Diagnostic::error("request/no-build-file", format!("there is no file {name}"))
        .help("name the build file with `--file`")
        .into()
}

/// The op that brings both files.
fn source(request: &Request, path: &ContextPath) -> Result<Output, Failure> {
    let name = format!("[internal] load build definition from {path}");
    let local = match (&request.build_file.source, &request.context.source) {
        (BuildFileSource::Local(local), _) => local,
        (BuildFileSource::Context, ContextSource::Git(reference)) => {
            return git(reference, request, Metadata::named(name));
        }
        _ => return Err(unsupported()),
    };
    Ok(Local::new(local)
        .session(request.sessions.of(local))
        .follow_paths([path.to_string(), request.build_file.ignore_file().to_string()])
        .shared_key_hint(local)
        .differ(Differ::None)
        .metadata(Metadata::named(name))
        .build())
}

//! The build file and the ignore file beside it, in one transfer.

use std::sync::Arc;

use buildkit_llb::source::{Differ, Local};
use buildkit_llb::{Definition, Metadata, Output};
use bytes::Bytes;

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::files::{Files as _, FilesError, parse_ignore_file};
use crate::gateway::{BuildkitFiles, Client, Failure, SolveRequest};
use crate::path::ContextPath;
use crate::request::Request;
use crate::spec;

use super::context::git;

/// The largest ignore file that is read, in bytes.
const IGNORE_LIMIT: u64 = 1 << 20;

/// What the user wrote for this build.
#[derive(Debug, Clone)]
pub struct BuildFile {
    /// The text.
    pub file: Arc<SourceFile>,
    /// Patterns of `<build file>.dockerignore`, if there is one; it holds even if it is empty.
    pub ignore: Option<Vec<String>>,
    /// Digest of the vertex that it came from: where warnings are shown.
    pub vertex: String,
}

impl BuildFile {
    /// Reads both files.
    ///
    /// # Errors
    /// When the build file is not there, is too large or is no text, and when BuildKit fails.
    pub async fn read(client: &Client, request: &Request) -> Result<Self, Failure> {
        let name = &request.filename;
        let path = ContextPath::new(name).map_err(|error| {
            Failure::from(Diagnostic::error("request/filename", format!("`--file {name}` cannot be used: {error}")))
        })?;
        let source = source(client, request, &path)?;
        let vertex = source.node().digest().to_string();
        let definition = Definition::from(&source).to_pb();
        let imports = super::images::imports(request);
        let reference = client.solve(SolveRequest { definition, cache_imports: imports, ..SolveRequest::default() }).await?;
        let files = BuildkitFiles::new(client.clone(), reference);
        let ignore_path = ContextPath::new(&format!("{path}.dockerignore")).unwrap_or_default();
        let text = read(&files, &path, spec::MAX_BYTES).await?.ok_or_else(|| missing(name))?;
        let ignore = read(&files, &ignore_path, IGNORE_LIMIT).await?;
        Ok(Self {
            file: spec::decode(name, &text)?,
            ignore: ignore.map(|bytes| parse_ignore_file(&String::from_utf8_lossy(&bytes))),
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

fn missing(name: &str) -> Failure {
    Diagnostic::error("request/no-build-file", format!("there is no file {name}"))
        .help("name the build file with `--file`, such as `-f backstage.build.yaml`")
        .into()
}

/// The op that brings both files.
fn source(client: &Client, request: &Request, path: &ContextPath) -> Result<Output, Failure> {
    let name = format!("[internal] load build definition from {path}");
    if let Some(reference) = request.build_file_in_git() {
        return git(reference, request, Metadata::named(name));
    }
    let local = request.build_file_local();
    let session = request.local_session(local).unwrap_or(&client.environment().session_id);
    Ok(Local::new(local)
        .session(session)
        .follow_paths([path.to_string(), format!("{path}.dockerignore")])
        .shared_key_hint(local)
        .differ(Differ::None)
        .metadata(Metadata::named(name))
        .build())
}

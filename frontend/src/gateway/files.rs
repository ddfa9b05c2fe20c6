//! The files of a reference, as the rest of the program reads files.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::files::{Entry, Files, FilesError, Kind, Pending};
use crate::path::ContextPath;

use super::client::Client;
use super::error::FileError;
use super::reference::Reference;

/// Calls in flight. Reading a thousand manifests takes a quarter of the time that it takes one by one.
const AT_ONCE: usize = 64;

/// The files of one reference.
#[derive(Debug, Clone)]
pub struct BuildkitFiles {
    client: Client,
    reference: Reference,
}

impl BuildkitFiles {
    /// Reads from a reference. Nothing happens before the first read, which evaluates it.
    pub fn new(client: Client, reference: Reference) -> Self {
        Self { client, reference }
    }

    /// The reference read from.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    async fn read_one(&self, path: &ContextPath, limit: u64) -> Result<Option<Bytes>, FilesError> {
        let read = self.client.read_file(&self.reference, &path.rooted(), limit).await;
        read.map_err(|error| files_error(path, error))
    }

    async fn list_one(&self, dir: &ContextPath) -> Result<Option<Vec<Entry>>, FilesError> {
        let read = self.client.read_dir(&self.reference, &dir.rooted(), None).await;
        let names = read.map_err(|error| files_error(dir, error))?;
        Ok(names.map(|names| names.into_iter().map(|s| Entry { name: s.name, kind: s.kind }).collect()))
    }
}

impl Files for BuildkitFiles {
    fn read_many<'a>(&'a self, paths: &'a [ContextPath], limit: u64) -> Pending<'a, Vec<Option<Bytes>>> {
        Box::pin(stream::iter(paths).map(move |path| self.read_one(path, limit)).buffered(AT_ONCE).try_collect())
    }

    fn list_many<'a>(&'a self, dirs: &'a [ContextPath]) -> Pending<'a, Vec<Option<Vec<Entry>>>> {
        Box::pin(stream::iter(dirs).map(|dir| self.list_one(dir)).buffered(AT_ONCE).try_collect())
    }

    fn stat<'a>(&'a self, path: &'a ContextPath) -> Pending<'a, Option<Kind>> {
        Box::pin(async move {
            let stat = self.client.stat_file(&self.reference, &path.rooted()).await;
            Ok(stat.map_err(|error| files_error(path, error))?.map(|stat| stat.kind))
        })
    }
}

fn files_error(path: &ContextPath, error: FileError) -> FilesError {
    let path = path.clone();
    match error {
        FileError::TooLarge { limit, .. } => FilesError::TooLarge { path, limit },
        FileError::WrongKind { wanted, .. } => FilesError::WrongKind { path, wanted },
        FileError::Unreadable { .. } => {
            FilesError::Failed { path, reason: "BuildKit has it but cannot read it".to_owned() }
        }
        FileError::Call(error) => FilesError::Daemon(Box::new(error.into())),
    }
}

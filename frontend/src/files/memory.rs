//! Files kept in memory, for tests and for what was read already.

use std::collections::BTreeMap;
use std::future::ready;

use bytes::Bytes;

use crate::path::ContextPath;

use super::{Entry, Files, FilesError, Kind, Pending};

/// A repository held in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<ContextPath, Bytes>);

impl MemoryFiles {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: ContextPath, data: impl Into<Bytes>) -> Self {
        self.0.insert(path, data.into());
        self
    }

    fn names(&self, dir: &ContextPath) -> Option<Vec<Entry>> {
        let mut names: BTreeMap<&str, Kind> = BTreeMap::new();
        for (path, data) in self.0.iter().filter(|(path, _)| path.is_in(dir) && *path != dir) {
            let rest = path.as_str().get(dir.as_str().len()..).unwrap_or_default().trim_start_matches('/');
            match rest.split_once('/') {
                Some((name, _)) => names.insert(name, Kind::Directory),
                None => names.insert(rest, Kind::File { size: u64::try_from(data.len()).unwrap_or(u64::MAX) }),
            };
        }
        let entries: Vec<_> = names.into_iter().map(|(name, kind)| Entry { name: name.to_owned(), kind }).collect();
        (!entries.is_empty() || dir.is_root()).then_some(entries)
    }
}

impl Files for MemoryFiles {
    fn read_many<'a>(&'a self, paths: &'a [ContextPath], limit: u64) -> Pending<'a, Vec<Option<Bytes>>> {
        let read = paths
            .iter()
            .map(|path| match self.0.get(path) {
                Some(data) if u64::try_from(data.len()).unwrap_or(u64::MAX) > limit => {
                    Err(FilesError::TooLarge { path: path.clone(), limit })
                }
                found => Ok(found.cloned()),
            })
            .collect();
        Box::pin(ready(read))
    }

    fn list_many<'a>(&'a self, dirs: &'a [ContextPath]) -> Pending<'a, Vec<Option<Vec<Entry>>>> {
        Box::pin(ready(Ok(dirs.iter().map(|dir| self.names(dir)).collect())))
    }

    fn stat<'a>(&'a self, path: &'a ContextPath) -> Pending<'a, Option<Kind>> {
        Box::pin(ready(Ok(match self.0.get(path) {
            Some(data) => Some(Kind::File { size: u64::try_from(data.len()).unwrap_or(u64::MAX) }),
            None => self.names(path).filter(|names| !names.is_empty()).map(|_| Kind::Directory),
        })))
    }
}

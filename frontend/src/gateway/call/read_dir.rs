//! ReadDir: the names in a directory.

use buildkit_proto::frontend::ReadDirRequest;

use crate::files::Kind;
use crate::gateway::client::Client;
use crate::gateway::error::{CallError, FileError};
use crate::gateway::reference::Reference;

use super::fault::Fault;
use super::stat_file::Stat;

impl Client {
    /// Lists a directory, one level deep, sorted by the names' bytes; `None` where nothing is there. `include` is a pattern
    /// as in an ignore file.
    ///
    /// Names are as they are: they may hold control characters and line breaks.
    ///
    /// # Errors
    /// Those of the directory, and those of the steps behind the reference.
    pub async fn read_dir(
        &self,
        reference: &Reference,
        path: &str,
        include: Option<&str>,
    ) -> Result<Option<Vec<Stat>>, FileError> {
        if reference.is_scratch() {
            return Ok((path.trim_matches('/').is_empty()).then(Vec::new));
        }
        let request = ReadDirRequest {
            r#ref: reference.id().to_owned(),
            dir_path: path.to_owned(),
            include_pattern: include.unwrap_or_default().to_owned(),
            mount_index: 0,
        };
        match self.ask(&request).await {
            Ok(response) => {
                let _ = reference.evaluated.set(());
                let mut entries: Vec<Stat> = response.entries.into_iter().map(Stat::from).collect();
                // A name that is a path would lead somewhere else when joined to the directory's.
                if entries.iter().any(|e| matches!(&*e.name, "" | "." | "..") || e.name.contains(['/', '\0'])) {
                    return Err(CallError::malformed("ReadDir", "a name in it is not a name").into());
                }
                entries.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(Some(entries))
            }
            Err(error) => match self.fault(reference, error).await? {
                Fault::Missing => Ok(None),
                // Either the path itself is a file, or one on the way to it.
                Fault::NotADirectory => match self.stat_file(reference, path).await? {
                    Some(Stat { kind: Kind::Directory, .. }) => Err(FileError::Unreadable { path: path.to_owned() }),
                    Some(_) => Err(FileError::WrongKind { path: path.to_owned(), wanted: "a directory" }),
                    None => Ok(None),
                },
                Fault::NotAFile | Fault::Unreadable => Err(FileError::Unreadable { path: path.to_owned() }),
            },
        }
    }
}

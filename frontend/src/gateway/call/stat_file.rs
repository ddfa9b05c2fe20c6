//! StatFile: what lies at a path.

use buildkit_proto::frontend::StatFileRequest;
use buildkit_proto::fsutil;

use crate::files::Kind;
use crate::gateway::client::Client;
use crate::gateway::error::{CallError, FileError};
use crate::gateway::reference::Reference;

use super::fault::Fault;

/// A file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The last component of its path.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The nine permission bits.
    pub permissions: u32,
    /// Where a link leads, as written in it.
    pub link: Option<String>,
}

/// Bits of Go's `FileMode`, which is not the system's.
const DIR: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
/// Device, pipe, socket, character device, irregular.
const OTHER: u32 = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;

impl From<fsutil::Stat> for Stat {
    fn from(stat: fsutil::Stat) -> Self {
        let kind = if stat.mode & DIR != 0 {
            Kind::Directory
        } else if stat.mode & SYMLINK != 0 {
            Kind::Symlink
        } else if stat.mode & OTHER != 0 {
            Kind::Other
        } else {
            Kind::File { size: u64::try_from(stat.size).unwrap_or_default() }
        };
        let link = (kind == Kind::Symlink).then_some(stat.linkname);
        Self { name: stat.path, kind, permissions: stat.mode & 0o777, link }
    }
}

impl Client {
    /// Describes what lies at a path, links followed inside the reference; `None` where nothing is there.
    ///
    /// # Errors
    /// Those of the path, and those of the steps behind the reference.
    pub async fn stat_file(&self, reference: &Reference, path: &str) -> Result<Option<Stat>, FileError> {
        if reference.is_scratch() {
            return Ok(None);
        }
        let request = StatFileRequest { r#ref: reference.id().to_owned(), path: path.to_owned(), mount_index: 0 };
        match self.ask(&request).await {
            Ok(response) => {
                let _ = reference.evaluated.set(());
                let stat = response.stat.ok_or_else(|| CallError::malformed("StatFile", "it is empty"))?;
                Ok(Some(stat.into()))
            }
            Err(error) => match self.fault(reference, error).await? {
                Fault::Missing | Fault::NotADirectory => Ok(None),
                Fault::NotAFile | Fault::Unreadable => Err(FileError::Unreadable { path: path.to_owned() }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        let stat = |mode, size| {
            Stat::from(fsutil::Stat { path: "x".into(), mode, size, linkname: "to".into(), ..fsutil::Stat::default() })
        };
        assert_eq!(stat(0o644, 7).kind, Kind::File { size: 7 });
        assert_eq!(stat(0o644, -7).kind, Kind::File { size: 0 });
        assert_eq!(stat(0o644, 7).link, None);
        assert_eq!(stat(1 << 23 | 0o4755, 7).permissions, 0o755);
        assert_eq!(stat(DIR | 0o755, 0).kind, Kind::Directory);
        assert_eq!(stat(SYMLINK | 0o777, 0).link.as_deref(), Some("to"));
        assert_eq!(stat(1 << 26 | 1 << 21, 0).kind, Kind::Other);
        assert_eq!(stat(1 << 24, 0).kind, Kind::Other);
    }
}

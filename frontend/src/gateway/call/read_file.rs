//! ReadFile: the bytes of a file, never more than asked for.

use buildkit_proto::frontend::{FileRange, ReadFileRequest};
use bytes::{Bytes, BytesMut};

use crate::gateway::client::Client;
use crate::gateway::error::{CallError, FileError};
use crate::gateway::reference::Reference;

use super::fault::Fault;

/// Bytes asked for at once. The answer is one message, and one of 16 MiB with its frame does not pass.
const CHUNK: u64 = 8 << 20;

impl Client {
    /// Reads a file of at most `limit` bytes; `None` where nothing is there. Links are followed inside the reference.
    ///
    /// Never holds more than `limit` bytes and one, whatever the file's size.
    ///
    /// # Errors
    /// Those of the file, and those of the steps behind the reference.
    pub async fn read_file(&self, reference: &Reference, path: &str, limit: u64) -> Result<Option<Bytes>, FileError> {
        if reference.is_scratch() {
            return Ok(None);
        }
        // One byte more than is allowed tells whether there is more, without asking for the size first.
        let most = limit.saturating_add(1);
        let mut whole = BytesMut::new();
        loop {
            let have = len(&whole);
            let ask = most.saturating_sub(have).min(CHUNK);
            let data = match self.read_range(reference, path, have, ask).await {
                Ok(data) => data,
                Err(error) => return self.not_read(reference, path, error).await,
            };
            if len(&data) > ask {
                return Err(CallError::malformed("ReadFile", "more bytes than were asked for").into());
            }
            let _ = reference.evaluated.set(());
            let is_last = len(&data) < ask;
            if is_last && whole.is_empty() {
                return Ok(Some(data));
            }
            whole.extend_from_slice(&data);
            if len(&whole) > limit {
                return Err(FileError::TooLarge { path: path.to_owned(), limit });
            }
            if is_last {
                return Ok(Some(whole.freeze()));
            }
        }
    }

    async fn read_range(
        &self,
        reference: &Reference,
        path: &str,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, CallError> {
        let request = ReadFileRequest {
            r#ref: reference.id().to_owned(),
            file_path: path.to_owned(),
            range: Some(FileRange {
                offset: i64::try_from(offset).unwrap_or(i64::MAX),
                length: i64::try_from(length).unwrap_or(i64::MAX),
            }),
            mount_index: 0,
        };
        Ok(self.ask(&request).await?.data)
    }

    async fn not_read(&self, reference: &Reference, path: &str, error: CallError) -> Result<Option<Bytes>, FileError> {
        match self.fault(reference, error).await? {
            // Where a file lies on the way, nothing lies behind it.
            Fault::Missing | Fault::NotADirectory => Ok(None),
            Fault::NotAFile => Err(FileError::WrongKind { path: path.to_owned(), wanted: "a file" }),
            Fault::Unreadable => Err(FileError::Unreadable { path: path.to_owned() }),
        }
    }
}

fn len(data: &[u8]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

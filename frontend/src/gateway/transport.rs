//! The byte stream to the daemon: file descriptors 0 and 1 of this process.
//!
//! BuildKit starts a frontend with pipes there and speaks HTTP/2 over them, so whatever else is written to stdout breaks
//! the connection. [`Transport::stdio`] therefore moves the stream to descriptors of its own and points 1 at stderr.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;

use tokio::io::{AsyncRead, AsyncWrite, Join};
use tokio::net::unix::pipe;

/// Bytes of a pipe, where the kernel allows it: a lockfile then takes a few turns instead of dozens.
const PIPE: usize = 1 << 20;

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A byte stream to the daemon, not yet spoken on.
pub struct Transport(pub(super) Join<Reader, Writer>);

impl Transport {
    /// A stream of any two halves; for tests and for other ways to reach a daemon.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self(tokio::io::join(Box::new(reader), Box::new(writer)))
    }

    /// Takes over descriptors 0 and 1. Afterwards what is printed goes to stderr, and a read of stdin finds its end.
    ///
    /// Must be called inside a tokio runtime with I/O enabled.
    ///
    /// # Errors
    /// When a descriptor is closed, or not one that can be read or written.
    pub fn stdio() -> io::Result<Self> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        // An image of nothing but this binary may lack the device. Then stdin stays, and nothing here reads it.
        if let Ok(null) = File::open("/dev/null") {
            rustix::stdio::dup2_stdin(null)?;
        }
        Ok(Self(tokio::io::join(reader(input)?, writer(output)?)))
    }
}

/// Pipes are what the daemon gives, and polling them halves the cost of a call against a thread that blocks. Sockets and
/// files come from wrappers and debuggers.
fn reader(fd: OwnedFd) -> io::Result<Reader> {
    let file = File::from(fd);
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() {
        let _ = rustix::pipe::fcntl_setpipe_size(&file, PIPE);
        Ok(Box::new(pipe::Receiver::from_file(file)?))
    } else if kind.is_socket() {
        Ok(Box::new(socket(file)?))
    } else {
        Ok(Box::new(tokio::fs::File::from_std(file)))
    }
}

fn writer(fd: OwnedFd) -> io::Result<Writer> {
    let file = File::from(fd);
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() {
        let _ = rustix::pipe::fcntl_setpipe_size(&file, PIPE);
        Ok(Box::new(pipe::Sender::from_file(file)?))
    } else if kind.is_socket() {
        Ok(Box::new(socket(file)?))
    } else {
        Ok(Box::new(tokio::fs::File::from_std(file)))
    }
}

/// Reading and writing do not differ between families of stream sockets, so the type for one serves all.
fn socket(file: File) -> io::Result<tokio::net::UnixStream> {
    let socket = UnixStream::from(OwnedFd::from(file));
    socket.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(socket)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn carries_bytes(read: OwnedFd, write: OwnedFd) {
        let mut read = reader(read).unwrap();
        let mut write = writer(write).unwrap();
        write.write_all(b"hello").await.unwrap();
        write.flush().await.unwrap();
        drop(write);
        let mut text = String::new();
        read.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
    }

    #[tokio::test]
    async fn pipes_sockets_and_files_all_carry_bytes() {
        let (read, write) = io::pipe().unwrap();
        carries_bytes(read.into(), write.into()).await;
        let (read, write) = UnixStream::pair().unwrap();
        carries_bytes(read.into(), write.into()).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        carries_bytes(file.reopen().unwrap().into(), file.reopen().unwrap().into()).await;
    }
}

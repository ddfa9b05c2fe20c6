//! gRPC over the transport, and the news of its end.
//!
//! tonic's own channel reconnects when a connection is gone, which over a pair of pipes can only fail in a roundabout way,
//! and does not say that it is gone. So the HTTP/2 connection is made here, once, and its end is something to wait for: a
//! handler that computes or sleeps is stopped when the daemon leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::client::Grpc;

use super::transport::Transport;

/// The daemon's limit on a message, each way.
pub(super) const MAX_MESSAGE: usize = 16 << 20;
/// What is accepted above [`MAX_MESSAGE`], for the frame around data of the full size.
const SLACK: usize = 64 << 10;
/// Details of errors travel in headers, base64-encoded; a step that writes a large file carries it in its error. With
/// HTTP/2's customary 16 KiB such an error kills the connection instead of arriving.
const MAX_HEADERS: u32 = 16 << 20;

/// The one connection to the daemon. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) grpc: Grpc<Wire>,
    pub(super) ended: Ended,
}

/// Sends one request over the one connection.
#[derive(Clone)]
pub(super) struct Wire(SendRequest<Body>);

impl tower_service::Service<Request<Body>> for Wire {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Knows whether and why the connection has ended.
#[derive(Clone)]
pub(super) struct Ended(watch::Receiver<Option<Arc<str>>>);

impl Ended {
    /// Why the connection ended; `None` while it lives.
    pub(super) fn now(&self) -> Option<Arc<str>> {
        self.0.borrow().clone()
    }

    /// Waits for the end and says why.
    pub(super) async fn wait(&self) -> Arc<str> {
        let mut receiver = self.0.clone();
        match receiver.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_else(|| Arc::from(CLOSED)),
            // The task that drives the connection is gone without a word: the runtime shuts down.
            Err(_) => Arc::from(CLOSED),
        }
    }
}

const CLOSED: &str = "BuildKit closed it";

impl Connection {
    /// Starts to speak HTTP/2. Nothing has been answered yet when this returns.
    pub(super) async fn open(transport: Transport) -> Result<Self, hyper::Error> {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEADERS)
            .handshake(TokioIo::new(transport.0))
            .await?;
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            let reason = match connection.await {
                Ok(()) => Arc::from(CLOSED),
                Err(error) => Arc::from(chain(&error).as_str()),
            };
            end.send_replace(Some(reason));
        });
        let grpc = Grpc::with_origin(Wire(sender), Uri::from_static("http://localhost"))
            .max_decoding_message_size(MAX_MESSAGE.saturating_add(SLACK));
        Ok(Self { grpc, ended: Ended(ended) })
    }

    /// Waits for the connection's end and says why it ended.
    pub(super) async fn ended(&self) -> Arc<str> {
        self.ended.wait().await
    }
}

/// An error and its causes in one line; the outermost alone says "connection error".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

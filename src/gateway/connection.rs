//! gRPC over the transport, and the news of its end.
//!
//! tonic's own channel reconnects when a connection is gone, which over a pair of pipes can only fail in a roundabout way,
//! and does not say that it is gone. So the HTTP/2 connection is made here, once, and its end is something to wait for: a
//! handler that computes or sleeps is stopped when the daemon leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::client::Grpc;

use super::error::CallError;
use super::rpc::{Call, Method, Raw};
use super::status::Status;
use super::transport::Transport;

/// The daemon's limit on a message, each way.
const MAX_MESSAGE: usize = 16 << 20;
/// What is accepted above that, for the frame around data of the full size.
const SLACK: usize = 64 << 10;
/// Details of errors travel in headers, base64-encoded; a step that writes a large file carries it in its error. With
/// HTTP/2's customary 16 KiB such an error kills the connection instead of arriving.
const MAX_HEADERS: u32 = 16 << 20;

/// How often a call is made again, and how long to wait before each.
const RETRIES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800)];

/// How long to wait for the connection's end to be known, once a call failed as if it had ended.
const GRACE: Duration = Duration::from_millis(200);

/// The one connection to the daemon. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    grpc: Grpc<Wire>,
    ended: Ended,
}

/// Sends one request over the one connection.
#[derive(Clone)]
struct Wire(SendRequest<Body>);

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

    /// What is known of the connection's end.
    pub(super) fn ended(&self) -> &Ended {
        &self.ended
    }

    /// One call, once.
    pub(super) async fn call<C: Call>(&self, request: &C) -> Result<C::Answer, CallError> {
        let answer = self.send(C::METHOD, encoded(request)?).await?;
        decoded::<C>(answer)
    }

    /// A call that changes nothing: made again a few times when the daemon says that it cannot answer just now. There is
    /// no deadline, for the first look at a reference waits for all the steps behind it.
    pub(super) async fn ask<C: Call>(&self, request: &C) -> Result<C::Answer, CallError> {
        let answer = self.send_patiently(C::METHOD, encoded(request)?).await?;
        decoded::<C>(answer)
    }

    async fn send_patiently(&self, method: Method, request: Bytes) -> Result<Bytes, CallError> {
        for delay in RETRIES {
            match self.send(method, request.clone()).await {
                Err(error) if error.is_passing() => tokio::time::sleep(delay).await,
                outcome => return outcome,
            }
        }
        self.send(method, request).await
    }

    async fn send(&self, method: Method, request: Bytes) -> Result<Bytes, CallError> {
        let mut grpc = self.grpc.clone();
        if let Err(error) = grpc.ready().await {
            return Err(self.broken(method.name, &error.to_string()).await);
        }
        let path = PathAndQuery::from_static(method.path);
        match grpc.unary(tonic::Request::new(request), path, Raw).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(self.failed(method.name, &status).await),
        }
    }

    /// Tells apart what the daemon said, what never arrived, and what cannot be understood.
    async fn failed(&self, call: &'static str, status: &tonic::Status) -> CallError {
        // Only an error that arose on this side has a cause.
        // Other texts are tonic's own, pinned by the tests.
        let text = status.message();
        let ours = |prefix: &str| text.starts_with(prefix);
        if std::error::Error::source(status).is_some() {
            return self.broken(call, text).await;
        }
        if ours("Error, decoded message length too large")
            || ours("Missing response message")
            || ours("Unexpected EOF decoding stream")
            || ours("protocol error: received message with")
        {
            return match self.ended.now() {
                Some(reason) => CallError::Lost { call, reason },
                None => CallError::malformed(call, text),
            };
        }
        // gRPC's own text for a call that the other side does not know; a frontend that refuses something has other words.
        if status.code() == tonic::Code::Unimplemented && ours("unknown ") {
            return CallError::Unsupported { call };
        }
        CallError::Refused(Box::new(Status::from(status)))
    }

    /// A call that did not get through: because the connection ended, if that gets known soon.
    async fn broken(&self, call: &'static str, reason: &str) -> CallError {
        match tokio::time::timeout(GRACE, self.ended.wait()).await {
            Ok(reason) => CallError::Lost { call, reason },
            Err(_) => CallError::Broken { call, reason: reason.to_owned() },
        }
    }
}

/// A request's bytes. That it is too large is told here: found out while it is on its way, it would be an error without a
/// reason.
fn encoded<C: Call>(request: &C) -> Result<Bytes, CallError> {
    if request.encoded_len() > MAX_MESSAGE {
        return Err(CallError::TooLarge { call: C::METHOD.name });
    }
    Ok(Bytes::from(request.encode_to_vec()))
}

fn decoded<C: Call>(answer: Bytes) -> Result<C::Answer, CallError> {
    prost::Message::decode(answer).map_err(|error| CallError::malformed(C::METHOD.name, error.to_string()))
}

/// An error and its causes in one line; the outermost alone says "connection error".
fn chain(error: &dyn std::error::Error) -> String {
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

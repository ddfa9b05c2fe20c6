//! Answers that no daemon should give.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use buildkit_frontend::gateway::*;
use buildkit_proto::frontend::{self, ResolveSourceMetaResponse, SolveResponse, result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Request, Response};
use tonic::body::Body;
use tonic::codegen::tokio_stream;

use crate::daemon::{Daemon, Inner, TEST};

#[tokio::test]
async fn answers_without_what_was_asked_for() {
    let refs = frontend::RefMap { refs: [("linux/amd64".to_owned(), frontend::Ref::default())].into() };
    let result = frontend::Result { result: Some(result::Result::Refs(refs)), ..Default::default() };
    let solved = Some(SolveResponse { result: Some(result), ..SolveResponse::default() });
    let daemon =
        Daemon::new(Inner { solved, resolved: Some(ResolveSourceMetaResponse::default()), ..Inner::default() });
    let outcome = daemon.serve(async |client| {
        let error = client.solve(SolveRequest::default()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "BuildKit's answer to Solve makes no sense: several references for one definition"
        );
        let error = client.resolve_image(ImageRequest::default()).await.unwrap_err();
        assert_eq!(error.to_string(), "BuildKit's answer to ResolveSourceMeta makes no sense: it names no source");
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
}

#[tokio::test]
async fn results_in_old_forms_are_read() {
    let old = frontend::Result { result: Some(result::Result::RefDeprecated("r".into())), ..Default::default() };
    for (solved, id) in [
        (SolveResponse { result: Some(old), ..SolveResponse::default() }, "r"),
        (SolveResponse { r#ref: "s".into(), result: None }, "s"),
        (SolveResponse::default(), ""),
    ] {
        let daemon = Daemon::new(Inner { solved: Some(solved), ..Inner::default() });
        let outcome = daemon.serve(async |client| {
            assert_eq!(client.solve(SolveRequest::default()).await?.id(), id);
            Ok(ResultBuilder::empty())
        });
        outcome.await.unwrap();
    }
}

/// Answers every call with the same bytes.
#[derive(Clone)]
struct Raw {
    status: u16,
    content_type: &'static str,
    body: Bytes,
    /// Whether gRPC's own status follows, which says that all is well.
    ends: bool,
}

impl tonic::server::NamedService for Raw {
    const NAME: &'static str = "moby.buildkit.v1.frontend.LLBBridge";
}

impl tower_service::Service<Request<Body>> for Raw {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let response = Response::builder().status(self.status).header("content-type", self.content_type);
        let trailers = self
            .ends
            .then(|| Ok(HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))])));
        let body = Full::new(self.body.clone()).with_trailers(std::future::ready(trailers));
        let response = response.body(Body::new(body)).unwrap();
        Box::pin(async { Ok(response) })
    }
}

async fn served(raw: Raw) -> ServeError {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let server = tonic::transport::Server::builder().add_service(raw);
    tokio::spawn(server.serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(theirs))));
    let (read, write) = tokio::io::split(ours);
    let serving =
        serve_over(TEST, Transport::new(read, write), Environment::default(), async |_| Ok(ResultBuilder::empty()));
    tokio::time::timeout(Duration::from_secs(60), serving).await.expect("the frontend hangs").expect_err("no answer")
}

#[tokio::test]
async fn bytes_that_are_no_answer() {
    let broken =
        |body: &'static [u8]| Raw { status: 200, content_type: "application/grpc", body: body.into(), ends: false };
    let whole = |body: &'static [u8]| Raw { ends: true, ..broken(body) };
    let http = |status, content_type| Raw { status, content_type, body: "no".into(), ends: false };
    for (raw, said) in [
        // A message of three bytes that is no protobuf.
        (whole(b"\0\0\0\0\x03\xff\xff\xff"), "failed to decode Protobuf message: invalid varint"),
        (broken(b"\0\0\0\0\x03\xff\xff\xff"), "protocol error: missing grpc-status"),
        (whole(b""), "Missing response message"),
        (broken(b""), "protocol error: missing grpc-status"),
        (broken(b"\0"), "Unexpected EOF decoding stream"),
        // A length that is not followed by as much, and one of 4 GiB.
        (broken(b"\0\0\0\0\x09abc"), "Unexpected EOF decoding stream"),
        (broken(b"\0\xff\xff\xff\xffabc"), "Error, decoded message length too large: found 4294967295 bytes"),
        // A compression that was not agreed on.
        (whole(b"\x01\0\0\0\x01a"), "protocol error: received message with compressed-flag"),
        (whole(b"\x07\0\0\0\x01a"), "protocol error: received message with invalid compression flag"),
        (http(200, "text/html"), "Unexpected EOF decoding stream"),
        (http(404, "text/plain"), "Unexpected EOF decoding stream"),
        (http(503, "text/plain"), "Unexpected EOF decoding stream"),
    ] {
        let wanted = format!("BuildKit did not take the answer: BuildKit's answer to Return makes no sense: {said}");
        let error = served(raw.clone()).await.to_string();
        assert!(error.starts_with(&wanted), "{:?}: {error}", raw.body);
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http2() {
    use tokio::io::AsyncWriteExt as _;
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let (read, write) = tokio::io::split(ours);
    let serving =
        serve_over(TEST, Transport::new(read, write), Environment::default(), async |_| panic!("not reached"));
    let error = tokio::time::timeout(Duration::from_secs(60), serving).await.expect("a hang").unwrap_err();
    assert!(matches!(error, ServeError::Lost(_)), "{error:?}");
}

//! Answers that no daemon should give.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use backstage_build::gateway::*;
use buildkit_proto::frontend::{self, ResolveSourceMetaResponse, SolveResponse, result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use tonic::body::Body;
use tonic::codegen::tokio_stream;

use crate::daemon::{Daemon, Inner};

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
        let response = response.body(Body::new(Full::new(self.body.clone()))).unwrap();
        Box::pin(async { Ok(response) })
    }
}

async fn served(raw: Raw) -> ServeError {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let server = tonic::transport::Server::builder().add_service(raw);
    tokio::spawn(server.serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(theirs))));
    let (read, write) = tokio::io::split(ours);
    let serving = serve_over(Transport::new(read, write), Environment::default(), async |_| Ok(ResultBuilder::empty()));
    tokio::time::timeout(Duration::from_secs(60), serving).await.expect("the frontend hangs").expect_err("no answer")
}

#[tokio::test]
async fn bytes_that_are_no_answer() {
    let grpc = |body: &'static [u8]| Raw { status: 200, content_type: "application/grpc", body: body.into() };
    for raw in [
        grpc(b""),
        grpc(b"\0"),
        // A message of three bytes that is no protobuf.
        grpc(b"\0\0\0\0\x03\xff\xff\xff"),
        // A length that is not followed by as much, and one of 4 GiB.
        grpc(b"\0\0\0\0\x09abc"),
        grpc(b"\0\xff\xff\xff\xffabc"),
        // A compression that was not agreed on.
        grpc(b"\x01\0\0\0\x01a"),
        grpc(b"\x07\0\0\0\x01a"),
        Raw { status: 200, content_type: "text/html", body: "<html>".into() },
        Raw { status: 404, content_type: "text/plain", body: "no".into() },
        Raw { status: 503, content_type: "text/plain", body: "no".into() },
    ] {
        let error = served(raw.clone()).await;
        let text = error.to_string();
        assert!(text.starts_with("BuildKit did not take the answer: "), "{:?}: {text}", raw.body);
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http2() {
    use tokio::io::AsyncWriteExt as _;
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let (read, write) = tokio::io::split(ours);
    let serving = serve_over(Transport::new(read, write), Environment::default(), async |_| panic!("not reached"));
    let error = tokio::time::timeout(Duration::from_secs(60), serving).await.expect("a hang").unwrap_err();
    assert!(matches!(error, ServeError::Lost(_)), "{error:?}");
}

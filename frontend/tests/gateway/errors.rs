//! What the daemon says of a failure, on its way to the user.

use buildkit_frontend::diagnostic::{SourceFile, Span};
use buildkit_frontend::gateway::detail::{Detail, Exit, Range, Source, SourceInfo, Vertex};
use buildkit_frontend::gateway::*;
use buildkit_proto::Any;

use crate::daemon::{Act, Daemon};

/// A failed solve with these details, as the daemon sends it.
fn failed(details: &[Detail]) -> tonic::Status {
    let status = details.iter().fold(Status::new("process \"/bin/sh\" did not complete: exit code: 1"), Status::with);
    tonic::Status::from(&status)
}

async fn fails(daemon: &Daemon, span: Option<Span>) -> buildkit_proto::rpc::Status {
    let outcome = daemon.serve(async |client| {
        if let Some(span) = span {
            client.set_fallback(span);
        }
        Ok(ResultBuilder::single(client.solve(SolveRequest::default()).await?))
    });
    outcome.await.unwrap();
    daemon.error()
}

#[tokio::test]
async fn a_failed_solve_is_handed_on_whole() {
    let info = SourceInfo { filename: "a.yaml".into(), data: "x".into(), ..SourceInfo::default() };
    let details = [
        Detail::Other(Any {
            type_url: "github.com/moby/buildkit/stack.Stack+json".into(),
            value: b"{\"pid\":1}".to_vec(),
        }),
        Detail::Other(Any { type_url: "example.com/new".into(), value: vec![0, 159, 146, 150] }),
        Detail::Source(Source { info: Some(info), ranges: vec![Range::default()] }),
        Detail::Exit(Exit { code: 1 }),
    ];
    let daemon = Daemon::default().when("Solve", Act::Fail(failed(&details)));
    let file = SourceFile::new("b.yaml", "y");
    let error = fails(&daemon, Some(Span::line(&file, 1))).await;
    assert_eq!(error.message, "process \"/bin/sh\" did not complete: exit code: 1");
    assert_eq!(error.details, details.iter().map(Detail::encode).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failed_solve_without_a_place_gets_one() {
    let daemon = Daemon::default().when("Solve", Act::Fail(failed(&[Detail::Exit(Exit { code: 1 })])));
    let file = SourceFile::new("b.yaml", "y\nz\n");
    let error = fails(&daemon, Some(Span::line(&file, 2))).await;
    assert_eq!(error.details.len(), 2);
    let Detail::Source(source) = Detail::decode(&error.details[1]) else { panic!() };
    assert_eq!(source.ranges[0].start.line, 2);
    assert_eq!(source.info.unwrap().data, "y\nz\n");
}

#[tokio::test]
async fn a_megabyte_of_details_arrives() {
    let details = [Detail::Vertex(Vertex { digest: "x".repeat(1 << 20) }), Detail::Exit(Exit { code: 1 })];
    let daemon = Daemon::default().when("Solve", Act::Fail(failed(&details)));
    let error = fails(&daemon, None).await;
    assert_eq!(error.details.len(), 3, "both, and one that points nowhere");
    assert_eq!(Detail::decode(&error.details[0]), details[0]);
}

#[tokio::test]
async fn eight_megabytes_of_details_arrive_too() {
    let details = [Detail::Vertex(Vertex { digest: "x".repeat(8 << 20) }), Detail::Exit(Exit { code: 1 })];
    let daemon = Daemon::default().when("Solve", Act::Fail(failed(&details)));
    let error = fails(&daemon, None).await;
    // What would not reach the client is left out, the rest is kept.
    assert_eq!(Detail::decode(&error.details[0]), details[1]);
}

#[tokio::test]
async fn codes_are_kept() {
    let daemon = Daemon::default().when("Solve", Act::Fail(tonic::Status::resource_exhausted("disk is full")));
    let error = fails(&daemon, None).await;
    assert_eq!((error.code, error.message.as_str()), (8, "disk is full"));
}

#[tokio::test]
async fn a_build_that_failed_lets_the_next_call_through() {
    let daemon = Daemon::default().when("Solve", Act::Fail(failed(&[])));
    let outcome = daemon.serve(async |client| {
        client.solve(SolveRequest::default()).await.unwrap_err();
        Ok(ResultBuilder::single(client.solve(SolveRequest::default()).await?))
    });
    outcome.await.unwrap();
    assert!(daemon.returned().result.is_some());
}

#[tokio::test]
async fn a_warning_carries_its_place() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |client| {
        let file = SourceFile::new("a.yaml", "x\ny\n");
        let warning =
            buildkit_frontend::diagnostic::Diagnostic::warning("a/b", "odd").help("do").at(Span::line(&file, 2));
        client.warn(Warning::new("sha256:0", &warning)).await?;
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
    let log = daemon.0.log.lock().unwrap();
    let warning = &log.warnings[0];
    assert_eq!((warning.digest.as_str(), &*warning.short, &*warning.detail[0]), ("sha256:0", &b"odd"[..], &b"do"[..]));
    assert!(warning.ranges[0].start.is_some() && warning.ranges[0].end.is_some());
    assert_eq!(warning.info.as_ref().unwrap().data, "x\ny\n");
}

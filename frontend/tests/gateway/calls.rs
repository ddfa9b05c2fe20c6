//! What each call asks and what is made of the answer.

use buildkit_frontend::gateway::*;
use buildkit_llb::source::ResolveMode;
use buildkit_proto::frontend::{
    ResolveSourceGitResponse, ResolveSourceHttpResponse, ResolveSourceImageResponse, ResolveSourceMetaResponse,
};
use buildkit_proto::pb;

use crate::daemon::{Act, Daemon, Inner};

fn source(identifier: &str) -> pb::SourceOp {
    pb::SourceOp { identifier: identifier.into(), ..pb::SourceOp::default() }
}

#[tokio::test]
async fn an_image_is_resolved() {
    // A policy may put another image in its place; that is the one to use.
    let image = ResolveSourceImageResponse { digest: "sha256:1".into(), config: "{}".into(), ..Default::default() };
    let resolved = ResolveSourceMetaResponse {
        source: Some(source("docker-image://mirror/node:22@sha256:1")),
        image: Some(image),
        ..ResolveSourceMetaResponse::default()
    };
    let daemon = Daemon::new(Inner { resolved: Some(resolved), ..Inner::default() });
    let platform = pb::Platform { architecture: "arm64".into(), os: "linux".into(), ..pb::Platform::default() };
    let outcome = daemon.serve(async |client| {
        let request = ImageRequest {
            reference: "docker.io/library/node:22".into(),
            platform: Some(platform.clone()),
            mode: ResolveMode::Pull,
            log_name: Some("[internal] load metadata for node:22".into()),
        };
        let meta = client.resolve_image(request).await?;
        assert_eq!(meta.source.identifier, "docker-image://mirror/node:22@sha256:1");
        let image = meta.image.unwrap();
        assert_eq!((image.digest.as_str(), &*image.config), ("sha256:1", &b"{}"[..]));
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
    let log = daemon.0.log.lock().unwrap();
    let asked = &log.resolves[0];
    assert_eq!(asked.source, Some(source("docker-image://docker.io/library/node:22")));
    assert_eq!((asked.resolve_mode.as_str(), asked.platform.as_ref()), ("pull", Some(&platform)));
    assert_eq!(asked.log_name, "[internal] load metadata for node:22");
}

#[tokio::test]
async fn other_sources_are_resolved_too() {
    let git = ResolveSourceGitResponse { checksum: "c".into(), r#ref: "refs/heads/main".into(), ..Default::default() };
    let http = ResolveSourceHttpResponse { checksum: "sha256:2".into(), filename: "f".into(), ..Default::default() };
    let resolved = ResolveSourceMetaResponse {
        source: Some(source("git://x/y.git")),
        git: Some(git),
        http: Some(http),
        ..Default::default()
    };
    let daemon = Daemon::new(Inner { resolved: Some(resolved), ..Inner::default() });
    let outcome = daemon.serve(async |client| {
        let request = SourceRequest { source: source("git://x/y.git"), ..SourceRequest::default() };
        let meta = client.resolve_source(request).await?;
        assert_eq!(meta.git.unwrap().reference, "refs/heads/main");
        assert_eq!(meta.http.unwrap().filename, "f");
        assert_eq!(meta.image, None);
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();

    let daemon = Daemon::new(Inner { without: &["source.metaresolver"], ..Inner::default() });
    let outcome = daemon.serve(async |client| {
        let request = SourceRequest { source: source("git://x/y.git"), ..SourceRequest::default() };
        Err(client.resolve_source(request).await.unwrap_err().into())
    });
    outcome.await.unwrap();
    assert_eq!(daemon.error().message, "this BuildKit has no ResolveSourceMeta; BuildKit 0.17 or newer is needed");
}

#[tokio::test]
async fn inputs_are_given_by_name() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |client| {
        assert_eq!(client.inputs().await?.keys().collect::<Vec<_>>(), ["base"]);
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
}

#[tokio::test]
async fn a_reference_is_evaluated_once_and_again_after_a_failure() {
    let failed = tonic::Status::unknown("exit code: 1");
    let daemon = Daemon::default().when("Evaluate", Act::Fail(failed));
    let outcome = daemon.serve(async |client| {
        let reference = client.solve(SolveRequest::default()).await?;
        let error = client.evaluate(&reference).await.unwrap_err();
        assert_eq!(error.to_string(), "exit code: 1");
        client.evaluate(&reference).await?;
        client.evaluate(&reference.clone()).await?;
        client.evaluate(&Reference::scratch()).await?;
        let now = SolveRequest { evaluation: Evaluation::Now, ..SolveRequest::default() };
        client.evaluate(&client.solve(now).await?).await?;
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
    assert_eq!(daemon.calls("Evaluate"), 2);
}

#[tokio::test]
async fn a_graph_that_is_too_large_is_not_sent() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |client| {
        let definition = pb::Definition { def: vec![vec![0; 17 << 20].into()], ..pb::Definition::default() };
        Err(client.solve(SolveRequest { definition, ..SolveRequest::default() }).await.unwrap_err().into())
    });
    outcome.await.unwrap();
    assert_eq!(daemon.error().message, "Solve needs a message of more than 16 MiB, which BuildKit does not take");
    assert_eq!(daemon.calls("Solve"), 0);
}

#[tokio::test]
async fn a_graph_of_fifteen_megabytes_is_sent() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |client| {
        let definition = pb::Definition { def: vec![vec![0; 15 << 20].into()], ..pb::Definition::default() };
        Ok(ResultBuilder::single(client.solve(SolveRequest { definition, ..SolveRequest::default() }).await?))
    });
    outcome.await.unwrap();
    assert_eq!(daemon.0.log.lock().unwrap().solves[0].definition.as_ref().unwrap().def[0].len(), 15 << 20);
}

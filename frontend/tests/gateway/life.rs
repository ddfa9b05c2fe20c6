//! From the first call to the last: what is answered, and what happens when nothing can be.

use std::time::Duration;

use buildkit_frontend::diagnostic::{Diagnostic, SourceFile, Span};
use buildkit_frontend::gateway::detail::Detail;
use buildkit_frontend::gateway::*;
use buildkit_proto::frontend::result;
use buildkit_proto::rpc;
use tonic::Code;

use crate::daemon::{Act, Daemon, Inner};

fn sources(status: &rpc::Status) -> Vec<detail::Source> {
    let source = |detail| match detail {
        Detail::Source(source) => Some(source),
        _ => None,
    };
    status.details.iter().map(Detail::decode).filter_map(source).collect()
}

fn with_opts(opts: &[(&str, &str)]) -> Environment {
    Environment { opts: opts.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(), ..Environment::default() }
}

#[tokio::test]
async fn a_result_is_returned_once() {
    let daemon = Daemon::default();
    let environment = with_opts(&[("filename", "a.yaml"), ("target", "x")]);
    let outcome = daemon.serve_with(environment, async |client| {
        client.require(FLOOR)?;
        assert_eq!(client.environment().opts.len(), 2);
        assert_eq!(client.workers()[0].id, "from-ping");
        let cache = CacheImport { kind: "registry".into(), attrs: [("ref".into(), "r/c".into())].into() };
        let request = SolveRequest { cache_imports: vec![cache], ..SolveRequest::default() };
        let reference = client.solve(request).await?;
        assert_eq!(reference.id(), "ref1");
        assert!(reference.definition().is_some());
        Ok(ResultBuilder::single(reference).metadata("containerimage.config", "{}"))
    });
    outcome.await.unwrap();
    let result = daemon.returned().result.unwrap();
    assert!(matches!(result.result, Some(result::Result::Ref(r)) if r.id == "ref1"));
    assert_eq!(result.metadata["containerimage.config"], "{}");
    let log = daemon.0.log.lock().unwrap();
    assert_eq!(log.calls, ["Ping", "Solve", "Return"]);
    let solve = &log.solves[0];
    assert!(solve.allow_result_return && solve.allow_result_array_ref && !solve.evaluate);
    assert_eq!(
        (solve.cache_imports[0].r#type.as_str(), solve.cache_imports[0].attrs["ref"].as_str()),
        ("registry", "r/c")
    );
}

#[tokio::test]
async fn several_platforms_and_none_are_returned_too() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |client| {
        let one = client.solve(SolveRequest::default()).await?;
        Ok(ResultBuilder::platforms([("linux/amd64".into(), one), ("linux/arm64".into(), Reference::scratch())].into()))
    });
    outcome.await.unwrap();
    let Some(result::Result::Refs(refs)) = daemon.returned().result.unwrap().result else { panic!() };
    assert_eq!(
        refs.refs.iter().map(|(k, v)| (k.as_str(), v.id.as_str())).collect::<Vec<_>>(),
        [("linux/amd64", "ref1"), ("linux/arm64", "")]
    );

    let daemon = Daemon::default();
    daemon.serve(async |_| Ok(ResultBuilder::empty().metadata("result.txt", "x"))).await.unwrap();
    assert_eq!(daemon.returned().result.unwrap().result, None);
}

#[tokio::test]
async fn diagnostics_are_returned_with_their_places() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |_| {
        let file = SourceFile::new("a.yaml", "# syntax=x\nnod: 22\n");
        Err(Diagnostic::error("spec/unknown-key", "unknown key `nod`").at(Span::line(&file, 2)).into())
    });
    outcome.await.unwrap();
    let error = daemon.error();
    assert_eq!((error.code, error.message.as_str()), (2, "a.yaml:2:1: unknown key `nod`"));
    assert_eq!(sources(&error)[0].ranges[0].start.line, 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_daemon_is_given_up_after_fifteen_seconds() {
    let start = tokio::time::Instant::now();
    let daemon = Daemon::default().when("Ping", Act::Hang).when("Return", Act::Hang);
    let error = daemon.serve(async |_| panic!("not reached")).await.unwrap_err();
    assert_eq!(error.to_string(), "BuildKit did not answer within 15 seconds");
    assert_eq!(start.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_silent_at_first_still_gets_the_reason() {
    let daemon = Daemon::default().when("Ping", Act::Hang);
    daemon.serve(async |_| panic!("not reached")).await.unwrap();
    assert_eq!(daemon.error().message, "BuildKit did not answer within 15 seconds");
}

#[tokio::test]
async fn a_daemon_that_refuses_ping_is_told_so() {
    let daemon = Daemon::default().when("Ping", Act::Fail(tonic::Status::unimplemented("unknown method Ping")));
    daemon.serve(async |_| panic!("not reached")).await.unwrap();
    assert_eq!(daemon.error().message, "this BuildKit has no Ping; BuildKit 0.17 or newer is needed");
}

#[tokio::test(start_paused = true)]
async fn a_slow_build_has_no_deadline() {
    let day = Duration::from_secs(86_400);
    let daemon = Daemon::new(Inner { bound: 2 * day, ..Inner::default() }).when("Solve", Act::Wait(day));
    let outcome = daemon.serve(async |client| {
        let request = SolveRequest { evaluation: Evaluation::Now, ..SolveRequest::default() };
        Ok(ResultBuilder::single(client.solve(request).await?))
    });
    outcome.await.unwrap();
    assert!(daemon.returned().result.is_some());
    assert!(daemon.0.log.lock().unwrap().solves[0].evaluate);
}

#[tokio::test]
async fn an_old_daemon_is_named_as_the_reason() {
    for daemon in [
        Daemon::new(Inner { without: &["exec.validexitcode"], ..Inner::default() }),
        Daemon::new(Inner { no_caps: true, ..Inner::default() }),
    ] {
        let outcome = daemon.serve(async |client| {
            client.require(FLOOR)?;
            Ok(ResultBuilder::empty())
        });
        outcome.await.unwrap();
        assert_eq!(
            daemon.error().message,
            "this BuildKit cannot do what this build needs: exec.validexitcode; BuildKit 0.17 or newer is needed"
        );
        assert_eq!(sources(&daemon.error()).len(), 1);
    }
}

#[tokio::test]
async fn without_lists_the_oldest_capabilities_hold() {
    let daemon = Daemon::new(Inner { no_caps: true, ..Inner::default() });
    let outcome = daemon.serve(async |client| {
        assert!(client.caps().supports("readfile") && client.caps().supports("exec.mount.cache"));
        assert!(!client.caps().supports("readdir"));
        assert!(client.inputs().await?.is_empty());
        client.warn(Warning { short: "unheard".into(), ..Warning::default() }).await?;
        let image = client.resolve_image(ImageRequest { reference: "x/y:1".into(), ..Default::default() }).await?;
        assert_eq!(image.source.identifier, "docker-image://x/y:1");
        assert_eq!(image.image.unwrap().digest, "sha256:old");
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
    assert_eq!(daemon.0.log.lock().unwrap().calls, ["Ping", "ResolveImageConfig", "Return"]);
}

#[tokio::test]
async fn waiting_is_possible_without_its_capability() {
    let daemon = Daemon::new(Inner { without: &["gateway.solve.evaluate", "gateway.evaluate"], ..Inner::default() });
    let daemon = daemon.when("StatFile", Act::Fail(tonic::Status::unknown("the step failed")));
    let outcome = daemon.serve(async |client| {
        let request = SolveRequest { evaluation: Evaluation::Now, ..SolveRequest::default() };
        Ok(ResultBuilder::single(client.solve(request).await?))
    });
    outcome.await.unwrap();
    assert_eq!(daemon.error().message, "the step failed");
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_build() {
    let file = SourceFile::new("a.yaml", "# syntax=x\n");
    let daemon = Daemon::default();
    let outcome = daemon.serve_with(with_opts(&[("filename", "a.yaml")]), async |client| {
        client.set_fallback(Span::line(&file, 1));
        tokio::task::yield_now().await;
        panic!("numbers {} up", "do not add")
    });
    outcome.await.unwrap();
    let error = daemon.error();
    assert!(error.message.contains("numbers do not add up, at frontend/tests/gateway/life.rs:"), "{}", error.message);
    assert!(error.message.contains("please report"));
    assert_eq!(sources(&error)[0].ranges[0].start.line, 1);

    // Before the build file is known there is nothing to show; the detail keeps others from showing the syntax line.
    let daemon = Daemon::default();
    let outcome = daemon.serve_with(with_opts(&[("filename", "a.yaml")]), async |_| std::panic::panic_any(7));
    outcome.await.unwrap();
    let error = daemon.error();
    assert!(error.message.contains("internal error in test 0"), "{}", error.message);
    assert_eq!(sources(&error)[0].ranges, []);
    assert_eq!(sources(&error)[0].info.as_ref().unwrap().filename, "a.yaml");
}

#[tokio::test]
async fn a_refused_result_becomes_an_error() {
    let refused = tonic::Status::unknown("return reference x not found");
    let daemon = Daemon::default().when("Return", Act::Fail(refused));
    daemon.serve(async |_| Ok(ResultBuilder::empty())).await.unwrap();
    assert_eq!(daemon.error().message, "return reference x not found");
    assert_eq!(daemon.calls("Return"), 2);
}

#[tokio::test]
async fn a_result_that_is_too_large_becomes_an_error() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |_| Ok(ResultBuilder::empty().metadata("x", "y".repeat(17 << 20))));
    outcome.await.unwrap();
    assert_eq!(daemon.error().message, "Return needs a message of more than 16 MiB, which BuildKit does not take");
}

#[tokio::test]
async fn an_answer_that_is_refused_twice_is_an_error_of_the_process() {
    let no = || Act::Fail(tonic::Status::unknown("gateway result is already set"));
    let daemon = Daemon::default().when("Return", no()).when("Return", no());
    let error = daemon.serve(async |_| Ok(ResultBuilder::empty())).await.unwrap_err();
    assert_eq!(error.to_string(), "BuildKit did not take the answer: gateway result is already set");
}

#[tokio::test]
async fn a_cancelled_build_ends() {
    // The daemon fails what is running, then closes.
    let daemon = Daemon::default().when("Solve", Act::Fail(tonic::Status::cancelled("context canceled")));
    let daemon = daemon.when("Return", Act::Cut);
    let outcome = daemon.serve(async |client| {
        let error = client.solve(SolveRequest::default()).await.unwrap_err();
        assert!(matches!(&error, CallError::Refused(status) if status.code() == Code::Cancelled));
        Err(error.into())
    });
    assert!(matches!(outcome.await.unwrap_err(), ServeError::Lost(_)));
}

#[tokio::test]
async fn hostile_names_stay_off_the_terminal() {
    let daemon = Daemon::default();
    let bomb = "\u{1b}]0;owned\u{7}\u{1b}[2J";
    let huge = "x".repeat(120_000);
    let outcome = daemon.serve_with(with_opts(&[("filename", bomb), (bomb, &huge)]), async |client| {
        assert_eq!(client.environment().opts[bomb].len(), 120_000);
        let name = &client.environment().opts["filename"];
        client.warn(Warning { short: format!("odd {name}"), ..Warning::default() }).await?;
        Err(Failure::new(format!("{name} is not there")))
    });
    outcome.await.unwrap();
    let error = daemon.error();
    let file = sources(&error)[0].info.as_ref().unwrap().filename.clone();
    let log = daemon.0.log.lock().unwrap();
    for text in [error.message, file, String::from_utf8(log.warnings[0].short.to_vec()).unwrap()] {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.contains("owned"));
    }
}

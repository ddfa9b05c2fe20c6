//! A connection that ends: in the middle of each call, of an answer, or of the handler's own work.

use std::time::Duration;

use buildkit_frontend::gateway::*;
use bytes::Bytes;

use crate::daemon::{Act, Daemon, Inner, TEST};

/// Makes the call of this name.
async fn call(client: &Client, name: &str) -> Result<(), CallError> {
    let file = |error| match error {
        FileError::Call(error) => error,
        error => panic!("{error}"),
    };
    let image = ImageRequest { reference: "x/y:1".into(), ..ImageRequest::default() };
    if matches!(name, "Inputs" | "ResolveSourceMeta" | "Warn" | "Solve") {
        return match name {
            "Inputs" => client.inputs().await.map(drop),
            "ResolveSourceMeta" => client.resolve_image(image).await.map(drop),
            "Warn" => client.warn(Warning::default()).await,
            _ => client.solve(SolveRequest::default()).await.map(drop),
        };
    }
    let reference = client.solve(SolveRequest::default()).await?;
    match name {
        "Evaluate" => client.evaluate(&reference).await,
        "ReadFile" => client.read_file(&reference, "/a", 10).await.map(drop).map_err(file),
        "ReadDir" => client.read_dir(&reference, "/", None).await.map(drop).map_err(file),
        "StatFile" => client.stat_file(&reference, "/a").await.map(drop).map_err(file),
        other => panic!("{other}"),
    }
}

const CALLS: &[&str] = &["Inputs", "ResolveSourceMeta", "Warn", "Solve", "Evaluate", "ReadFile", "ReadDir", "StatFile"];

#[tokio::test]
async fn in_the_middle_of_each_call() {
    for name in CALLS {
        let daemon = Daemon::default().when(name, Act::Cut);
        let outcome = daemon.serve(async |client| {
            let error = call(&client, name).await.unwrap_err();
            assert!(matches!(error, CallError::Lost { .. }), "{name}: {error}");
            Err(error.into())
        });
        let error = outcome.await.unwrap_err();
        assert!(error.to_string().starts_with("the connection to BuildKit ended"), "{name}: {error}");
    }
}

#[tokio::test]
async fn during_the_first_and_the_last_call() {
    for name in ["Ping", "Return"] {
        let daemon = Daemon::default().when(name, Act::Cut);
        let error = daemon.serve(async |_| Ok(ResultBuilder::empty())).await.unwrap_err();
        assert!(matches!(error, ServeError::Lost(_)), "{name}: {error:?}");
        assert_eq!(daemon.0.log.lock().unwrap().returned.len(), 0);
    }
}

#[tokio::test]
async fn in_the_middle_of_an_answer() {
    let files = [("a", Bytes::from(vec![b'x'; 1 << 20]))].into();
    let daemon = Daemon::new(Inner { files, cut_after: Some(300_000), ..Inner::default() });
    let outcome = daemon.serve(async |client| {
        let reference = client.solve(SolveRequest::default()).await?;
        let error = client.read_file(&reference, "/a", 2 << 20).await.unwrap_err();
        assert!(matches!(error, FileError::Call(CallError::Lost { .. })), "{error:?}");
        Err(error.into())
    });
    assert!(matches!(outcome.await.unwrap_err(), ServeError::Lost(_)));
}

#[tokio::test]
async fn after_any_number_of_bytes() {
    for bytes in (0..600).step_by(7) {
        let files = [("a", Bytes::from_static(b"x"))].into();
        let daemon = Daemon::new(Inner { files, cut_after: Some(bytes), ..Inner::default() });
        let outcome = daemon.serve(async |client| {
            let reference = client.solve(SolveRequest::default()).await?;
            client.read_file(&reference, "/a", 1).await?;
            Ok(ResultBuilder::single(reference))
        });
        match outcome.await {
            Ok(()) => assert_eq!(daemon.0.log.lock().unwrap().returned.len(), 1),
            Err(error) => assert!(matches!(error, ServeError::Lost(_)), "{bytes}: {error:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_handler_does_something_else() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |_| {
        daemon.hang_up();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        panic!("it should have been stopped")
    });
    let error = outcome.await.unwrap_err();
    assert!(matches!(error, ServeError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn before_anything_was_said() {
    let (ours, theirs) = tokio::io::duplex(1024);
    drop(theirs);
    let (read, write) = tokio::io::split(ours);
    let serving =
        serve_over(TEST, Transport::new(read, write), Environment::default(), async |_| panic!("not reached"));
    let error = tokio::time::timeout(Duration::from_secs(60), serving).await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Lost(_) | ServeError::Handshake(_)), "{error:?}");
}

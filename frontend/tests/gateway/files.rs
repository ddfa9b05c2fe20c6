//! Files of a reference.

use std::time::Duration;

use buildkit_frontend::files::{Files, FilesError, Kind};
use buildkit_frontend::gateway::detail::{Detail, Exit};
use buildkit_frontend::gateway::*;
use buildkit_frontend::path::ContextPath;
use buildkit_proto::fsutil::Stat;
use bytes::Bytes;

use crate::daemon::{Act, Daemon, Inner, Words};

fn path(text: &str) -> ContextPath {
    ContextPath::new(text).unwrap()
}

/// Runs something on the files of a reference of this daemon.
async fn on<T>(daemon: &Daemon, look: impl AsyncFnOnce(BuildkitFiles) -> T) -> T {
    let mut found = None;
    let outcome = daemon.serve(async |client| {
        let reference = client.solve(SolveRequest::default()).await?;
        found = Some(look(BuildkitFiles::new(client, reference)).await);
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
    found.unwrap()
}

fn holding(files: &[(&'static str, usize)]) -> Inner {
    let file = |(name, size): &(&'static str, usize)| (*name, Bytes::from(vec![b'x'; *size]));
    Inner { files: files.iter().map(file).collect(), ..Inner::default() }
}

#[tokio::test]
async fn files_are_bounded_without_asking_for_their_size() {
    let daemon = Daemon::new(holding(&[("a", 10), ("empty", 0)]));
    on(&daemon, async |files| {
        assert_eq!(files.read(&path("a"), 10).await.unwrap().unwrap().len(), 10);
        assert_eq!(files.read(&path("empty"), 0).await.unwrap().unwrap().len(), 0);
        let error = files.read(&path("a"), 9).await.unwrap_err();
        assert!(matches!(&error, FilesError::TooLarge { limit: 9, .. }), "{error:?}");
        assert_eq!(error.to_string(), "a is larger than 9 bytes");
        files.read(&path("a"), 0).await.unwrap_err();
        assert_eq!(files.read(&path("a"), u64::MAX).await.unwrap().unwrap().len(), 10);
    })
    .await;
    assert_eq!((daemon.calls("StatFile"), daemon.calls("ReadFile")), (0, 5));
}

#[tokio::test]
async fn large_files_come_in_pieces() {
    const MIB: usize = 1 << 20;
    let daemon = Daemon::new(holding(&[("exact", 8 * MIB), ("sixteen", 16 * MIB), ("huge", 40 * MIB)]));
    on(&daemon, async |files| {
        for (name, size, limit) in
            [("exact", 8 * MIB, 8 * MIB), ("sixteen", 16 * MIB, 16 * MIB), ("sixteen", 16 * MIB, 30 * MIB)]
        {
            let data = files.read(&path(name), limit as u64).await.unwrap().unwrap();
            assert_eq!(data.len(), size, "{name}");
        }
        files.read(&path("sixteen"), 16 * MIB as u64 - 1).await.unwrap_err();
        files.read(&path("huge"), 9 * MIB as u64).await.unwrap_err();
    })
    .await;
    let log = daemon.0.log.lock().unwrap();
    assert_eq!(log.reads.iter().filter(|r| r.file_path == "/huge").count(), 2, "no more than the bound is fetched");
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    for words in [Words::V0_17, Words::V0_33] {
        let daemon = Daemon::new(Inner { words, ..holding(&[("dir/a", 1)]) });
        on(&daemon, async |files| {
            assert_eq!(files.read(&path("b"), 10).await.unwrap(), None);
            assert_eq!(files.read(&path("dir/a/b"), 10).await.unwrap(), None);
            assert_eq!(files.stat(&path("b")).await.unwrap(), None);
            assert_eq!(files.stat(&path("dir/a/b")).await.unwrap(), None);
            assert_eq!(files.stat(&path("dir/a")).await.unwrap(), Some(Kind::File { size: 1 }));
            assert_eq!(files.stat(&path("dir")).await.unwrap(), Some(Kind::Directory));
            assert_eq!(files.list_many(&[path("b"), path("dir/a/b")]).await.unwrap(), [None, None]);
            let error = files.read(&path("dir"), 10).await.unwrap_err();
            assert_eq!(error.to_string(), "dir is not a file");
            let error = files.list_many(&[path("dir/a")]).await.unwrap_err();
            assert_eq!(error.to_string(), "dir/a is not a directory");
        })
        .await;
        assert!(daemon.calls("Evaluate") <= 1, "asked once whether the reference stands");
    }
}

#[tokio::test]
async fn the_daemons_words_for_a_file_stay_out() {
    let denied = tonic::Status::unknown("open /tmp/buildkit-mount1/a: permission denied");
    let daemon = Daemon::new(holding(&[("a", 1)])).when("ReadFile", Act::Fail(denied.clone()));
    let daemon = daemon.when("ReadDir", Act::Fail(denied.clone())).when("StatFile", Act::Fail(denied));
    on(&daemon, async |files| {
        for error in [
            files.read(&path("a"), 1).await.unwrap_err(),
            files.list_many(&[path("a")]).await.unwrap_err(),
            files.stat(&path("a")).await.unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "a could not be read: BuildKit has it but cannot read it");
        }
    })
    .await;
}

#[tokio::test]
async fn a_step_that_fails_at_the_first_look_is_not_a_missing_file() {
    let text = "failed to compute cache key: lstat /x: no such file or directory";
    let step = tonic::Status::from(&Status::new(text).with(&Detail::Exit(Exit { code: 9 })));
    let daemon = Daemon::default().when("ReadFile", Act::Fail(step.clone())).when("Evaluate", Act::Fail(step));
    let outcome = daemon.serve(async |client| {
        let reference = client.solve(SolveRequest::default()).await?;
        let files = BuildkitFiles::new(client, reference);
        let error = files.read(&path("a"), 10).await.unwrap_err();
        assert!(matches!(error, FilesError::Daemon(_)));
        Err(error.into())
    });
    outcome.await.unwrap();
    let error = daemon.error();
    assert_eq!(error.message, text);
    assert_eq!(Detail::decode(&error.details[0]), Detail::Exit(Exit { code: 9 }));
}

#[tokio::test(start_paused = true)]
async fn sixty_four_files_are_read_at_once_and_come_in_order() {
    const NAMES: [&str; 200] = {
        let mut names = ["a"; 200];
        names[150] = "b";
        names
    };
    let inner = Inner { read_time: Duration::from_millis(10), ..holding(&[("a", 1), ("b", 2)]) };
    let daemon = Daemon::new(inner);
    on(&daemon, async |files| {
        let paths: Vec<_> = NAMES.iter().map(|name| path(name)).chain([path("c")]).collect();
        let found = files.read_many(&paths, 10).await.unwrap();
        assert_eq!(found.len(), 201);
        assert_eq!(found[150].as_ref().map(Bytes::len), Some(2));
        assert_eq!(found[200], None);
    })
    .await;
    assert_eq!(daemon.0.log.lock().unwrap().most_reading, 64);
}

#[tokio::test(start_paused = true)]
async fn reads_are_asked_for_again_when_the_daemon_is_busy() {
    let busy = || Act::Fail(tonic::Status::unavailable("later"));
    let daemon = Daemon::new(holding(&[("a", 1)])).when("ReadFile", busy()).when("ReadFile", busy());
    on(&daemon, async |files| assert!(files.read(&path("a"), 10).await.unwrap().is_some())).await;
    assert_eq!(daemon.calls("ReadFile"), 3);

    let daemon = (0..9).fold(Daemon::new(holding(&[("a", 1)])), |daemon, _| daemon.when("ReadFile", busy()));
    on(&daemon, async |files| files.read(&path("a"), 10).await.unwrap_err()).await;
    assert_eq!(daemon.calls("ReadFile"), 4, "not for ever");

    let daemon = Daemon::default().when("Solve", busy());
    let outcome = daemon.serve(async |client| Ok(ResultBuilder::single(client.solve(SolveRequest::default()).await?)));
    outcome.await.unwrap();
    assert_eq!(daemon.calls("Solve"), 1, "a solve is not a read");
}

#[tokio::test]
async fn names_are_sorted_and_hostile_ones_do_no_harm() {
    let stat = |name: &str, mode| Stat { path: name.into(), mode, ..Stat::default() };
    let stats = vec![stat("b", 0o644), stat("\u{1b}[2J", 0o644), stat("a\nb", 1 << 27 | 0o777), stat("B", 1 << 31)];
    let daemon = Daemon::new(Inner { stats, ..holding(&[("b", 1)]) });
    let names = on(&daemon, async |files| files.list_many(&[ContextPath::root()]).await.unwrap()).await;
    let names: Vec<_> = names[0].as_ref().unwrap().iter().map(|e| (e.name.as_str(), e.kind)).collect();
    assert_eq!(
        names,
        [
            ("\u{1b}[2J", Kind::File { size: 0 }),
            ("B", Kind::Directory),
            ("a\nb", Kind::Symlink),
            ("b", Kind::File { size: 0 })
        ]
    );
    for name in ["", ".", "..", "a/b", "/etc", "a\0"] {
        let daemon = Daemon::new(Inner { stats: vec![stat(name, 0o644)], ..holding(&[("b", 1)]) });
        let error = on(&daemon, async |files| files.list_many(&[ContextPath::root()]).await.unwrap_err()).await;
        assert!(error.to_string().contains("a name in it is not a name"), "{error}");
    }
}

#[tokio::test]
async fn scratch_is_an_empty_directory() {
    let daemon = Daemon::default();
    let outcome = daemon.serve(async |client| {
        let files = BuildkitFiles::new(client, Reference::scratch());
        assert_eq!(files.read(&path("a"), 1).await?, None);
        assert_eq!(files.stat(&path("a")).await?, None);
        assert_eq!(files.list_many(&[ContextPath::root(), path("a")]).await?, [Some(vec![]), None]);
        Ok(ResultBuilder::empty())
    });
    outcome.await.unwrap();
    assert_eq!(daemon.0.log.lock().unwrap().calls, ["Ping", "Return"]);
}

//! A scripted daemon: the generated server, behind a connection that can be cut.

// Each test binary that includes this uses a part of it.
#![allow(dead_code)]

use std::collections::{BTreeMap, VecDeque};
// Not the message of this name.
use std::result::Result;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buildkit_frontend::gateway::{
    Client, Environment, Failure, Identity, ResultBuilder, ServeError, Transport, serve_over,
};
use buildkit_proto::apicaps::ApiCap;
use buildkit_proto::frontend::llb_bridge_server::{LlbBridge, LlbBridgeServer};
use buildkit_proto::frontend::*;
use buildkit_proto::fsutil::Stat;
use buildkit_proto::pb;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tonic::codegen::tokio_stream::{self, Stream};
use tonic::{Request, Response, Status};

/// Who serves.
pub const TEST: Identity = Identity { name: "test", version: "0" };

/// What the daemon does with a call instead of answering.
#[derive(Clone)]
pub enum Act {
    /// Answers with an error.
    Fail(Status),
    /// Answers late.
    Wait(Duration),
    /// Never answers.
    Hang,
    /// Closes the connection.
    Cut,
}

/// Which BuildKit release's error messages for files it uses.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Words {
    V0_17,
    #[default]
    V0_33,
}

#[derive(Clone, Default)]
pub struct Daemon(pub Arc<Inner>);

#[derive(Default)]
pub struct Inner {
    pub no_caps: bool,
    pub without: &'static [&'static str],
    pub words: Words,
    pub files: BTreeMap<&'static str, Bytes>,
    pub stats: Vec<Stat>,
    /// What Solve answers, if not one new reference.
    pub solved: Option<SolveResponse>,
    pub resolved: Option<ResolveSourceMetaResponse>,
    /// Cut after so many bytes to the client.
    pub cut_after: Option<usize>,
    /// The longest that a test may take; five minutes if zero.
    pub bound: Duration,
    /// How long a file takes.
    pub read_time: Duration,
    pub script: Mutex<BTreeMap<&'static str, VecDeque<Act>>>,
    pub log: Mutex<Log>,
    pub cut: Notify,
}

#[derive(Default)]
pub struct Log {
    pub calls: Vec<&'static str>,
    pub solves: Vec<SolveRequest>,
    pub warnings: Vec<WarnRequest>,
    pub reads: Vec<ReadFileRequest>,
    pub resolves: Vec<ResolveSourceMetaRequest>,
    pub returned: Vec<ReturnRequest>,
    reading: usize,
    pub most_reading: usize,
}

impl Daemon {
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Does `act` at the next call of `name` that is not spoken for.
    #[must_use]
    pub fn when(self, name: &'static str, act: Act) -> Self {
        self.0.script.lock().unwrap().entry(name).or_default().push_back(act);
        self
    }

    pub fn calls(&self, name: &str) -> usize {
        self.0.log.lock().unwrap().calls.iter().filter(|call| **call == name).count()
    }

    /// The one thing that was returned.
    pub fn returned(&self) -> ReturnRequest {
        let log = self.0.log.lock().unwrap();
        assert_eq!(log.returned.len(), 1, "exactly one answer");
        log.returned[0].clone()
    }

    /// The error that was returned.
    pub fn error(&self) -> buildkit_proto::rpc::Status {
        let returned = self.returned();
        assert_eq!(returned.result, None);
        returned.error.expect("an error")
    }

    pub fn hang_up(&self) {
        self.0.cut.notify_one();
    }

    /// Serves a frontend that is this handler.
    pub async fn serve<H>(&self, handler: H) -> Result<(), ServeError>
    where
        H: AsyncFnOnce(Client) -> Result<ResultBuilder, Failure>,
    {
        self.serve_with(Environment::default(), handler).await
    }

    pub async fn serve_with<H>(&self, environment: Environment, handler: H) -> Result<(), ServeError>
    where
        H: AsyncFnOnce(Client) -> Result<ResultBuilder, Failure>,
    {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        self.listen(theirs);
        let (read, write) = tokio::io::split(ours);
        let serving = serve_over(TEST, Transport::new(read, write), environment, handler);
        let bound = if self.0.bound.is_zero() { Duration::from_secs(300) } else { self.0.bound };
        tokio::time::timeout(bound, serving).await.expect("the frontend hangs")
    }

    /// Serves one frontend at the other end of `stream`.
    pub fn listen(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let (near, far) = tokio::io::duplex(64 << 10);
        let daemon = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = relay(stream, near, daemon.0.cut_after) => {}
                () = daemon.0.cut.notified() => {}
            }
        });
        let service = LlbBridgeServer::new(self.clone()).max_decoding_message_size(16 << 20);
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(far))));
    }

    /// Follows the script for a call.
    async fn enter(&self, name: &'static str) -> Result<(), Status> {
        self.0.log.lock().unwrap().calls.push(name);
        let act = self.0.script.lock().unwrap().get_mut(name).and_then(VecDeque::pop_front);
        match act {
            None => {}
            Some(Act::Fail(status)) => return Err(status),
            Some(Act::Wait(time)) => tokio::time::sleep(time).await,
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Cut) => {
                self.hang_up();
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    /// The files and folders in a folder.
    fn listing(&self, dir: &str) -> Vec<Stat> {
        const DIRECTORY: u32 = 1 << 31;
        let below = self.0.files.iter().filter_map(|(file, data)| {
            let rest = if dir.is_empty() { file } else { file.strip_prefix(dir)?.strip_prefix('/')? };
            Some(match rest.split_once('/') {
                Some((folder, _)) => (folder, Stat { path: folder.into(), mode: DIRECTORY | 0o755, ..Stat::default() }),
                None => {
                    let size = i64::try_from(data.len()).unwrap();
                    (rest, Stat { path: rest.into(), mode: 0o644, size, ..Stat::default() })
                }
            })
        });
        BTreeMap::from_iter(below).into_values().collect()
    }

    /// The daemon's words for a file that cannot be looked at.
    fn fault(&self, verb: &str, path: &str, wants_file: bool) -> Option<Status> {
        let name = path.trim_start_matches('/');
        let at = match (verb, self.0.words) {
            ("walk", _) | (_, Words::V0_17) => format!("/tmp/buildkit-mount3817/{name}"),
            _ => name.to_owned(),
        };
        let below = |dir: &str| self.0.files.keys().any(|f| dir.is_empty() || f.starts_with(&format!("{dir}/")));
        let behind_file = self.0.files.keys().any(|file| name.starts_with(&format!("{file}/")));
        let is_file = self.0.files.contains_key(name);
        let text = if behind_file || (is_file && !wants_file) {
            format!("{verb} {at}: not a directory")
        } else if !is_file && !below(name) {
            format!("{verb} {at}: no such file or directory")
        } else if !is_file && wants_file {
            match self.0.words {
                Words::V0_17 => format!("read {at}: is a directory"),
                Words::V0_33 => format!("open {at}: not a regular file"),
            }
        } else {
            return None;
        };
        Some(Status::unknown(text))
    }
}

/// Copies both ways until either end closes, or enough went to the client.
async fn relay(client: impl AsyncRead + AsyncWrite + Unpin, server: tokio::io::DuplexStream, limit: Option<usize>) {
    let (mut client_read, mut client_write) = tokio::io::split(client);
    let (mut server_read, mut server_write) = tokio::io::split(server);
    let down = async {
        let mut left = limit.unwrap_or(usize::MAX);
        let mut buffer = vec![0; 16 << 10];
        while left > 0 {
            let most = left.min(buffer.len());
            match server_read.read(&mut buffer[..most]).await {
                Ok(n) if n > 0 && client_write.write_all(&buffer[..n]).await.is_ok() => left -= n,
                _ => break,
            }
        }
        let _ = client_write.flush().await;
    };
    let up = tokio::io::copy(&mut client_read, &mut server_write);
    tokio::select! { () = down => {}, _ = up => {} }
}

/// Every capability that the client asks about.
const GATEWAY: &[&str] = &[
    "solve.base",
    "gateway.solve.evaluate",
    "gateway.evaluate",
    "gateway.warnings",
    "frontend.inputs",
    "source.metaresolver",
    "readfile",
    "readdir",
    "statfile",
];
/// What the oldest daemon knows that builds run on.
fn llb() -> Vec<&'static str> {
    include_str!("caps-0.17.txt").lines().filter(|line| !line.starts_with('#')).collect()
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl LlbBridge for Daemon {
    type ExecProcessStream = std::pin::Pin<Box<dyn Stream<Item = Result<ExecMessage, Status>> + Send>>;

    async fn ping(&self, _: Request<PingRequest>) -> Answer<PongResponse> {
        self.enter("Ping").await?;
        let list = |names: &[&str]| match self.0.no_caps {
            true => vec![],
            false => names
                .iter()
                .filter(|name| !self.0.without.contains(name))
                .map(|id| ApiCap { id: (*id).to_owned(), enabled: true, ..ApiCap::default() })
                .collect(),
        };
        let worker = buildkit_proto::types::WorkerRecord { id: "from-ping".into(), ..Default::default() };
        Ok(Response::new(PongResponse {
            frontend_api_caps: list(GATEWAY),
            llb_caps: list(&llb()),
            workers: vec![worker],
        }))
    }

    async fn solve(&self, request: Request<SolveRequest>) -> Answer<SolveResponse> {
        let n = {
            let mut log = self.0.log.lock().unwrap();
            log.solves.push(request.into_inner());
            log.solves.len()
        };
        self.enter("Solve").await?;
        let one = || SolveResponse {
            result: Some(buildkit_proto::frontend::Result {
                result: Some(result::Result::Ref(Ref { id: format!("ref{n}"), def: Some(pb::Definition::default()) })),
                ..Default::default()
            }),
            ..SolveResponse::default()
        };
        Ok(Response::new(self.0.solved.clone().unwrap_or_else(one)))
    }

    async fn read_file(&self, request: Request<ReadFileRequest>) -> Answer<ReadFileResponse> {
        let request = request.into_inner();
        {
            let mut log = self.0.log.lock().unwrap();
            log.reads.push(request.clone());
            log.reading += 1;
            log.most_reading = log.most_reading.max(log.reading);
        }
        tokio::time::sleep(self.0.read_time).await;
        self.0.log.lock().unwrap().reading -= 1;
        self.enter("ReadFile").await?;
        if let Some(status) = self.fault("open", &request.file_path, true) {
            return Err(status);
        }
        let range = request.range.expect("every read is bounded");
        assert!(range.length < 15 << 20, "such a read does not pass");
        let data = &self.0.files[request.file_path.trim_start_matches('/')];
        let start = usize::try_from(range.offset).unwrap().min(data.len());
        let end = start.saturating_add(usize::try_from(range.length).unwrap()).min(data.len());
        Ok(Response::new(ReadFileResponse { data: data.slice(start..end) }))
    }

    async fn read_dir(&self, request: Request<ReadDirRequest>) -> Answer<ReadDirResponse> {
        self.enter("ReadDir").await?;
        let request = request.into_inner();
        match self.fault("walk", &request.dir_path, false) {
            Some(status) => Err(status),
            None if self.0.stats.is_empty() => {
                Ok(Response::new(ReadDirResponse { entries: self.listing(request.dir_path.trim_matches('/')) }))
            }
            None => Ok(Response::new(ReadDirResponse { entries: self.0.stats.clone() })),
        }
    }

    async fn stat_file(&self, request: Request<StatFileRequest>) -> Answer<StatFileResponse> {
        self.enter("StatFile").await?;
        let path = request.into_inner().path;
        let name = path.trim_start_matches('/');
        match self.fault("lstat", name, self.0.files.contains_key(name)) {
            Some(status) => Err(status),
            None => {
                let base = name.rsplit('/').next().unwrap_or_default().to_owned();
                let stat = match self.0.files.get(name) {
                    Some(data) => {
                        Stat { path: base, mode: 0o644, size: i64::try_from(data.len()).unwrap(), ..Stat::default() }
                    }
                    None => Stat { path: base, mode: 1 << 31 | 0o755, ..Stat::default() },
                };
                Ok(Response::new(StatFileResponse { stat: Some(stat) }))
            }
        }
    }

    async fn evaluate(&self, _: Request<EvaluateRequest>) -> Answer<EvaluateResponse> {
        self.enter("Evaluate").await?;
        Ok(Response::new(EvaluateResponse {}))
    }

    async fn resolve_source_meta(
        &self,
        request: Request<ResolveSourceMetaRequest>,
    ) -> Answer<ResolveSourceMetaResponse> {
        self.0.log.lock().unwrap().resolves.push(request.into_inner());
        self.enter("ResolveSourceMeta").await?;
        Ok(Response::new(self.0.resolved.clone().unwrap_or_default()))
    }

    async fn resolve_image_config(
        &self,
        request: Request<ResolveImageConfigRequest>,
    ) -> Answer<ResolveImageConfigResponse> {
        self.enter("ResolveImageConfig").await?;
        Ok(Response::new(ResolveImageConfigResponse {
            digest: "sha256:old".into(),
            config: Bytes::from_static(b"{}"),
            r#ref: request.into_inner().r#ref,
        }))
    }

    async fn inputs(&self, _: Request<InputsRequest>) -> Answer<InputsResponse> {
        self.enter("Inputs").await?;
        Ok(Response::new(InputsResponse { definitions: [("base".to_owned(), pb::Definition::default())].into() }))
    }

    async fn warn(&self, request: Request<WarnRequest>) -> Answer<WarnResponse> {
        self.0.log.lock().unwrap().warnings.push(request.into_inner());
        self.enter("Warn").await?;
        Ok(Response::new(WarnResponse {}))
    }

    async fn r#return(&self, request: Request<ReturnRequest>) -> Answer<ReturnResponse> {
        self.enter("Return").await?;
        self.0.log.lock().unwrap().returned.push(request.into_inner());
        Ok(Response::new(ReturnResponse {}))
    }

    async fn new_container(&self, _: Request<NewContainerRequest>) -> Answer<NewContainerResponse> {
        Err(Status::unimplemented("no containers"))
    }

    async fn release_container(&self, _: Request<ReleaseContainerRequest>) -> Answer<ReleaseContainerResponse> {
        Err(Status::unimplemented("no containers"))
    }

    async fn exec_process(&self, _: Request<tonic::Streaming<ExecMessage>>) -> Answer<Self::ExecProcessStream> {
        Err(Status::unimplemented("no containers"))
    }

    async fn read_file_container(&self, _: Request<ReadFileRequest>) -> Answer<ReadFileResponse> {
        Err(Status::unimplemented("no containers"))
    }

    async fn read_dir_container(&self, _: Request<ReadDirRequest>) -> Answer<ReadDirResponse> {
        Err(Status::unimplemented("no containers"))
    }

    async fn stat_file_container(&self, _: Request<StatFileRequest>) -> Answer<StatFileResponse> {
        Err(Status::unimplemented("no containers"))
    }
}

//! The daemon as a frontend sees it: what it can do, and its calls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use buildkit_proto::frontend::{PingRequest, PongResponse};
use prost::Message;
use tonic::Response;

use crate::diagnostic::Span;

use super::caps::{Caps, MissingCaps};
use super::connection::{Bridge, Ended, MAX_MESSAGE};
use super::environment::{Environment, Worker};
use super::error::CallError;
use super::status::Status;

/// How long the daemon may take to answer that it is there. Go's client waits as long.
pub(super) const PING: Duration = Duration::from_secs(15);

/// How often a read is asked for again, and how long to wait before each.
const RETRIES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800)];

/// How long to wait for the connection's end to be known, once a call failed as if it had ended.
const GRACE: Duration = Duration::from_millis(200);

/// A daemon that answered. Cheap to clone; all clones speak over the one connection.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    bridge: Bridge,
    ended: Ended,
    environment: Environment,
    caps: Caps,
    workers: Vec<Worker>,
    fallback: Mutex<Option<Span>>,
}

impl Client {
    /// Asks the daemon who it is.
    pub(super) async fn connect(bridge: Bridge, ended: Ended, environment: Environment) -> Result<Self, CallError> {
        let pong: PongResponse = {
            let mut bridge = bridge.clone();
            finish("Ping", &ended, bridge.ping(PingRequest {}).await).await?
        };
        let caps = Caps::new(pong.frontend_api_caps, pong.llb_caps);
        let workers = match environment.workers.is_empty() {
            true => pong.workers.into_iter().map(Worker::from).collect(),
            false => environment.workers.clone(),
        };
        Ok(Self(Arc::new(Inner { bridge, ended, environment, caps, workers, fallback: Mutex::new(None) })))
    }

    /// What the daemon said at the start: options, session, product.
    pub fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// What the daemon can do.
    pub fn caps(&self) -> &Caps {
        &self.0.caps
    }

    /// The daemon's workers; the first is the one that runs everything here.
    pub fn workers(&self) -> &[Worker] {
        &self.0.workers
    }

    /// Checks that the daemon can do all of `caps`; [`super::FLOOR`] is what every build needs.
    ///
    /// # Errors
    /// One error that names all that is missing.
    pub fn require(&self, caps: &[&str]) -> Result<(), MissingCaps> {
        self.0.caps.require(caps, &self.0.environment.product)
    }

    /// Where a failure points that has no place of its own, a panic included: usually line 1 of the build file, to be set
    /// as soon as that is read.
    pub fn set_fallback(&self, span: Span) {
        *self.0.fallback.lock().unwrap_or_else(PoisonError::into_inner) = Some(span);
    }

    pub(super) fn fallback(&self) -> Option<Span> {
        self.0.fallback.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One call, once.
    pub(super) async fn once<T>(
        &self,
        name: &'static str,
        call: impl AsyncFnOnce(Bridge) -> Result<Response<T>, tonic::Status>,
    ) -> Result<T, CallError> {
        finish(name, &self.0.ended, call(self.0.bridge.clone()).await).await
    }

    /// A call that changes nothing: asked again a few times when the daemon says that it cannot answer just now. There is
    /// no deadline, for the first look at a reference waits for all the steps behind it.
    pub(super) async fn repeat<T>(
        &self,
        name: &'static str,
        call: impl AsyncFn(Bridge) -> Result<Response<T>, tonic::Status>,
    ) -> Result<T, CallError> {
        for delay in RETRIES {
            match self.once(name, &call).await {
                Err(error) if error.is_passing() => tokio::time::sleep(delay).await,
                outcome => return outcome,
            }
        }
        self.once(name, &call).await
    }
}

/// Checks that a request can be sent at all. Found out later, while it is on its way, it would be an error without a reason.
pub(super) fn fits(call: &'static str, request: &impl Message) -> Result<(), CallError> {
    if request.encoded_len() > MAX_MESSAGE { Err(CallError::TooLarge { call }) } else { Ok(()) }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("environment", &self.0.environment).finish_non_exhaustive()
    }
}

/// Tells apart what the daemon said, what never arrived, and what cannot be understood.
pub(super) async fn finish<T>(
    call: &'static str,
    ended: &Ended,
    outcome: Result<Response<T>, tonic::Status>,
) -> Result<T, CallError> {
    let status = match outcome {
        Ok(response) => return Ok(response.into_inner()),
        Err(status) => status,
    };
    // Only an error that arose on this side has a cause.
    // Other texts are tonic's and prost's own, pinned by the tests.
    let text = status.message();
    let ours = |prefix: &str| text.starts_with(prefix);
    if std::error::Error::source(&status).is_some() || ours("Service was not ready") {
        return match tokio::time::timeout(GRACE, ended.wait()).await {
            Ok(reason) => Err(CallError::Lost { call, reason }),
            Err(_) => Err(CallError::Broken { call, reason: text.to_owned() }),
        };
    }
    if ours("failed to decode Protobuf message")
        || ours("Error, decoded message length too large")
        || ours("Missing response message")
        || ours("Unexpected EOF decoding stream")
        || ours("protocol error: received message with")
    {
        return Err(match ended.now() {
            Some(reason) => CallError::Lost { call, reason },
            None => CallError::malformed(call, text),
        });
    }
    // gRPC's own text for a call that the other side does not know; a frontend that refuses something has other words.
    if status.code() == tonic::Code::Unimplemented && ours("unknown ") {
        return Err(CallError::Unsupported { call });
    }
    Err(CallError::Refused(Box::new(Status::from(&status))))
}

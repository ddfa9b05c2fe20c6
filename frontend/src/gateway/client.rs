//! The daemon as a frontend sees it: what it can do, and its calls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use buildkit_llb::Platform;
use buildkit_proto::frontend::PingRequest;

use crate::diagnostic::Span;
use crate::platform;

use super::caps::{Caps, MissingCaps};
use super::connection::Connection;
use super::environment::{Environment, Worker};
use super::error::CallError;
use super::rpc::Call;

/// How long the daemon may take to answer that it is there. Go's client waits as long.
pub(super) const PING: Duration = Duration::from_secs(15);

/// A daemon that answered. Cheap to clone; all clones speak over the one connection.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    connection: Connection,
    environment: Environment,
    caps: Caps,
    workers: Vec<Worker>,
    fallback: Mutex<Option<Span>>,
}

impl Client {
    /// Asks the daemon who it is.
    pub(super) async fn connect(connection: Connection, environment: Environment) -> Result<Self, CallError> {
        let pong = connection.call(&PingRequest {}).await?;
        let caps = Caps::new(pong.frontend_api_caps, pong.llb_caps);
        let workers = match environment.workers.is_empty() {
            true => pong.workers.into_iter().map(Worker::from).collect(),
            false => environment.workers.clone(),
        };
        Ok(Self(Arc::new(Inner { connection, environment, caps, workers, fallback: Mutex::new(None) })))
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

    /// The platform that the default worker runs on: the first that it names.
    pub fn own_platform(&self) -> Platform {
        let own = self.workers().first().and_then(|worker| worker.platforms.first());
        own.map_or_else(platform::host, |own| Platform::new(&own.os, &own.architecture, &own.variant))
    }

    /// Whether some worker runs programs of a platform, be it its own or emulated. A daemon that names no platforms may.
    pub fn runs(&self, platform: &Platform) -> bool {
        let mut known = self.workers().iter().flat_map(|worker| &worker.platforms).peekable();
        let is_silent = known.peek().is_none();
        is_silent || known.any(|known| known.os == platform.os() && known.architecture == platform.architecture())
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

    /// [`Connection::call`].
    pub(super) async fn call<C: Call>(&self, request: &C) -> Result<C::Answer, CallError> {
        self.0.connection.call(request).await
    }

    /// [`Connection::ask`].
    pub(super) async fn ask<C: Call>(&self, request: &C) -> Result<C::Answer, CallError> {
        self.0.connection.ask(request).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("environment", &self.0.environment).finish_non_exhaustive()
    }
}

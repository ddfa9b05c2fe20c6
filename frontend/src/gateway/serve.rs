//! A frontend's whole life: connect, handle, answer once, leave.
//!
//! Whatever happens, the user gets to know: what a handler returns, a failure or a panic goes into Return, and what cannot
//! be told that way any more goes to stderr with a non-zero exit. The exit is 0 after an accepted answer, for the daemon
//! drops a result whose process fails.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::call::{Answer, Refusal, ResultBuilder};
use super::client::{Client, PING};
use super::connection::Connection;
use super::environment::{Environment, environment};
use super::error::CallError;
use super::failure::Failure;
use super::identity::Identity;
use super::panic;
use super::transport::Transport;

/// How long a daemon that did not answer Ping may take to take the news.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Why a frontend leaves without an accepted answer. Nobody but the daemon's log hears it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// stdin or stdout cannot carry the connection.
    #[error("stdin and stdout are no connection to BuildKit: {0}")]
    Transport(#[source] std::io::Error),
    /// HTTP/2 could not be started.
    #[error("BuildKit could not be spoken to: {0}")]
    Handshake(#[source] hyper::Error),
    /// The daemon does not answer.
    #[error("BuildKit did not answer within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// The connection ended before there was an answer: the build was cancelled, or the daemon is gone.
    #[error("the connection to BuildKit ended before the build was done: {0}")]
    Lost(Arc<str>),
    /// The answer did not go through.
    #[error("BuildKit did not take the answer: {0}")]
    Answer(#[source] CallError),
}

/// Serves one build on stdin and stdout: runs `handler` with a connected [`Client`] and hands its outcome to the daemon.
pub fn serve<H>(identity: Identity, handler: H) -> ExitCode
where
    H: AsyncFnOnce(Client) -> Result<ResultBuilder, Failure>,
{
    let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Transport);
    let outcome = outcome.and_then(|runtime| {
        let outcome = runtime.block_on(async {
            let transport = Transport::stdio().map_err(ServeError::Transport)?;
            serve_over(identity, transport, environment(), handler).await
        });
        // A thread may be blocked in a read that never ends.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed too, the exit code is all that is left.
            let _ = writeln!(std::io::stderr(), "{}: {error}", identity.name);
            ExitCode::FAILURE
        }
    }
}

/// Serves one build on any transport. Must run on a tokio runtime with time and I/O enabled.
///
/// # Errors
/// When no answer was accepted. A build that failed and could say so is no error.
pub async fn serve_over<H>(
    identity: Identity,
    transport: Transport,
    environment: Environment,
    handler: H,
) -> Result<(), ServeError>
where
    H: AsyncFnOnce(Client) -> Result<ResultBuilder, Failure>,
{
    panic::install_hook();
    let filename = environment.opts.get("filename").cloned().unwrap_or_default();
    let open = tokio::time::timeout(PING, Connection::open(transport)).await;
    let connection = open.map_err(|_| ServeError::Silent(PING))?.map_err(ServeError::Handshake)?;
    let answer = Answer::new(connection.clone());

    let connect = Client::connect(connection.clone(), environment);
    let client = match tokio::time::timeout(PING, connect).await {
        Ok(Ok(client)) => client,
        Ok(Err(CallError::Lost { reason, .. })) => return Err(ServeError::Lost(reason)),
        Ok(Err(error)) => return last_word(answer, Failure::from(error).somewhere(None, &filename)).await,
        Err(_) => {
            let silent = ServeError::Silent(PING);
            return last_word(answer, Failure::new(silent.to_string()).somewhere(None, &filename))
                .await
                .map_err(|_| silent);
        }
    };

    let handling = AssertUnwindSafe(async { handler(client.clone()).await }).catch_unwind();
    let outcome = tokio::select! {
        biased;
        outcome = handling => outcome.unwrap_or_else(|_| Err(panic::failure(identity))),
        reason = connection.ended() => return Err(ServeError::Lost(reason)),
    };
    let failure = match outcome {
        Err(failure) => failure,
        Ok(result) => match answer.result(result).await {
            Ok(()) => return Ok(()),
            // The daemon will not have the result, but it may take the reason.
            Err(Refusal { error, answer: Some(answer) }) => {
                return tell(answer, Failure::from(error).somewhere(client.fallback().as_ref(), &filename)).await;
            }
            Err(Refusal { error, answer: None }) => return Err(not_taken(error)),
        },
    };
    tell(answer, failure.somewhere(client.fallback().as_ref(), &filename)).await
}

async fn tell(answer: Answer, failure: Failure) -> Result<(), ServeError> {
    answer.failure(failure).await.map_err(|refusal| not_taken(refusal.error))
}

async fn last_word(answer: Answer, failure: Failure) -> Result<(), ServeError> {
    match tokio::time::timeout(LAST_WORD, tell(answer, failure)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ServeError::Silent(LAST_WORD)),
    }
}

fn not_taken(error: CallError) -> ServeError {
    match error {
        CallError::Lost { reason, .. } => ServeError::Lost(reason),
        error => ServeError::Answer(error),
    }
}

//! The daemon's calls as gRPC knows them: a path, a request, an answer, or what went wrong.
//!
//! The code that sends a call knows bytes only and so exists once, not once for each message as in a generated client: in a
//! program that every new builder pulls, that is 80 kB of 2.5 MB, compressed.

use std::time::Duration;

use buildkit_proto::frontend;
use bytes::{Buf as _, BufMut as _, Bytes};
use hyper::http::uri::PathAndQuery;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::connection::{Connection, MAX_MESSAGE, chain};
use super::error::CallError;
use super::status::Status;

/// How often a call is made again, and how long to wait before each.
const RETRIES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800)];

/// How long to wait for the connection's end to be known, once a call failed as if it had ended.
const GRACE: Duration = Duration::from_millis(200);

/// A call, named by its request.
pub(super) trait Call: Message {
    /// What is called.
    const METHOD: Method;
    /// What answers it.
    type Answer: Message + Default;
}

/// A method of the daemon's service.
#[derive(Clone, Copy)]
pub(super) struct Method {
    /// As errors name it.
    name: &'static str,
    /// As gRPC names it.
    path: &'static str,
}

macro_rules! calls {
    ($($name:literal: $request:ident => $answer:ident,)*) => {
        $(impl Call for frontend::$request {
            const METHOD: Method =
                Method { name: $name, path: concat!("/moby.buildkit.v1.frontend.LLBBridge/", $name) };
            type Answer = frontend::$answer;
        })*
    };
}

calls! {
    "Ping": PingRequest => PongResponse,
    "Inputs": InputsRequest => InputsResponse,
    "ResolveSourceMeta": ResolveSourceMetaRequest => ResolveSourceMetaResponse,
    "ResolveImageConfig": ResolveImageConfigRequest => ResolveImageConfigResponse,
    "Solve": SolveRequest => SolveResponse,
    "Evaluate": EvaluateRequest => EvaluateResponse,
    "ReadFile": ReadFileRequest => ReadFileResponse,
    "ReadDir": ReadDirRequest => ReadDirResponse,
    "StatFile": StatFileRequest => StatFileResponse,
    "Warn": WarnRequest => WarnResponse,
    "Return": ReturnRequest => ReturnResponse,
}

impl Connection {
    /// One call, once.
    pub(super) async fn call<C: Call>(&self, request: &C) -> Result<C::Answer, CallError> {
        let answer = self.send(C::METHOD, encoded(request)?).await?;
        decoded::<C>(answer)
    }

    /// A call that changes nothing: made again a few times when the daemon says that it cannot answer just now. There is
    /// no deadline, for the first look at a reference waits for all the steps behind it.
    pub(super) async fn ask<C: Call>(&self, request: &C) -> Result<C::Answer, CallError> {
        let answer = self.send_patiently(C::METHOD, encoded(request)?).await?;
        decoded::<C>(answer)
    }

    async fn send_patiently(&self, method: Method, request: Bytes) -> Result<Bytes, CallError> {
        for delay in RETRIES {
            match self.send(method, request.clone()).await {
                Err(error) if error.is_passing() => tokio::time::sleep(delay).await,
                outcome => return outcome,
            }
        }
        self.send(method, request).await
    }

    async fn send(&self, method: Method, request: Bytes) -> Result<Bytes, CallError> {
        let mut grpc = self.grpc.clone();
        if let Err(error) = grpc.ready().await {
            return Err(self.broken(method.name, &chain(&error)).await);
        }
        let path = PathAndQuery::from_static(method.path);
        match grpc.unary(tonic::Request::new(request), path, Raw).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(self.failed(method.name, &status).await),
        }
    }

    /// Tells apart what the daemon said, what never arrived, and what cannot be understood.
    async fn failed(&self, call: &'static str, status: &tonic::Status) -> CallError {
        // Only an error that arose on this side has a cause.
        // Other texts are tonic's own, pinned by the tests.
        let text = status.message();
        let ours = |prefix: &str| text.starts_with(prefix);
        if std::error::Error::source(status).is_some() {
            return self.broken(call, text).await;
        }
        if ours("Error, decoded message length too large")
            || ours("Missing response message")
            || ours("Unexpected EOF decoding stream")
            || ours("protocol error: ")
        {
            return match self.ended.now() {
                Some(reason) => CallError::Lost { call, reason },
                None => CallError::malformed(call, text),
            };
        }
        // gRPC's own text for a call that the other side does not know; a frontend that refuses something has other words.
        if status.code() == tonic::Code::Unimplemented && ours("unknown ") {
            return CallError::Unsupported { call };
        }
        CallError::Refused(Box::new(Status::from(status)))
    }

    /// A call that did not get through: because the connection ended, if that gets known soon.
    async fn broken(&self, call: &'static str, reason: &str) -> CallError {
        match tokio::time::timeout(GRACE, self.ended()).await {
            Ok(reason) => CallError::Lost { call, reason },
            Err(_) => CallError::Broken { call, reason: reason.to_owned() },
        }
    }
}

/// A request's bytes. That it is too large is told here: found out while it is on its way, it would be an error without a
/// reason.
fn encoded<C: Call>(request: &C) -> Result<Bytes, CallError> {
    if request.encoded_len() > MAX_MESSAGE {
        return Err(CallError::TooLarge { call: C::METHOD.name });
    }
    Ok(Bytes::from(request.encode_to_vec()))
}

fn decoded<C: Call>(answer: Bytes) -> Result<C::Answer, CallError> {
    prost::Message::decode(answer).map_err(|error| CallError::malformed(C::METHOD.name, error.to_string()))
}

/// Messages that are bytes already.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

//! The daemon's calls as gRPC knows them: a path, a request, an answer.
//!
//! The code that sends a call knows bytes only and so exists once, not once for each message, which is what a generated
//! client comes to: a tenth of a megabyte in a program that every new builder pulls.

use buildkit_proto::frontend;
use bytes::{Buf as _, BufMut as _, Bytes};
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

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
    /// As messages name it.
    pub(super) name: &'static str,
    /// As requests name it.
    pub(super) path: &'static str,
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

/// Messages that are bytes already.
pub(super) struct Raw;

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

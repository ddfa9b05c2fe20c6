//! The part of BuildKit's API that a frontend speaks, as prost messages and a tonic client and
//! server.
//!
//! The .proto files of this crate are written from what goes over the wire; packages, messages,
//! fields and numbers are BuildKit's. protox compiles them, so building needs no protoc. Read in
//! moby/buildkit v0.32.2 and compared with v0.33.1 and v0.34.2, at the paths that each module
//! names. A release in the tables is the first one known to have the message. A dash says that none
//! is recorded: then only the daemon's capabilities ([`frontend::PongResponse`]) tell.
//!
//! Three choices differ from what prost does by itself:
//!
//! - Maps are `BTreeMap`s: their order reaches digests.
//! - `bytes` fields are [`bytes::Bytes`]: a definition is cloned into several requests and may
//!   carry megabytes.
//! - The maps inside an op are declared as lists of entries with presence ([`pb::StringEntry`],
//!   [`pb::BuildInputEntry`]). The wire format is the same, but an empty key or value is written
//!   too, as Go's deterministic encoder does and prost's map does not. Whoever fills such a list
//!   sorts it by key. The other half of an op's canonical form, the order of its fields, is
//!   buildkit-llb's business.
//!
//! The server half is for tests that play the daemon in process.

/// Generated code only: its names and shapes are BuildKit's, so our lints have nothing to say about
/// it.
#[allow(missing_docs, clippy::all, clippy::arithmetic_side_effects, rustdoc::all)]
mod generated {
    pub mod pb {
        tonic::include_proto!("pb");
    }
    pub mod fsutil {
        pub mod types {
            tonic::include_proto!("fsutil.types");
        }
    }
    pub mod google {
        pub mod rpc {
            tonic::include_proto!("google.rpc");
        }
    }
    pub mod moby {
        pub mod buildkit {
            pub mod v1 {
                pub mod apicaps {
                    tonic::include_proto!("moby.buildkit.v1.apicaps");
                }
                pub mod frontend {
                    tonic::include_proto!("moby.buildkit.v1.frontend");
                }
                pub mod sourcepolicy {
                    tonic::include_proto!("moby.buildkit.v1.sourcepolicy");
                }
                pub mod types {
                    tonic::include_proto!("moby.buildkit.v1.types");
                }
            }
        }
    }
}

/// Package `pb`: LLB, and the definition that carries it. Read in `solver/pb/ops.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`Op`](pb::Op), [`Input`](pb::Input), [`Platform`](pb::Platform), [`Definition`](pb::Definition), [`OpMetadata`](pb::OpMetadata) | – | the graph |
/// | [`SourceOp`](pb::SourceOp) | – | images, local directories, git, HTTP |
/// | [`ExecOp`](pb::ExecOp), [`Meta`](pb::Meta), [`Mount`](pb::Mount), [`SecretEnv`](pb::SecretEnv) | – | a process |
/// | `Meta.validExitCodes`, `Meta.removeMountStubsRecursive` | 0.17 | |
/// | [`FileOp`](pb::FileOp), [`FileAction`](pb::FileAction) | 0.5 | copy, mkfile, mkdir, rm |
/// | [`FileActionSymlink`](pb::FileActionSymlink) | – (`file.symlink.create`) | symlink |
/// | [`MergeOp`](pb::MergeOp), [`DiffOp`](pb::DiffOp) | – (`mergeop`, `diffop`) | layers put together and taken apart |
/// | [`BuildOp`](pb::BuildOp) | – | runs a definition found in a file |
/// | [`PassthroughOp`](pb::PassthroughOp) | – (`passthroughop`) | waits for all its inputs |
/// | [`LinuxResources`](pb::LinuxResources) | – (`exec.meta.linux.resources`) | limits of an exec |
/// | [`Source`](pb::Source), [`SourceInfo`](pb::SourceInfo), [`Location`](pb::Location), [`Range`](pb::Range) | – | lines of the build file |
pub mod pb {
    pub use crate::generated::pb::*;
}

/// Package `moby.buildkit.v1.frontend`: the calls between a frontend and the daemon. Read in
/// `frontend/gateway/pb/gateway.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`PingRequest`](frontend::PingRequest), [`PongResponse`](frontend::PongResponse) | – | capabilities and workers |
/// | [`SolveRequest`](frontend::SolveRequest), [`SolveResponse`](frontend::SolveResponse) | – | a definition becomes a reference |
/// | `SolveRequest.CacheImports` | 0.4 (`importcaches`) | |
/// | [`EvaluateRequest`](frontend::EvaluateRequest), `SolveRequest.Evaluate` | – (`gateway.evaluate`, `gateway.solve.evaluate`) | waits for a reference |
/// | [`ResolveSourceMetaRequest`](frontend::ResolveSourceMetaRequest) | – (`source.metaresolver`) | what a source resolves to |
/// | [`ResolveImageConfigRequest`](frontend::ResolveImageConfigRequest) | – | the same in older daemons, images only |
/// | [`ReadFileRequest`](frontend::ReadFileRequest), [`ReadDirRequest`](frontend::ReadDirRequest), [`StatFileRequest`](frontend::StatFileRequest) | – (`readfile`, `readdir`, `statfile`) | files of a reference |
/// | [`InputsRequest`](frontend::InputsRequest) | – (`frontend.inputs`) | definitions given by the client |
/// | [`WarnRequest`](frontend::WarnRequest) | – (`gateway.warnings`) | a warning shown by the client |
/// | [`ReturnRequest`](frontend::ReturnRequest), [`Result`](frontend::Result) | – | the end, exactly once |
/// | [`Attestation`](frontend::Attestation) | – (`reference.attestations`) | SBOMs and others |
/// | [`NewContainerRequest`](frontend::NewContainerRequest), [`ExecMessage`](frontend::ExecMessage) | – (`gateway.exec`) | processes outside the graph |
///
/// An error carries [`Status`](rpc::Status) in the trailer `grpc-status-details-bin`; its details
/// are JSON inside [`prost_types::Any`].
pub mod frontend {
    pub use crate::generated::moby::buildkit::v1::frontend::*;
}

/// Package `moby.buildkit.v1.apicaps`. Read in `util/apicaps/pb/caps.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`ApiCap`](apicaps::ApiCap) | – | one capability of the daemon, a name without a version |
pub mod apicaps {
    pub use crate::generated::moby::buildkit::v1::apicaps::*;
}

/// Package `moby.buildkit.v1.types`. Read in `api/types/worker.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`WorkerRecord`](types::WorkerRecord) | – | platforms and labels of a worker |
/// | [`GcPolicy`](types::GcPolicy), [`BuildkitVersion`](types::BuildkitVersion), [`CdiDevice`](types::CdiDevice) | – | not filled in by Ping |
pub mod types {
    pub use crate::generated::moby::buildkit::v1::types::*;
}

/// Package `moby.buildkit.v1.sourcepolicy`. Read in `sourcepolicy/pb/policy.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`Policy`](sourcepolicy::Policy), [`Rule`](sourcepolicy::Rule) | – (`source.policy`) | which sources may be used, and what replaces them |
pub mod sourcepolicy {
    pub use crate::generated::moby::buildkit::v1::sourcepolicy::*;
}

/// Package `fsutil.types`. Read in `github.com/tonistiigi/fsutil/types/stat.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`Stat`](fsutil::Stat) | – | one file; its mode is Go's `FileMode` |
pub mod fsutil {
    pub use crate::generated::fsutil::types::*;
}

/// Package `google.rpc`. Read in `google/rpc/status.proto`.
///
/// | message | first release | what for |
/// | --- | --- | --- |
/// | [`Status`](rpc::Status) | – | an error and its details |
pub mod rpc {
    pub use crate::generated::google::rpc::*;
}

pub use prost_types::{Any, Timestamp};

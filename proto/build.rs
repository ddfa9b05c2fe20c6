//! Compiles the .proto files with protox, so that no protoc is needed.

use std::error::Error;

const FILES: &[&str] = &["proto/pb/ops.proto", "proto/moby/buildkit/v1/gateway.proto"];

// A build script speaks to cargo through stdout.
#[allow(clippy::disallowed_macros)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure()
        .build_transport(false)
        // Order reaches digests and golden files.
        .btree_map(".")
        // A lockfile travels in a definition, a definition in several requests: share, don't copy.
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}

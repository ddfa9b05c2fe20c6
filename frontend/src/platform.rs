//! The platform that this program runs on, in OCI's words.

use buildkit_llb::Platform;

/// This machine's platform. Images are made for Linux, whatever the machine runs.
pub fn host() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Platform::new("linux", architecture, "")
}

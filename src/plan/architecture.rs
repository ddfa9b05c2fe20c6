//! Architectures that images are made for, by all the names that they have.

use buildkit_frontend::diagnostic::{Diagnostic, Diagnostics};
use buildkit_llb::Platform;

use super::Inputs;

/// One architecture with official Node images.
pub(super) struct Architecture {
    /// OCI's word.
    pub oci: &'static str,
    /// Node's and Yarn's.
    pub cpu: &'static str,
    /// What GNU's tools are called by that make code for it, and Debian's packages of them.
    pub triplet: &'static str,
    /// Its number in ELF (`e_machine`).
    pub machine: u16,
    /// Whether Debian has cross compilers that run on it.
    pub crosses: bool,
}

const ARCHITECTURES: [Architecture; 5] = [
    Architecture { oci: "amd64", cpu: "x64", triplet: "x86_64-linux-gnu", machine: 62, crosses: true },
    Architecture { oci: "arm64", cpu: "arm64", triplet: "aarch64-linux-gnu", machine: 183, crosses: true },
    Architecture { oci: "arm", cpu: "arm", triplet: "arm-linux-gnueabihf", machine: 40, crosses: false },
    Architecture { oci: "ppc64le", cpu: "ppc64", triplet: "powerpc64le-linux-gnu", machine: 21, crosses: true },
    Architecture { oci: "s390x", cpu: "s390x", triplet: "s390x-linux-gnu", machine: 22, crosses: false },
];

/// What is known of an architecture, in OCI's words.
pub(super) fn architecture(oci: &str) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|known| known.oci == oci)
}

/// The CPU of a platform in Node's words. Every platform that there is an image for has one; a builder's own may be another.
pub(super) fn cpu(platform: &Platform) -> Option<&'static str> {
    architecture(platform.architecture()).map(|known| known.cpu)
}

/// A platform that there are no images for.
pub(super) fn refuse_unknown(inputs: &Inputs<'_>) -> Result<(), Diagnostics> {
    let Some(platform) = inputs.platforms.iter().find(|platform| architecture(platform.architecture()).is_none())
    else {
        return Ok(());
    };
    let known: Vec<&str> = ARCHITECTURES.iter().map(|known| known.oci).collect();
    Err(Diagnostic::error("plan/platform", format!("there is no Node image for `--platform {platform}`"))
        .help(format!("architectures are {}", known.join(", ")))
        .at(inputs.spec.default_span())
        .into())
}

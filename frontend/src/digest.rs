//! Digests as text.

use sha2::{Digest as _, Sha256, Sha512};

/// SHA-256, in hex.
pub fn sha256(data: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(data))
}

/// SHA-512, in hex.
pub fn sha512(data: impl AsRef<[u8]>) -> String {
    hex(&Sha512::digest(data))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

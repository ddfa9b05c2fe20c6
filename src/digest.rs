//! Digests as text.

use sha2::{Digest as _, Sha256};

/// SHA-256, in hex.
pub(crate) fn sha256(data: impl AsRef<[u8]>) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

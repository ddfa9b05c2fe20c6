//! The texts of written files.

use buildkit_frontend::digest;
use buildkit_frontend::secret;
use serde::{Deserialize, Serialize, Serializer};

/// Bytes of a text that JSON holds whole, for those who read a plan; without a secret in it.
const SHORT: usize = 1024;

/// The text of a written file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// The text.
    #[serde(serialize_with = "write_text")]
    Text(String),
    /// A long text, as JSON has it: whoever wrote that holds the text.
    Stored {
        /// Its SHA-256, in hex.
        sha256: String,
        /// Its length in bytes.
        bytes: usize,
    },
}

impl Content {
    /// The text, if it is here.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Stored { .. } => None,
        }
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Stored { bytes, .. } => *bytes,
        }
    }
}

fn write_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.len() <= SHORT && secret::places(text).is_empty() {
        return serializer.serialize_str(text);
    }
    Content::Stored { sha256: digest::sha256(text), bytes: text.len() }.serialize(serializer)
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

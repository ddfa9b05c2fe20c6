//! The texts of written files.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest;

/// Bytes of a text that JSON holds whole.
const SHORT: usize = 1024;

/// The text of a written file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The text.
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
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Stored { bytes, .. } => *bytes,
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text that JSON leaves out, and its SHA-256 in hex.
    pub(super) fn long(&self) -> Option<(String, &str)> {
        match self {
            Self::Text(text) if text.len() > SHORT => Some((digest::sha256(text), text)),
            _ => None,
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What JSON has.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Json<T> {
    Text(T),
    Stored { sha256: T, bytes: usize },
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digest;
        let json = match (self, self.long()) {
            (Self::Stored { sha256, bytes }, _) => Json::Stored { sha256: sha256.as_str(), bytes: *bytes },
            (Self::Text(text), Some((sha256, _))) => {
                digest = sha256;
                Json::Stored { sha256: digest.as_str(), bytes: text.len() }
            }
            (Self::Text(text), None) => Json::Text(text.as_str()),
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Json::deserialize(deserializer)? {
            Json::Text(text) => Self::Text(text),
            Json::Stored { sha256, bytes } => Self::Stored { sha256, bytes },
        })
    }
}

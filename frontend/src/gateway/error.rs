//! How calls fail.

use std::sync::Arc;

use super::status::Status;

/// A failed call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The daemon answered with an error; its details are kept, so it can be handed on whole.
    #[error("{0}")]
    Refused(Box<Status>),
    /// The connection ended: the build was cancelled, or the daemon is gone.
    #[error("the connection to BuildKit ended during {call}: {reason}")]
    Lost {
        /// The call.
        call: &'static str,
        /// What is known of the end.
        reason: Arc<str>,
    },
    /// The call was broken off while the connection lived on.
    #[error("BuildKit broke off {call}: {reason}")]
    Broken {
        /// The call.
        call: &'static str,
        /// What is known of it.
        reason: String,
    },
    /// The answer is not what this call is answered with.
    #[error("BuildKit's answer to {call} makes no sense: {what}")]
    Malformed {
        /// The call.
        call: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// More than a message may hold.
    #[error("{call} needs a message of more than 16 MiB, which BuildKit does not take")]
    TooLarge {
        /// The call.
        call: &'static str,
    },
    /// The daemon has no such call.
    #[error("this BuildKit has no {call}; BuildKit 0.17 or newer is needed")]
    Unsupported {
        /// The call.
        call: &'static str,
    },
}

impl CallError {
    pub(super) fn malformed(call: &'static str, what: impl Into<String>) -> Self {
        Self::Malformed { call, what: what.into() }
    }

    /// Whether asking again may help.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code() == tonic::Code::Unavailable)
    }
}

impl From<CallError> for tonic::Status {
    /// For [`crate::files::FilesError::Daemon`].
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(status) => Self::from(&*status),
            CallError::Lost { .. } => Self::unavailable(error.to_string()),
            _ => Self::unknown(error.to_string()),
        }
    }
}

/// Why a file of a reference could not be read. That it is not there is no error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileError {
    /// Larger than the caller allowed.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: String,
        /// The caller's bound, in bytes.
        limit: u64,
    },
    /// A directory or a device where a file is wanted, or a file where a directory is wanted.
    #[error("{path} is not {wanted}")]
    WrongKind {
        /// The path.
        path: String,
        /// `a file` or `a directory`.
        wanted: &'static str,
    },
    /// It is there and cannot be read. The daemon's own words name temporary paths of its own, so they stay out.
    #[error("{path} could not be read by BuildKit")]
    Unreadable {
        /// The path.
        path: String,
    },
    /// The call failed, or the reference did when it was evaluated.
    #[error(transparent)]
    Call(#[from] CallError),
}

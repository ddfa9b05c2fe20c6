//! What a failed look at a file means.
//!
//! The daemon has no code for it: all file errors are of code Unknown, and their texts differ between releases and name the
//! daemon's temporary paths. Only their ends are stable. The first look also evaluates the reference, so the same call
//! fails when a step behind it does, and a step's error may end in the same words.

use crate::gateway::client::Client;
use crate::gateway::error::{CallError, FileError};
use crate::gateway::reference::Reference;

/// Ends of the text for a path that is not there, on a daemon of any system that runs Linux containers.
const MISSING: &[&str] = &["no such file or directory"];
/// A file where a directory is wanted: at the path, or on the way to it.
const NOT_A_DIRECTORY: &[&str] = &["not a directory"];
/// Something else where a file is wanted; 0.33 first, then 0.17.
const NOT_A_FILE: &[&str] = &["not a regular file", "is a directory"];

/// What a look at a path came to, when it came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Missing,
    NotADirectory,
    NotAFile,
    Unreadable,
}

impl Fault {
    fn of(message: &str) -> Self {
        let ends = |with: &[&str]| with.iter().any(|end| message.trim_end().ends_with(end));
        if ends(MISSING) {
            Self::Missing
        } else if ends(NOT_A_DIRECTORY) {
            Self::NotADirectory
        } else if ends(NOT_A_FILE) {
            Self::NotAFile
        } else {
            Self::Unreadable
        }
    }
}

impl Client {
    /// Tells a fault of the path from one of the reference or the call.
    pub(super) async fn fault(&self, reference: &Reference, error: CallError) -> Result<Fault, FileError> {
        let CallError::Refused(status) = &error else { return Err(error.into()) };
        if status.code() != tonic::Code::Unknown {
            return Err(error.into());
        }
        let fault = Fault::of(status.message());
        // If the reference itself stands, the path is at fault.
        self.evaluate(reference).await?;
        Ok(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_0_17_and_0_33() {
        for (text, fault) in [
            ("open backstage.build.yaml: no such file or directory", Fault::Missing),
            ("lstat /a/b: no such file or directory", Fault::Missing),
            ("open /tmp/buildkit-mount123/x: no such file or directory", Fault::Missing),
            ("open package.json/x: not a directory", Fault::NotADirectory),
            ("walk /tmp/buildkit-mount123/package.json: not a directory", Fault::NotADirectory),
            ("packages is not a regular file", Fault::NotAFile),
            ("open packages: not a regular file", Fault::NotAFile),
            ("read /tmp/buildkit-mount3817/packages: is a directory", Fault::NotAFile),
            ("open a: permission denied", Fault::Unreadable),
            ("open a: too many levels of symbolic links", Fault::Unreadable),
            ("", Fault::Unreadable),
        ] {
            assert_eq!(Fault::of(text), fault, "{text}");
        }
    }
}

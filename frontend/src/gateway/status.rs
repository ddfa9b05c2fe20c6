//! An error as it travels: a code, a text, typed details.
//!
//! The same form comes from the daemon with a failed call and goes back to it with Return, so a failure of a sub-solve can
//! be handed on whole: the client then prints the same excerpt as if the daemon had reported it itself.

use std::fmt;

use buildkit_proto::{Any, rpc};
use bytes::Bytes;
use prost::Message;

use crate::diagnostic::render::is_harmful;
use crate::secret::head;

use super::detail::{Detail, is_source};

/// The code whose text clients print bare; any other is put in front of the text.
const UNKNOWN: i32 = 2;

/// Above this an error risks not to arrive: it passes through headers of at most 16 MiB, in base64.
const MAX_BYTES: usize = 8 << 20;

/// An error with its typed details. Details of a kind that is unknown here are kept byte for byte.
#[derive(Clone, PartialEq)]
pub struct Status(rpc::Status);

impl Status {
    /// An error of our own. Control characters in `message` are replaced: it ends on someone's terminal.
    pub fn new(message: impl AsRef<str>) -> Self {
        Self(rpc::Status { code: UNKNOWN, message: printable(message.as_ref()), details: Vec::new() })
    }

    /// The answer to an unknown subrequest. Old clients match the text, new ones the detail.
    pub fn unsupported_subrequest(name: &str) -> Self {
        let name = printable(name);
        let detail = Detail::Subrequest(super::detail::Named { name: name.clone() });
        Self::new(format!("unsupported request {name}")).with(&detail)
    }

    /// The gRPC code; 2 for errors of our own.
    pub fn code(&self) -> tonic::Code {
        tonic::Code::from_i32(self.0.code)
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details in their order: the innermost cause first.
    pub fn details(&self) -> impl Iterator<Item = Detail> {
        self.0.details.iter().map(Detail::decode)
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, detail: &Detail) -> Self {
        self.0.details.push(detail.encode());
        self
    }

    /// Whether there is an excerpt of a file.
    pub fn has_source(&self) -> bool {
        self.0.details.iter().any(is_source)
    }

    /// The message for Return, small enough to arrive: where it is not, the largest details go first.
    pub(super) fn into_proto(mut self) -> rpc::Status {
        if self.0.code == 0 {
            self.0.code = UNKNOWN;
        }
        while self.0.encoded_len() > MAX_BYTES {
            let sizes = self.0.details.iter().map(|any| (any.value.len(), is_source(any)));
            // Excerpts last: they are what a person looks at.
            let largest = sizes.enumerate().max_by_key(|(_, (len, source))| (!source, *len)).map(|(i, _)| i);
            match largest {
                Some(i) => drop(self.0.details.remove(i)),
                None => {
                    let len = head(&self.0.message, MAX_BYTES / 2).len();
                    self.0.message.truncate(len);
                }
            }
        }
        self.0
    }
}

impl From<&tonic::Status> for Status {
    /// Takes the details from the trailer. Where it cannot be read, code and text stand alone.
    fn from(status: &tonic::Status) -> Self {
        let bare =
            || rpc::Status { code: status.code().into(), message: status.message().to_owned(), details: Vec::new() };
        let proto = match rpc::Status::decode(status.details()) {
            Ok(proto) if proto.code != 0 => proto,
            _ => bare(),
        };
        Self(proto)
    }
}

impl From<&Status> for tonic::Status {
    fn from(status: &Status) -> Self {
        let details = if status.0.details.is_empty() { Vec::new() } else { status.0.encode_to_vec() };
        Self::with_details(status.code(), status.message(), Bytes::from(details))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Status {
    /// Names of the details, not their content: a failed step can carry megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.details.iter().map(|Any { type_url, .. }| type_url);
        f.debug_struct("Status")
            .field("code", &self.code())
            .field("message", &self.0.message)
            .field("details", &names.collect::<Vec<_>>())
            .finish()
    }
}

impl std::error::Error for Status {}

/// Text that cannot steer a terminal: control characters other than line breaks and tabs become `U+FFFD`, and so do those
/// that reorder what is around them.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| is_harmful(c) && !matches!(c, '\n' | '\t');
    text.replace("\r\n", "\n").replace(steers, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::super::detail::{Exit, Source, Vertex};
    use super::*;

    #[test]
    fn a_status_survives_the_wire_both_ways() {
        let unknown = Any { type_url: "x/y".into(), value: vec![0, 255] };
        let status = Status::new("no").with(&Detail::Exit(Exit { code: 3 })).with(&Detail::Other(unknown.clone()));
        let back = Status::from(&tonic::Status::from(&status));
        assert_eq!(back, status);
        assert_eq!(back.details().collect::<Vec<_>>(), [Detail::Exit(Exit { code: 3 }), Detail::Other(unknown)]);
        assert_eq!(back.code(), tonic::Code::Unknown);
    }

    #[test]
    fn unreadable_details_leave_code_and_text() {
        let wire = tonic::Status::with_details(tonic::Code::Internal, "oops", Bytes::from_static(b"\xff\xff"));
        let status = Status::from(&wire);
        assert_eq!((status.code(), status.message()), (tonic::Code::Internal, "oops"));
        assert_eq!(status.details().count(), 0);
    }

    #[test]
    fn a_status_is_never_ok() {
        let status = Status::from(&tonic::Status::ok("fine?"));
        assert_eq!(status.into_proto().code, UNKNOWN);
    }

    #[test]
    fn what_is_too_large_loses_its_largest_details_and_excerpts_last() {
        let large = |n: usize| Detail::Vertex(Vertex { digest: "x".repeat(n) });
        let status = Status::new("no")
            .with(&large(6 << 20))
            .with(&Detail::Source(Source::default()))
            .with(&large(5 << 20))
            .with(&large(1));
        let kept: Vec<_> = status.into_proto().details.iter().map(Detail::decode).collect();
        assert_eq!(kept, [Detail::Source(Source::default()), large(5 << 20), large(1)]);
        assert!(Status::new("é".repeat(9 << 20)).into_proto().encoded_len() <= MAX_BYTES);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            Status::new("a\u{1b}[2J\r\nb\rc\td\0\u{202e}").message(),
            "a\u{fffd}[2J\nb\u{fffd}c\td\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn the_text_for_a_subrequest_is_the_one_clients_match() {
        let status = Status::unsupported_subrequest("frontend.x");
        assert_eq!(status.message(), "unsupported request frontend.x");
        assert!(matches!(status.details().next(), Some(Detail::Subrequest(named)) if named.name == "frontend.x"));
    }
}

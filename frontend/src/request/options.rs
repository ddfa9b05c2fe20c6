//! Every option that a client may send, in one table: its name, the flag that sets it, whether it is honoured, what it
//! takes and what it does here. Parsers and messages read this table, so that no option is known in two places.
//!
//! What is in no row is not an error: BuildKit and its clients add options of their own.

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// The option's name in the request.
    pub key: Key,
    /// What a user types to set it: a flag of `docker buildx build`, or words where it is no flag; empty where clients
    /// set it by themselves.
    pub flag: &'static str,
    /// Whether it is honoured.
    pub status: Status,
    /// What it takes; follows "allowed: ".
    pub allowed: &'static str,
    /// What it does here, or why it does nothing.
    pub text: &'static str,
}

/// How an option's name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The whole name.
    Exact(&'static str),
    /// The whole name, in upper or lower case.
    AnyCase(&'static str),
    /// The start of the name; the rest is the user's.
    Prefix(&'static str),
}

impl Key {
    /// The name, or the fixed part of it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Exact(text) | Self::AnyCase(text) | Self::Prefix(text) => text,
        }
    }
}

/// Whether an option is honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Honoured,
    /// For some values; [`super::Request::refuse_unsupported`] refuses the others.
    Partly,
    /// It is meant for someone else, or has no meaning here, and changes nothing.
    Ignored,
    /// Not yet: [`super::Request::refuse_unsupported`] says so.
    Refused,
}

impl Opt {
    /// What a message calls the option: the flag as code, or the words as they are.
    pub fn subject(&self) -> String {
        if self.flag.starts_with('-') { format!("`{}`", self.flag) } else { self.flag.to_owned() }
    }
}

//! The language as data: every key, what it takes, its default and an example.
//!
//! This is the one place that knows the keys. The checks and their "did you mean", the build args that override by
//! path, the JSON Schema and the reference are all read off these tables.

mod format;
mod keys;
mod scalar;
mod values;

pub(crate) use format::Format;
pub(crate) use keys::{BASES, CHECK, ROOT};
pub(crate) use scalar::{ValueError, workspace};
pub(crate) use values::{duration, memory, mode, node_version};

/// A key of a mapping.
#[derive(Debug)]
pub(crate) struct Key {
    /// As the user writes it.
    pub name: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// One sentence, for the reference, the schema and editors.
    pub doc: &'static str,
    /// What holds when it is absent; empty where nothing does.
    pub default: &'static str,
    /// A value in YAML, on one line.
    pub example: &'static str,
    /// Whether it can be used.
    pub status: Status,
}

/// Whether a key or word can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Yes.
    Optional,
    /// Yes, and the mapping makes no sense without it.
    Required,
    /// Not in this version; what to do instead, where there is something. This is the one place that says so: the schema and
    /// the reference's tables leave it out.
    NotYet(&'static str),
    /// No, but this does the same: the end of the sentence "write …".
    Instead(&'static str),
}

impl Status {
    /// Whether it can be used in this version.
    pub(crate) fn usable(self) -> bool {
        matches!(self, Self::Optional | Self::Required)
    }
}

/// A word that stands for a choice.
#[derive(Debug)]
pub(crate) struct Word {
    /// As the user writes it.
    pub text: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Whether it can be used.
    pub status: Status,
}

/// What a value looks like.
#[derive(Debug)]
pub(crate) enum Shape {
    /// `true` or `false`.
    Bool,
    /// `false`, for none.
    Off,
    /// A scalar with rules of its own.
    Scalar(Format),
    /// One of some words.
    OneOf(&'static [Word]),
    /// A list.
    List(&'static Shape),
    /// A mapping with keys of the user's.
    Map(Format, &'static Shape),
    /// The same with exactly one key.
    Single(Format, &'static Shape),
    /// A mapping with keys of ours.
    Object(&'static [Key]),
    /// Any of these, told apart by being a scalar, a list or a mapping.
    Any(&'static [Shape]),
    /// Whatever: for keys that are not supported.
    Nothing,
}

impl Shape {
    /// The shape itself, or its alternatives.
    pub(crate) fn alternatives(&self) -> &[Shape] {
        match self {
            Self::Any(shapes) => shapes,
            shape => std::slice::from_ref(shape),
        }
    }

    /// The keys of a mapping of ours, also where that is one of several alternatives.
    pub(crate) fn keys(&self) -> Option<&'static [Key]> {
        self.alternatives().iter().find_map(|shape| match shape {
            Self::Object(keys) => Some(*keys),
            _ => None,
        })
    }

    /// Whether this is a scalar of some kind.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self, Self::Bool | Self::Off | Self::Scalar(_) | Self::OneOf(_))
    }

    /// In a few words, for a value that is something else altogether.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::List(_) => "a list".to_owned(),
            Self::Map(..) | Self::Single(..) | Self::Object(_) => "a mapping".to_owned(),
            Self::Any(shapes) => {
                let mut all: Vec<String> = shapes.iter().map(Self::brief).collect();
                all.dedup();
                all.join(", or ")
            }
            shape => shape.wanted(),
        }
    }

    /// In words, with what is in it.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Off => "`false`".to_owned(),
            Self::Scalar(format) => format.wanted().to_owned(),
            Self::OneOf(words) => buildkit_frontend::text::list(usable(words), "or"),
            Self::List(item) => format!("a list, each item {}", item.wanted()),
            Self::Map(_, value) => format!("a mapping, each value {}", value.wanted()),
            Self::Single(_, value) => format!("a name with {}", value.wanted()),
            Self::Object(keys) => {
                let keys = keys.iter().filter(|key| key.status.usable()).map(|key| key.name);
                format!("a mapping with {}", buildkit_frontend::text::list(keys, "or"))
            }
            Self::Any(shapes) => match shapes.split_last() {
                Some((last, rest)) if !rest.is_empty() => {
                    let rest: Vec<String> = rest.iter().map(Self::wanted).collect();
                    format!("{}, or {}", rest.join(", "), last.wanted())
                }
                _ => shapes.iter().map(Self::wanted).collect(),
            },
            Self::Nothing => "nothing".to_owned(),
        }
    }
}

/// The words that can be used.
pub(crate) fn usable(words: &'static [Word]) -> impl Iterator<Item = &'static str> {
    words.iter().filter(|word| word.status.usable()).map(|word| word.text)
}

/// A key of a table, by name.
pub(crate) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

//! Where things were asked for.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use buildkit_frontend::diagnostic::{SourceFile, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a thing was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The user wrote it there, in the build file or as a build arg.
    #[serde(serialize_with = "write_place", deserialize_with = "read_place")]
    Explicit(Span),
    /// Nobody wrote it: the noun and its default, such as `checks: [typecheck]`, or the noun alone where the default depends
    /// on the repository.
    Default(Cow<'static, str>),
}

impl Origin {
    /// Nobody wrote it: see [`Origin::Default`].
    pub const fn of_default(noun: &'static str) -> Self {
        Self::Default(Cow::Borrowed(noun))
    }

    /// The place in the build file: line 1 for a default.
    pub fn span(&self, default: Span) -> Span {
        match self {
            Self::Explicit(span) => span.clone(),
            Self::Default(_) => default,
        }
    }

    /// Says which file it lies in.
    pub(super) fn locate(&mut self, file: &Arc<SourceFile>) {
        if let Self::Explicit(span) = self {
            span.file = Arc::clone(file);
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(Span { build_arg: Some(name), .. }) => write!(f, "--build-arg {name}"),
            Self::Explicit(span) => write!(f, "{}:{}", span.file.name, span.first_line()),
            Self::Default(noun) => write!(f, "default: {noun}"),
        }
    }
}

/// A place of the build file in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    /// 1-based, for readers.
    line: usize,
    /// Byte offsets.
    bytes: Range<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    build_arg: Option<String>,
}

fn write_place<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    let build_arg = span.build_arg.as_deref().map(str::to_owned);
    Place { line: span.first_line(), bytes: span.range.clone(), build_arg }.serialize(serializer)
}

/// In no file yet: see [`super::Plan::locate`].
fn read_place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let place = Place::deserialize(deserializer)?;
    let span = Span::new(&SourceFile::new("", ""), place.bytes);
    Ok(Span { build_arg: place.build_arg.map(Arc::from), ..span })
}

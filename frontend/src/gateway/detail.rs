//! The typed details of an error.
//!
//! A detail is a `google.protobuf.Any` whose value is JSON, named `github.com/moby/buildkit/NAME+json`. Clients print source
//! excerpts, exit codes and more from them. Shapes and names are those of BuildKit's `solver/errdefs` and
//! `frontend/gateway/pb/exit.go`. A detail that is unknown here stays as it came.

use std::collections::BTreeMap;

use buildkit_proto::Any;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const PREFIX: &str = "github.com/moby/buildkit/";

const SOURCE: &str = "errdefs.Source+json";
const VERTEX: &str = "errdefs.Vertex+json";
const SOLVE: &str = "errdefs.Solve+json";
const FRONTEND: &str = "errdefs.Frontend+json";
const FRONTEND_CAP: &str = "errdefs.FrontendCap+json";
const SUBREQUEST: &str = "errdefs.Subrequest+json";
const EXIT: &str = "gatewayapi.ExitMessage+json";

/// One typed detail.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// Lines of a file; the client prints them with their surroundings.
    Source(Source),
    /// The vertex that failed.
    Vertex(Vertex),
    /// The step that failed.
    Solve(Box<Solve>),
    /// The frontend in which it failed; one for each nesting level.
    Frontend(Frontend),
    /// A capability that the frontend was asked for and does not have.
    FrontendCap(Named),
    /// A subrequest that the frontend does not answer.
    Subrequest(Named),
    /// How a process ended.
    Exit(Exit),
    /// Anything else, as it came.
    Other(Any),
}

/// Lines of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<SourceInfo>,
    /// Which lines. Without any, nothing is printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
}

/// A file in a [`Source`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceInfo {
    /// Its name as the user knows it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// Its text.
    #[serde(with = "base64_bytes", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// The graph that produces it, in Go's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Value>,
    /// The linguist name of its language.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
}

/// A range of lines. Go's printers follow both ends without looking, so both are always written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Range {
    /// Its first place.
    pub start: Position,
    /// Its last place.
    pub end: Position,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Position {
    /// From 1.
    pub line: i32,
    /// From 0; not printed.
    pub character: i32,
}

/// A vertex by digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vertex {
    /// Its digest.
    pub digest: String,
}

/// A failed step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Solve {
    /// Ids of its inputs, for a container that looks into it.
    #[serde(rename = "inputIDs", skip_serializing_if = "Vec::is_empty")]
    pub input_ids: Vec<String>,
    /// Ids of its mounts as they were when it failed.
    #[serde(rename = "mountIDs", skip_serializing_if = "Vec::is_empty")]
    pub mount_ids: Vec<String>,
    /// The op, in protobuf's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<Value>,
    /// The vertex's description.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub description: BTreeMap<String, String>,
    /// The failed action of a file op.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Value>,
    /// The input whose content could not be hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Value>,
}

/// A frontend by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frontend {
    /// `gateway.v0` or `dockerfile.v0`.
    pub name: String,
    /// Its image.
    pub source: String,
}

/// Something known by its name only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    /// The name.
    pub name: String,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exit {
    /// Its exit code; 255 also stands for unknown.
    #[serde(rename = "Code")]
    pub code: u32,
}

impl Detail {
    /// Reads a detail. One of an unknown name, or whose JSON is not of its shape, is [`Detail::Other`].
    pub fn decode(any: &Any) -> Self {
        let name = any.type_url.strip_prefix(PREFIX).unwrap_or_default();
        match name {
            SOURCE => json(any).map(Self::Source),
            VERTEX => json(any).map(Self::Vertex),
            SOLVE => json(any).map(|solve| Self::Solve(Box::new(solve))),
            FRONTEND => json(any).map(Self::Frontend),
            FRONTEND_CAP => json(any).map(Self::FrontendCap),
            SUBREQUEST => json(any).map(Self::Subrequest),
            EXIT => json(any).map(Self::Exit),
            _ => None,
        }
        .unwrap_or_else(|| Self::Other(any.clone()))
    }

    /// Writes a detail.
    pub fn encode(&self) -> Any {
        match self {
            Self::Source(detail) => any(SOURCE, detail),
            Self::Vertex(detail) => any(VERTEX, detail),
            Self::Solve(detail) => any(SOLVE, detail),
            Self::Frontend(detail) => any(FRONTEND, detail),
            Self::FrontendCap(detail) => any(FRONTEND_CAP, detail),
            Self::Subrequest(detail) => any(SUBREQUEST, detail),
            Self::Exit(detail) => any(EXIT, detail),
            Self::Other(any) => any.clone(),
        }
    }
}

/// Whether a detail is an excerpt, without reading it.
pub(super) fn is_source(any: &Any) -> bool {
    any.type_url.strip_prefix(PREFIX) == Some(SOURCE)
}

fn json<T: DeserializeOwned>(any: &Any) -> Option<T> {
    serde_json::from_slice(&any.value).ok()
}

fn any(name: &str, detail: &impl Serialize) -> Any {
    // Strings, numbers and maps with string keys: nothing here can fail to be JSON.
    let value = serde_json::to_vec(detail).unwrap_or_default();
    Any { type_url: format!("{PREFIX}{name}"), value }
}

/// Go writes bytes as base64 with padding.
mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(data: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(data))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.unwrap_or_default()).map_err(serde::de::Error::custom)?;
        Ok(Bytes::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(name: &str, json: &str) -> Any {
        Any { type_url: format!("{PREFIX}{name}"), value: json.as_bytes().to_vec() }
    }

    #[test]
    fn details_are_read_and_written_as_the_daemon_does() {
        // As Go's encoders write them; the last two columns of a Solve are protobuf's JSON, where 64-bit numbers are text.
        let cases = [
            wire(
                SOURCE,
                r#"{"info":{"filename":"a","data":"aGkK","definition":{"def":["AA=="]},"language":"YAML"},"ranges":[{"start":{"line":1,"character":0},"end":{"line":2,"character":3}}]}"#,
            ),
            wire(SOURCE, r"{}"),
            wire(VERTEX, r#"{"digest":"sha256:00"}"#),
            wire(
                SOLVE,
                r#"{"inputIDs":["a"],"mountIDs":["b","c"],"op":{"exec":{"meta":{"args":["x"]}}},"description":{"k":"v"},"file":{"index":"3"}}"#,
            ),
            wire(FRONTEND, r#"{"name":"gateway.v0","source":"x/y:1"}"#),
            wire(FRONTEND_CAP, r#"{"name":"moby.buildkit.frontend.inputs"}"#),
            wire(SUBREQUEST, r#"{"name":"frontend.x"}"#),
            wire(EXIT, r#"{"Code":137}"#),
        ];
        for case in cases {
            let detail = Detail::decode(&case);
            assert!(!matches!(detail, Detail::Other(_)), "{case:?}");
            assert_eq!(detail.encode(), case);
        }
    }

    #[test]
    fn what_go_leaves_out_is_read() {
        let detail = Detail::decode(&wire(SOURCE, r#"{"info":{"filename":"a"},"ranges":[{"start":{"line":4}}]}"#));
        let Detail::Source(source) = detail else { panic!("{detail:?}") };
        assert_eq!(source.ranges, [Range { start: Position { line: 4, character: 0 }, end: Position::default() }]);
    }

    #[test]
    fn what_is_unknown_or_broken_passes_through() {
        for case in [
            wire("stack.Stack+json", r#"{"frames":[]}"#),
            wire(SOURCE, "{"),
            wire(SOURCE, r#"{"info":{"data":"%"}}"#),
            wire(EXIT, r#"{"Code":-1}"#),
            Any { type_url: "type.googleapis.com/x.Y".into(), value: vec![0xff] },
            Any { type_url: SOURCE.into(), value: b"{}".to_vec() },
        ] {
            assert_eq!(Detail::decode(&case), Detail::Other(case.clone()));
            assert_eq!(Detail::decode(&case).encode(), case);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(name in "[A-Za-z.+]{0,20}", value: Vec<u8>) {
            for name in [name.as_str(), SOURCE, SOLVE, EXIT] {
                let any = Any { type_url: format!("{PREFIX}{name}"), value: value.clone() };
                let again = Detail::decode(&any).encode();
                proptest::prop_assert_eq!(Detail::decode(&again), Detail::decode(&any));
            }
        }
    }
}

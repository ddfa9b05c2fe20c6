//! placeholder
use super::Definition;
use buildkit_proto::pb;
use std::fmt;
pub(super) fn write(_: &Definition, _: &mut fmt::Formatter<'_>) -> fmt::Result {
    Ok(())
}
pub(super) fn summary(_: &pb::Op) -> String {
    String::new()
}

//! Statements that BuildKit puts beside an image.

use serde_json::Value;

use crate::Image;

/// The predicate of the provenance.
pub fn provenance(image: &Image) -> Value {
    predicate(image, "provenance")
}

/// The predicate of the SBOM.
pub fn sbom(image: &Image) -> Value {
    predicate(image, "spdx")
}

fn predicate(image: &Image, kind: &str) -> Value {
    let statements = image.statements();
    let types: Vec<_> = statements.iter().map(|statement| statement["predicateType"].to_string()).collect();
    let found = types.iter().position(|name| name.contains(kind));
    let found = found.unwrap_or_else(|| panic!("no attestation is of the kind {kind}: {types:?}"));
    statements[found]["predicate"].clone()
}

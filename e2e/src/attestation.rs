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

/// The first member of that name, however deep.
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(name).or_else(|| map.values().find_map(|value| member(value, name))),
        _ => None,
    }
}

/// Takes a member out wherever it stands.
pub fn remove(value: &mut Value, name: &str) {
    match value {
        Value::Object(map) => {
            map.remove(name);
            map.values_mut().for_each(|value| remove(value, name));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| remove(value, name)),
        _ => {}
    }
}

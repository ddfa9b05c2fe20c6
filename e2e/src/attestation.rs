//! Statements that BuildKit puts beside an image.

use serde_json::Value;

use crate::{Engine, Image, Repo, engine, run};

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

/// An SBOM generator of our own, pushed, since the usual one is not to be had everywhere: it writes down what it was shown.
pub fn generator() -> String {
    let generator = Repo::empty();
    let name = format!("{}/e2e/generator:1", engine::registry());
    let script = "set -e\n\
        name=$(basename $BUILDKIT_SCAN_DESTINATION)\n\
        find $BUILDKIT_SCAN_SOURCE -type f | sed 's/.*/\"&\"/' | paste -sd, >/tmp/files\n\
        printf '{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"predicateType\":\"https://spdx.dev/Document\",\
        \"predicate\":{\"name\":\"e2e\",\"files\":[%s]}}' \"$(cat /tmp/files)\" >$BUILDKIT_SCAN_DESTINATION/e2e.spdx.json\n";
    generator.write("scan.sh", script);
    generator.write(
        "Dockerfile",
        "FROM node:22-trixie-slim\nCOPY scan.sh /scan.sh\nENTRYPOINT [\"/bin/sh\", \"/scan.sh\"]\n",
    );
    let output = format!("--output=type=image,name={name},push=true,registry.insecure=true");
    let mut docker = Engine::main().command("docker");
    run(docker.args(["buildx", "build", "--quiet", "--provenance=false", &output]).arg(generator.path()), 60)
        .expect("pushing a generator");
    name
}

//! The frontend image itself.

use std::process::Command;

use e2e::engine::frontend;
use e2e::{report, run};
use serde_json::{Value, json};

/// Every new builder pulls it: one layer, the program alone, and no larger than it has to be.
#[test]
fn the_frontend_is_small() {
    let inspect = |what: &[&str]| -> Value {
        let mut command = Command::new("docker");
        command.args(["buildx", "imagetools", "inspect", &frontend()]).args(what);
        serde_json::from_str(&run(&mut command, 60).expect("inspecting the frontend")).unwrap()
    };
    let manifest = inspect(&["--raw"]);
    let sizes: Vec<u64> =
        manifest["layers"].as_array().unwrap().iter().map(|layer| layer["size"].as_u64().unwrap()).collect();
    report("the_frontend_is_small", format!("{sizes:?} bytes"));
    assert!(matches!(sizes.as_slice(), [1..=3_000_000]), "{sizes:?}");
    let config = &inspect(&["--format", "{{json .Image}}"])["config"];
    assert_eq!(config["Entrypoint"], json!(["/backstage-build"]));
    assert_eq!(config["Labels"]["moby.buildkit.frontend.network.none"], "true");
    assert_eq!(config["Labels"]["moby.buildkit.frontend.caps"], "moby.buildkit.frontend.subrequests");
}

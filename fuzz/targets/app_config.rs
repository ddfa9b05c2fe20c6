//! Any app-config.yaml, and another file that it may include.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let changes = ["app-config.yaml", "app-config.production.yaml"].map(|name| (fuzz::path(name), text.to_owned()));
    fuzz::plan(&fuzz::repository(changes));
});

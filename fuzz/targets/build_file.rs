//! Any build file.
#![no_main]

use std::collections::BTreeMap;

use backstage_build::spec;
use buildkit_frontend::diagnostic::Diagnostics;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file = match spec::decode(fuzz::BUILD_FILE, data) {
        Ok(file) => file,
        Err(error) => return fuzz::failed(error.0),
    };
    match spec::parse(&file, &BTreeMap::new()) {
        Ok((_, warnings)) => fuzz::told(&warnings),
        Err(Diagnostics(errors)) => fuzz::failed(errors),
    }
});

//! Any repository with its build file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzz::plan(&fuzz::repository(fuzz::files(text))));

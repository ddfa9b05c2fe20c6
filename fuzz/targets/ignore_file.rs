//! Any ignore file; its last line is the path that is asked about.
#![no_main]

use buildkit_frontend::files::{PatternMatcher, parse_ignore_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (text, path) = text.rsplit_once('\n').unwrap_or((text, "packages/app/src/index.ts"));
    let lines = parse_ignore_file(text);
    let Ok(matcher) = PatternMatcher::new(&lines) else { return };
    match matcher.hidden_by(path) {
        Some(index) => assert!(matcher.matches(path) && !lines[index].starts_with('!')),
        None => assert!(!matcher.matches(path)),
    }
    // What hides a directory hides what is in it, where nothing takes back.
    if matcher.matches(path) && !matcher.has_exceptions() {
        assert!(matcher.matches(&format!("{path}/x")));
    }
});

//! Any yarn.lock: what is cut out of it can be read again, and holds what was reached.
#![no_main]

use backstage_build::repo::lock::{Edges, Lockfile, Resolver, Rules, Seed};
use buildkit_frontend::diagnostic::SourceFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(lock) = Lockfile::parse(&SourceFile::new("yarn.lock", text)) else { return };
    let rules = Rules::default();
    let workspaces = lock.entries.iter().filter(|entry| entry.workspace_dir().is_some());
    let seeds: Vec<Seed> = workspaces
        .map(|entry| Seed {
            locator: entry.locator.clone(),
            dependencies: entry
                .dependencies
                .iter()
                .map(|(name, range)| (name.to_string(), range.to_string()))
                .collect(),
            optional: entry.optional.iter().map(ToString::to_string).collect(),
        })
        .collect();
    let edges = Edges::of(&lock);
    let walk = Resolver::new(&lock, &rules, &edges).walk(&seeds);
    let cut = lock.cut(&walk, &[]);
    let again = Lockfile::parse(&SourceFile::new("yarn.lock", cut.as_str()));
    let again = again.unwrap_or_else(|error| panic!("{error}\n{cut}"));
    assert_eq!(again.entries.len(), walk.entries.len(), "{cut}");
});

//! Any build context, as a client names it: a git URL, an archive, a local directory.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::request::{Request, RequestEnvironment};
use buildkit_llb::Platform;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let daemon = RequestEnvironment {
        session: "s".to_owned(),
        default_platform: Platform::new("linux", "amd64", ""),
        inputs: BTreeSet::new(),
    };
    for name in
        ["context", "context:named", "filename", "platform", "cache-imports", "add-hosts", "ulimit", "attest:sbom"]
    {
        let options = BTreeMap::from([(name.to_owned(), text.to_owned())]);
        if let Err(error) = Request::parse(&options, &daemon) {
            fuzz::failed(error.0);
        }
    }
});

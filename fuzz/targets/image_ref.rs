//! Any image reference: what is taken is the same when its full form is read again.
#![no_main]

use buildkit_llb::ImageRef;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(reference) = text.parse::<ImageRef>() else { return };
    assert_eq!(reference.to_string().parse().as_ref(), Ok(&reference));
    assert_eq!(reference.familiar().parse().as_ref(), Ok(&reference), "{}", reference.familiar());
});

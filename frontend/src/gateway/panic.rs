//! Panics, as something to tell the user.
//!
//! stderr of a frontend ends in the daemon's log, where nobody looks. So a hook keeps what a panic said and where, and
//! whoever catches it makes an error of the build out of it.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use super::failure::Failure;
use super::identity::Identity;

thread_local! {
    /// Of this thread, and so of the handler that it runs.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Starts to keep what panics say. The hook that was there still runs.
pub(super) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A panic while the note is being written keeps the first.
            let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(describe(info))));
            before(info);
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let said = payload.downcast_ref::<&str>().copied();
    let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    match info.location() {
        Some(place) => format!("{said}, at {place}"),
        None => said.to_owned(),
    }
}

/// What the panic that was just caught on this thread becomes.
pub(super) fn failure(identity: Identity) -> Failure {
    let said = LAST.with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take()));
    Failure::new(format!(
        "internal error in {} {}: {}\nThis is a mistake in the frontend, not in your files: please report it with the lines above",
        identity.name,
        identity.version,
        said.as_deref().unwrap_or("no message"),
    ))
}

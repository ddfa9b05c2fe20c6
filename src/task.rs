//! Turns on the one thread that everything runs on.

use std::future::poll_fn;
use std::task::Poll;

/// Ends once every other task had its turn, the one that sends to the daemon among them.
pub(crate) async fn sent() {
    let mut first = true;
    poll_fn(|context| {
        if std::mem::take(&mut first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

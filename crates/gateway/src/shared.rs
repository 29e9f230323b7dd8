//! Taking locks, and turns.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Takes a lock. A thread that panicked while holding it is a process that is
/// about to be restarted; until then the others go on.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets every other task of this thread that can run do so once.
pub(crate) fn others_first() -> impl Future<Output = ()> {
    OthersFirst { waited: false }
}

/// Unlike `tokio::task::yield_now` it does not ask the system for news in
/// between, which would cost a system call a request.
struct OthersFirst {
    waited: bool,
}

impl Future for OthersFirst {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

//! How long to wait before a dead process is started again.

use std::time::{Duration, Instant};

/// First wait.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(10);
/// A process that ran this long has proved itself: the waits begin anew.
const PROVEN: Duration = Duration::from_secs(60);

/// The waits of one process.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// No failure yet.
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The wait after a process that started at `started` died at `now`.
    pub(crate) fn after(&mut self, started: Instant, now: Instant) -> Duration {
        if now.duration_since(started) >= PROVEN {
            self.next = FIRST;
        }
        let wait = self.next;
        self.next = (self.next * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew() {
        let start = Instant::now();
        let mut backoff = Backoff::new();
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            let wait = backoff.after(start, start);
            assert!(wait >= last && wait <= LONGEST);
            last = wait;
        }
        assert_eq!(last, LONGEST);
        assert_eq!(backoff.after(start, start + PROVEN), FIRST);
    }
}

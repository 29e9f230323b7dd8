//! The venue's clock: the host's, shifted by an amount that tests may change.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The venue's time. Deadlines of the wire are in it; nothing here sleeps.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    skew_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn new(skew_ms: i64) -> Self {
        Self { skew_ms: AtomicI64::new(skew_ms) }
    }

    /// Sets how far the venue is ahead of the host, in milliseconds.
    pub(crate) fn set_skew_ms(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// Milliseconds since the epoch, in venue time.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_us().div_euclid(1000)
    }

    /// Microseconds since the epoch, in venue time.
    pub(crate) fn now_us(&self) -> i64 {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(host.as_micros())
            .unwrap_or(i64::MAX)
            .saturating_add(self.skew_ms.load(Ordering::Relaxed).saturating_mul(1000))
    }
}

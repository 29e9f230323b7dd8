//! Venue time: the host's clock plus the offset that was measured.
//!
//! Clients follow the venue's clock, so bots' timestamps are checked in it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use judge::{ClockState, UnixNanos};

/// How far the host's wall clock may drift from its steady clock between two
/// measurements before it counts as a jump, ns.
const JUMP_NS: i64 = 1_000_000_000;

/// The venue's clock as this host knows it.
#[derive(Debug)]
pub(crate) struct VenueClock {
    start: Instant,
    offset_ms: AtomicI64,
    measured: AtomicBool,
    /// Wall clock minus steady clock at the last measurement, ns.
    baseline_ns: AtomicI64,
}

/// One look at the clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The host's wall clock, Unix ns.
    pub(crate) host_ns: u64,
    /// Venue time.
    pub(crate) now: UnixNanos,
    /// Whether they can be believed.
    pub(crate) state: ClockState,
}

impl VenueClock {
    pub(crate) fn new() -> Self {
        let clock = Self {
            start: Instant::now(),
            offset_ms: AtomicI64::new(0),
            measured: AtomicBool::new(false),
            baseline_ns: AtomicI64::new(0),
        };
        clock.baseline_ns.store(clock.wall_minus_steady(), Ordering::Relaxed);
        clock
    }

    fn wall_minus_steady(&self) -> i64 {
        self.minus_steady(host_nanos())
    }

    fn minus_steady(&self, wall_ns: u64) -> i64 {
        let steady = i64::try_from(self.start.elapsed().as_nanos()).unwrap_or(i64::MAX);
        i64::try_from(wall_ns).unwrap_or(i64::MAX).saturating_sub(steady)
    }

    /// Everything at one look.
    pub(crate) fn look(&self) -> Moment {
        let host_ns = host_nanos();
        Moment { host_ns, now: self.venue_time(host_ns), state: self.state_at(host_ns) }
    }

    fn venue_time(&self, host_ns: u64) -> UnixNanos {
        let offset = self.offset_ms().saturating_mul(1_000_000);
        UnixNanos(host_ns.saturating_add_signed(offset))
    }

    /// Takes over a measured offset: venue minus host, ms.
    pub(crate) fn set(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
        self.baseline_ns.store(self.wall_minus_steady(), Ordering::Relaxed);
        self.measured.store(true, Ordering::Release);
    }

    /// Venue minus host, ms.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Whether the venue was ever asked.
    pub(crate) fn is_measured(&self) -> bool {
        self.measured.load(Ordering::Acquire)
    }

    /// What is wrong with it, for whoever is denied because of it; nothing where
    /// it can be believed.
    pub(crate) fn complaint(&self) -> String {
        if self.state() == ClockState::Sane {
            return String::new();
        }
        format!("; the gateway's clock is off by {} ms: fix time synchronisation", self.offset_ms())
    }

    /// Venue time now.
    pub(crate) fn now(&self) -> UnixNanos {
        self.venue_time(host_nanos())
    }

    /// Whether the clock can be believed: it did not jump since the venue was
    /// last asked, and is within the bound that the signer takes.
    pub(crate) fn state(&self) -> ClockState {
        self.state_at(host_nanos())
    }

    fn state_at(&self, host_ns: u64) -> ClockState {
        let moved =
            self.minus_steady(host_ns).saturating_sub(self.baseline_ns.load(Ordering::Relaxed));
        let near = self.offset_ms().abs() <= wire::limits::CLOCK_OFFSET_MS;
        if moved.abs() <= JUMP_NS && near { ClockState::Sane } else { ClockState::Insane }
    }
}

/// The host's wall clock, Unix ns.
pub(crate) fn host_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The offset that one question shows: the venue's time against the middle of
/// the question, ms.
pub(crate) fn offset_of(asked_ns: u64, answered_ns: u64, server_ms: u64) -> i64 {
    let middle_ms = (asked_ns / 2).saturating_add(answered_ns / 2) / 1_000_000;
    i64::try_from(server_ms)
        .unwrap_or(i64::MAX)
        .saturating_sub(i64::try_from(middle_ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_venue_time() {
        let clock = VenueClock::new();
        assert!(!clock.is_measured());
        clock.set(500);
        let ahead = clock.now().0.saturating_sub(host_nanos());
        assert!((400_000_000..=500_000_000).contains(&ahead), "{ahead}");
        assert_eq!(clock.state(), ClockState::Sane);
    }

    #[test]
    fn an_offset_beyond_the_signers_bound_is_not_believed() {
        let clock = VenueClock::new();
        clock.set(1_001);
        assert_eq!(clock.state(), ClockState::Insane);
        clock.set(-1_000);
        assert_eq!(clock.state(), ClockState::Sane);
    }

    #[test]
    fn a_jump_shows_until_the_venue_is_asked_again() {
        let clock = VenueClock::new();
        clock.baseline_ns.fetch_add(2 * JUMP_NS, Ordering::Relaxed);
        assert_eq!(clock.state(), ClockState::Insane);
        clock.set(0);
        assert_eq!(clock.state(), ClockState::Sane);
    }

    #[test]
    fn the_middle_of_the_question_counts() {
        assert_eq!(offset_of(1_000_000_000, 1_200_000_000, 1_150), 50);
        assert_eq!(offset_of(0, u64::MAX, u64::MAX), i64::MAX - i64::MAX / 1_000_000);
    }
}

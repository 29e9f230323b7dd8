//! Time as the signer sees it: the host's clock, checked against a clock that
//! nobody sets, and the venue's offset.
//!
//! Two readings matter: *wall* (what a signature carries) and *window* (what
//! counters run on). Window time never goes back and never runs faster than
//! the machine: a clock that goes back freezes the windows, one that jumps
//! ahead releases nothing early.

use nix::time::{ClockId, clock_gettime};
use wire::limits::CLOCK_OFFSET_MS;

/// Where time comes from; tests have their own.
pub(crate) trait TimeSource: Send {
    /// Unix time of the host, ms.
    fn wall_ms(&self) -> u64;
    /// Time since boot, sleep included, ms.
    fn boot_ms(&self) -> u64;
}

/// The system's clocks.
pub(crate) struct SystemTime;

/// Through the C library, which asks the kernel's shared page: no system call.
/// (A library that looks for that page itself finds it no more once the sandbox
/// hides the auxiliary vector.)
fn milliseconds(clock: ClockId) -> u64 {
    // Both clocks exist on every kernel that this starts on; without them the
    // time is long ago, which counts as a jump.
    let Ok(time) = clock_gettime(clock) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(nanoseconds / 1_000_000)
}

impl TimeSource for SystemTime {
    fn wall_ms(&self) -> u64 {
        milliseconds(ClockId::CLOCK_REALTIME)
    }

    fn boot_ms(&self) -> u64 {
        milliseconds(ClockId::CLOCK_BOOTTIME)
    }
}

/// One look at the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Unix time of the host, ms.
    pub(crate) wall_ms: u64,
    /// The windows' time, ms.
    pub(crate) window_ms: u64,
    /// By how much the host's clock has jumped (forward positive, back
    /// negative), where it has and nobody has confirmed it since; ms.
    pub(crate) jumped_ms: Option<i64>,
}

/// How much slower or faster than the boot clock the host's clock may be
/// steered, parts in a thousand (Linux slews by at most 500 ppm).
const SLEW_PER_THOUSAND: u64 = 1;

/// The signer's clock.
pub(crate) struct Clock {
    source: Box<dyn TimeSource>,
    last_wall_ms: u64,
    last_boot_ms: u64,
    window_ms: u64,
    jumped_ms: Option<i64>,
    offset_ms: i64,
}

impl Clock {
    /// `window_ms`: the latest time that the state on disk has seen.
    pub(crate) fn new(source: Box<dyn TimeSource>, window_ms: u64) -> Self {
        let wall_ms = source.wall_ms();
        let boot_ms = source.boot_ms();
        let behind = signed_difference(wall_ms, window_ms);
        Self {
            source,
            last_wall_ms: wall_ms,
            last_boot_ms: boot_ms,
            window_ms: window_ms.max(wall_ms),
            jumped_ms: (behind < -CLOCK_OFFSET_MS).then_some(behind),
            offset_ms: 0,
        }
    }

    /// Looks at the clocks.
    pub(crate) fn look(&mut self) -> Moment {
        let wall_ms = self.source.wall_ms();
        let boot_ms = self.source.boot_ms();
        let elapsed = boot_ms.saturating_sub(self.last_boot_ms);
        let drift = signed_difference(wall_ms, self.last_wall_ms.saturating_add(elapsed));
        let slew = i64::try_from(elapsed / 1000 * SLEW_PER_THOUSAND).unwrap_or(i64::MAX);
        if drift.saturating_abs() > CLOCK_OFFSET_MS.saturating_add(slew) {
            let before = self.jumped_ms.unwrap_or(0);
            let sum = before.saturating_add(drift);
            // Back to where it was: nothing has happened.
            self.jumped_ms = (sum.saturating_abs() > CLOCK_OFFSET_MS).then_some(sum);
        }
        let running = self.window_ms.saturating_add(elapsed).saturating_add(elapsed / 1000);
        self.window_ms = self.window_ms.max(wall_ms.min(running));
        self.last_wall_ms = wall_ms;
        self.last_boot_ms = boot_ms;
        Moment { wall_ms, window_ms: self.window_ms, jumped_ms: self.jumped_ms }
    }

    /// Takes the venue's offset as the gateway measured it. One within the
    /// bound says that the host's clock is right again after a jump.
    pub(crate) fn set_offset(&mut self, offset_ms: i64, bound_ms: i64) {
        self.look();
        self.offset_ms = offset_ms;
        if offset_ms.saturating_abs() <= bound_ms {
            self.jumped_ms = None;
        }
    }

    /// The windows' time at the last look, ms.
    pub(crate) const fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// Venue minus host, ms.
    pub(crate) const fn offset_ms(&self) -> i64 {
        self.offset_ms
    }
}

fn signed_difference(a: u64, b: u64) -> i64 {
    let difference = i128::from(a) - i128::from(b);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::TimeSource;

    /// A clock that a test sets.
    #[derive(Clone)]
    pub(crate) struct SetTime {
        wall: Arc<AtomicU64>,
        boot: Arc<AtomicU64>,
    }

    impl SetTime {
        pub(crate) fn new(wall_ms: u64) -> Self {
            Self { wall: Arc::new(wall_ms.into()), boot: Arc::new(5_000.into()) }
        }

        /// Time passes.
        pub(crate) fn pass(&self, ms: u64) {
            self.wall.fetch_add(ms, Ordering::SeqCst);
            self.boot.fetch_add(ms, Ordering::SeqCst);
        }

        /// Somebody sets the host's clock.
        pub(crate) fn jump(&self, ms: i64) {
            let wall = self.wall.load(Ordering::SeqCst);
            self.wall.store(wall.checked_add_signed(ms).unwrap(), Ordering::SeqCst);
        }

        pub(crate) fn now(&self) -> u64 {
            self.wall.load(Ordering::SeqCst)
        }
    }

    impl TimeSource for SetTime {
        fn wall_ms(&self) -> u64 {
            self.wall.load(Ordering::SeqCst)
        }

        fn boot_ms(&self) -> u64 {
            self.boot.load(Ordering::SeqCst)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::SetTime;
    use super::*;

    const START: u64 = 1_700_000_000_000;

    fn clock() -> (SetTime, Clock) {
        let time = SetTime::new(START);
        let clock = Clock::new(Box::new(time.clone()), 0);
        (time, clock)
    }

    #[test]
    fn runs_with_the_host() {
        let (time, mut clock) = clock();
        time.pass(60_000);
        let moment = clock.look();
        assert_eq!(moment.window_ms, START + 60_000);
        assert_eq!(moment.jumped_ms, None);
    }

    #[test]
    fn a_clock_that_goes_back_freezes_the_windows() {
        let (time, mut clock) = clock();
        time.jump(-3_600_000);
        let moment = clock.look();
        assert_eq!((moment.window_ms, moment.jumped_ms), (START, Some(-3_600_000)));
        time.pass(600_000);
        assert_eq!(clock.look().window_ms, START, "frozen until the clock is back");
        clock.set_offset(20, CLOCK_OFFSET_MS);
        assert_eq!(clock.look().jumped_ms, None);
        assert_eq!(clock.look().window_ms, START);
        time.pass(3_600_000);
        assert_eq!(clock.look().window_ms, START + 600_000);
    }

    #[test]
    fn a_jump_ahead_releases_nothing_early() {
        let (time, mut clock) = clock();
        time.jump(86_400_000);
        time.pass(1_000);
        let moment = clock.look();
        assert_eq!(moment.jumped_ms, Some(86_400_000));
        assert!(moment.window_ms <= START + 1_001);
        time.jump(-86_400_000);
        assert_eq!(clock.look().jumped_ms, None, "set back to where it was");
    }

    #[test]
    fn an_offset_out_of_bounds_confirms_nothing() {
        let (time, mut clock) = clock();
        time.jump(10_000);
        clock.set_offset(-10_000, CLOCK_OFFSET_MS);
        assert_eq!(clock.look().jumped_ms, Some(10_000));
    }

    #[test]
    fn a_clock_behind_the_state_on_disk_is_frozen_from_the_start() {
        let time = SetTime::new(START);
        let mut clock = Clock::new(Box::new(time.clone()), START + 50_000);
        let moment = clock.look();
        assert_eq!((moment.window_ms, moment.jumped_ms), (START + 50_000, Some(-50_000)));
    }

    #[test]
    fn slow_steering_is_no_jump() {
        let (time, mut clock) = clock();
        for _ in 0..100 {
            time.pass(10_000);
            time.jump(-5);
            assert_eq!(clock.look().jumped_ms, None);
        }
    }
}

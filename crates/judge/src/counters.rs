//! Sliding windows of fixed memory: how much in the last second, minute, hour
//! and day.

use crate::time::UnixNanos;

/// A sum over a sliding window, in a ring of buckets.
///
/// What was added counts for at least the window and at most one bucket
/// longer, so a limit is never looser than it says. Adding and reading are
/// O(1) amortised; the ring is allocated with the first value.
#[derive(Clone, Debug)]
pub struct Window {
    bucket_nanos: u64,
    count: usize,
    buckets: Vec<u64>,
    /// The number of the newest bucket since 1970.
    newest: u64,
    /// Of all buckets; wide enough that it cannot overflow.
    sum: u128,
}

impl Window {
    /// Orders of the last second, in tenths.
    pub const fn second() -> Self {
        Self::over(1_000, 100)
    }

    /// Orders of the last minute, in seconds.
    pub const fn minute() -> Self {
        Self::over(60_000, 1_000)
    }

    /// Fills of the last hour, in minutes.
    pub const fn hour() -> Self {
        Self::over(3_600_000, 60_000)
    }

    /// Fills of the last day, in quarters of an hour.
    pub const fn day() -> Self {
        Self::over(86_400_000, 900_000)
    }

    /// A window of `window_ms` in buckets of `bucket_ms`, which divides it.
    const fn over(window_ms: u64, bucket_ms: u64) -> Self {
        Self {
            bucket_nanos: bucket_ms * 1_000_000,
            // One more, because the newest bucket is still filling.
            count: (window_ms / bucket_ms) as usize + 1,
            buckets: Vec::new(),
            newest: 0,
            sum: 0,
        }
    }

    /// Adds at a time. A time before the newest bucket counts as the newest:
    /// a clock that goes back frees nothing.
    pub fn add(&mut self, now: UnixNanos, value: u64) {
        if value == 0 {
            return;
        }
        if self.buckets.is_empty() {
            self.buckets = vec![0; self.count];
        }
        self.advance(now);
        let newest = self.newest;
        if let Some(bucket) = self.bucket(newest) {
            let before = *bucket;
            *bucket = before.saturating_add(value);
            let added = *bucket - before;
            self.sum += u128::from(added);
        }
    }

    /// Takes back what was added at a time, as far as it still counts.
    pub fn take_back(&mut self, at: UnixNanos, value: u64) {
        let number = at.0 / self.bucket_nanos;
        // A value added while the clock was behind sits in a later bucket
        // than its time says; it then stays, which is the safe side.
        if number > self.newest || self.newest - number >= self.count as u64 {
            return;
        }
        if let Some(bucket) = self.bucket(number) {
            let taken = value.min(*bucket);
            *bucket -= taken;
            self.sum -= u128::from(taken);
        }
    }

    /// The sum at a time.
    pub fn total(&mut self, now: UnixNanos) -> u128 {
        if self.buckets.is_empty() {
            return 0;
        }
        self.advance(now);
        self.sum
    }

    /// Empties the buckets that `now` has left behind.
    fn advance(&mut self, now: UnixNanos) {
        let number = now.0 / self.bucket_nanos;
        if number <= self.newest {
            return;
        }
        let steps = (number - self.newest).min(self.count as u64);
        if self.sum != 0 {
            for step in 0..steps {
                if let Some(bucket) = self.bucket(number - step) {
                    let gone = std::mem::take(bucket);
                    self.sum -= u128::from(gone);
                }
            }
        }
        self.newest = number;
    }

    fn bucket(&mut self, number: u64) -> Option<&mut u64> {
        let index = usize::try_from(number % self.count as u64).ok()?;
        self.buckets.get_mut(index)
    }

    /// Feeds what the window holds to a hasher, for state digests.
    pub(crate) fn digest(&self, state: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        (self.sum, self.newest * u64::from(self.sum != 0)).hash(state);
        if self.sum != 0 {
            self.buckets.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_counts_for_its_window_and_one_bucket_at_most() {
        let mut window = Window::minute();
        window.add(UnixNanos::from_millis(1_000_999), 5);
        assert_eq!(window.total(UnixNanos::from_millis(1_060_999)), 5);
        assert_eq!(window.total(UnixNanos::from_millis(1_062_000)), 0);
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut window = Window::second();
        window.add(UnixNanos::from_millis(10_000), 3);
        window.add(UnixNanos::from_millis(1), 4);
        assert_eq!(window.total(UnixNanos::from_millis(0)), 7);
        assert_eq!(window.total(UnixNanos::from_millis(10_500)), 7);
        assert_eq!(window.total(UnixNanos::from_millis(11_100)), 0);
    }

    #[test]
    fn what_is_taken_back_no_longer_counts() {
        let mut window = Window::day();
        let at = UnixNanos::from_millis(86_400_000);
        window.add(at, 10);
        window.take_back(at, 4);
        assert_eq!(window.total(at), 6);
        window.take_back(at, 100);
        assert_eq!(window.total(at), 0);
    }

    proptest! {
        /// Against a list of everything ever added: never less than the true
        /// sum of the window, never more than that of one bucket longer.
        #[test]
        fn never_looser_than_the_window(
            steps in prop::collection::vec((0u64..3_000_000, 0u64..1_000), 1..200)
        ) {
            let mut window = Window::hour();
            let mut all: Vec<(u64, u64)> = Vec::new();
            let mut now = 7_200_000u64;
            for (pause, value) in steps {
                now += pause;
                window.add(UnixNanos::from_millis(now), value);
                all.push((now, value));
                let since = |ms: u64| -> u128 {
                    all.iter().filter(|(at, _)| at + ms > now).map(|(_, v)| u128::from(*v)).sum()
                };
                let total = window.total(UnixNanos::from_millis(now));
                prop_assert!(total >= since(3_600_000));
                prop_assert!(total <= since(3_600_000 + 60_000));
            }
        }
    }
}

//! Time as an argument: the judge has no clock.

/// Nanoseconds since 1970-01-01 UTC.
///
/// INVARIANT (pure judge): every time that a verdict depends on arrives as one
/// of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub u64);

const NANOS_PER_MS: u64 = 1_000_000;
const NANOS_PER_MINUTE: u64 = 60_000 * NANOS_PER_MS;
const MINUTES_PER_DAY: u64 = 24 * 60;

impl UnixNanos {
    /// From milliseconds since 1970; saturates.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MS))
    }

    /// Milliseconds since `earlier`; none where `earlier` lies ahead.
    pub const fn millis_since(self, earlier: Self) -> Option<u64> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(nanos / NANOS_PER_MS),
            None => None,
        }
    }

    /// The UTC day since 1970.
    pub const fn day(self) -> u64 {
        self.0 / (NANOS_PER_MINUTE * MINUTES_PER_DAY)
    }

    /// The weekday in UTC, Monday 0.
    pub const fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday.
        ((self.day() + 3) % 7) as usize
    }

    /// Minute of the UTC day, 0 to 1439.
    pub const fn minute_of_day(self) -> u16 {
        // Below 1440, so it fits.
        ((self.0 / NANOS_PER_MINUTE) % MINUTES_PER_DAY) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_counted_in_utc() {
        // 2023-11-18T10:05:30Z, from `date -u -d @1700301930`.
        assert_eq!(UnixNanos::from_millis(1_700_301_930_000).minute_of_day(), 10 * 60 + 5);
        assert_eq!(UnixNanos(0).minute_of_day(), 0);
        // A Saturday.
        assert_eq!(UnixNanos::from_millis(1_700_301_930_000).weekday(), 5);
    }

    #[test]
    fn an_age_is_never_negative() {
        let now = UnixNanos::from_millis(5);
        assert_eq!(now.millis_since(UnixNanos::from_millis(2)), Some(3));
        assert_eq!(now.millis_since(UnixNanos::from_millis(6)), None);
    }
}

//! A sum over the last hour or day, in a bounded number of buckets.
//!
//! Amounts leave the window when the whole bucket they are in is older than
//! the span, so the window is never shorter than it says.

use std::collections::VecDeque;

use wire::model::Decimal;

/// An hour, ms.
pub(crate) const HOUR_MS: u64 = 3_600_000;
/// A day, ms.
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
/// Buckets in a span.
const BUCKETS: u64 = 60;

/// A sum over a span that slides with time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    span_ms: u64,
    /// Bucket number (time over width) and its sum, oldest first.
    buckets: VecDeque<(u64, Decimal)>,
    /// The sum of all buckets; none once it cannot be told.
    sum: Option<Decimal>,
}

impl Window {
    pub(crate) const fn new(span_ms: u64) -> Self {
        Self { span_ms, buckets: VecDeque::new(), sum: Some(Decimal::ZERO) }
    }

    const fn number(&self, now_ms: u64) -> u64 {
        now_ms / (self.span_ms / BUCKETS)
    }

    fn forget(&mut self, now_ms: u64) {
        let now = self.number(now_ms);
        while self.buckets.front().is_some_and(|(number, _)| number + BUCKETS < now) {
            if let Some((_, gone)) = self.buckets.pop_front() {
                self.sum = self.sum.and_then(|sum| sum.checked_sub(gone));
            }
        }
        if self.buckets.is_empty() {
            self.sum = Some(Decimal::ZERO);
        }
    }

    /// The sum now; none where it cannot be told (overflow), which counts as
    /// full.
    pub(crate) fn total(&mut self, now_ms: u64) -> Option<Decimal> {
        self.forget(now_ms);
        self.sum
    }

    /// Whether `amount` more stays within `limit`.
    pub(crate) fn fits(&mut self, now_ms: u64, amount: Decimal, limit: Decimal) -> bool {
        self.total(now_ms).and_then(|sum| sum.checked_add(amount)).is_some_and(|sum| sum <= limit)
    }

    /// Adds to the sum. Amounts are never negative, so what overflows stays at
    /// the largest number: full.
    pub(crate) fn add(&mut self, now_ms: u64, amount: Decimal) {
        self.forget(now_ms);
        let number = self.number(now_ms);
        self.sum = self.sum.and_then(|sum| sum.checked_add(amount));
        match self.buckets.back_mut() {
            // Time never goes back here, but a rebuild may bring older entries.
            Some((last, sum)) if *last >= number => {
                *sum = sum.checked_add(amount).unwrap_or(Decimal::MAX);
            }
            _ => self.buckets.push_back((number, amount)),
        }
    }

    /// The buckets as `number:amount` words.
    pub(crate) fn to_words(&self) -> String {
        let words: Vec<String> =
            self.buckets.iter().map(|(number, amount)| format!("{number}:{amount}")).collect();
        words.join(" ")
    }

    /// Reads those words.
    pub(crate) fn from_words<'a>(
        span_ms: u64,
        words: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut window = Self::new(span_ms);
        for word in words {
            let (number, amount) = word.split_once(':')?;
            let number: u64 = number.parse().ok()?;
            let amount: Decimal = amount.parse().ok()?;
            let rising = window.buckets.back().is_none_or(|(last, _)| *last < number);
            if !rising || amount < Decimal::ZERO || window.buckets.len() > 64 {
                return None;
            }
            window.buckets.push_back((number, amount));
            window.sum = window.sum.and_then(|sum| sum.checked_add(amount));
        }
        Some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_for_the_whole_span_and_a_bucket_more_at_most() {
        let mut window = Window::new(HOUR_MS);
        let ten = Decimal::from(10);
        window.add(1_000_000_000_000, ten);
        assert_eq!(window.total(1_000_000_000_000 + HOUR_MS), Some(ten));
        assert_eq!(window.total(1_000_000_000_000 + HOUR_MS + 120_000), Some(Decimal::ZERO));
    }

    #[test]
    fn fits_up_to_the_limit_exactly() {
        let mut window = Window::new(DAY_MS);
        window.add(0, Decimal::from(7));
        assert!(window.fits(5, Decimal::from(3), Decimal::from(10)));
        assert!(!window.fits(5, "3.00000001".parse().unwrap(), Decimal::from(10)));
        assert!(!window.fits(5, Decimal::MAX, Decimal::MAX), "an overflow does not fit");
        window.add(5, Decimal::MAX);
        assert!(!window.fits(5, Decimal::ZERO, Decimal::from(10)));
    }

    #[test]
    fn survives_the_disk_and_stays_bounded() {
        let mut window = Window::new(HOUR_MS);
        for minute in 0..1_000 {
            window.add(minute * 60_000, Decimal::ONE);
        }
        assert!(window.buckets.len() <= 62);
        let words = window.to_words();
        assert_eq!(Window::from_words(HOUR_MS, words.split(' ')).unwrap(), window);
        for bad in ["1", "1:x", "1:-1", "2:1 1:1", "1:1 1:1"] {
            assert!(Window::from_words(HOUR_MS, bad.split(' ')).is_none(), "{bad}");
        }
    }
}

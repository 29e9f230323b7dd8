//! Slow prices: of each market the median of samples at even intervals over
//! ten minutes, which one minute of trading cannot move.
//!
//! Until a market has been seen for that long it has none, and detectors that
//! need one are silent.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use judge::{SlowPrice, UnixNanos};
use rust_decimal::Decimal;

use crate::limits;
use crate::shared::held;

/// Between two samples, ns.
const EVERY_NS: u64 = 10_000_000_000;
/// Samples that a median is of: ten minutes.
const SAMPLES: usize = 60;

#[derive(Debug, Default)]
struct Market {
    samples: VecDeque<Decimal>,
    last_at: u64,
    median: Option<Decimal>,
}

/// The slow prices of all markets.
#[derive(Debug, Default)]
pub(crate) struct SlowPrices(Mutex<HashMap<String, Market>>);

impl SlowPrices {
    /// Takes a sample, where one is due.
    pub(crate) fn sample(&self, market: &str, mid: Decimal, now: UnixNanos) {
        let mut markets = held(&self.0);
        if !markets.contains_key(market) {
            if markets.len() >= limits::SLOW_PRICES {
                return;
            }
            markets.insert(market.to_owned(), Market::default());
        }
        let Some(one) = markets.get_mut(market) else { return };
        let since = now.0.saturating_sub(one.last_at);
        if since < EVERY_NS {
            return;
        }
        // A gap says nothing of the time in it: the median begins anew.
        if since > EVERY_NS * 6 {
            one.samples.clear();
            one.median = None;
        }
        one.last_at = now.0;
        if one.samples.len() >= SAMPLES {
            one.samples.pop_front();
        }
        one.samples.push_back(mid);
        if one.samples.len() == SAMPLES {
            let mut sorted: Vec<Decimal> = one.samples.iter().copied().collect();
            sorted.sort_unstable();
            one.median = sorted.get(SAMPLES / 2).copied();
        }
    }

    /// The market's slow price, where it is known.
    pub(crate) fn of(&self, market: &str) -> Option<SlowPrice> {
        let price = held(&self.0).get(market)?.median?;
        Some(SlowPrice { price, venues: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> UnixNanos {
        UnixNanos((1_700_000_000 + second) * 1_000_000_000)
    }

    #[test]
    fn one_minute_of_another_price_does_not_move_it() {
        let slow = SlowPrices::default();
        for second in 0..600 {
            assert_eq!(slow.of("BTCUSDT"), None);
            slow.sample("BTCUSDT", Decimal::from(100), at(second));
        }
        let is = |price| Some(SlowPrice { price: Decimal::from(price), venues: 1 });
        assert_eq!(slow.of("BTCUSDT"), is(100));
        for second in 600..660 {
            slow.sample("BTCUSDT", Decimal::from(900), at(second));
        }
        assert_eq!(slow.of("BTCUSDT"), is(100));
        // After a gap nothing is known again.
        slow.sample("BTCUSDT", Decimal::from(100), at(800));
        assert_eq!(slow.of("BTCUSDT"), None);
    }
}

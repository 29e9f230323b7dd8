//! Rate limits: each endpoint's published count in its window, per API key where
//! it is signed and per address where it is not. Windows are fixed, counted from
//! the epoch (whether the venue's slide is unverified).

use std::collections::HashMap;

use crate::woox::reject::Reject;

/// Callers and endpoints counted at most; when full, closed windows are dropped.
const MAX_COUNTERS: usize = 100_000;

/// A count in a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) per_ms: i64,
    /// Counted for each symbol by itself.
    pub(crate) per_symbol: bool,
}

/// A rate of `count` in `seconds`.
pub(crate) const fn rate(count: u32, seconds: i64) -> Rate {
    Rate { count, per_ms: seconds.saturating_mul(1000), per_symbol: false }
}

/// A rate of `count` a second and symbol.
pub(crate) const fn symbol_rate(count: u32) -> Rate {
    Rate { count, per_ms: 1000, per_symbol: true }
}

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    counters: HashMap<String, (i64, u32, i64)>,
}

impl Rates {
    /// Counts a request, or refuses it (429, -1003).
    pub(crate) fn charge(
        &mut self,
        caller: &str,
        rate: Rate,
        scale: u32,
        now: i64,
    ) -> Result<(), Reject> {
        if scale == 0 {
            return Ok(());
        }
        if self.counters.len() >= MAX_COUNTERS {
            self.counters.retain(|_, (window, _, per)| *window == now.div_euclid(*per));
        }
        let window = now.div_euclid(rate.per_ms.max(1));
        let counter = self.counters.entry(caller.to_owned()).or_insert((window, 0, rate.per_ms));
        if counter.0 != window {
            *counter = (window, 0, rate.per_ms);
        }
        if counter.1 >= rate.count.saturating_mul(scale) {
            return Err(Reject::rate());
        }
        counter.1 = counter.1.saturating_add(1);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.counters.clear();
    }
}

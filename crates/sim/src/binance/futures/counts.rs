//! New orders of an account in fixed windows of ten seconds and of a minute.

use crate::binance::options::Limits;
use crate::binance::reject::Reject;

/// Counts in the current windows.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    short_window: i64,
    short: u32,
    minute_window: i64,
    minute: u32,
}

impl Counts {
    fn roll(&mut self, now: i64) {
        let (short, minute) = (now.div_euclid(10_000), now.div_euclid(60_000));
        if short != self.short_window {
            (self.short_window, self.short) = (short, 0);
        }
        if minute != self.minute_window {
            (self.minute_window, self.minute) = (minute, 0);
        }
    }

    /// The counts now: ten seconds, minute.
    pub(crate) fn now(&mut self, now: i64) -> (u32, u32) {
        self.roll(now);
        (self.short, self.minute)
    }

    /// Counts one order, or refuses it.
    pub(crate) fn add(&mut self, limits: &Limits, now: i64) -> Result<(), Reject> {
        self.roll(now);
        let (limit, interval) = if self.short >= limits.futures_orders_per_10s {
            (limits.futures_orders_per_10s, "10 SECOND")
        } else if self.minute >= limits.futures_orders_per_minute {
            (limits.futures_orders_per_minute, "1 MINUTE")
        } else {
            self.short = self.short.saturating_add(1);
            self.minute = self.minute.saturating_add(1);
            return Ok(());
        };
        let msg = format!("Too many new orders; current limit is {limit} orders per {interval}.");
        let mut reject = Reject::new(429, -1015, msg);
        reject.retry_after_s = Some(if interval == "10 SECOND" {
            (10_000 - now.rem_euclid(10_000)) / 1000 + 1
        } else {
            (60_000 - now.rem_euclid(60_000)) / 1000 + 1
        });
        Err(reject)
    }
}

//! Unfilled order counts of an account: fixed windows of ten seconds and of a
//! UTC day, one back for a first fill as taker, five for one as maker.
//! Source: the vendor's *Spot Unfilled Order Count Rules*.

use crate::binance::options::Limits;
use crate::binance::reject::Reject;

const TEN_SECONDS_MS: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;

/// Counts in the current windows.
#[derive(Debug, Default, Clone)]
pub(crate) struct OrderCounts {
    short_window: i64,
    short: u32,
    day_window: i64,
    day: u32,
}

impl OrderCounts {
    fn roll(&mut self, now: i64) {
        let (short, day) = (now.div_euclid(TEN_SECONDS_MS), now.div_euclid(DAY_MS));
        if short != self.short_window {
            self.short_window = short;
            self.short = 0;
        }
        if day != self.day_window {
            self.day_window = day;
            self.day = 0;
        }
    }

    /// The counts now: ten seconds, day.
    pub(crate) fn now(&mut self, now: i64) -> (u32, u32) {
        self.roll(now);
        (self.short, self.day)
    }

    /// Refuses orders beyond a limit; counts nothing.
    pub(crate) fn check(&mut self, orders: u32, limits: &Limits, now: i64) -> Result<(), Reject> {
        self.roll(now);
        let over = |count: u32, limit: u32| count.saturating_add(orders) > limit;
        let (limit, interval) = if over(self.short, limits.orders_per_10s) {
            (limits.orders_per_10s, "10 SECOND")
        } else if over(self.day, limits.orders_per_day) {
            (limits.orders_per_day, "1 DAY")
        } else {
            return Ok(());
        };
        let msg = format!("Too many new orders; current limit is {limit} orders per {interval}.");
        Err(Reject::new(429, -1015, msg))
    }

    /// Counts accepted orders.
    pub(crate) fn add(&mut self, orders: u32, now: i64) {
        self.roll(now);
        self.short = self.short.saturating_add(orders);
        self.day = self.day.saturating_add(orders);
    }

    /// Gives back for the first fill of an order.
    pub(crate) fn first_fill(&mut self, as_maker: bool, now: i64) {
        self.roll(now);
        let back = if as_maker { 5 } else { 1 };
        self.short = self.short.saturating_sub(back);
        self.day = self.day.saturating_sub(back);
    }
}

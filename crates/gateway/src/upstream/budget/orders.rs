//! The venue's count of one account's orders, which its bots share.
//!
//! The venue counts new orders by the account in fixed windows and tells the
//! counts with every order's answer; over a limit it refuses with -1015. The
//! first half of a short window is anybody's; of the other half no bot gets more than
//! brings it to its share, so that one that fires does not stop the others.
//! Cancels are not counted. Source: the vendor's *Limits* and *Spot Unfilled
//! Order Count Rules*.

use std::sync::{Arc, Mutex};

use super::shares::Shares;
use super::{Wait, Who};
use crate::config::Host;
use crate::limits;
use crate::shared::held;

/// A window in which the venue counts orders, and how many it takes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderLimit {
    /// The window's name in the venue's headers: `10s`, `1m`, `1d`.
    pub(crate) window: String,
    /// Its length, ms.
    pub(crate) length_ms: u64,
    /// The most orders in it.
    pub(crate) limit: u32,
}

impl OrderLimit {
    /// From a row of the venue's `rateLimits`; none for an interval that is not
    /// known, or without length.
    pub(crate) fn of(interval: &str, number: u32, limit: u32) -> Option<Self> {
        let (letter, unit_ms) = match interval {
            "SECOND" => ('s', 1_000),
            "MINUTE" => ('m', 60_000),
            "HOUR" => ('h', 3_600_000),
            "DAY" => ('d', 86_400_000),
            _ => return None,
        };
        let length_ms = u64::from(number).checked_mul(unit_ms).filter(|&ms| ms > 0)?;
        Some(Self { window: format!("{number}{letter}"), length_ms, limit })
    }
}

/// One window's count.
#[derive(Debug)]
struct Window {
    of: OrderLimit,
    /// The window that the count is of, counted from 1970.
    number: u64,
    told: u32,
    told_at_ms: u64,
    shares: Shares,
}

impl Window {
    fn told_in(&self, number: u64) -> u32 {
        if self.number == number { self.told } else { 0 }
    }
}

#[derive(Debug, Default)]
struct Counts {
    windows: Vec<Window>,
    /// Of orders under way, which the venue may not have counted.
    pending: u32,
}

/// One account's orders at one of the venue's markets.
#[derive(Debug, Default)]
pub(crate) struct OrderBudget(Mutex<Counts>);

/// Orders held by a request until its answer; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct OrderTicket {
    budget: Arc<OrderBudget>,
    orders: u32,
}

impl Drop for OrderTicket {
    fn drop(&mut self) {
        let mut counts = held(&self.budget.0);
        counts.pending = counts.pending.saturating_sub(self.orders);
    }
}

/// One account's, by market.
#[derive(Debug, Default)]
pub(crate) struct OrderBudgets {
    spot: Arc<OrderBudget>,
    usd_futures: Arc<OrderBudget>,
}

impl OrderBudgets {
    /// The one that a host's orders count in; none where nothing is counted.
    pub(crate) const fn of(&self, host: Host) -> Option<&Arc<OrderBudget>> {
        match host {
            Host::Spot | Host::SpotFrames => Some(&self.spot),
            Host::UsdFutures | Host::UsdFuturesFrames => Some(&self.usd_futures),
            _ => None,
        }
    }
}

impl OrderBudget {
    /// Whether limits are known.
    pub(crate) fn has_limits(&self) -> bool {
        !held(&self.0).windows.is_empty()
    }

    /// The venue's limits. Counts of windows that go on are kept.
    pub(crate) fn set_limits(&self, limits: &[OrderLimit]) {
        let mut counts = held(&self.0);
        let mut before = std::mem::take(&mut counts.windows);
        counts.windows = limits
            .iter()
            .take(limits::ORDER_WINDOWS)
            .map(|of| match before.iter().position(|window| window.of == *of) {
                Some(at) => before.swap_remove(at),
                None => Window {
                    of: of.clone(),
                    number: 0,
                    told: 0,
                    told_at_ms: 0,
                    shares: Shares::default(),
                },
            })
            .collect();
    }

    /// What an answer says of the counts; `count` finds a window's.
    pub(crate) fn heard(&self, count: impl Fn(&str) -> Option<u32>, now_ms: u64) {
        let mut counts = held(&self.0);
        for window in &mut counts.windows {
            let Some(told) = count(&window.of.window) else { continue };
            let number = now_ms / window.of.length_ms;
            // Answers overtake each other, so a short window's count only grows.
            // In a day orders that fill leave it again.
            let short = window.of.length_ms <= limits::ORDER_COUNT_AGE_MS;
            let before = if short { window.told_in(number) } else { 0 };
            (window.number, window.told) = (number, told.max(before));
            window.told_at_ms = now_ms;
        }
    }

    /// Whether orders may go now.
    ///
    /// # Errors
    /// How long to wait: a window is full, or the bot has had its share of it.
    pub(crate) fn admit(
        self: &Arc<Self>,
        who: Who,
        orders: u32,
        now_ms: u64,
    ) -> Result<OrderTicket, Wait> {
        let mut counts = held(&self.0);
        let pending = counts.pending;
        for window in &mut counts.windows {
            let OrderLimit { length_ms, limit, .. } = window.of;
            let number = now_ms / length_ms;
            let used = window.told_in(number).saturating_add(pending).saturating_add(orders);
            if used > limit {
                // A count that nobody's answer has told for long may have
                // fallen: one request asks.
                let old = now_ms.saturating_sub(window.told_at_ms) > limits::ORDER_COUNT_AGE_MS;
                if !old || pending > 0 {
                    return Err(Wait((length_ms - now_ms % length_ms).div_ceil(1000)));
                }
                window.told_at_ms = now_ms;
                continue;
            }
            // In a long window nobody knows whose orders filled and left it.
            if length_ms > limits::ORDER_COUNT_AGE_MS {
                continue;
            }
            if used <= limit / 2 {
                window.shares.take_freely(who, orders, number);
            } else if !window.shares.take(who, orders, u64::from(limit), number) {
                return Err(Wait((length_ms - now_ms % length_ms).div_ceil(1000)));
            }
        }
        counts.pending = pending.saturating_add(orders);
        Ok(OrderTicket { budget: Arc::clone(self), orders })
    }

    /// Every window's name, count and limit, as the venue told them.
    pub(crate) fn told(&self, now_ms: u64) -> Vec<(String, u32, u32)> {
        let counts = held(&self.0);
        let each = counts.windows.iter().map(|window| {
            let told = window.told_in(now_ms / window.of.length_ms);
            (window.of.window.clone(), told, window.of.limit)
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Who = Who::Bot(1);
    const TWO: Who = Who::Bot(2);
    const DAY_MS: u64 = 86_400_000;

    fn limited(limits: &[(&str, u64, u32)]) -> Arc<OrderBudget> {
        let budget = Arc::new(OrderBudget::default());
        let limit = |(window, length_ms, limit): &(&str, u64, u32)| OrderLimit {
            window: (*window).to_owned(),
            length_ms: *length_ms,
            limit: *limit,
        };
        budget.set_limits(&limits.iter().map(limit).collect::<Vec<_>>());
        budget
    }

    /// An order that the venue counts at once.
    fn order(budget: &Arc<OrderBudget>, who: Who, now_ms: u64) -> Result<(), u64> {
        let ticket = budget.admit(who, 1, now_ms).map_err(|Wait(seconds)| seconds)?;
        let told = budget.told(now_ms);
        let count = |name: &str| told.iter().find(|one| one.0 == name).map(|one| one.1 + 1);
        budget.heard(count, now_ms);
        drop(ticket);
        Ok(())
    }

    #[test]
    fn a_full_window_waits_for_its_end() {
        let budget = limited(&[("10s", 10_000, 4)]);
        for _ in 0..4 {
            order(&budget, ONE, 21_000).unwrap();
        }
        assert_eq!(order(&budget, ONE, 21_000), Err(9));
        order(&budget, ONE, 30_000).unwrap();
    }

    #[test]
    fn what_is_under_way_counts() {
        let budget = limited(&[("10s", 10_000, 4)]);
        let ticket = budget.admit(ONE, 3, 0).unwrap();
        assert_eq!(budget.admit(ONE, 2, 0).unwrap_err(), Wait(10));
        drop(ticket);
        budget.admit(ONE, 2, 0).unwrap();
    }

    #[test]
    fn a_bot_that_fires_leaves_the_other_its_share() {
        let budget = limited(&[("10s", 10_000, 40)]);
        order(&budget, TWO, 0).unwrap();
        let fired = (0..100).take_while(|_| order(&budget, ONE, 1).is_ok()).count();
        assert_eq!(fired, 20);
        for _ in 0..19 {
            order(&budget, TWO, 2).unwrap();
        }
        assert!(order(&budget, TWO, 3).is_err());
    }

    #[test]
    fn orders_that_filled_leave_the_day_again() {
        let budget = limited(&[("1d", DAY_MS, 2)]);
        for _ in 0..2 {
            order(&budget, ONE, 5).unwrap();
        }
        assert_eq!(order(&budget, ONE, 6), Err(86_400));
        // The venue's count may have fallen since: one order asks, and no more.
        let later = 6 + limits::ORDER_COUNT_AGE_MS + 1;
        let ticket = budget.admit(ONE, 1, later).unwrap();
        assert!(budget.admit(ONE, 1, later).is_err());
        budget.heard(|_| Some(1), later);
        drop(ticket);
        order(&budget, ONE, later).unwrap();
    }

    #[test]
    fn new_limits_keep_the_counts_of_windows_that_go_on() {
        let budget = limited(&[("10s", 10_000, 2), ("1m", 60_000, 9)]);
        order(&budget, ONE, 0).unwrap();
        budget.set_limits(&[
            OrderLimit { window: "10s".to_owned(), length_ms: 10_000, limit: 2 },
            OrderLimit { window: "1m".to_owned(), length_ms: 60_000, limit: 3 },
        ]);
        let told = budget.told(0);
        assert_eq!(told, [("10s".to_owned(), 1, 2), ("1m".to_owned(), 0, 3)]);
    }

    #[test]
    fn without_limits_nobody_waits() {
        let budget = Arc::new(OrderBudget::default());
        drop(budget.admit(ONE, u32::MAX, 0).unwrap());
    }
}

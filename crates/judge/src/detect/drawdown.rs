//! Sees a bot that lost more in a UTC day than its limit.
//!
//! Why: it bounds what a thief on a bot's host can cost, whatever way he takes,
//! and what a strategy gone wrong can (Kronos' insiders of 2020 turned a sign:
//! 1.4M USD). The limit is the bot's own `max_drawdown_per_day` in USD; without
//! one this is silent. Counted are the loss since the day's best equity, what
//! orders of the last minute may give away against the reference, and this
//! order; so it speaks before the limit is passed, not after.
//!
//! Blind spots: fees, funding, positions from before the log began.

use super::habits::Habits;
use super::look::{Look, Order, usd};
use super::profit;
use crate::money;

pub(super) fn look(look: &Look<'_>, order: &Order<'_>, habits: &mut Habits) -> Option<String> {
    let limit = money::millionths_down(look.policy.max_drawdown_per_day?)?.unsigned_abs();
    let profit = &mut habits.trade.get_or_insert_default().profit;
    let (lost, expected) = profit.lost(look.now());
    let gives = profit::adverse(order);
    let all = lost.saturating_add(expected).saturating_add(gives);
    (all > limit).then(|| {
        format!(
            "{} lost today, {} at stake in orders of the last minute, {} with this one; the limit is {}",
            usd(lost), usd(expected), usd(gives), usd(limit)
        )
    })
}

//! Sees an order of a market that this bot never traded.
//!
//! Why: stolen trade keys are used on thin coins that the victim does not trade
//! (VIA 2018, DMG 2022). It adds points for the first hour of a market; a
//! listing alone is not held.
//!
//! Parameters: `new_hours`, `orders`. Blind spots: a bot that trades
//! everything.

use super::config::NeverTraded;
use super::habits::Habits;
use super::look::{Look, Order, fingerprint, within_hours};

pub(super) fn look(
    config: &NeverTraded,
    look: &Look<'_>,
    order: &Order<'_>,
    habits: &Habits,
) -> Option<String> {
    let trade = habits.trade.as_ref()?;
    if trade.orders < u64::from(config.orders) {
        return None;
    }
    let since = trade.markets.since(fingerprint(&[order.market.as_bytes()]));
    let first = habits.first_at?;
    match since {
        None => {
            Some(format!("the bot's first order of `{}` in {} orders", order.market, trade.orders))
        }
        // A market of the bot's own first hour is no news.
        Some(since) if within_hours(since, first, config.new_hours) => None,
        Some(since) => within_hours(look.now(), since, config.new_hours).then(|| {
            format!("the bot trades `{}` for less than {} h", order.market, config.new_hours)
        }),
    }
}

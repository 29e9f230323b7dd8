//! Limits on how orders follow each other: orders that would trade with the
//! account's own, the same order again, and a strategy that executes again and
//! again (the "repeated automated execution throttle" and "duplicative orders"
//! of the FIA's best practices and of RTS 6, article 15).

use wire::model::{Decimal, Order, OrderKind, Side, TimeInForce};

use super::weigh::fresh_reference;
use crate::account::book::Slot;
use crate::facts::{Facts, Reference};
use crate::judge::Judge;
use crate::policy::config::{BotPolicy, SelfTrade};
use crate::reason::{DenyKind, Reason};

/// What tells an order from another of the same bot: market, side, quantity
/// and price.
pub(crate) type Likeness = (String, Side, Option<Decimal>, Option<Decimal>);

pub(crate) fn likeness(order: &Order) -> Likeness {
    (order.symbol.clone(), order.side, order.quantity.or(order.quote_quantity), order.price)
}

impl Judge {
    /// What speaks against orders beside the policies. `replaced` are resting
    /// orders that go with the request.
    pub(super) fn guards(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
        orders: &[Order],
        replaced: &[Slot],
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let (_, reference) = fresh_reference(facts, policy);
        if policy.self_trade == SelfTrade::Refuse {
            let crossing = orders.iter().find_map(|order| {
                self.crossed(order, reference.as_ref(), replaced).map(|at| (order, at))
            });
            reasons.extend(crossing.map(|(order, at)| self_trade(order, at)));
        }
        let Some(state) = self.state.bots.get_mut(bot as usize) else { return reasons };
        if let Some(window_ms) = policy.identical_order_window_ms {
            let recent =
                |order: &Order| state.placed_lately(&likeness(order), facts.now, window_ms);
            let twice = |at: usize| {
                let order = orders.get(at)?;
                let before = orders.get(..at)?;
                before.iter().any(|other| likeness(other) == likeness(order)).then_some(order)
            };
            let same = orders
                .iter()
                .find(|order| recent(order))
                .or_else(|| (0..orders.len()).find_map(twice));
            reasons.extend(same.map(|order| Reason {
                code: "identical_order_window_ms",
                detail: format!(
                    "the bot placed the same order of `{}` within {window_ms} ms; wait, or change \
                     price or quantity",
                    order.symbol
                ),
                limit: Some(window_ms.to_string()),
                observed: None,
                kind: DenyKind::Limit,
            }));
        }
        if let Some(most) = policy.max_executions_per_minute {
            let seen = state.executions.total(facts.now);
            if seen >= u128::from(most) {
                reasons.push(Reason {
                    code: "max_executions_per_minute",
                    detail: format!(
                        "{seen} executions in the last minute, the limit is {most}; look at the \
                         strategy, or wait"
                    ),
                    limit: Some(most.to_string()),
                    observed: Some(seen.to_string()),
                    kind: DenyKind::Limit,
                });
            }
        }
        reasons
    }

    /// The price of an own resting order that this one would trade with.
    ///
    /// Orders that wait for a trigger are not told apart from others here: the
    /// price at which they go live is not known. Orders that never take
    /// liquidity cannot trade with anything.
    fn crossed(
        &self,
        order: &Order,
        reference: Option<&Reference>,
        replaced: &[Slot],
    ) -> Option<Decimal> {
        let posts_only = order.kind == OrderKind::LimitMaker
            || order.time_in_force == Some(TimeInForce::PostOnly);
        if posts_only || order.waits_for_trigger() {
            return None;
        }
        let side = order.side.opposite();
        // An order that is priced through the other side's best has executed,
        // though nobody has said so yet.
        let through = reference.map(|at| match side {
            Side::Buy => at.ask,
            Side::Sell => at.bid,
        });
        let nearest = self.state.nearest(&order.symbol, side, replaced, through)?;
        let reach = match order.side {
            // Without a price it takes the best there is: where that is not
            // known, an own order may be it.
            Side::Buy => order.price.or_else(|| reference.map(|at| at.ask)),
            Side::Sell => order.price.or_else(|| reference.map(|at| at.bid)),
        };
        let crosses = match (order.side, reach) {
            (_, None) => true,
            (Side::Buy, Some(reach)) => reach >= nearest,
            (Side::Sell, Some(reach)) => reach <= nearest,
        };
        crosses.then_some(nearest)
    }
}

fn self_trade(order: &Order, at: Decimal) -> Reason {
    Reason {
        code: "self_trade",
        detail: format!(
            "the {} of `{}` would trade with an order of the same account that rests at {at}; \
             cancel that first",
            order.side.name(),
            order.symbol
        ),
        limit: Some(at.to_string()),
        observed: order.price.map(|price| price.to_string()),
        kind: DenyKind::Limit,
    }
}

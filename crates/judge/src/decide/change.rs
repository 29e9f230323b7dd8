//! Changes of resting orders: weighed as the orders that they leave behind.

use wire::model::{Modification, Order, OrderKind};

use super::weigh::{Placed, Replaced, Weighed, unreadable};
use crate::account::book::{Named, Tracked};
use crate::account::change::Change;
use crate::facts::Facts;
use crate::judge::Judge;
use crate::policy::config::BotPolicy;
use crate::policy::context::Attribute as A;
use crate::reason::{DenyKind, Reason};
use crate::valuation;

impl Judge {
    pub(super) fn weigh_changes(
        &mut self,
        facts: &Facts<'_>,
        bot: u32,
        policy: &BotPolicy,
        changes: &[Modification],
        weighed: &mut Weighed,
    ) -> Result<(), Reason> {
        let market = facts.intent.symbol().unwrap_or_default();
        if market.is_empty()
            || changes.is_empty()
            || changes.len() > wire::limits::ORDERS_PER_REQUEST
        {
            return Err(unreadable(facts.intent.class));
        }
        let prices = self.prices(facts, policy, market);
        let (mut held, mut total) = (0, Some(0));
        let mut orders = Vec::with_capacity(changes.len());
        let mut slots = Vec::with_capacity(changes.len());
        for change in changes {
            weighed.own &= self.owns(bot, policy, &change.order)?;
            let Named::One(slot) = self.state.book.named(&change.order) else {
                return Err(not_on_record(market));
            };
            if slots.contains(&slot) || !self.state.can_change(slot) {
                return Err(awaits(market));
            }
            slots.push(slot);
            let tracked = self.state.book.get(slot).filter(|order| order.owner == Some(bot));
            let order = tracked.and_then(|tracked| becomes(tracked, change));
            let order = order.ok_or_else(|| not_on_record(market))?;
            held += self.state.held_by(slot);
            let worth = valuation::order_micro_usd(&order, &prices);
            total =
                total.zip(worth).and_then(|(total, worth): (u64, u64)| total.checked_add(worth));
            if order.price.is_some() {
                let (worth, price) = (worth.unwrap_or(0), order.price);
                weighed.changes.push(Change { slot, worth, price });
            }
            orders.push(order);
        }
        weighed.context.set_bool(A::OwnOrder, weighed.own);
        weighed.guards = self.guards(facts, bot, policy, &orders, &slots);
        // A change places nothing anew: to and fro is no repetition.
        weighed.guards.retain(|reason| reason.code != "identical_order_window_ms");
        let replaced = Replaced { held, orders: changes.len() as u64, slots };
        let placed = Placed { orders: &orders, worth: total, replaced, test: false };
        self.weigh_placed(facts, bot, policy, &placed, &prices, weighed)
    }
}

/// The order that a change leaves behind, where it is told what that is.
fn becomes(tracked: &Tracked, change: &Modification) -> Option<Order> {
    if change.new_stop_price.is_some() || change.new_trailing_delta_bps.is_some() {
        return None;
    }
    Some(Order {
        symbol: tracked.symbol.clone(),
        side: tracked.side?,
        kind: OrderKind::Limit,
        quantity: Some(change.new_quantity.or(tracked.quantity)?),
        quote_quantity: None,
        price: Some(change.new_price.or(tracked.price)?),
        stop_price: None,
        trailing_delta_bps: None,
        iceberg_quantity: None,
        time_in_force: None,
        client_order_id: None,
        reduce_only: false,
        position_side: None,
        close_position: false,
    })
}

/// INVARIANT (fail closed): what an order becomes is told by what it was.
fn not_on_record(market: &str) -> Reason {
    Reason::plain(
        "change_unknown",
        DenyKind::CancelRejected,
        format!(
            "no resting limit order of the bot in `{}` is on record with this id, side and price; \
             cancel it and place it anew",
            market.escape_debug()
        ),
    )
}

fn awaits(market: &str) -> Reason {
    Reason::plain(
        "change_awaits",
        DenyKind::CancelRejected,
        format!(
            "the order of `{}` awaits the answer to an earlier request, or is part of a list; wait \
             for the answer",
            market.escape_debug()
        ),
    )
}

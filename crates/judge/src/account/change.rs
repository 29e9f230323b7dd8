//! Changes of resting orders, from when they are allowed until their outcome
//! is known.
//!
//! A changed order keeps its ids and its group. Until the venue has said that
//! it took the change, the group holds the larger of what the order was and
//! what it becomes; where that is never told of the order itself, it goes on
//! holding the larger until the order ends.

use wire::model::{Decimal, Side};

use super::book::Slot;
use super::event::{OrderStatus, OrderUpdate, ReservationId, RestoredChange};
use super::reserve::Phase;
use super::state::State;

/// What one resting order is to become.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) slot: Slot,
    /// What it will be worth whole, micro-USD.
    pub(crate) worth: u64,
    /// Its new limit price, quote per base; none where it is not on record.
    pub(crate) price: Option<Decimal>,
}

/// A change that awaits its answer.
#[derive(Clone, Debug)]
pub(super) struct PendingChange {
    change: Change,
    /// What the order was worth before, micro-USD.
    before: u64,
}

impl State {
    /// Whether an order can be changed: what it holds is on record, and no
    /// other change of it awaits its answer.
    pub(crate) fn can_change(&self, slot: Slot) -> bool {
        let group = self.book.get(slot).and_then(|order| self.groups.get(&order.group?));
        group.is_some_and(|group| group.phase == Phase::Taken && group.legs.len() == 1)
            && !self.changes.values().flatten().any(|pending| pending.change.slot == slot)
    }

    /// Holds the larger of what the orders are and what they become.
    pub(crate) fn reserve_changes(&mut self, changes: &[Change]) -> ReservationId {
        let id = self.next_reservation;
        self.next_reservation = id.saturating_add(1);
        let mut pending = Vec::with_capacity(changes.len());
        for change in changes {
            let before = self.set_worth(change.slot, |worth| worth.max(change.worth));
            pending.push(PendingChange { change: change.clone(), before });
        }
        self.changes.insert(id, pending);
        ReservationId(id)
    }

    /// The venue took the change. Where it tells the order as it is now, that
    /// is what it holds.
    pub(super) fn changed(&mut self, id: u64, told: &[OrderUpdate]) {
        for PendingChange { change, .. } in self.changes.remove(&id).unwrap_or_default() {
            let Some(order) = self.book.get(change.slot) else { continue };
            let side = order.side;
            let is_it = |update: &&OrderUpdate| {
                update.symbol == order.symbol
                    && (update.order_id.is_some() && update.order_id == order.order_id
                        || update.client_order_id == order.client_order_id)
            };
            let whole = told.iter().find(is_it).is_some_and(|update| {
                update.status == OrderStatus::Open && update.quantity.is_some()
            });
            self.book.set_terms(change.slot, side, change.price.filter(|_| whole));
            if whole {
                self.set_worth(change.slot, |_| change.worth);
            }
        }
    }

    /// Nothing came of the change.
    pub(super) fn unchanged(&mut self, id: u64) {
        for PendingChange { change, before } in self.changes.remove(&id).unwrap_or_default() {
            self.set_worth(change.slot, |_| before);
        }
    }

    /// Nobody knows whether the change happened: the orders are asked for.
    pub(super) fn perhaps_changed(&mut self, id: u64) {
        for PendingChange { change, .. } in self.changes.remove(&id).unwrap_or_default() {
            self.may_differ(change.slot);
        }
    }

    /// Nobody knows at which price an order rests: it is asked for.
    fn may_differ(&mut self, slot: Slot) {
        let side = self.book.get(slot).and_then(|order| order.side);
        self.book.set_terms(slot, side, None);
        if let Some(order) = self.book.get_mut(slot) {
            order.missing = true;
        }
    }

    /// The price nearest to the other side at which an order of a market rests,
    /// or may once its change is taken.
    /// What lies at `through` or beyond cannot rest.
    pub(crate) fn nearest(
        &self,
        market: &str,
        side: Side,
        without: &[Slot],
        through: Option<Decimal>,
    ) -> Option<Decimal> {
        let changing = self.changes.values().flatten().filter_map(|pending| {
            let order = self.book.get(pending.change.slot)?;
            let counts = order.side == Some(side)
                && order.symbol == market
                && !without.contains(&pending.change.slot);
            pending.change.price.filter(|_| counts)
        });
        let resting = self.book.nearest(market, side, without, through);
        let all = changing.chain(resting);
        match side {
            Side::Buy => all.max(),
            Side::Sell => all.min(),
        }
    }

    /// A change that was allowed before a restart: it awaits its outcome, which
    /// the log may have, as it did then.
    pub(crate) fn restore_change(&mut self, id: u64, restored: &RestoredChange) {
        self.next_reservation = self.next_reservation.max(id.saturating_add(1));
        let several = restored.orders.len() > 1;
        let mut pending = Vec::with_capacity(restored.orders.len());
        for reference in &restored.orders {
            let super::book::Named::One(slot) = self.book.named(reference) else { continue };
            let mut worth = restored.worth_micro_usd;
            let before = self.set_worth(slot, |before| before.max(worth));
            if several {
                // What each of them is worth is not on record.
                worth = worth.max(before);
            }
            let change = Change { slot, worth, price: None };
            pending.push(PendingChange { change, before });
        }
        if !pending.is_empty() {
            self.changes.insert(id, pending);
        }
    }

    /// Sets what an order's group is worth; what it was before.
    fn set_worth(&mut self, slot: Slot, worth: impl FnOnce(u64) -> u64) -> u64 {
        let Some(id) = self.book.get(slot).and_then(|order| order.group) else { return 0 };
        let Some(group) = self.groups.get_mut(&id) else { return 0 };
        let before = group.worth;
        group.worth = worth(before);
        self.hold_again(id);
        before
    }
}

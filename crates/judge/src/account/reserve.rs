//! What an allowed request holds until its outcome is known.

use wire::model::{Decimal, Side};

use super::book::{BotIndex, Slot, Tracked};
use super::event::{ReservationId, Restored, RestoredHold};
use super::state::State;
use crate::bounds;
use crate::counters::Window;
use crate::time::UnixNanos;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Allowed; the venue has not answered.
    Awaiting,
    /// The answer did not come.
    Unknown,
    /// The venue took it.
    Taken,
}

/// The orders of one request and the exposure they hold together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) owner: BotIndex,
    pub(super) phase: Phase,
    /// What the orders are worth, micro-USD.
    pub(super) worth: u64,
    /// What counts until the venue takes it: a replacement counts the
    /// difference only, because the replaced order still holds its own.
    pub(super) added: u64,
    /// What the windows counted of it, micro-USD.
    pub(super) counted: u64,
    pub(super) held: u64,
    pub(super) legs: Vec<Slot>,
}

impl Group {
    fn should_hold(&self) -> u64 {
        if self.legs.is_empty() {
            return 0;
        }
        let worth = if self.phase == Phase::Taken { self.worth } else { self.added };
        worth.saturating_sub(self.counted)
    }
}

/// A withdrawal whose outcome is awaited.
#[derive(Clone, Debug)]
pub(super) struct PendingWithdrawal {
    pub(super) owner: BotIndex,
    pub(super) asset: String,
    pub(super) amount: u64,
    pub(super) at: UnixNanos,
    /// The client's own id for it.
    pub(super) client_id: Option<String>,
    /// No answer came, or none is on record.
    pub(super) unknown: bool,
}

/// One order to be tracked.
#[derive(Clone, Copy)]
pub(crate) struct NewOrder<'a> {
    pub(crate) client_order_id: &'a str,
    /// Base quantity, asset units.
    pub(crate) quantity: Option<Decimal>,
    /// None where it is not on record.
    pub(crate) side: Option<Side>,
    /// Limit price, quote per base; none where it has none, or it is not on
    /// record.
    pub(crate) price: Option<Decimal>,
}

/// Orders to be tracked, with what they hold.
pub(crate) struct NewOrders<'a> {
    pub(crate) owner: BotIndex,
    pub(crate) symbol: &'a str,
    pub(crate) orders: &'a [NewOrder<'a>],
    pub(crate) list_client_order_id: Option<&'a str>,
    pub(crate) worth: u64,
    pub(crate) added: u64,
    pub(crate) usd_per_quote: Decimal,
    pub(crate) now: UnixNanos,
}

impl State {
    /// Whether another request can be tracked.
    pub(crate) fn has_room(&self, orders: usize) -> bool {
        !self.overflowed
            && self.groups.len() + self.withdrawals.len() + self.changes.len()
                < bounds::RESERVATIONS
            && self.book.len() + orders <= bounds::TRACKED_ORDERS
    }

    /// Tracks the orders of an allowed request and holds their exposure.
    /// None where they cannot be tracked; nothing is held then.
    pub(crate) fn reserve_orders(&mut self, new: &NewOrders<'_>) -> Option<ReservationId> {
        let id = self.next_reservation;
        self.track(id, new)?;
        self.next_reservation = id.saturating_add(1);
        Some(ReservationId(id))
    }

    fn track(&mut self, id: u64, new: &NewOrders<'_>) -> Option<()> {
        let mut legs = Vec::with_capacity(new.orders.len());
        for order in new.orders {
            let slot = self.book.insert(Tracked {
                symbol: new.symbol.to_owned(),
                client_order_id: order.client_order_id.to_owned(),
                order_id: None,
                order_list_id: None,
                list_client_order_id: new.list_client_order_id.map(str::to_owned),
                owner: Some(new.owner),
                group: Some(id),
                sent_at: new.now,
                side: order.side,
                price: order.price,
                quantity: order.quantity,
                executed: Decimal::ZERO,
                stated_quote: Decimal::ZERO,
                traded_quote: Decimal::ZERO,
                traded: Decimal::ZERO,
                counted: 0,
                booked: (Decimal::ZERO, 0),
                usd_per_quote: new.usd_per_quote,
                missing: false,
                untold: false,
            });
            let Some(slot) = slot else {
                for slot in legs {
                    self.book.close(slot);
                }
                return None;
            };
            legs.push(slot);
        }
        let bot = self.bots.get_mut(new.owner as usize)?;
        bot.live = bot.live.saturating_add(legs.len() as u64);
        let group = Group {
            owner: new.owner,
            phase: Phase::Awaiting,
            worth: new.worth,
            added: new.added,
            counted: 0,
            held: 0,
            legs,
        };
        self.groups.insert(id, group);
        self.hold_again(id);
        Some(())
    }

    /// Counts a withdrawal from now on, until it is known not to have
    /// happened.
    pub(crate) fn reserve_withdrawal(
        &mut self,
        owner: BotIndex,
        asset: &str,
        amount: u64,
        client_id: Option<&str>,
        now: UnixNanos,
    ) -> Option<ReservationId> {
        let id = self.next_reservation;
        self.count_withdrawal(id, owner, asset, amount, client_id, now)?;
        self.next_reservation = id.saturating_add(1);
        Some(ReservationId(id))
    }

    fn count_withdrawal(
        &mut self,
        id: u64,
        owner: BotIndex,
        asset: &str,
        amount: u64,
        client_id: Option<&str>,
        now: UnixNanos,
    ) -> Option<()> {
        let bot = self.bots.get_mut(owner as usize)?;
        match bot.withdrawn.get_mut(asset) {
            Some(window) => window.add(now, amount),
            None => {
                // Bounded by the bot's list of destinations, which was checked.
                bot.withdrawn.entry(asset.to_owned()).or_insert_with(Window::day).add(now, amount);
            }
        }
        let pending = PendingWithdrawal {
            owner,
            asset: asset.to_owned(),
            amount,
            at: now,
            client_id: client_id.map(str::to_owned),
            unknown: false,
        };
        self.withdrawals.insert(id, pending);
        Some(())
    }

    /// Holds again what a request held before a restart. Its outcome counts
    /// as unknown until an event tells it.
    pub(crate) fn restore(&mut self, owner: BotIndex, restored: &Restored, usd: Decimal) {
        let id = restored.reservation.0;
        if self.groups.contains_key(&id) || self.withdrawals.contains_key(&id) {
            return;
        }
        self.next_reservation = self.next_reservation.max(id.saturating_add(1));
        match &restored.holds {
            RestoredHold::Orders {
                symbol,
                orders,
                list_client_order_id,
                worth_micro_usd,
                added_micro_usd,
                ..
            } => {
                let orders: Vec<NewOrder<'_>> = orders
                    .iter()
                    .map(|(id, quantity)| NewOrder {
                        client_order_id: id,
                        quantity: *quantity,
                        side: restored.habit.side,
                        // The account's open orders tell it.
                        price: None,
                    })
                    .collect();
                let new = NewOrders {
                    owner,
                    symbol,
                    orders: &orders,
                    list_client_order_id: list_client_order_id.as_deref(),
                    worth: *worth_micro_usd,
                    added: *added_micro_usd,
                    usd_per_quote: usd,
                    now: restored.at,
                };
                if self.track(id, &new).is_none() {
                    // INVARIANT (bounded): what cannot be tracked keeps new
                    // orders out until a snapshot shows that there is room.
                    self.overflowed = true;
                } else if let Some(group) = self.groups.get_mut(&id) {
                    group.phase = Phase::Unknown;
                }
            }
            RestoredHold::Changes(changes) => self.restore_change(id, changes),
            RestoredHold::Withdrawal { asset, amount_millionths, client_withdrawal_id } => {
                let (at, client_id) = (restored.at, client_withdrawal_id.as_deref());
                let amount = *amount_millionths;
                match self.count_withdrawal(id, owner, asset, amount, client_id, at) {
                    Some(()) => self.unknown_withdrawal(id),
                    None => self.overflowed = true,
                }
            }
        }
    }

    /// Nobody knows what came of a withdrawal.
    pub(super) fn unknown_withdrawal(&mut self, id: u64) {
        if let Some(pending) = self.withdrawals.get_mut(&id) {
            pending.unknown = true;
        }
    }

    /// Withdrawals of unknown outcome: reservation, asset, the client's id,
    /// when it was sent.
    pub(crate) fn unknown_withdrawals(
        &self,
    ) -> impl Iterator<Item = (ReservationId, &str, Option<&str>, UnixNanos)> {
        self.withdrawals.iter().filter(|(_, pending)| pending.unknown).map(|(id, pending)| {
            let client_id = pending.client_id.as_deref();
            (ReservationId(*id), pending.asset.as_str(), client_id, pending.at)
        })
    }

    /// What a replaced order of the bot still holds, micro-USD.
    pub(crate) fn held_by(&self, slot: Slot) -> u64 {
        self.book
            .get(slot)
            .and_then(|order| self.groups.get(&order.group?))
            // Where its list has other legs, they keep holding it.
            .filter(|group| group.legs.len() == 1)
            .map_or(0, |group| group.held)
    }

    pub(super) fn taken(&mut self, id: u64) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.phase = Phase::Taken;
        }
        self.hold_again(id);
    }

    pub(super) fn nothing_came_of(&mut self, id: u64) {
        if let Some(pending) = self.withdrawals.remove(&id)
            && let Some(bot) = self.bots.get_mut(pending.owner as usize)
        {
            if let Some(window) = bot.withdrawn.get_mut(&pending.asset) {
                window.take_back(pending.at, pending.amount);
            }
            bot.habits.nothing_left(pending.at);
        }
        self.unchanged(id);
        // Orders that the venue has taken end by its word about each, not by
        // a late answer to the request.
        let legs = match self.groups.get(&id) {
            Some(group) if group.phase != Phase::Taken => group.legs.clone(),
            _ => return,
        };
        for slot in legs {
            self.close(slot);
        }
    }

    pub(super) fn close(&mut self, slot: Slot) {
        let Some(order) = self.book.close(slot) else { return };
        let Some(id) = order.group else { return };
        if let Some(group) = self.groups.get_mut(&id) {
            group.legs.retain(|leg| *leg != slot);
            if let Some(bot) = self.bots.get_mut(group.owner as usize) {
                bot.live = bot.live.saturating_sub(1);
            }
        }
        self.hold_again(id);
        if self.groups.get(&id).is_some_and(|group| group.legs.is_empty()) {
            self.groups.remove(&id);
        }
    }

    /// Brings what a group holds up to date.
    pub(super) fn hold_again(&mut self, id: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(bot) = self.bots.get_mut(group.owner as usize) else { return };
        let held = group.should_hold();
        bot.held = bot.held.saturating_sub(u128::from(group.held)) + u128::from(held);
        group.held = held;
    }
}

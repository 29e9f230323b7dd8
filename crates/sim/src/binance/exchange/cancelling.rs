//! Cancelling and shrinking orders.

use rust_decimal::Decimal;

use super::events::Happened;
use super::order::Amendment;
use super::{Exchange, Side, Status};
use crate::binance::money::{on_grid, sub};
use crate::binance::reject::Reject;

/// An order named by the venue's id, by the client's, or by both.
#[derive(Debug, Clone)]
pub(crate) struct Named<'a> {
    pub(crate) account: usize,
    pub(crate) symbol: &'a str,
    pub(crate) id: Option<u64>,
    pub(crate) client_id: Option<&'a str>,
}

/// Amendments of one order at most (`MAX_NUM_ORDER_AMENDS`).
pub(crate) const MAX_AMENDMENTS: usize = 10;

impl Exchange {
    /// An order of the account, open or closed; the newest where a client id was used again.
    pub(crate) fn find(&self, named: &Named<'_>) -> Option<u64> {
        let fits = |id: &u64| {
            self.orders.get(id).is_some_and(|order| {
                order.account == named.account
                    && order.symbol == named.symbol
                    && named.client_id.is_none_or(|client_id| order.client_id == client_id)
            })
        };
        if let Some(id) = named.id {
            return Some(id).filter(fits);
        }
        let client_id = named.client_id?;
        self.open_by_client_id(named.account, named.symbol, client_id)
            .or_else(|| self.closed.iter().rev().copied().find(fits))
    }

    /// The same, open orders only.
    pub(crate) fn find_open(&self, named: &Named<'_>) -> Result<u64, Reject> {
        let found = self
            .find(named)
            .filter(|id| self.orders.get(id).is_some_and(|order| order.status.open()));
        found.ok_or_else(Reject::unknown_order)
    }

    /// Cancels an order, and with it the list it belongs to. The cancellation
    /// may have a client id of its own.
    pub(crate) fn cancel(&mut self, id: u64, cancel_id: Option<&str>, now: i64) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.cancel_id = cancel_id.map(str::to_owned);
        }
        let list = self.orders.get(&id).and_then(|order| order.list);
        self.close(id, Status::Canceled, now);
        if let Some(list) = list.and_then(|list| self.lists.get(&list)) {
            for other in list.orders.clone() {
                self.close(other, Status::Canceled, now);
            }
        }
        self.settle(now);
    }

    /// Reduces an order's quantity; it keeps its place in the queue.
    pub(crate) fn amend(
        &mut self,
        id: u64,
        quantity: Decimal,
        client_id: Option<String>,
        now: i64,
    ) -> Result<Amendment, Reject> {
        let rejected = |why: &str| Reject::new(400, -2038, why);
        let new_id = client_id.unwrap_or_else(|| self.made_up_id());
        let order = self.orders.get(&id).ok_or_else(Reject::unknown_order)?;
        let market = self.market(&order.symbol)?;
        if quantity >= order.quantity || quantity <= order.executed {
            return Err(rejected(
                "The requested action would change no state; rejecting. New quantity must be below the order's and above what is executed.",
            ));
        }
        if quantity < market.spec.min_qty || !on_grid(quantity, market.spec.step) {
            return Err(Reject::filter("LOT_SIZE"));
        }
        if order.amendments.len() >= MAX_AMENDMENTS {
            return Err(Reject::filter("MAX_NUM_ORDER_AMENDS"));
        }
        let taken = self.open_by_client_id(order.account, &order.symbol, &new_id);
        if taken.is_some_and(|other| other != id) {
            return Err(Reject::order("Duplicate order sent."));
        }
        let (quote, base) = (market.spec.quote.clone(), market.spec.base.clone());
        self.last_execution = self.last_execution.saturating_add(1);
        let execution = self.last_execution;
        let order = self.orders.get_mut(&id).ok_or_else(Reject::unknown_order)?;
        let amendment = Amendment {
            execution,
            old_client_id: std::mem::replace(&mut order.client_id, new_id.clone()),
            new_client_id: new_id,
            old_quantity: order.quantity,
            new_quantity: quantity,
            at_ms: now,
        };
        order.quantity = quantity;
        order.updated_ms = now;
        order.amendments.push(amendment.clone());
        // A leg of a pair keeps the pair's lock until one of them trades.
        let back =
            if order.locked.is_zero() { Decimal::ZERO } else { sub(order.locked, order.need()) };
        order.locked = sub(order.locked, back);
        let (account, side) = (order.account, order.side);
        let asset = if side == Side::Buy { quote } else { base };
        let symbol = order.symbol.clone();
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.book.touch();
        }
        self.change(account, &asset, back, -back, now);
        self.report(id, &Happened::Replaced(&amendment.old_client_id), now);
        Ok(amendment)
    }
}

//! Finding, cancelling and changing orders.

use rust_decimal::Decimal;

use super::{Exchange, Side, Status};
use crate::money::{mul, sub};
use crate::woox::reject::Reject;

/// An order named by the venue's id or, without one, by the client's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) account: usize,
    pub(crate) id: Option<u64>,
    pub(crate) client_id: Option<u64>,
}

impl Exchange {
    /// An order of the account, open or closed; the newest of a client id.
    pub(crate) fn find(&self, named: Named) -> Option<u64> {
        let mine = |id: &u64| {
            self.orders.get(id).is_some_and(|order| {
                let client = named.id.is_some() || Some(order.client_id) == named.client_id;
                order.account == named.account && client
            })
        };
        if let Some(id) = named.id {
            return Some(id).filter(mine);
        }
        named.client_id.filter(|id| *id != 0)?;
        let open = self.accounts.get(named.account)?.open.iter().rev().copied().find(mine);
        open.or_else(|| self.closed.iter().rev().copied().find(mine))
    }

    /// The same, open orders only, and of the symbol where one is named.
    pub(crate) fn find_open(&self, named: Named, symbol: Option<&str>) -> Result<u64, Reject> {
        let fits = |id: &u64| {
            self.orders.get(id).is_some_and(|order| {
                order.status.open() && symbol.is_none_or(|symbol| order.symbol == symbol)
            })
        };
        self.find(named).filter(fits).ok_or_else(Reject::no_order)
    }

    pub(crate) fn cancel(&mut self, id: u64, now: i64) {
        self.close(id, Status::Cancelled, now);
        self.settle(now);
    }

    /// Cancels the open orders of an account, in one market or in all.
    pub(crate) fn cancel_all(&mut self, account: usize, symbol: Option<&str>, now: i64) {
        let Some(state) = self.accounts.get(account) else { return };
        let fits = |id: &u64| {
            self.orders.get(id).is_some_and(|order| symbol.is_none_or(|s| order.symbol == s))
        };
        let ids: Vec<u64> = state.open.iter().copied().filter(fits).collect();
        for id in ids {
            self.close(id, Status::Cancelled, now);
        }
        self.settle(now);
    }

    /// Changes price or quantity of an open order. It goes to the end of its
    /// level, unless only its quantity shrinks.
    pub(crate) fn amend(
        &mut self,
        id: u64,
        price: Option<Decimal>,
        quantity: Option<Decimal>,
        now: i64,
    ) -> Result<(), Reject> {
        let order = self.orders.get(&id).cloned().ok_or_else(Reject::no_order)?;
        let new_price = price.or(order.price);
        let new_quantity = quantity.unwrap_or(order.quantity);
        if new_price == order.price && new_quantity == order.quantity {
            return Err(Reject::order(302_130, "The order didn’t update."));
        }
        if new_quantity <= order.executed {
            let message = "The order quantity must bigger than the executed quantity.";
            return Err(Reject::order(302_142, message));
        }
        if let Some(price) = price {
            self.check_price(&order.symbol, order.side, price)?;
        }
        self.check_quantity(&order.symbol, new_quantity, new_price)?;
        let left = sub(new_quantity, order.executed);
        if new_quantity > order.quantity {
            let more = sub(new_quantity, order.quantity);
            let sides = (order.position_side, order.side);
            self.check_reduces(order.account, &order.symbol, sides, order.reduce_only, more)?;
        }
        let frozen = self.refreeze(&order, new_price, left)?;
        let shrinks = new_price == order.price && new_quantity < order.quantity;
        if let Some(market) = self.markets.get_mut(&order.symbol).filter(|_| !shrinks) {
            market.remove(&order);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.price = new_price;
            order.quantity = new_quantity;
            order.visible = order.visible.min(new_quantity);
            order.frozen = frozen;
            order.updated_ms = now;
        }
        self.report(id, None, now);
        if !shrinks {
            self.execute(id, now);
            self.settle(now);
        }
        Ok(())
    }

    /// What a changed order freezes instead, or whether its margin is there.
    fn refreeze(
        &mut self,
        order: &super::Order,
        price: Option<Decimal>,
        left: Decimal,
    ) -> Result<Decimal, Reject> {
        let spec = self.market(&order.symbol)?.spec.clone();
        let cost = mul(left, price.unwrap_or_default());
        if order.perpetual {
            let more = sub(cost, order.need()).max(Decimal::ZERO);
            let free = order.reduce_only || order.closes();
            let margin = self.order_margin(order.account, &order.symbol, more);
            if !free && margin > self.free_collateral(order.account) {
                let message = "Collateral is not sufficient to cover initial margin requirements under Spot & Futures.";
                return Err(Reject::order(302_170, message));
            }
            return Ok(Decimal::ZERO);
        }
        let (token, frozen) = match order.side {
            Side::Buy => (spec.quote, cost),
            Side::Sell => (spec.base, left),
        };
        let more = sub(frozen, order.frozen);
        if more > self.available(order.account, &token) {
            return Err(Reject::insufficient(&token));
        }
        self.change(order.account, &token, Decimal::ZERO, more);
        Ok(frozen)
    }
}

//! Placing, amending and cancelling: checks in the venue's order and words.

use rust_decimal::Decimal;

use super::Futures;
use super::events::Happened;
use super::order::{Amendment, Kind, NewOrder, Order, Status, TimeInForce};
use super::position::PositionSide;
use crate::binance::exchange::Side;
use crate::binance::money::{add, mul, on_grid, sub};
use crate::binance::reject::Reject;

/// Amendments of one order at most.
const MAX_AMENDMENTS: usize = 10_000;
/// How far a limit price may be from the mark price, as a share (`PERCENT_PRICE`).
const PRICE_BAND_PERCENT: i64 = 50;

/// A refusal of the futures exchange.
pub(crate) fn refuse(code: i64, msg: impl Into<String>) -> Reject {
    Reject::new(400, code, msg)
}

impl Futures {
    /// Everything that can refuse an order.
    pub(crate) fn check(&self, new: &NewOrder) -> Result<(), Reject> {
        self.check_mode(new)?;
        self.check_size(new)?;
        self.check_closing(new)?;
        let open = self.account(new.account)?.open.iter().filter_map(|id| self.orders.get(id));
        let open = open.filter(|order| order.asked.symbol == new.symbol).count();
        if open >= self.options.futures.open_orders {
            return Err(refuse(-2025, "Reach max open order limit."));
        }
        if let Some(id) = &new.client_id
            && self.open_by_client_id(new.account, &new.symbol, id).is_some()
        {
            return Err(refuse(-4116, "ClientOrderId is duplicated."));
        }
        self.check_margin(new)?;
        self.check_crossing(new)
    }

    /// The position side must fit the account's position mode.
    pub(super) fn check_mode(&self, new: &NewOrder) -> Result<(), Reject> {
        let hedge = self.account(new.account)?.hedge;
        if hedge == (new.position_side == PositionSide::Both) {
            let msg = "Order's position side does not match user's setting.";
            return Err(refuse(-4061, msg));
        }
        if hedge && new.reduce_only {
            return Err(refuse(-1106, "Parameter 'reduceonly' sent when not required."));
        }
        Ok(())
    }

    pub(super) fn check_size(&self, new: &NewOrder) -> Result<(), Reject> {
        let spec = &self.market(&new.symbol)?.spec;
        if new.quantity <= Decimal::ZERO {
            return Err(refuse(-4003, "Quantity less than or equal to zero."));
        }
        if new.quantity < spec.min_qty {
            return Err(refuse(-4004, "Quantity less than min quantity."));
        }
        if new.quantity > spec.max_qty {
            return Err(refuse(-4005, "Quantity greater than max quantity."));
        }
        let precise =
            |value: Decimal, step: Decimal| value.normalize().scale() <= step.normalize().scale();
        let too_precise = "Precision is over the maximum defined for this asset.";
        if !precise(new.quantity, spec.step) {
            return Err(refuse(-1111, too_precise));
        }
        if !on_grid(new.quantity, spec.step) {
            return Err(refuse(-4023, "Qty not increased by step size."));
        }
        let mark = self.mark(&new.symbol);
        if new.kind.limited() {
            if new.price < spec.tick {
                return Err(refuse(-4001, "Price less than 0."));
            }
            if !precise(new.price, spec.tick) {
                return Err(refuse(-1111, too_precise));
            }
            if !on_grid(new.price, spec.tick) {
                return Err(refuse(-4014, "Price not increased by tick size."));
            }
            let band = |percent: i64| mul(mark, Decimal::new(percent, 2));
            let cap = band(100_i64.saturating_add(PRICE_BAND_PERCENT));
            let floor = band(100_i64.saturating_sub(PRICE_BAND_PERCENT));
            if new.side == Side::Buy && new.price > cap {
                let msg = format!("Limit price can't be higher than {}.", cap.normalize());
                return Err(refuse(-4016, msg));
            }
            if new.side == Side::Sell && new.price < floor {
                let msg = format!("Limit price can't be lower than {}.", floor.normalize());
                return Err(refuse(-4024, msg));
            }
        }
        let price = if new.kind.limited() { new.price } else { mark };
        if mul(price, new.quantity) < spec.min_notional && !new.closes() {
            let least = spec.min_notional.normalize();
            let msg = format!(
                "Order's notional must be no smaller than {least} (unless you choose reduce only)."
            );
            return Err(refuse(-4164, msg));
        }
        Ok(())
    }

    /// What may only close must have something to close.
    fn check_closing(&self, new: &NewOrder) -> Result<(), Reject> {
        if !new.closes() {
            return Ok(());
        }
        let account = self.account(new.account)?;
        let open = account.position(&new.symbol, new.position_side).reducible(new.side);
        let mut wanted = Decimal::ZERO;
        if account.hedge {
            // In hedge mode closing orders together stay within the position.
            wanted = new.quantity;
            for order in account.open.iter().filter_map(|id| self.orders.get(id)) {
                let same = order.is_on(new.account, &new.symbol, new.position_side);
                if same && order.asked.side == new.side {
                    wanted = add(wanted, order.remaining());
                }
            }
        }
        if open.is_zero() || wanted > open {
            return Err(refuse(-2022, "ReduceOnly Order is rejected."));
        }
        Ok(())
    }

    /// Opening must leave the account solvent.
    fn check_margin(&self, new: &NewOrder) -> Result<(), Reject> {
        if new.closes() {
            return Ok(());
        }
        let asset = self.market(&new.symbol)?.spec.quote.clone();
        let before = self.margin(new.account, &asset, None);
        let after = self.margin(new.account, &asset, Some(new));
        if after.free < before.free && after.free < Decimal::ZERO {
            return Err(refuse(-2019, "Margin is insufficient."));
        }
        Ok(())
    }

    /// Post-only orders must not take; fill-or-kill ones must fill.
    fn check_crossing(&self, new: &NewOrder) -> Result<(), Reject> {
        if !new.kind.limited() {
            return Ok(());
        }
        let fillable = self.fillable(&new.symbol, new.side, new.price, new.quantity);
        if new.time_in_force == TimeInForce::Gtx && fillable > Decimal::ZERO {
            let msg = "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be recorded in the order history";
            return Err(refuse(-5022, msg));
        }
        if new.time_in_force == TimeInForce::Fok && fillable < new.quantity {
            let msg = "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be recorded in the order history";
            return Err(refuse(-5021, msg));
        }
        Ok(())
    }

    /// What of a quantity the book would give at once.
    fn fillable(&self, symbol: &str, side: Side, price: Decimal, quantity: Decimal) -> Decimal {
        let Some(market) = self.markets.get(symbol) else { return Decimal::ZERO };
        let mut sum = Decimal::ZERO;
        for (offered, available) in self.levels(market, side.opposite(), 5000) {
            let beyond = match side {
                Side::Buy => offered > price,
                Side::Sell => offered < price,
            };
            if beyond || sum >= quantity {
                break;
            }
            sum = add(sum, available);
        }
        sum.min(quantity)
    }

    /// An open order by its client id.
    pub(crate) fn open_by_client_id(&self, account: usize, symbol: &str, id: &str) -> Option<u64> {
        let open = &self.accounts.get(account)?.open;
        open.iter().copied().find(|open| {
            self.orders
                .get(open)
                .is_some_and(|order| order.client_id == id && order.asked.symbol == symbol)
        })
    }

    /// An order of the account by its number or its client id, open ones first.
    pub(crate) fn find(
        &self,
        account: usize,
        symbol: &str,
        id: Option<u64>,
        client_id: Option<&str>,
    ) -> Option<u64> {
        let mine = |id: &u64| {
            self.orders
                .get(id)
                .is_some_and(|order| order.asked.account == account && order.asked.symbol == symbol)
        };
        // Where both are sent the number counts.
        if let Some(id) = id {
            return Some(id).filter(mine);
        }
        let client_id = client_id?;
        self.open_by_client_id(account, symbol, client_id).or_else(|| {
            self.closed.iter().rev().copied().find(|id| {
                mine(id) && self.orders.get(id).is_some_and(|order| order.client_id == client_id)
            })
        })
    }

    /// Places an order. Returns its number; nothing is left behind on a refusal.
    pub(crate) fn place(&mut self, new: NewOrder, now: i64) -> Result<u64, Reject> {
        let limits = self.options.limits.clone();
        self.account_mut(new.account)?.counts.add(&limits, now)?;
        self.check(&new)?;
        let id = self.enter(new, None, now);
        self.settle(now);
        Ok(id)
    }

    /// Enters a checked order, and matches it; what that sets off is left. `from` is the conditional order
    /// that it came from: type and trigger price.
    pub(super) fn enter(&mut self, new: NewOrder, from: Option<(Kind, Decimal)>, now: i64) -> u64 {
        self.last_order = self.last_order.saturating_add(1);
        let id = self.last_order;
        let client_id = new.client_id.clone().unwrap_or_else(|| self.made_up_id());
        let (original, stop) = from.unwrap_or((new.kind, Decimal::ZERO));
        let order = Order {
            id,
            client_id,
            original,
            stop,
            price: new.price,
            quantity: new.quantity,
            executed: Decimal::ZERO,
            quote_executed: Decimal::ZERO,
            status: Status::New,
            placed_ms: now,
            updated_ms: now,
            amendments: Vec::new(),
            asked: new,
        };
        let (account, symbol) = (order.asked.account, order.asked.symbol.clone());
        self.orders.insert(id, order);
        if let Some(state) = self.accounts.get_mut(account) {
            state.open.insert(id);
        }
        self.report(id, &Happened::New, now);
        self.execute(id, now);
        self.replenish(&symbol);
        id
    }

    /// Cancels an open order.
    pub(crate) fn cancel(&mut self, id: u64, now: i64) {
        self.close(id, Status::Canceled, now);
        self.settle(now);
    }

    /// Cancels every open order of a symbol, conditional ones apart.
    pub(crate) fn cancel_all(&mut self, account: usize, symbol: &str, now: i64) -> usize {
        let Some(state) = self.accounts.get(account) else { return 0 };
        let open = state
            .open
            .iter()
            .copied()
            .filter(|id| self.orders.get(id).is_some_and(|order| order.asked.symbol == symbol));
        let open: Vec<u64> = open.collect();
        for id in &open {
            self.cancel(*id, now);
        }
        open.len()
    }

    /// Changes price and quantity of an open limit order; it loses its place in
    /// the queue, and is cancelled where the new quantity is filled already.
    pub(crate) fn amend(
        &mut self,
        id: u64,
        price: Decimal,
        quantity: Decimal,
        now: i64,
    ) -> Result<(), Reject> {
        let limits = self.options.limits.clone();
        let order = self.orders.get(&id).ok_or_else(Reject::no_such_order)?;
        if let Some(account) = self.accounts.get_mut(order.asked.account) {
            account.counts.add(&limits, now)?;
        }
        if order.asked.kind != Kind::Limit {
            return Err(refuse(-5025, "Only limit order is supported."));
        }
        if order.price == price && order.quantity == quantity {
            return Err(refuse(-5027, "No need to modify the order."));
        }
        if order.amendments.len() >= MAX_AMENDMENTS {
            return Err(refuse(-5026, "Exceed maximum modify order limit."));
        }
        let (before, symbol) = (order.clone(), order.asked.symbol.clone());
        let mut new = NewOrder { price, quantity, ..order.asked.clone() };
        self.check_size(&new)?;
        if quantity <= before.executed {
            self.cancel(id, now);
            return Ok(());
        }
        new.quantity = sub(quantity, before.executed);
        // Margin and crossing are judged as if the order were not there.
        self.orders.remove(&id);
        let checked = self.check_margin(&new).and_then(|()| self.check_crossing(&new));
        self.orders.insert(id, before.clone());
        checked?;
        self.last_transaction = self.last_transaction.saturating_add(1);
        let amendment = Amendment {
            id: self.last_transaction,
            price: (before.price, price),
            quantity: (before.quantity, quantity),
            at_ms: now,
        };
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.remove(before.asked.side, before.price, id);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.price = price;
            order.asked.price = price;
            order.quantity = quantity;
            order.updated_ms = now;
            order.amendments.push(amendment);
        }
        self.report(id, &Happened::Amended, now);
        self.execute(id, now);
        self.settle(now);
        self.replenish(&symbol);
        Ok(())
    }
}

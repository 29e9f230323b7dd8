//! Placing one order: checks, what it freezes, matching.

use rust_decimal::Decimal;

use super::{Exchange, Kind, NewOrder, Order, Side, Status};
use crate::money::{add, mul, on_grid, sub};
use crate::woox::reject::Reject;

impl Exchange {
    /// Places an order. Returns its id; nothing is left behind on a refusal.
    pub(crate) fn place(&mut self, new: NewOrder, now: i64) -> Result<u64, Reject> {
        let quantity = self.check(&new)?;
        let frozen = self.freeze(&new, quantity)?;
        let id = self.insert(new, quantity, frozen, now);
        self.report(id, None, now);
        self.execute(id, now);
        self.settle(now);
        if let Some(symbol) = self.orders.get(&id).map(|order| order.symbol.clone()) {
            self.replenish(&symbol);
        }
        Ok(id)
    }

    /// Everything that can refuse an order. Returns the quantity it would trade.
    fn check(&self, new: &NewOrder) -> Result<Decimal, Reject> {
        let market = self.market(&new.symbol)?;
        let spec = &market.spec;
        self.check_room(new.account)?;
        self.check_client_id(new.account, new.client_id)?;
        self.check_position_side(new.account, spec.perpetual, new.position_side)?;
        if new.reduce_only && !spec.perpetual {
            return Err(Reject::order(302_163, "Reduce only orders are not allowed."));
        }
        let quantity = self.quantity_of(new)?;
        if new.kind.limited() {
            let price = new.price.ok_or_else(|| Reject::missing("price"))?;
            self.check_price(&new.symbol, new.side, price)?;
        }
        self.check_quantity(&new.symbol, quantity, new.price)?;
        let sides = (new.position_side, new.side);
        self.check_reduces(new.account, &new.symbol, sides, new.reduce_only, quantity)?;
        Ok(quantity)
    }

    pub(super) fn check_room(&self, account: usize) -> Result<(), Reject> {
        let state = self.account(account)?;
        let open = state.open.len().saturating_add(state.open_algos.len());
        if open >= self.options.limits.open_orders {
            let message = "The order was rejected: too many open orders.";
            return Err(Reject::order(-1012, message));
        }
        Ok(())
    }

    pub(super) fn check_client_id(&self, account: usize, client_id: u64) -> Result<(), Reject> {
        let state = self.account(account)?;
        let open = |id: &u64| self.orders.get(id).is_some_and(|order| order.client_id == client_id);
        if client_id != 0 && state.open.iter().any(open) {
            return Err(Reject::order(302_117, "The client_order_id is repeated."));
        }
        Ok(())
    }

    pub(super) fn check_price(
        &self,
        symbol: &str,
        side: Side,
        price: Decimal,
    ) -> Result<(), Reject> {
        let market = self.market(symbol)?;
        if !on_grid(price, market.spec.tick) || price <= Decimal::ZERO {
            let message = "The order price is not following the tick size rule for the symbol.";
            return Err(Reject::order(-1103, message));
        }
        // The venue caps bids above and asks below the mid price, not the other way.
        let range = mul(market.mid, market.spec.price_range);
        let beyond = match side {
            Side::Buy => price > add(market.mid, range),
            Side::Sell => price < sub(market.mid, range),
        };
        if beyond {
            let percent = mul(market.spec.price_range, Decimal::ONE_HUNDRED).normalize();
            let word = if side == Side::Buy { "high" } else { "low" };
            let message = format!("Price is {percent}% too {word} from the mid price.");
            return Err(Reject::order(-1105, &message));
        }
        Ok(())
    }

    pub(super) fn check_quantity(
        &self,
        symbol: &str,
        quantity: Decimal,
        price: Option<Decimal>,
    ) -> Result<(), Reject> {
        let market = self.market(symbol)?;
        let spec = &market.spec;
        let outside = quantity < spec.min_qty || quantity > spec.max_qty;
        if outside || !on_grid(quantity, spec.step) {
            let message = "The order quantity is not following the step size rule for the symbol.";
            return Err(Reject::order(-1104, message));
        }
        if mul(quantity, price.unwrap_or(market.mid)) < spec.min_notional {
            let least = spec.min_notional.normalize();
            let message = format!("The order value should be greater or equal to {least}.");
            return Err(Reject::order(302_164, &message));
        }
        Ok(())
    }

    /// The quantity asked for, or what an amount buys or sells of the book.
    fn quantity_of(&self, new: &NewOrder) -> Result<Decimal, Reject> {
        let market = self.market(&new.symbol)?;
        let spot = !market.spec.perpetual;
        let margin = self.account(new.account)?.margin;
        match (new.quantity, new.amount) {
            (Some(_), Some(_)) => {
                Err(Reject::invalid("Only one of quantity and amount may be sent."))
            }
            (None, None) => Err(Reject::missing("quantity")),
            (None, Some(_)) if new.kind != Kind::Market || !spot => {
                Err(Reject::invalid("amount is only for MARKET orders on spot."))
            }
            (Some(_), None)
                if spot && !margin && new.kind == Kind::Market && new.side == Side::Buy =>
            {
                let message = "Amount is required for buy market orders when margin disabled.";
                Err(Reject::order(302_147, message))
            }
            (None, Some(_)) if !margin && new.side == Side::Sell => {
                let message = "Quantity is required for sell market orders when margin disabled.";
                Err(Reject::order(302_150, message))
            }
            (Some(quantity), None) => Ok(quantity),
            (None, Some(amount)) => {
                Ok(self.sweep(&new.symbol, new.side, None, Some(amount), None).quantity)
            }
        }
    }

    /// What an order freezes (spot), or whether its margin is there (perpetual).
    fn freeze(&mut self, new: &NewOrder, quantity: Decimal) -> Result<Decimal, Reject> {
        let spec = self.market(&new.symbol)?.spec.clone();
        let cost = match (new.price.filter(|_| new.kind.limited()), new.amount) {
            (Some(price), _) => mul(price, quantity),
            (None, Some(amount)) => amount,
            (None, None) => self.sweep(&new.symbol, new.side, Some(quantity), None, None).quote,
        };
        if spec.perpetual {
            // Also what the book cannot fill needs its margin.
            let mark = self.market(&new.symbol)?.mark();
            let cost = if new.kind.limited() { cost } else { cost.max(mul(quantity, mark)) };
            self.check_margin(new, quantity, cost)?;
            return Ok(Decimal::ZERO);
        }
        let (token, amount) = match new.side {
            Side::Buy => (spec.quote, cost),
            Side::Sell => (spec.base, quantity),
        };
        if self.available(new.account, &token) < amount {
            return Err(Reject::insufficient(&token));
        }
        self.change(new.account, &token, Decimal::ZERO, amount);
        Ok(amount)
    }

    fn check_margin(&self, new: &NewOrder, quantity: Decimal, cost: Decimal) -> Result<(), Reject> {
        if new.reduce_only || super::order::closes(new.position_side, new.side) {
            return Ok(());
        }
        // What only closes a position needs no margin.
        let closing = self.reducible(new.account, &new.symbol, new.position_side, new.side);
        let adds = sub(quantity, closing).max(Decimal::ZERO);
        let added = mul(cost, crate::money::div(adds, quantity));
        let margin = self.order_margin(new.account, &new.symbol, added);
        if margin > self.free_collateral(new.account) {
            let message = "Collateral is not sufficient to cover initial margin requirements under Spot & Futures.";
            return Err(Reject::order(302_170, message));
        }
        Ok(())
    }

    fn insert(&mut self, new: NewOrder, quantity: Decimal, frozen: Decimal, now: i64) -> u64 {
        self.last_order = self.last_order.saturating_add(1);
        let id = self.last_order;
        let spec = self.markets.get(&new.symbol).map(|market| &market.spec);
        let perpetual = spec.is_some_and(|spec| spec.perpetual);
        let fee_asset = spec.map(|spec| match new.side {
            Side::Buy if !perpetual => spec.base.clone(),
            _ => spec.quote.clone(),
        });
        let order = Order {
            id,
            client_id: new.client_id,
            account: new.account,
            symbol: new.symbol,
            perpetual,
            tag: new.tag,
            side: new.side,
            kind: new.kind,
            price: new.price.filter(|_| new.kind.limited()),
            quantity,
            amount: new.amount,
            visible: new.visible.unwrap_or(quantity),
            executed: Decimal::ZERO,
            quote_executed: Decimal::ZERO,
            fee: Decimal::ZERO,
            fee_asset: fee_asset.unwrap_or_default(),
            realized: Decimal::ZERO,
            status: Status::New,
            reduce_only: new.reduce_only,
            position_side: new.position_side,
            created_ms: now,
            updated_ms: now,
            frozen,
        };
        if let Some(state) = self.accounts.get_mut(new.account) {
            state.open.insert(id);
        }
        self.orders.insert(id, order);
        id
    }
}

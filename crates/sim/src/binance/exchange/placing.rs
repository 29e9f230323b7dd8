//! Placing one order: checks, count, lock, match.

use rust_decimal::Decimal;

use super::events::Happened;
use super::{Exchange, NewOrder, Order, Side, Status};
use crate::binance::money::mul;
use crate::binance::reject::Reject;

impl Exchange {
    /// Everything that can refuse an order before it is counted. Returns the
    /// quantity it would trade.
    pub(crate) fn check(&self, new: &NewOrder) -> Result<Decimal, Reject> {
        let quantity = self.quantity_of(new)?;
        self.check_filters(new, quantity)?;
        self.check_client_id(new)?;
        self.check_position(new)?;
        Ok(quantity)
    }

    /// The quantity asked for, or what a quote quantity buys or sells of the book.
    fn quantity_of(&self, new: &NewOrder) -> Result<Decimal, Reject> {
        if let Some(quantity) = new.quantity {
            return Ok(quantity);
        }
        let market = self.market(&new.symbol)?;
        let swept = self.sweep(&new.symbol, new.side, None, new.quote_quantity, None);
        if swept.quantity < market.spec.min_qty {
            let budget = new.quote_quantity.unwrap_or_default();
            return Err(if budget < market.spec.min_notional {
                Reject::filter("NOTIONAL")
            } else {
                Reject::order("Order book liquidity is less than symbol minimum quantity.")
            });
        }
        Ok(swept.quantity)
    }

    /// Counts orders against the account's limits, or refuses them.
    pub(crate) fn count(&mut self, account: usize, orders: u32, now: i64) -> Result<(), Reject> {
        let limits = self.options.limits.clone();
        let state = self.accounts.get_mut(account).ok_or_else(Reject::key_or_rights)?;
        state.counts.check(orders, &limits, now)
    }

    fn counted(&mut self, account: usize, orders: u32, now: i64) {
        if let Some(state) = self.accounts.get_mut(account) {
            state.counts.add(orders, now);
        }
    }

    /// Places an order. Returns its id; nothing is left behind on a refusal.
    pub(crate) fn place(&mut self, new: NewOrder, now: i64) -> Result<u64, Reject> {
        let quantity = self.check(&new)?;
        self.count(new.account, 1, now)?;
        let (asset, amount) = self.cost(&new, quantity)?;
        self.lock(new.account, &asset, amount, now)?;
        self.counted(new.account, 1, now);
        let symbol = new.symbol.clone();
        let id = self.insert(new, quantity, None, Status::New, now);
        if let Some(order) = self.orders.get_mut(&id) {
            order.locked = amount;
        }
        self.start(id, now);
        self.settle(now);
        self.replenish(&symbol);
        Ok(id)
    }

    /// Places the orders of a list, all refused or all accepted for counting.
    pub(super) fn count_list(
        &mut self,
        account: usize,
        orders: u32,
        now: i64,
    ) -> Result<(), Reject> {
        self.count(account, orders, now)?;
        self.counted(account, orders, now);
        Ok(())
    }

    /// What an order locks: asset and amount.
    pub(super) fn cost(
        &self,
        new: &NewOrder,
        quantity: Decimal,
    ) -> Result<(String, Decimal), Reject> {
        let spec = &self.market(&new.symbol)?.spec;
        if new.side == Side::Sell {
            return Ok((spec.base.clone(), quantity));
        }
        let amount = match (new.price.or(new.stop), new.quote_quantity) {
            (Some(price), _) => mul(price, quantity),
            (None, Some(budget)) => budget,
            (None, None) => self.sweep(&new.symbol, Side::Buy, Some(quantity), None, None).quote,
        };
        Ok((spec.quote.clone(), amount))
    }

    /// Enters an order into the exchange's memory.
    pub(super) fn insert(
        &mut self,
        new: NewOrder,
        quantity: Decimal,
        list: Option<u64>,
        status: Status,
        now: i64,
    ) -> u64 {
        self.last_order = self.last_order.saturating_add(1);
        let id = self.last_order;
        let client_id = new.client_id.unwrap_or_else(|| self.random.text(22));
        let order = Order {
            id,
            account: new.account,
            symbol: new.symbol,
            client_id,
            list,
            side: new.side,
            kind: new.kind,
            time_in_force: new.time_in_force,
            price: new.price.unwrap_or_default(),
            stop: new.stop,
            iceberg: new.iceberg,
            quantity,
            quote_quantity: new.quote_quantity.unwrap_or_default(),
            executed: Decimal::ZERO,
            quote_executed: Decimal::ZERO,
            status,
            prevention: new.prevention,
            strategy_id: new.strategy_id,
            strategy_type: new.strategy_type,
            placed_ms: now,
            updated_ms: now,
            working_ms: None,
            locked: Decimal::ZERO,
            fills: Vec::new(),
            cancel_id: None,
            amendments: Vec::new(),
        };
        if let Some(state) = self.accounts.get_mut(new.account) {
            state.open.insert(id);
        }
        self.orders.insert(id, order);
        if status == Status::PendingNew {
            self.report(id, &Happened::New, now);
        }
        id
    }

    /// Lets an accepted order work, or wait for its stop price.
    pub(super) fn start(&mut self, id: u64, now: i64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.status = Status::New;
        order.updated_ms = now;
        let waits = order.kind.waits();
        self.report(id, &Happened::New, now);
        let Some(order) = self.orders.get(&id) else { return };
        if waits {
            if let Some(market) = self.markets.get_mut(&order.symbol) {
                market.stops.insert(id);
            }
        } else {
            self.execute(id, now);
        }
    }
}

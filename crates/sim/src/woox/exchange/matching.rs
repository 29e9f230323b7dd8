//! Price-time matching, fills, fees, and what a finished order leaves behind.

use rust_decimal::Decimal;

use super::{Audience, Exchange, Kind, MyTrade, Side, Status};
use crate::money::{add, div, floor_to, mul, share_bps, sub};
use crate::woox::report;

/// Executions of one incoming order at most.
const MAX_MATCHES: usize = 5_000;

/// The best offer against an order.
struct Offer {
    price: Decimal,
    quantity: Decimal,
    /// The resting order; none for the seeded liquidity.
    order: Option<u64>,
}

/// What an order would take of the book.
pub(super) struct Sweep {
    pub(super) quantity: Decimal,
    pub(super) quote: Decimal,
}

impl Exchange {
    /// Matches an order that is not on the book, then rests or cancels the rest.
    pub(super) fn execute(&mut self, id: u64, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        let kind = order.kind;
        let whole = kind != Kind::Fok || self.fills_whole(id);
        let crosses = self.offer(id).is_some();
        if !whole || (kind == Kind::PostOnly && crosses) {
            // Accepted, then cancelled without a fill, as the vendor describes both.
            self.close(id, Status::Cancelled, now);
            return;
        }
        for _ in 0..MAX_MATCHES {
            let Some(order) = self.orders.get(&id) else { return };
            if !order.status.open() || order.remaining() <= Decimal::ZERO {
                break;
            }
            let Some(offer) = self.offer(id) else { break };
            let mut quantity = order.remaining().min(offer.quantity);
            if order.reduce_only || order.closes() {
                let (symbol, side) = (&order.symbol, order.side);
                quantity =
                    quantity.min(self.reducible(order.account, symbol, order.position_side, side));
            }
            if !order.perpetual && !order.kind.limited() && order.side == Side::Buy {
                // Without a limit price it pays from what was frozen, never more.
                let step = self.markets.get(&order.symbol).map(|m| m.spec.step).unwrap_or_default();
                quantity = quantity.min(floor_to(div(order.frozen, offer.price), step));
            }
            if quantity <= Decimal::ZERO {
                break;
            }
            self.trade(id, offer.order, offer.price, quantity, now);
        }
        self.rest_or_cancel(id, now);
    }

    fn fills_whole(&self, id: u64) -> bool {
        let Some(order) = self.orders.get(&id) else { return false };
        let remaining = order.remaining();
        let swept =
            self.sweep(&order.symbol, order.side, Some(remaining), None, order.price).quantity;
        swept >= remaining
    }

    /// The best offer that an order would take.
    fn offer(&self, id: u64) -> Option<Offer> {
        let order = self.orders.get(&id)?;
        let market = self.markets.get(&order.symbol)?;
        let side = order.side.opposite();
        let resting = market.book.best_order(side).and_then(|(price, maker)| {
            let quantity = self.orders.get(&maker)?.remaining();
            Some(Offer { price, quantity, order: Some(maker) })
        });
        let seeded = market.book.best_level(side);
        let seeded =
            seeded.map(|level| Offer { price: level.price, quantity: level.quantity, order: None });
        let best = match (resting, seeded) {
            (Some(a), Some(b)) => {
                let first = match side {
                    Side::Sell => a.price <= b.price,
                    Side::Buy => a.price >= b.price,
                };
                Some(if first { a } else { b })
            }
            (a, b) => a.or(b),
        }?;
        let crosses = order.price.is_none_or(|limit| match order.side {
            Side::Buy => best.price <= limit,
            Side::Sell => best.price >= limit,
        });
        crosses.then_some(best)
    }

    /// What taking from the book would give: up to a quantity, an amount, a limit.
    pub(super) fn sweep(
        &self,
        symbol: &str,
        side: Side,
        quantity: Option<Decimal>,
        amount: Option<Decimal>,
        limit: Option<Decimal>,
    ) -> Sweep {
        let mut swept = Sweep { quantity: Decimal::ZERO, quote: Decimal::ZERO };
        let Some(market) = self.markets.get(symbol) else { return swept };
        for (price, available) in self.levels(market, side.opposite(), MAX_MATCHES) {
            let beyond = limit.is_some_and(|limit| match side {
                Side::Buy => price > limit,
                Side::Sell => price < limit,
            });
            let mut take = available;
            if let Some(quantity) = quantity {
                take = take.min(sub(quantity, swept.quantity));
            }
            if let Some(amount) = amount {
                let left = div(sub(amount, swept.quote), price);
                take = take.min(floor_to(left, market.spec.step));
            }
            if beyond || take <= Decimal::ZERO {
                break;
            }
            swept.quantity = add(swept.quantity, take);
            swept.quote = add(swept.quote, mul(take, price));
        }
        swept
    }

    /// One execution between an incoming order and a resting one or the seeded liquidity.
    fn trade(
        &mut self,
        taker: u64,
        maker: Option<u64>,
        price: Decimal,
        quantity: Decimal,
        now: i64,
    ) {
        let Some(order) = self.orders.get(&taker) else { return };
        let (symbol, side) = (order.symbol.clone(), order.side);
        let keep = self.options.keep.trades;
        self.last_trade = self.last_trade.saturating_add(1);
        let Some(market) = self.markets.get_mut(&symbol) else { return };
        if maker.is_none() {
            market.book.take_seeded(side.opposite(), quantity);
        }
        let data = market.record(price, quantity, side, keep, now);
        self.push(Audience::Public, &format!("{symbol}@trade"), data, now);
        self.fill(taker, price, quantity, false, now);
        if let Some(maker) = maker {
            self.fill(maker, price, quantity, true, now);
        }
        self.moved.push_back(symbol);
    }

    /// Fills a resting order at its own price against the seeded liquidity.
    pub(crate) fn fill_resting(&mut self, id: u64, quantity: Option<Decimal>, now: i64) -> bool {
        let Some(order) = self.orders.get(&id) else { return false };
        let Some(price) = order.price.filter(|_| order.status.open()) else { return false };
        let mut quantity = quantity.unwrap_or(order.remaining()).min(order.remaining());
        if order.reduce_only || order.closes() {
            let (symbol, side) = (&order.symbol, order.side);
            let most = self.reducible(order.account, symbol, order.position_side, side);
            quantity = quantity.min(most);
        }
        if quantity <= Decimal::ZERO {
            self.close(id, Status::Cancelled, now);
            return true;
        }
        let (symbol, taker) = (order.symbol.clone(), order.side.opposite());
        self.last_trade = self.last_trade.saturating_add(1);
        let keep = self.options.keep.trades;
        if let Some(market) = self.markets.get_mut(&symbol) {
            let data = market.record(price, quantity, taker, keep, now);
            self.push(Audience::Public, &format!("{symbol}@trade"), data, now);
        }
        self.fill(id, price, quantity, true, now);
        self.moved.push_back(symbol);
        true
    }

    /// Books one execution on one order: balances or position, fee, status.
    fn fill(&mut self, id: u64, price: Decimal, quantity: Decimal, maker: bool, now: i64) {
        let Some(order) = self.orders.get(&id).cloned() else { return };
        let Some(spec) = self.markets.get(&order.symbol).map(|market| market.spec.clone()) else {
            return;
        };
        let fees = &self.options.fees;
        let bps = match (order.perpetual, maker) {
            (true, true) => fees.perp_maker_bps,
            (true, false) => fees.perp_taker_bps,
            (false, true) => fees.spot_maker_bps,
            (false, false) => fees.spot_taker_bps,
        };
        let notional = mul(price, quantity);
        let spot_buy = !order.perpetual && order.side == Side::Buy;
        let fee = share_bps(if spot_buy { quantity } else { notional }, bps);
        let account = order.account;
        let (mut realized, mut released) = (Decimal::ZERO, Decimal::ZERO);
        if order.perpetual {
            let signed =
                if order.side == Side::Buy { quantity } else { sub(Decimal::ZERO, quantity) };
            let place = (account, order.symbol.as_str(), order.position_side);
            realized = self.book_position(place, signed, price, fee, now);
            self.change(account, &spec.quote, sub(realized, fee), Decimal::ZERO);
        } else if spot_buy {
            // A limit order has its own price frozen; what it saved comes back.
            released = mul(order.price.unwrap_or(price), quantity);
            self.change(account, &spec.quote, sub(Decimal::ZERO, notional), -released);
            self.change(account, &spec.base, sub(quantity, fee), Decimal::ZERO);
        } else {
            released = quantity;
            self.change(account, &spec.base, sub(Decimal::ZERO, quantity), -released);
            self.change(account, &spec.quote, sub(notional, fee), Decimal::ZERO);
        }
        let trade = MyTrade {
            id: self.last_trade,
            order: id,
            client_id: order.client_id,
            tag: order.tag.clone(),
            symbol: order.symbol.clone(),
            side: order.side,
            price,
            quantity,
            fee,
            fee_asset: order.fee_asset.clone(),
            maker,
            realized,
            at_ms: now,
        };
        let keep = self.options.keep.trades;
        if let Some(state) = self.accounts.get_mut(account) {
            crate::woox::wallet::keep(&mut state.trades, trade.clone(), keep);
        }
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.executed = add(order.executed, quantity);
        order.quote_executed = add(order.quote_executed, notional);
        order.fee = add(order.fee, fee);
        order.realized = add(order.realized, realized);
        order.frozen = sub(order.frozen, released);
        order.updated_ms = now;
        let full = order.remaining() <= Decimal::ZERO;
        order.status = Status::PartialFilled;
        if full {
            self.end(id, Status::Filled, now);
        }
        self.report(id, Some(&trade), now);
        self.tell_balance(account, &spec.quote, now);
        if !spec.perpetual {
            self.tell_balance(account, &spec.base, now);
        } else {
            self.tell_position(account, &trade.symbol, now);
            self.drop_stale_reducers(account, &trade.symbol, now);
        }
    }

    /// Reduce-only orders that have nothing left to reduce are cancelled.
    fn drop_stale_reducers(&mut self, account: usize, symbol: &str, now: i64) {
        let Some(state) = self.accounts.get(account) else { return };
        let stale: Vec<u64> = state
            .open
            .iter()
            .filter_map(|id| self.orders.get(id))
            .filter(|order| order.symbol == symbol && (order.reduce_only || order.closes()))
            .filter(|order| {
                self.reducible(account, symbol, order.position_side, order.side).is_zero()
            })
            .map(|order| order.id)
            .collect();
        for id in stale {
            self.close(id, Status::Cancelled, now);
        }
    }

    /// Puts the rest of an order on the book, or ends it.
    fn rest_or_cancel(&mut self, id: u64, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        if !order.status.open() {
            return;
        }
        if !order.kind.rests() {
            // A market order by amount is done when what is left buys no step.
            let done = order.amount.is_some() && order.executed > Decimal::ZERO;
            self.close(id, if done { Status::Filled } else { Status::Cancelled }, now);
        } else if let Some(market) = self.markets.get_mut(&order.symbol) {
            market.rest(order);
        }
    }

    /// Ends an order and tells its account.
    pub(super) fn close(&mut self, id: u64, status: Status, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        if !order.status.open() {
            return;
        }
        let (account, symbol, spot) = (order.account, order.symbol.clone(), !order.perpetual);
        let side = order.side;
        self.end(id, status, now);
        self.report(id, None, now);
        if let (true, Some(spec)) = (spot, self.markets.get(&symbol).map(|m| m.spec.clone())) {
            let token = if side == Side::Buy { spec.quote } else { spec.base };
            self.tell_balance(account, &token, now);
        }
    }

    /// Ends an order: unfreezes the rest, takes it off the book, remembers it.
    fn end(&mut self, id: u64, status: Status, now: i64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.status = status;
        order.updated_ms = now;
        let frozen = std::mem::take(&mut order.frozen);
        let (account, side, perpetual) = (order.account, order.side, order.perpetual);
        if let Some(market) = self.markets.get_mut(&order.symbol) {
            market.remove(order);
            let token = match side {
                Side::Buy => market.spec.quote.clone(),
                Side::Sell => market.spec.base.clone(),
            };
            if !perpetual {
                self.change(account, &token, Decimal::ZERO, -frozen);
            }
        }
        if let Some(state) = self.accounts.get_mut(account) {
            state.open.remove(&id);
        }
        self.closed.push_back(id);
        if self.closed.len() > self.options.keep.closed_orders
            && let Some(oldest) = self.closed.pop_front()
        {
            self.orders.remove(&oldest);
        }
    }

    /// Tells an account about an order, with the fill that changed it.
    pub(super) fn report(&mut self, id: u64, trade: Option<&MyTrade>, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        let (account, data) = (order.account, report::execution(order, trade, now));
        self.push(Audience::Account(account), "executionreport", data, now);
    }
}

//! Price-time matching, fills, fees, and what a finished order leaves behind.

use rust_decimal::Decimal;

use super::events::Happened;
use super::order::Fill;
use super::{Event, Exchange, Kind, MyTrade, Prevention, PublicTrade, Side, Status, TimeInForce};
use crate::binance::money::{add, div, floor_to, mul, share_bps, sub};

/// Executions of one incoming order at most.
const MAX_MATCHES: usize = 5_000;

/// The best offer against an order.
struct Offer {
    price: Decimal,
    quantity: Decimal,
    /// The resting order; none for the seeded liquidity.
    order: Option<u64>,
}

/// What a market order would do to the book.
pub(super) struct Sweep {
    pub(super) quantity: Decimal,
    pub(super) quote: Decimal,
}

impl Exchange {
    /// Matches an accepted order, then rests or expires what is left.
    pub(super) fn execute(&mut self, id: u64, now: i64) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.working_ms = Some(now);
        }
        if self.cannot_fill_or_kill(id) {
            self.close(id, Status::Expired, now);
            return;
        }
        for _ in 0..MAX_MATCHES {
            let Some(order) = self.orders.get(&id) else { return };
            let (account, prevention) = (order.account, order.prevention);
            if !order.status.open() || order.remaining().is_zero() {
                break;
            }
            let Some(offer) = self.offer(id) else { break };
            let own = offer
                .order
                .and_then(|maker| self.orders.get(&maker))
                .is_some_and(|maker| maker.account == account);
            if let (Some(maker), true, true) = (offer.order, own, prevention != Prevention::None) {
                self.prevent(id, maker, prevention, now);
                continue;
            }
            if let Some(maker) = offer.order {
                self.claim(maker, now);
            }
            let Some(order) = self.orders.get(&id) else { return };
            let mut quantity = order.remaining().min(offer.quantity);
            if order.side == Side::Buy && !order.kind.limited() {
                // Without a limit price it pays from what was locked, never more.
                let step = self.markets.get(&order.symbol).map(|m| m.spec.step).unwrap_or_default();
                quantity = quantity.min(floor_to(div(order.locked, offer.price), step));
            }
            if quantity <= Decimal::ZERO {
                break;
            }
            self.trade(id, offer.order, offer.price, quantity, now);
        }
        self.rest_or_expire(id, now);
    }

    /// A fill-or-kill order that the book cannot fill whole.
    fn cannot_fill_or_kill(&self, id: u64) -> bool {
        let Some(order) = self.orders.get(&id) else { return true };
        if order.time_in_force != TimeInForce::Fok || !order.kind.limited() {
            return false;
        }
        let limit = Some(order.price);
        self.sweep(&order.symbol, order.side, Some(order.remaining()), None, limit).quantity
            < order.remaining()
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
        let seeded = market.book.best_level(side).map(|level| Offer {
            price: level.price,
            quantity: level.quantity,
            order: None,
        });
        let better = |a: &Offer, b: &Offer| match side {
            Side::Sell => a.price <= b.price,
            Side::Buy => a.price >= b.price,
        };
        let best = match (resting, seeded) {
            (Some(a), Some(b)) => Some(if better(&a, &b) { a } else { b }),
            (a, b) => a.or(b),
        }?;
        let crosses = !order.kind.limited()
            || match order.side {
                Side::Buy => best.price <= order.price,
                Side::Sell => best.price >= order.price,
            };
        crosses.then_some(best)
    }

    /// Self-trade prevention: expires one or both.
    fn prevent(&mut self, taker: u64, maker: u64, how: Prevention, now: i64) {
        if matches!(how, Prevention::ExpireMaker | Prevention::ExpireBoth) {
            self.close(maker, Status::ExpiredInMatch, now);
        }
        if matches!(how, Prevention::ExpireTaker | Prevention::ExpireBoth) {
            self.close(taker, Status::ExpiredInMatch, now);
        }
    }

    /// What taking from the book would give: up to a quantity or a quote budget.
    pub(super) fn sweep(
        &self,
        symbol: &str,
        side: Side,
        quantity: Option<Decimal>,
        budget: Option<Decimal>,
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
            if let Some(budget) = budget {
                let left = sub(budget, swept.quote);
                let affordable = left.checked_div(price).unwrap_or_default();
                take = take.min(floor_to(affordable, market.spec.step));
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
        let Some((symbol, side)) = self.orders.get(&taker).map(|o| (o.symbol.clone(), o.side))
        else {
            return;
        };
        self.last_trade = self.last_trade.saturating_add(1);
        let trade = PublicTrade {
            id: self.last_trade,
            price,
            quantity,
            at_ms: now,
            buyer_is_maker: side == Side::Sell,
        };
        let keep = self.options.keep.trades;
        self.report_trade(&symbol, &trade);
        if let Some(market) = self.markets.get_mut(&symbol) {
            if maker.is_none() {
                market.book.take_seeded(side.opposite(), quantity);
            }
            market.record(trade, keep);
        }
        self.fill(taker, price, quantity, false, now);
        if let Some(maker) = maker {
            self.fill(maker, price, quantity, true, now);
        }
        self.events.push_back(Event::Price(symbol));
    }

    /// Fills a resting order at its own price against the seeded liquidity.
    pub(crate) fn fill_resting(&mut self, id: u64, quantity: Option<Decimal>, now: i64) -> bool {
        self.claim(id, now);
        let Some(order) = self.orders.get(&id) else { return false };
        if !order.status.open() || order.working_ms.is_none() || !order.kind.limited() {
            return false;
        }
        let quantity = quantity.unwrap_or(order.remaining()).min(order.remaining());
        let (symbol, price) = (order.symbol.clone(), order.price);
        let buyer_is_maker = order.side == Side::Buy;
        self.last_trade = self.last_trade.saturating_add(1);
        let id_of_trade = self.last_trade;
        let trade = PublicTrade { id: id_of_trade, price, quantity, at_ms: now, buyer_is_maker };
        self.report_trade(&symbol, &trade);
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.record(trade, self.options.keep.trades);
        }
        self.fill(id, price, quantity, true, now);
        self.events.push_back(Event::Price(symbol));
        true
    }

    /// Books one execution on one order: balances, fee, status, count.
    fn fill(&mut self, id: u64, price: Decimal, quantity: Decimal, maker: bool, now: i64) {
        let fee_bps = if maker { self.options.maker_fee_bps } else { self.options.taker_fee_bps };
        let Some(order) = self.orders.get_mut(&id) else { return };
        let Some(market) = self.markets.get(&order.symbol) else { return };
        let (base, quote) = (market.spec.base.clone(), market.spec.quote.clone());
        let notional = mul(price, quantity);
        let first = order.executed.is_zero();
        order.executed = add(order.executed, quantity);
        order.quote_executed = add(order.quote_executed, notional);
        order.updated_ms = now;
        let full = order.remaining() <= Decimal::ZERO;
        if !full {
            order.status = Status::PartiallyFilled;
        }
        let (account, side) = (order.account, order.side);
        // A buy holds its limit price locked; what it saved comes back.
        let unit = if order.kind.limited() { order.price } else { price };
        let (held, got, got_asset) = match side {
            Side::Buy => (mul(unit, quantity), quantity, base.clone()),
            Side::Sell => (quantity, notional, quote.clone()),
        };
        order.locked = sub(order.locked, held);
        let commission = share_bps(got, fee_bps);
        let fill = Fill {
            price,
            quantity,
            commission,
            commission_asset: got_asset.clone(),
            trade: self.last_trade,
        };
        if order.fills.len() < MAX_MATCHES {
            order.fills.push(fill.clone());
        }
        let mine = MyTrade {
            id: self.last_trade,
            symbol: order.symbol.clone(),
            order: id,
            list: order.list,
            price,
            quantity,
            commission,
            commission_asset: got_asset.clone(),
            at_ms: now,
            buyer: side == Side::Buy,
            maker,
        };
        match side {
            Side::Buy => self.change(account, &quote, sub(held, notional), -held, now),
            Side::Sell => self.change(account, &base, Decimal::ZERO, -held, now),
        }
        self.change(account, &got_asset, sub(got, commission), Decimal::ZERO, now);
        let (keep, release) = (self.options.keep.trades, self.options.limits.fills_release_count);
        if let Some(state) = self.accounts.get_mut(account) {
            if first && release {
                state.counts.first_fill(maker, now);
            }
            if state.trades.len() >= keep.max(1) {
                state.trades.pop_front();
            }
            state.trades.push_back(mine);
        }
        self.report(id, &Happened::Traded { fill: &fill, maker, full }, now);
        if full {
            self.close(id, Status::Filled, now);
        }
    }

    /// Puts the rest of an order on the book, or ends it.
    fn rest_or_expire(&mut self, id: u64, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        if !order.status.open() {
            return;
        }
        let rests = order.kind.limited()
            && (order.time_in_force == TimeInForce::Gtc || order.kind == Kind::LimitMaker);
        if !rests {
            self.close(id, Status::Expired, now);
        } else if let Some(market) = self.markets.get_mut(&order.symbol) {
            market.book.rest(order.side, order.price, order.id);
        }
    }

    /// Ends an order: unlocks the rest, takes it off the book, remembers it.
    pub(super) fn close(&mut self, id: u64, status: Status, now: i64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        if !order.status.open() {
            return;
        }
        order.status = status;
        order.updated_ms = now;
        let (account, side, locked) = (order.account, order.side, order.locked);
        order.locked = Decimal::ZERO;
        let Some(market) = self.markets.get_mut(&order.symbol) else { return };
        market.remove(order.side, order.price, order.id);
        let asset = match side {
            Side::Buy => market.spec.quote.clone(),
            Side::Sell => market.spec.base.clone(),
        };
        self.change(account, &asset, locked, -locked, now);
        if let Some(state) = self.accounts.get_mut(account) {
            state.open.remove(&id);
        }
        self.closed.push_back(id);
        if self.closed.len() > self.options.keep.closed_orders
            && let Some(oldest) = self.closed.pop_front()
        {
            self.orders.remove(&oldest);
        }
        if status != Status::Filled {
            self.report(id, &Happened::Closed, now);
        }
        self.events.push_back(Event::Closed(id));
    }

    /// Sets off the stops that the last price has reached.
    pub(super) fn trigger_stops(&mut self, symbol: &str, now: i64) {
        let Some(market) = self.markets.get(symbol) else { return };
        let last = market.last;
        let reached = market.stops.iter().copied().find(|id| {
            self.orders.get(id).is_some_and(|order| {
                let stop = order.stop.unwrap_or_default();
                super::checks::reached(order.kind, order.side, stop, last)
            })
        });
        let Some(id) = reached else { return };
        self.claim(id, now);
        if let Some(market) = self.markets.get_mut(symbol) {
            market.stops.remove(&id);
        }
        self.run_triggered(id, now);
        // One at a time: each may move the price.
        self.events.push_back(Event::Price(symbol.to_owned()));
    }

    /// Lets a triggered order work; one without a limit price takes what it can pay.
    fn run_triggered(&mut self, id: u64, now: i64) {
        let Some(order) = self.orders.get(&id) else { return };
        if !order.kind.limited() && order.side == Side::Buy {
            let (account, held, quantity) = (order.account, order.locked, order.remaining());
            let cost = self.sweep(&order.symbol, Side::Buy, Some(quantity), None, None).quote;
            let Some(quote) = self.markets.get(&order.symbol).map(|m| m.spec.quote.clone()) else {
                return;
            };
            self.change(account, &quote, held, -held, now);
            let locked = self.lock(account, &quote, cost, now).is_ok();
            if let Some(order) = self.orders.get_mut(&id) {
                order.locked = if locked { cost } else { Decimal::ZERO };
            }
            if !locked {
                self.close(id, Status::Expired, now);
                return;
            }
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.working_ms = Some(now);
        }
        self.report(id, &Happened::New, now);
        self.execute(id, now);
    }
}

//! Price-time matching of futures orders, fills, fees, and what may only close.

use rust_decimal::Decimal;

use super::events::Happened;
use super::order::{Status, TimeInForce};
use super::{Futures, Income, MAX_STEPS, UserTrade};
use crate::binance::exchange::{Prevention, PublicTrade, Side};
use crate::binance::money::{SCALE, add, floor_to, mul, share_bps, sub};
use crate::binance::stream::outbox::ToldTrade;

/// Executions of one incoming order at most.
const MAX_MATCHES: usize = 5_000;

/// The best offer against an order.
struct Offer {
    price: Decimal,
    quantity: Decimal,
    /// The resting order; none for the seeded liquidity.
    order: Option<u64>,
}

impl Futures {
    /// What an order may still trade: what is left of it, and where it may only
    /// close, no more than there is to close.
    fn tradable(&self, id: u64) -> Decimal {
        let Some(order) = self.orders.get(&id) else { return Decimal::ZERO };
        let asked = &order.asked;
        if !asked.closes() {
            return order.remaining();
        }
        let position = self
            .accounts
            .get(asked.account)
            .map(|account| account.position(&asked.symbol, asked.position_side))
            .unwrap_or_default();
        order.remaining().min(position.reducible(asked.side))
    }

    /// Matches an order, then rests or ends what is left.
    pub(super) fn execute(&mut self, id: u64, now: i64) {
        for _ in 0..MAX_MATCHES {
            let Some(order) = self.orders.get(&id) else { return };
            if !order.status.open() {
                return;
            }
            let (account, prevention) = (order.asked.account, order.asked.prevention);
            let most = self.tradable(id);
            if most <= Decimal::ZERO {
                break;
            }
            let Some(offer) = self.offer(id) else { break };
            let Some(maker) = offer.order else {
                self.trade(id, None, offer.price, most.min(offer.quantity), now);
                continue;
            };
            let own = self.orders.get(&maker).is_some_and(|m| m.asked.account == account);
            if own && prevention != Prevention::None {
                if matches!(prevention, Prevention::ExpireMaker | Prevention::ExpireBoth) {
                    self.close(maker, Status::ExpiredInMatch, now);
                }
                if matches!(prevention, Prevention::ExpireTaker | Prevention::ExpireBoth) {
                    self.close(id, Status::ExpiredInMatch, now);
                }
                continue;
            }
            let quantity = most.min(offer.quantity).min(self.tradable(maker));
            if quantity <= Decimal::ZERO {
                // A resting order that has nothing left to close.
                self.close(maker, Status::Expired, now);
                continue;
            }
            self.trade(id, Some(maker), offer.price, quantity, now);
        }
        self.rest_or_end(id, now);
    }

    fn offer(&self, id: u64) -> Option<Offer> {
        let order = self.orders.get(&id)?;
        let market = self.markets.get(&order.asked.symbol)?;
        let side = order.asked.side.opposite();
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
        let crosses = !order.asked.kind.limited()
            || match order.asked.side {
                Side::Buy => best.price <= order.price,
                Side::Sell => best.price >= order.price,
            };
        crosses.then_some(best)
    }

    fn trade(
        &mut self,
        taker: u64,
        maker: Option<u64>,
        price: Decimal,
        quantity: Decimal,
        now: i64,
    ) {
        let Some(order) = self.orders.get(&taker) else { return };
        let (symbol, side) = (order.asked.symbol.clone(), order.asked.side);
        if maker.is_none()
            && let Some(market) = self.markets.get_mut(&symbol)
        {
            market.book.take_seeded(side.opposite(), quantity);
        }
        self.record_trade(&symbol, price, quantity, side == Side::Sell, now);
        self.fill(taker, price, quantity, false, now);
        if let Some(maker) = maker {
            self.fill(maker, price, quantity, true, now);
        }
    }

    fn record_trade(
        &mut self,
        symbol: &str,
        price: Decimal,
        quantity: Decimal,
        buyer_is_maker: bool,
        now: i64,
    ) {
        self.last_trade = self.last_trade.saturating_add(1);
        let (id, keep) = (self.last_trade, self.options.keep.trades);
        self.outbox.trade(|| ToldTrade {
            symbol: symbol.to_owned(),
            id,
            price,
            quantity,
            at_ms: now,
            buyer_is_maker,
        });
        if let Some(market) = self.markets.get_mut(symbol) {
            let trade = PublicTrade { id, price, quantity, at_ms: now, buyer_is_maker };
            market.record(trade, keep);
        }
        self.moved.push_back(symbol.to_owned());
    }

    /// Fills a resting order at its own price, as maker. False where there is
    /// no such order, or nothing that it may trade.
    pub(crate) fn fill_resting(&mut self, id: u64, quantity: Option<Decimal>, now: i64) -> bool {
        let most = self.tradable(id);
        let Some(order) = self.orders.get(&id) else { return false };
        if !order.status.open() || !order.asked.kind.limited() {
            return false;
        }
        let quantity = quantity.unwrap_or(most).min(most);
        if quantity <= Decimal::ZERO {
            self.close(id, Status::Expired, now);
            return false;
        }
        let (symbol, price, side) = (order.asked.symbol.clone(), order.price, order.asked.side);
        self.record_trade(&symbol, price, quantity, side == Side::Buy, now);
        self.fill(id, price, quantity, true, now);
        true
    }

    /// Books one execution on one order: position, fee, profit, status.
    fn fill(&mut self, id: u64, price: Decimal, quantity: Decimal, maker: bool, now: i64) {
        let options = &self.options.futures;
        let fee_bps = if maker { options.maker_fee_bps } else { options.taker_fee_bps };
        let keep = (self.options.keep.trades, self.options.keep.movements);
        let Some(order) = self.orders.get_mut(&id) else { return };
        let Some(market) = self.markets.get(&order.asked.symbol) else { return };
        let asset = market.spec.quote.clone();
        let notional = mul(price, quantity);
        order.executed = add(order.executed, quantity);
        order.quote_executed = add(order.quote_executed, notional);
        order.updated_ms = now;
        let full = order.remaining() <= Decimal::ZERO;
        order.status = if full { Status::Filled } else { Status::PartiallyFilled };
        let asked = order.asked.clone();
        let commission = share_bps(notional, fee_bps);
        let Some(account) = self.accounts.get(asked.account) else { return };
        let settings = self.settings(account, &asked.symbol);
        let (trade, transaction) = (self.last_trade, self.transaction_id());
        let Some(account) = self.accounts.get_mut(asked.account) else { return };
        let key = (asked.symbol.clone(), asked.position_side);
        let position = account.positions.entry(key).or_default();
        let filled = position.fill(asked.side, quantity, price, now);
        if settings.isolated {
            // Closing gives the share of the margin back, opening sets some aside.
            let back = mul(position.isolated_wallet, filled.closed_share);
            let leverage = Decimal::from(settings.leverage.max(1));
            let aside = crate::binance::money::div(mul(filled.opened, price), leverage);
            position.isolated_wallet =
                add(sub(position.isolated_wallet, back), aside).trunc_with_scale(SCALE);
        }
        account.credit(&asset, sub(filled.profit, commission), now);
        let income = |kind: &'static str, amount: Decimal| Income {
            symbol: asked.symbol.clone(),
            kind,
            asset: asset.clone(),
            amount,
            transaction,
            trade: Some(trade),
            at_ms: now,
        };
        if !filled.profit.is_zero() {
            account.note_income(income("REALIZED_PNL", filled.profit), keep.1);
        }
        account.note_income(income("COMMISSION", -commission), keep.1);
        if account.trades.len() >= keep.0.max(1) {
            account.trades.pop_front();
        }
        let mine = UserTrade {
            id: trade,
            symbol: asked.symbol.clone(),
            order: id,
            side: asked.side,
            position_side: asked.position_side,
            price,
            quantity,
            profit: filled.profit,
            commission,
            asset: asset.clone(),
            maker,
            at_ms: now,
        };
        account.trades.push_back(mine.clone());
        self.report_account(
            asked.account,
            "ORDER",
            &asset,
            &[(&asked.symbol, asked.position_side)],
            now,
        );
        self.report(id, &Happened::Traded(&mine), now);
        if full {
            self.forget_open(id);
        }
        self.end_orders_without_position(&asked, now);
    }

    /// Ends resting orders that may only close a position that is gone.
    fn end_orders_without_position(&mut self, asked: &super::order::NewOrder, now: i64) {
        let Some(account) = self.accounts.get(asked.account) else { return };
        let position = account.position(&asked.symbol, asked.position_side);
        let idle: Vec<u64> = account
            .open
            .iter()
            .copied()
            .filter(|id| {
                self.orders.get(id).is_some_and(|order| {
                    order.is_on(asked.account, &asked.symbol, asked.position_side)
                        && order.asked.closes()
                        && position.reducible(order.asked.side).is_zero()
                })
            })
            .collect();
        for id in idle {
            self.close(id, Status::Expired, now);
        }
        if position.amount.is_zero() {
            self.end_algos_without_position(asked, now);
        }
    }

    fn rest_or_end(&mut self, id: u64, now: i64) {
        let nothing = self.tradable(id).is_zero();
        let Some(order) = self.orders.get(&id) else { return };
        if !order.status.open() {
            return;
        }
        let stays = !matches!(order.asked.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if order.asked.kind.limited() && stays && !nothing {
            if let Some(market) = self.markets.get_mut(&order.asked.symbol) {
                market.book.rest(order.asked.side, order.price, id);
            }
        } else {
            self.close(id, Status::Expired, now);
        }
    }

    /// Ends an order, and tells its owner.
    pub(super) fn close(&mut self, id: u64, status: Status, now: i64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        if !order.status.open() {
            return;
        }
        order.status = status;
        order.updated_ms = now;
        self.report(id, &Happened::Closed, now);
        self.forget_open(id);
    }

    /// Takes an ended order off the book and remembers it among the closed ones.
    fn forget_open(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id) else { return };
        let asked = &order.asked;
        if let Some(market) = self.markets.get_mut(&asked.symbol) {
            market.remove(asked.side, order.price, id);
        }
        if let Some(account) = self.accounts.get_mut(asked.account) {
            account.open.remove(&id);
        }
        self.closed.push_back(id);
        if self.closed.len() > self.options.keep.closed_orders
            && let Some(oldest) = self.closed.pop_front()
        {
            self.orders.remove(&oldest);
        }
    }

    /// Fresh seeded liquidity around an unmoved price; it fills nobody.
    pub(super) fn replenish(&mut self, symbol: &str) {
        let maker = self.options.market_maker.clone();
        if let Some(market) = self.markets.get_mut(symbol) {
            market.set_levels(&maker);
            market.book.uncross();
        }
    }

    /// Moves a market's mid price; resting orders that it crosses are filled.
    pub(crate) fn set_price(&mut self, symbol: &str, price: Decimal, now: i64) -> bool {
        let maker = self.options.market_maker.clone();
        let Some(market) = self.markets.get_mut(symbol) else { return false };
        let price = floor_to(price, market.spec.tick);
        if price <= Decimal::ZERO {
            return false;
        }
        market.mid = price;
        let quantity = market.spec.min_qty;
        market.set_levels(&maker);
        self.record_trade(symbol, price, quantity, false, now);
        for side in [Side::Buy, Side::Sell] {
            for _ in 0..MAX_STEPS {
                let Some(market) = self.markets.get(symbol) else { break };
                let Some((resting, id)) = market.book.best_order(side) else { break };
                let Some(level) = market.book.best_level(side.opposite()) else { break };
                let crossed = match side {
                    Side::Buy => resting >= level.price,
                    Side::Sell => resting <= level.price,
                };
                if !crossed {
                    break;
                }
                self.fill_resting(id, None, now);
            }
        }
        self.settle(now);
        true
    }

    /// Sets the mark price apart from the mid price, or gives it back to it.
    pub(crate) fn set_mark(&mut self, symbol: &str, mark: Option<Decimal>, now: i64) {
        match mark {
            Some(mark) => self.marks.insert(symbol.to_owned(), mark),
            None => self.marks.remove(symbol),
        };
        self.moved.push_back(symbol.to_owned());
        self.settle(now);
    }

    /// One step of the random walk, in every market.
    pub(crate) fn walk(&mut self, now: i64) {
        let most = self.options.market_maker.walk_bps;
        let symbols: Vec<String> = self.markets.keys().cloned().collect();
        for symbol in symbols {
            let bps = self.random.around_zero(most.saturating_mul(100));
            let Some(mid) = self.markets.get(&symbol).map(|market| market.mid) else { continue };
            let part = crate::binance::money::div(Decimal::from(bps), Decimal::from(1_000_000));
            self.set_price(&symbol, mul(mid, add(Decimal::ONE, part)), now);
        }
    }

    /// Handles what the last change set off: conditional orders.
    pub(crate) fn settle(&mut self, now: i64) {
        for _ in 0..MAX_STEPS {
            let Some(symbol) = self.moved.pop_front() else { return };
            self.trigger_algos(&symbol, now);
        }
        self.moved.clear();
    }
}

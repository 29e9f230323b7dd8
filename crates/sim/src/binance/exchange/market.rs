//! One market: the resting orders, the seeded liquidity around a mid price,
//! and the trades.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;

use super::{Event, Exchange, Side};
use crate::binance::money::{add, div, floor_to, mul, sub};
use crate::binance::options::{Instrument, MarketMaker};

/// A trade as the public sees it.
#[derive(Debug, Clone)]
pub(crate) struct PublicTrade {
    pub(crate) id: u64,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) at_ms: i64,
    pub(crate) buyer_is_maker: bool,
}

/// A price level of the seeded liquidity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
}

/// A market.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) spec: Instrument,
    pub(crate) mid: Decimal,
    pub(crate) last: Decimal,
    pub(crate) opened_ms: i64,
    pub(crate) trades: VecDeque<PublicTrade>,
    pub(crate) updates: u64,
    pub(crate) bids: BTreeMap<(Reverse<Decimal>, u64), u64>,
    pub(crate) asks: BTreeMap<(Decimal, u64), u64>,
    pub(crate) stops: BTreeSet<u64>,
    pub(crate) maker_bids: VecDeque<Level>,
    pub(crate) maker_asks: VecDeque<Level>,
}

impl Market {
    pub(crate) fn new(spec: Instrument, now: i64) -> Self {
        Self {
            mid: spec.price,
            last: spec.price,
            opened_ms: now,
            trades: VecDeque::new(),
            updates: 1_000_000,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            stops: BTreeSet::new(),
            maker_bids: VecDeque::new(),
            maker_asks: VecDeque::new(),
            spec,
        }
    }

    /// Puts an order on the book, in price-time priority (ids rise with time).
    pub(crate) fn rest(&mut self, side: Side, price: Decimal, id: u64) {
        match side {
            Side::Buy => self.bids.insert((Reverse(price), id), id),
            Side::Sell => self.asks.insert((price, id), id),
        };
        self.updates = self.updates.saturating_add(1);
    }

    /// Takes an order off the book and off the waiting stops.
    pub(crate) fn remove(&mut self, side: Side, price: Decimal, id: u64) {
        match side {
            Side::Buy => self.bids.remove(&(Reverse(price), id)),
            Side::Sell => self.asks.remove(&(price, id)),
        };
        self.stops.remove(&id);
        self.updates = self.updates.saturating_add(1);
    }

    /// The best resting order of a side: price and id.
    pub(crate) fn best_order(&self, side: Side) -> Option<(Decimal, u64)> {
        match side {
            Side::Buy => self.bids.first_key_value().map(|((price, _), id)| (price.0, *id)),
            Side::Sell => self.asks.first_key_value().map(|((price, _), id)| (*price, *id)),
        }
    }

    pub(crate) fn maker_side(&mut self, side: Side) -> &mut VecDeque<Level> {
        match side {
            Side::Buy => &mut self.maker_bids,
            Side::Sell => &mut self.maker_asks,
        }
    }

    pub(crate) fn best_level(&self, side: Side) -> Option<Level> {
        match side {
            Side::Buy => self.maker_bids.front().copied(),
            Side::Sell => self.maker_asks.front().copied(),
        }
    }

    /// The best price of a side of the book.
    pub(crate) fn best_price(&self, side: Side) -> Option<Decimal> {
        let order = self.best_order(side).map(|(price, _)| price);
        let level = self.best_level(side).map(|level| level.price);
        match (order, level, side) {
            (Some(a), Some(b), Side::Buy) => Some(a.max(b)),
            (Some(a), Some(b), Side::Sell) => Some(a.min(b)),
            (a, b, _) => a.or(b),
        }
    }

    /// Records a trade, keeping at most `keep`.
    pub(crate) fn record(&mut self, trade: PublicTrade, keep: usize) {
        self.last = trade.price;
        self.updates = self.updates.saturating_add(1);
        if self.trades.len() >= keep.max(1) {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
    }

    /// Sets the seeded levels anew around the mid price.
    pub(crate) fn set_levels(&mut self, maker: &MarketMaker) {
        self.maker_bids.clear();
        self.maker_asks.clear();
        let share = |bps: Decimal| div(mul(self.mid, bps), Decimal::from(10_000));
        let tick = self.spec.tick;
        let million = div(Decimal::from(1_000_000), self.mid);
        let wanted = div(mul(million, Decimal::from(maker.level_percent)), Decimal::ONE_HUNDRED);
        let quantity = floor_to(wanted, self.spec.step).clamp(self.spec.min_qty, self.spec.max_qty);
        for level in 0..maker.levels {
            let away = add(maker.half_spread_bps, mul(maker.gap_bps, Decimal::from(level)));
            let ticks = mul(tick, Decimal::from(level));
            let base = floor_to(sub(self.mid, share(maker.half_spread_bps)), tick);
            let bid = floor_to(sub(self.mid, share(away)), tick).min(sub(base, ticks));
            let ask = add(self.mid, sub(self.mid, bid));
            if bid > Decimal::ZERO {
                self.maker_bids.push_back(Level { price: bid, quantity });
            }
            self.maker_asks.push_back(Level { price: ask, quantity });
        }
        self.updates = self.updates.saturating_add(1);
    }
}

impl Market {
    /// Aggregated levels of a side, best first; `resting` gives price and
    /// remaining quantity of an order.
    pub(crate) fn levels(
        &self,
        side: Side,
        most: usize,
        resting: impl Fn(u64) -> Option<(Decimal, Decimal)>,
    ) -> Vec<(Decimal, Decimal)> {
        let ids: Box<dyn Iterator<Item = u64>> = match side {
            Side::Buy => Box::new(self.bids.values().copied()),
            Side::Sell => Box::new(self.asks.values().copied()),
        };
        let makers = match side {
            Side::Buy => &self.maker_bids,
            Side::Sell => &self.maker_asks,
        };
        let mut sum: BTreeMap<Decimal, Decimal> = BTreeMap::new();
        for (price, quantity) in ids.take(most).filter_map(resting) {
            let level = sum.entry(price).or_default();
            *level = add(*level, quantity);
        }
        for maker in makers.iter().take(most) {
            let level = sum.entry(maker.price).or_default();
            *level = add(*level, maker.quantity);
        }
        match side {
            Side::Buy => sum.into_iter().rev().take(most).collect(),
            Side::Sell => sum.into_iter().take(most).collect(),
        }
    }

    /// Takes away the seeded levels that would cross a resting order.
    pub(crate) fn uncross_levels(&mut self) {
        if let Some((bid, _)) = self.best_order(Side::Buy) {
            self.maker_asks.retain(|level| level.price > bid);
        }
        if let Some((ask, _)) = self.best_order(Side::Sell) {
            self.maker_bids.retain(|level| level.price < ask);
        }
    }

    /// Takes a quantity off the best seeded level of a side.
    pub(crate) fn take_from_level(&mut self, side: Side, quantity: Decimal) {
        let levels = self.maker_side(side);
        if let Some(level) = levels.front_mut() {
            level.quantity = sub(level.quantity, quantity);
            if level.quantity <= Decimal::ZERO {
                levels.pop_front();
            }
        }
    }
}

impl Exchange {
    /// Aggregated levels of a side, best first.
    pub(crate) fn levels(
        &self,
        market: &Market,
        side: Side,
        most: usize,
    ) -> Vec<(Decimal, Decimal)> {
        market.levels(side, most, |id| {
            self.orders.get(&id).map(|order| (order.price, order.remaining()))
        })
    }

    /// Fresh seeded liquidity around an unmoved mid price, without the levels
    /// that would cross a resting order: replenishing fills nobody.
    pub(crate) fn replenish(&mut self, symbol: &str) {
        let maker = self.options.market_maker.clone();
        let Some(market) = self.markets.get_mut(symbol) else { return };
        market.set_levels(&maker);
        market.uncross_levels();
    }

    /// Fresh seeded liquidity around a moved mid price; resting orders that it
    /// crosses are filled at their own price.
    fn requote(&mut self, symbol: &str, now: i64) {
        let maker = self.options.market_maker.clone();
        let Some(market) = self.markets.get_mut(symbol) else { return };
        market.set_levels(&maker);
        for side in [Side::Buy, Side::Sell] {
            self.fill_crossed(symbol, side, now);
        }
    }

    /// Fills the resting orders of a side that the seeded liquidity crosses.
    fn fill_crossed(&mut self, symbol: &str, side: Side, now: i64) {
        for _ in 0..super::MAX_EVENTS {
            let Some(market) = self.markets.get(symbol) else { return };
            let Some((price, id)) = market.best_order(side) else { return };
            let Some(level) = market.best_level(side.opposite()) else { return };
            let crossed = match side {
                Side::Buy => price >= level.price,
                Side::Sell => price <= level.price,
            };
            if !crossed {
                return;
            }
            self.fill_resting(id, None, now);
        }
    }

    /// Moves the mid price and quotes anew.
    pub(crate) fn set_price(&mut self, symbol: &str, price: Decimal, now: i64) -> bool {
        let Some(market) = self.markets.get_mut(symbol) else { return false };
        let price = floor_to(price, market.spec.tick);
        if price <= Decimal::ZERO {
            return false;
        }
        market.mid = price;
        let trade = PublicTrade {
            id: self.last_trade.saturating_add(1),
            price,
            quantity: market.spec.min_qty,
            at_ms: now,
            buyer_is_maker: false,
        };
        self.last_trade = trade.id;
        let told = trade.clone();
        market.record(trade, self.options.keep.trades);
        self.report_trade(symbol, &told);
        self.events.push_back(Event::Price(symbol.to_owned()));
        self.requote(symbol, now);
        self.settle(now);
        true
    }

    /// One step of the random walk, in every market.
    pub(crate) fn walk(&mut self, now: i64) {
        let most = self.options.market_maker.walk_bps;
        let symbols: Vec<String> = self.markets.keys().cloned().collect();
        for symbol in symbols {
            let bps = self.random.around_zero(most.saturating_mul(100));
            let Some(mid) = self.markets.get(&symbol).map(|market| market.mid) else { continue };
            let factor = add(Decimal::ONE, div(Decimal::from(bps), Decimal::from(1_000_000)));
            self.set_price(&symbol, mul(mid, factor), now);
        }
    }
}

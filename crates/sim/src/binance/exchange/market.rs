//! One market: the resting orders, the seeded liquidity around a mid price,
//! and the trades.

use std::collections::{BTreeSet, VecDeque};

use rust_decimal::Decimal;

use super::{Event, Exchange, Side};
use crate::binance::options::{Instrument, MarketMaker};
use crate::book::{Book, Grid};
use crate::money::{add, div, floor_to, mul};

/// A trade as the public sees it.
#[derive(Debug, Clone)]
pub(crate) struct PublicTrade {
    pub(crate) id: u64,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) at_ms: i64,
    pub(crate) buyer_is_maker: bool,
}

/// A market.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) spec: Instrument,
    pub(crate) mid: Decimal,
    pub(crate) last: Decimal,
    pub(crate) opened_ms: i64,
    pub(crate) trades: VecDeque<PublicTrade>,
    pub(crate) book: Book,
    pub(crate) stops: BTreeSet<u64>,
}

impl Market {
    pub(crate) fn new(spec: Instrument, now: i64) -> Self {
        Self {
            mid: spec.price,
            last: spec.price,
            opened_ms: now,
            trades: VecDeque::new(),
            book: Book::new(1_000_000),
            stops: BTreeSet::new(),
            spec,
        }
    }

    /// Takes an order off the book and off the waiting stops.
    pub(crate) fn remove(&mut self, side: Side, price: Decimal, id: u64) {
        self.book.remove(side, price, id);
        self.stops.remove(&id);
    }

    /// Records a trade, keeping at most `keep`.
    pub(crate) fn record(&mut self, trade: PublicTrade, keep: usize) {
        self.last = trade.price;
        self.book.touch();
        if self.trades.len() >= keep.max(1) {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
    }

    /// Sets the seeded levels anew around the mid price.
    pub(crate) fn set_levels(&mut self, maker: &MarketMaker) {
        let spec = &self.spec;
        let grid =
            Grid { tick: spec.tick, step: spec.step, min_qty: spec.min_qty, max_qty: spec.max_qty };
        self.book.seed(self.mid, &grid, maker);
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
        market.book.levels(side, most, |id| {
            self.orders.get(&id).map(|order| (order.price, order.remaining()))
        })
    }

    /// Fresh seeded liquidity around an unmoved mid price, without the levels
    /// that would cross a resting order: replenishing fills nobody.
    pub(crate) fn replenish(&mut self, symbol: &str) {
        let maker = self.options.market_maker.clone();
        let Some(market) = self.markets.get_mut(symbol) else { return };
        market.set_levels(&maker);
        market.book.uncross();
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
            let Some(id) = market.book.crossed(side) else { return };
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

//! One market: its book, its trades, its candles, and its funding rate.

use std::collections::VecDeque;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Exchange, Order, Side};
use crate::book::{Book, Grid};
use crate::money::{add, mul};
use crate::woox::options::Instrument;
use crate::woox::report::number;

/// A trade as the public sees it; the side is the taker's.
#[derive(Debug, Clone)]
pub(crate) struct PublicTrade {
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) side: Side,
    pub(crate) at_ms: i64,
}

/// One funding of the past.
#[derive(Debug, Clone)]
pub(crate) struct PastFunding {
    pub(crate) rate: Decimal,
    pub(crate) mark: Decimal,
    pub(crate) at_ms: i64,
}

/// Open, high, low, close and volumes of a span.
#[derive(Debug, Clone)]
pub(crate) struct Candle {
    pub(crate) start_ms: i64,
    pub(crate) open: Decimal,
    pub(crate) high: Decimal,
    pub(crate) low: Decimal,
    pub(crate) close: Decimal,
    pub(crate) volume: Decimal,
    pub(crate) amount: Decimal,
    pub(crate) count: u64,
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
    pub(crate) funding_rate: Decimal,
    pub(crate) fundings: VecDeque<PastFunding>,
}

impl Market {
    pub(super) fn new(spec: Instrument, funding_rate: Decimal, now: i64) -> Self {
        Self {
            mid: spec.price,
            last: spec.price,
            opened_ms: now,
            trades: VecDeque::new(),
            book: Book::new(0),
            funding_rate,
            fundings: VecDeque::new(),
            spec,
        }
    }

    /// The mark price: here the mid price.
    pub(crate) fn mark(&self) -> Decimal {
        self.mid
    }

    pub(super) fn rest(&mut self, order: &Order) {
        self.book.rest(order.side, order.price.unwrap_or_default(), order.id);
    }

    pub(super) fn remove(&mut self, order: &Order) {
        self.book.remove(order.side, order.price.unwrap_or_default(), order.id);
    }

    /// Records a trade, keeping at most `keep`. Returns what the `trade` topic says.
    pub(super) fn record(
        &mut self,
        price: Decimal,
        quantity: Decimal,
        side: Side,
        keep: usize,
        now: i64,
    ) -> Value {
        self.last = price;
        self.book.touch();
        if self.trades.len() >= keep.max(1) {
            self.trades.pop_front();
        }
        self.trades.push_back(PublicTrade { price, quantity, side, at_ms: now });
        json!({
            "symbol": self.spec.symbol,
            "price": number(price),
            "size": number(quantity),
            "side": side.word(),
            "source": 0,
        })
    }

    pub(super) fn funded(&mut self, at_ms: i64, mark: Decimal, keep: usize) {
        if self.fundings.len() >= keep.max(1) {
            self.fundings.pop_front();
        }
        self.fundings.push_back(PastFunding { rate: self.funding_rate, mark, at_ms });
    }

    /// The candle of the trades since a time; flat where there were none.
    pub(crate) fn candle(&self, start_ms: i64, end_ms: i64) -> Candle {
        let before = self.trades.iter().rev().find(|trade| trade.at_ms < start_ms);
        let open = before.map_or(self.spec.price, |trade| trade.price);
        let mut candle = Candle {
            start_ms,
            open,
            high: open,
            low: open,
            close: open,
            volume: Decimal::ZERO,
            amount: Decimal::ZERO,
            count: 0,
        };
        let inside = |trade: &&PublicTrade| (start_ms..end_ms).contains(&trade.at_ms);
        for trade in self.trades.iter().filter(inside) {
            if candle.count == 0 {
                (candle.open, candle.high, candle.low) = (trade.price, trade.price, trade.price);
            }
            candle.high = candle.high.max(trade.price);
            candle.low = candle.low.min(trade.price);
            candle.close = trade.price;
            candle.volume = add(candle.volume, trade.quantity);
            candle.amount = add(candle.amount, mul(trade.quantity, trade.price));
            candle.count = candle.count.saturating_add(1);
        }
        candle
    }

    /// Sets the seeded levels anew around the mid price.
    fn set_levels(&mut self, maker: &crate::book::MarketMaker) {
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
            let order = self.orders.get(&id)?;
            Some((order.price.unwrap_or_default(), order.remaining()))
        })
    }

    /// Fresh seeded liquidity around an unmoved mid price: fills nobody.
    pub(super) fn replenish(&mut self, symbol: &str) {
        let options = self.options.clone();
        let Some(market) = self.markets.get_mut(symbol) else { return };
        market.set_levels(&options.market_maker);
        market.book.uncross();
    }

    /// Fresh seeded liquidity around a moved mid price; resting orders that it
    /// crosses are filled at their own price.
    pub(super) fn requote(&mut self, symbol: &str, now: i64) {
        let options = self.options.clone();
        let Some(market) = self.markets.get_mut(symbol) else { return };
        market.set_levels(&options.market_maker);
        for side in [Side::Buy, Side::Sell] {
            for _ in 0..super::MAX_EVENTS {
                let crossed = self.markets.get(symbol).and_then(|m| m.book.crossed(side));
                let Some(id) = crossed else { break };
                if !self.fill_resting(id, None, now) {
                    break;
                }
            }
        }
    }
}

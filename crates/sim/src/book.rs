//! The book of one market, without a venue's words: resting orders in
//! price-time priority, and seeded liquidity around a mid price.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rust_decimal::Decimal;

use crate::money::{add, div, floor_to, mul, sub};

/// Which way an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    /// The word on the wire; the venues here agree on it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// The side of a word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "BUY" => Some(Self::Buy),
            "SELL" => Some(Self::Sell),
            _ => None,
        }
    }

    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// The seeded liquidity: levels on both sides of a mid price.
#[derive(Debug, Clone)]
pub struct MarketMaker {
    /// Levels a side; zero leaves the book to the accounts.
    pub levels: u32,
    /// Distance of the first level from the mid price, in basis points.
    pub half_spread_bps: Decimal,
    /// Distance between levels, in basis points.
    pub gap_bps: Decimal,
    /// Base quantity of a level, as a share of 1 quote-million over the price, in percent.
    pub level_percent: u32,
    /// How often the mid price moves by itself; never where absent.
    pub walk_every: Option<Duration>,
    /// Largest move of one step, in basis points.
    pub walk_bps: u32,
}

impl Default for MarketMaker {
    fn default() -> Self {
        Self {
            levels: 20,
            half_spread_bps: Decimal::new(5, 1),
            gap_bps: Decimal::ONE,
            level_percent: 5,
            walk_every: None,
            walk_bps: 3,
        }
    }
}

/// A price level of the seeded liquidity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
}

/// The steps and sizes that seeded levels keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) tick: Decimal,
    pub(crate) step: Decimal,
    pub(crate) min_qty: Decimal,
    pub(crate) max_qty: Decimal,
}

/// The book. Order ids rise with time, so they stand for it.
#[derive(Debug, Default)]
pub(crate) struct Book {
    bids: BTreeMap<(Reverse<Decimal>, u64), u64>,
    asks: BTreeMap<(Decimal, u64), u64>,
    maker_bids: VecDeque<Level>,
    maker_asks: VecDeque<Level>,
    /// Rises with every change.
    pub(crate) updates: u64,
}

impl Book {
    pub(crate) fn new(updates: u64) -> Self {
        Self { updates, ..Self::default() }
    }

    /// Notes a change.
    pub(crate) fn touch(&mut self) {
        self.updates = self.updates.saturating_add(1);
    }

    /// Puts an order on the book.
    pub(crate) fn rest(&mut self, side: Side, price: Decimal, id: u64) {
        match side {
            Side::Buy => self.bids.insert((Reverse(price), id), id),
            Side::Sell => self.asks.insert((price, id), id),
        };
        self.touch();
    }

    /// Takes an order off the book.
    pub(crate) fn remove(&mut self, side: Side, price: Decimal, id: u64) {
        match side {
            Side::Buy => self.bids.remove(&(Reverse(price), id)),
            Side::Sell => self.asks.remove(&(price, id)),
        };
        self.touch();
    }

    /// The resting orders of a side, best first.
    pub(crate) fn orders(&self, side: Side) -> Box<dyn Iterator<Item = u64> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.values().copied()),
            Side::Sell => Box::new(self.asks.values().copied()),
        }
    }

    /// The best resting order of a side: price and id.
    pub(crate) fn best_order(&self, side: Side) -> Option<(Decimal, u64)> {
        match side {
            Side::Buy => self.bids.first_key_value().map(|((price, _), id)| (price.0, *id)),
            Side::Sell => self.asks.first_key_value().map(|((price, _), id)| (*price, *id)),
        }
    }

    /// The seeded levels of a side, best first.
    pub(crate) fn makers(&self, side: Side) -> &VecDeque<Level> {
        match side {
            Side::Buy => &self.maker_bids,
            Side::Sell => &self.maker_asks,
        }
    }

    /// Takes from the best seeded level of a side.
    pub(crate) fn take_seeded(&mut self, side: Side, quantity: Decimal) {
        let levels = match side {
            Side::Buy => &mut self.maker_bids,
            Side::Sell => &mut self.maker_asks,
        };
        if let Some(level) = levels.front_mut() {
            level.quantity = sub(level.quantity, quantity);
            if level.quantity <= Decimal::ZERO {
                levels.pop_front();
            }
        }
    }

    /// The best seeded level of a side.
    pub(crate) fn best_level(&self, side: Side) -> Option<Level> {
        self.makers(side).front().copied()
    }

    /// The best price of a side.
    pub(crate) fn best_price(&self, side: Side) -> Option<Decimal> {
        let order = self.best_order(side).map(|(price, _)| price);
        let level = self.best_level(side).map(|level| level.price);
        match (order, level, side) {
            (Some(a), Some(b), Side::Buy) => Some(a.max(b)),
            (Some(a), Some(b), Side::Sell) => Some(a.min(b)),
            (a, b, _) => a.or(b),
        }
    }

    /// The best resting order that the seeded liquidity crosses, if one is.
    pub(crate) fn crossed(&self, side: Side) -> Option<u64> {
        let (price, id) = self.best_order(side)?;
        let level = self.best_level(side.opposite())?;
        let crossed = match side {
            Side::Buy => price >= level.price,
            Side::Sell => price <= level.price,
        };
        crossed.then_some(id)
    }

    /// Sets the seeded levels anew around a mid price.
    pub(crate) fn seed(&mut self, mid: Decimal, grid: &Grid, maker: &MarketMaker) {
        self.maker_bids.clear();
        self.maker_asks.clear();
        let share = |bps: Decimal| div(mul(mid, bps), Decimal::from(10_000));
        let million = div(Decimal::from(1_000_000), mid);
        let wanted = div(mul(million, Decimal::from(maker.level_percent)), Decimal::ONE_HUNDRED);
        let quantity = floor_to(wanted, grid.step).clamp(grid.min_qty, grid.max_qty);
        for level in 0..maker.levels {
            let away = add(maker.half_spread_bps, mul(maker.gap_bps, Decimal::from(level)));
            let ticks = mul(grid.tick, Decimal::from(level));
            let base = floor_to(sub(mid, share(maker.half_spread_bps)), grid.tick);
            let bid = floor_to(sub(mid, share(away)), grid.tick).min(sub(base, ticks));
            let ask = add(mid, sub(mid, bid));
            if bid > Decimal::ZERO {
                self.maker_bids.push_back(Level { price: bid, quantity });
            }
            self.maker_asks.push_back(Level { price: ask, quantity });
        }
        self.touch();
    }

    /// Drops the seeded levels that would cross a resting order.
    pub(crate) fn uncross(&mut self) {
        if let Some((bid, _)) = self.best_order(Side::Buy) {
            self.maker_asks.retain(|level| level.price > bid);
        }
        if let Some((ask, _)) = self.best_order(Side::Sell) {
            self.maker_bids.retain(|level| level.price < ask);
        }
    }

    /// Aggregated levels of a side, best first; `order` gives an order's price
    /// and what remains of it.
    pub(crate) fn levels(
        &self,
        side: Side,
        most: usize,
        order: impl Fn(u64) -> Option<(Decimal, Decimal)>,
    ) -> Vec<(Decimal, Decimal)> {
        let mut sum: BTreeMap<Decimal, Decimal> = BTreeMap::new();
        let resting = self.orders(side).take(most).filter_map(order);
        let seeded = self.makers(side).iter().take(most).map(|level| (level.price, level.quantity));
        for (price, quantity) in resting.chain(seeded) {
            let level = sum.entry(price).or_default();
            *level = add(*level, quantity);
        }
        match side {
            Side::Buy => sum.into_iter().rev().take(most).collect(),
            Side::Sell => sum.into_iter().take(most).collect(),
        }
    }
}

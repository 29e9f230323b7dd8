//! What a bot has won or lost since it is known, from its fills and the
//! prices seen since: the equity that the drawdown of a day is measured on.
//!
//! Fees and funding are not in it. A position is marked at the less favourable
//! of the market's price and its slow price, so that a thief who moves a thin
//! market does not look like a profit.

use wire::model::{Decimal, Side};

use super::look::{Look, Order, fingerprint};
use crate::bounds;
use crate::counters::Window;
use crate::money;
use crate::time::UnixNanos;

/// What one order filled since it was booked last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) side: Side,
    /// Base quantity, asset units.
    pub(crate) base: Decimal,
    /// What it was worth, micro-USD.
    pub(crate) micro_usd: u64,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    market: u64,
    base: Decimal,
    /// Micro-USD received minus spent.
    cash: i64,
    /// USD per unit of base; none until a price was seen.
    mark: Option<Decimal>,
    at: UnixNanos,
}

impl Position {
    fn equity(&self) -> i64 {
        let Some(mark) = self.mark else { return 0 };
        let worth = self.base.abs().checked_mul(mark).and_then(money::millionths_up);
        // What does not fit counts against the bot.
        let Some(worth) = worth else { return i64::MIN / 4 };
        let signed = if self.base.is_sign_negative() { -worth } else { worth };
        self.cash.saturating_add(signed)
    }
}

/// The profit of one bot.
#[derive(Clone, Debug)]
pub(super) struct Profit {
    positions: Vec<Position>,
    /// Of positions that are no longer kept one by one, micro-USD.
    realised: i64,
    /// The best equity of the UTC day, and the day.
    peak: i64,
    day: u64,
    /// Adverse prices of orders of the last minute, whose fills may not have
    /// been told yet, micro-USD.
    expected: Window,
}

impl Default for Profit {
    fn default() -> Self {
        Self { positions: Vec::new(), realised: 0, peak: 0, day: 0, expected: Window::minute() }
    }
}

impl Profit {
    /// Won since it is known, micro-USD.
    pub(super) fn equity(&self) -> i64 {
        self.positions.iter().fold(self.realised, |sum, one| sum.saturating_add(one.equity()))
    }

    /// Books a fill.
    pub(super) fn fill(&mut self, market: &str, fill: &Fill, now: UnixNanos) {
        let id = fingerprint(&[market.as_bytes()]);
        self.begin_day(now);
        self.make_room(id);
        let worth = i64::try_from(fill.micro_usd).unwrap_or(i64::MAX);
        let price = Decimal::from_i128_with_scale(i128::from(worth), 6).checked_div(fill.base);
        let at = self.positions.iter().position(|one| one.market == id);
        let at = at.unwrap_or_else(|| {
            let new = Position { market: id, base: Decimal::ZERO, cash: 0, mark: price, at: now };
            self.positions.push(new);
            self.positions.len() - 1
        });
        let Some(position) = self.positions.get_mut(at) else { return };
        let (base, cash) = match fill.side {
            Side::Buy => (position.base.checked_add(fill.base), position.cash.checked_sub(worth)),
            Side::Sell => (position.base.checked_sub(fill.base), position.cash.checked_add(worth)),
        };
        if let (Some(base), Some(cash)) = (base, cash) {
            (position.base, position.cash, position.at) = (base, cash, now);
            position.mark = position.mark.or(price);
        }
    }

    /// A UTC day begins with what the one before left.
    fn begin_day(&mut self, now: UnixNanos) {
        let day = now.day();
        if day > self.day {
            (self.day, self.peak) = (day, self.equity());
        }
    }

    /// Keeps the list bounded: the oldest position is realised at its mark.
    fn make_room(&mut self, for_market: u64) {
        if self.positions.len() < bounds::POSITIONS_KEPT
            || self.positions.iter().any(|one| one.market == for_market)
        {
            return;
        }
        let oldest = self.positions.iter().enumerate().min_by_key(|(_, one)| one.at);
        if let Some(at) = oldest.map(|(at, _)| at) {
            let gone = self.positions.swap_remove(at);
            self.realised = self.realised.saturating_add(gone.equity());
        }
    }

    /// Marks the market of an order at the prices that the facts have.
    pub(super) fn see_price(&mut self, look: &Look<'_>, order: &Order<'_>, usd_per_quote: Decimal) {
        self.begin_day(look.facts.now);
        let id = fingerprint(&[order.market.as_bytes()]);
        if let Some(position) = self.positions.iter_mut().find(|one| one.market == id)
            && let Some(reference) = look.facts.reference
        {
            let slow = look.facts.around.slow_price.map(|slow| slow.price);
            let price = match slow {
                Some(slow) if position.base.is_sign_negative() => reference.mid.max(slow),
                Some(slow) => reference.mid.min(slow),
                None => reference.mid,
            };
            position.mark = price.checked_mul(usd_per_quote).or(position.mark);
        }
        self.peak = self.peak.max(self.equity());
    }

    /// Lost since the best moment of the day, and what orders of the last
    /// minute may lose against the reference, micro-USD.
    pub(super) fn lost(&mut self, now: UnixNanos) -> (u64, u64) {
        let lost = self.peak.saturating_sub(self.equity());
        let expected = u64::try_from(self.expected.total(now)).unwrap_or(u64::MAX);
        (u64::try_from(lost).unwrap_or(0), expected)
    }

    /// Takes note of an order that may fill beyond the reference.
    pub(super) fn expect(&mut self, order: &Order<'_>, now: UnixNanos) {
        self.expected.add(now, adverse(order));
    }
}

/// What an order gives away against the reference if it fills, micro-USD.
pub(super) fn adverse(order: &Order<'_>) -> u64 {
    let beyond = order.beyond_bps.unwrap_or(0).clamp(0, 10_000).unsigned_abs();
    let given = u128::from(order.worth) * u128::from(beyond) / 10_000;
    u64::try_from(given).unwrap_or(u64::MAX)
}

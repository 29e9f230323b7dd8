//! Positions: how a fill changes one, and what it is worth.

use rust_decimal::Decimal;

use crate::binance::exchange::Side;
use crate::binance::money::{SCALE, add, div, mul, sub};

/// Which position of a symbol: one in one-way mode, two in hedge mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PositionSide {
    Both,
    Long,
    Short,
}

impl PositionSide {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Both, Self::Long, Self::Short].into_iter().find(|side| side.word() == word)
    }

    /// Whether an order of `side` can only close this position.
    pub(crate) fn closed_by(self, side: Side) -> bool {
        matches!((self, side), (Self::Long, Side::Sell) | (Self::Short, Side::Buy))
    }
}

/// A position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// Base quantity; negative for a short one.
    pub(crate) amount: Decimal,
    /// Average price of what is open; zero without a position.
    pub(crate) entry: Decimal,
    /// Margin set aside for it; zero where margin is crossed.
    pub(crate) isolated_wallet: Decimal,
    /// Profit realised so far.
    pub(crate) realized: Decimal,
    pub(crate) updated_ms: i64,
}

/// What a fill did to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Profit realised.
    pub(crate) profit: Decimal,
    /// Quantity closed, and its share of the former position.
    pub(crate) closed: Decimal,
    pub(crate) closed_share: Decimal,
    /// Quantity opened.
    pub(crate) opened: Decimal,
}

impl Position {
    /// What a side could still close.
    pub(crate) fn reducible(&self, side: Side) -> Decimal {
        match side {
            Side::Sell if self.amount > Decimal::ZERO => self.amount,
            Side::Buy if self.amount < Decimal::ZERO => self.amount.abs(),
            _ => Decimal::ZERO,
        }
    }

    /// Profit at a mark price.
    pub(crate) fn unrealized(&self, mark: Decimal) -> Decimal {
        mul(self.amount, sub(mark, self.entry))
    }

    /// Absolute notional at a mark price.
    pub(crate) fn notional(&self, mark: Decimal) -> Decimal {
        mul(self.amount.abs(), mark)
    }

    /// Applies a fill.
    pub(crate) fn fill(
        &mut self,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        now: i64,
    ) -> Filled {
        let before = self.amount.abs();
        let closed = quantity.min(self.reducible(side));
        let opened = sub(quantity, closed);
        let direction =
            if self.amount < Decimal::ZERO { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        // Wallets have eight decimals; an average price may have any number.
        let profit = mul(mul(closed, sub(price, self.entry)), direction).trunc_with_scale(SCALE);
        let signed = if side == Side::Buy { quantity } else { -quantity };
        let after = add(self.amount, signed);
        if after.is_zero() {
            self.entry = Decimal::ZERO;
        } else if opened > Decimal::ZERO && closed.is_zero() {
            let cost = add(mul(before, self.entry), mul(opened, price));
            self.entry = div(cost, add(before, opened));
        } else if opened > Decimal::ZERO {
            self.entry = price;
        }
        self.amount = after;
        self.realized = add(self.realized, profit);
        self.updated_ms = now;
        Filled { profit, closed, closed_share: div(closed, before), opened }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn fills_open_average_close_and_flip() {
        let mut position = Position::default();
        let fill = |position: &mut Position, side, quantity: &str, price: &str| {
            position.fill(side, dec(quantity), dec(price), 1)
        };
        assert_eq!(fill(&mut position, Side::Buy, "1", "100").opened, dec("1"));
        fill(&mut position, Side::Buy, "3", "200");
        assert_eq!((position.amount, position.entry), (dec("4"), dec("175")));
        let part = fill(&mut position, Side::Sell, "1", "275");
        assert_eq!((part.profit, part.closed_share), (dec("100"), dec("0.25")));
        assert_eq!(position.entry, dec("175"));
        let flip = fill(&mut position, Side::Sell, "5", "75");
        assert_eq!((flip.profit, flip.closed, flip.opened), (dec("-300"), dec("3"), dec("2")));
        assert_eq!((position.amount, position.entry), (dec("-2"), dec("75")));
        assert_eq!(position.unrealized(dec("70")), dec("10"));
        assert_eq!(position.reducible(Side::Sell), Decimal::ZERO);
        let end = fill(&mut position, Side::Buy, "2", "80");
        assert_eq!((end.profit, position.entry), (dec("-10"), Decimal::ZERO));
        assert_eq!(position.realized, dec("-210"));
    }
}

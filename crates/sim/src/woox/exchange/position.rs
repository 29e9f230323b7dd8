//! Perpetual positions by average entry price, and what may reduce them.

use rust_decimal::Decimal;

use super::order::closes;
use super::{AccountState, Exchange, PositionSide, Side};
use crate::money::{add, div, mul, sub};
use crate::woox::reject::Reject;

/// A position; long where the holding is positive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Position {
    pub(crate) holding: Decimal,
    pub(crate) average: Decimal,
    pub(crate) opened_ms: i64,
    pub(crate) fee: Decimal,
    pub(crate) realized: Decimal,
    pub(crate) version: u64,
}

impl Position {
    pub(crate) fn unrealised(&self, mark: Decimal) -> Decimal {
        mul(sub(mark, self.average), self.holding)
    }

    /// Books a fill of a signed quantity. Returns the profit it realises.
    fn book(&mut self, quantity: Decimal, price: Decimal, now: i64) -> Decimal {
        self.version = self.version.saturating_add(1);
        let same = self.holding.is_zero()
            || self.holding.is_sign_negative() == quantity.is_sign_negative();
        if same {
            if self.holding.is_zero() {
                self.opened_ms = now;
            }
            let cost = add(mul(self.average, self.holding), mul(price, quantity));
            self.holding = add(self.holding, quantity);
            self.average = div(cost, self.holding);
            return Decimal::ZERO;
        }
        let closed = quantity.abs().min(self.holding.abs());
        let gain = mul(sub(price, self.average), closed);
        let profit = if self.holding.is_sign_negative() { sub(Decimal::ZERO, gain) } else { gain };
        let before = self.holding;
        self.holding = add(self.holding, quantity);
        self.realized = add(self.realized, profit);
        if self.holding.is_zero() {
            self.average = Decimal::ZERO;
        } else if self.holding.is_sign_negative() != before.is_sign_negative() {
            self.average = price;
            self.opened_ms = now;
        }
        profit
    }
}

impl AccountState {
    pub(crate) fn position(&self, symbol: &str, side: PositionSide) -> Decimal {
        let key = (symbol.to_owned(), side);
        self.positions.get(&key).map(|position| position.holding).unwrap_or_default()
    }
}

impl Exchange {
    /// How much of a position an order of this side would reduce.
    pub(super) fn reducible(
        &self,
        account: usize,
        symbol: &str,
        position_side: PositionSide,
        side: Side,
    ) -> Decimal {
        let Some(state) = self.accounts.get(account) else { return Decimal::ZERO };
        let holding = state.position(symbol, position_side);
        match side {
            Side::Sell => holding.max(Decimal::ZERO),
            Side::Buy => sub(Decimal::ZERO, holding).max(Decimal::ZERO),
        }
    }

    /// Refuses a position side that does not fit the account's mode.
    pub(super) fn check_position_side(
        &self,
        account: usize,
        perpetual: bool,
        position_side: PositionSide,
    ) -> Result<(), Reject> {
        let hedge = self.account(account)?.hedge;
        let both = position_side == PositionSide::Both;
        if (perpetual && hedge == both) || (!perpetual && !both) {
            let message =
                "The position side you’ve used is not compatible with your current position mode.";
            return Err(Reject::order(302_186, message));
        }
        Ok(())
    }

    /// Refuses a reduce-only order, or a closing one in hedge mode, that is larger
    /// than the position less what other such orders would take of it.
    pub(super) fn check_reduces(
        &self,
        account: usize,
        symbol: &str,
        (position_side, side): (PositionSide, Side),
        reduce_only: bool,
        quantity: Decimal,
    ) -> Result<(), Reject> {
        let closing = closes(position_side, side);
        if !reduce_only && !closing {
            return Ok(());
        }
        let pending = self.account(account)?.open.iter().filter_map(|id| self.orders.get(id));
        let pending = pending
            .filter(|order| order.symbol == symbol && order.side == side)
            .filter(|order| order.position_side == position_side)
            .filter(|order| order.reduce_only || closing)
            .fold(Decimal::ZERO, |sum, order| add(sum, order.remaining()));
        let left = sub(self.reducible(account, symbol, position_side, side), pending);
        if quantity <= left {
            return Ok(());
        }
        Err(if reduce_only {
            Reject::order(302_138, "Insufficient position for reduce only order.")
        } else {
            Reject::order(302_125, "Quantity should be less than your position.")
        })
    }

    /// Books a fill on a position. Returns the profit it realises.
    pub(super) fn book_position(
        &mut self,
        (account, symbol, position_side): (usize, &str, PositionSide),
        signed: Decimal,
        price: Decimal,
        fee: Decimal,
        now: i64,
    ) -> Decimal {
        let Some(state) = self.accounts.get_mut(account) else { return Decimal::ZERO };
        let key = (symbol.to_owned(), position_side);
        let position = state.positions.entry(key).or_default();
        position.fee = add(position.fee, fee);
        position.book(signed, price, now)
    }
}

//! Margin: what positions and open orders need, and what is left. Crossed
//! positions share the wallet; an isolated one has an amount of its own.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::account::Settings;
use super::order::NewOrder;
use super::position::PositionSide;
use super::{Account, Futures};
use crate::binance::exchange::Side;
use crate::binance::money::{add, div, mul, sub};

/// What a symbol needs, in its margin asset.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    pub(crate) positions: Decimal,
    pub(crate) open_orders: Decimal,
}

/// An account's margin in one asset.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Margin {
    pub(crate) wallet: Decimal,
    pub(crate) isolated: Decimal,
    pub(crate) unrealized: Decimal,
    pub(crate) crossed_unrealized: Decimal,
    pub(crate) position_margin: Decimal,
    pub(crate) order_margin: Decimal,
    pub(crate) maintenance: Decimal,
    /// Wallet not set aside, with crossed profit, less all needs; may be negative.
    pub(crate) free: Decimal,
}

impl Margin {
    /// What can be used for new orders and transfers.
    pub(crate) fn available(&self) -> Decimal {
        self.free.max(Decimal::ZERO)
    }
}

impl Futures {
    /// Leverage and margin type of a symbol.
    pub(crate) fn settings(&self, account: &Account, symbol: &str) -> Settings {
        let default = Settings { leverage: self.options.futures.leverage, isolated: false };
        account.settings.get(symbol).copied().unwrap_or(default)
    }

    /// The mark price of a symbol; zero for an unknown one.
    pub(crate) fn mark(&self, symbol: &str) -> Decimal {
        let mid = || self.markets.get(symbol).map(|market| market.mid).unwrap_or_default();
        self.marks.get(symbol).copied().unwrap_or_else(mid)
    }

    /// Mark price, index price, funding rate, next funding time.
    pub(crate) fn mark_now(&self, symbol: &str) -> Option<(Decimal, Decimal, Decimal, i64)> {
        let market = self.markets.get(symbol)?;
        Some((self.mark(symbol), market.mid, self.rate(symbol), self.next_funding_ms))
    }

    /// Margin that positions and open orders of a symbol need, with `more` open.
    pub(crate) fn needs(&self, account: usize, symbol: &str, more: Option<&NewOrder>) -> Needs {
        let Some(state) = self.accounts.get(account) else { return Needs::default() };
        let mark = self.mark(symbol);
        let leverage = Decimal::from(self.settings(state, symbol).leverage.max(1));
        let open = state.open.iter().filter_map(|id| self.orders.get(id));
        let open = open
            .filter(|order| order.asked.symbol == symbol)
            .map(|order| (&order.asked, order.remaining(), order.price));
        let more = more.map(|new| {
            let best =
                self.markets.get(symbol).and_then(|m| m.book.best_price(new.side.opposite()));
            let price = if new.kind.limited() { new.price } else { best.unwrap_or(mark) };
            (new, new.quantity, price)
        });
        let mut notional = [Decimal::ZERO; 2];
        for (asked, quantity, price) in open.chain(more).filter(|(asked, ..)| !asked.closes()) {
            let [bids, asks] = &mut notional;
            let side = if asked.side == Side::Buy { bids } else { asks };
            *side = add(*side, mul(quantity, price));
        }
        let [bids, asks] = notional;
        let worth = |side| state.position(symbol, side).notional(mark);
        if state.hedge {
            let positions = add(worth(PositionSide::Long), worth(PositionSide::Short));
            return Needs {
                positions: div(positions, leverage),
                open_orders: div(add(bids, asks), leverage),
            };
        }
        let position = mul(state.position(symbol, PositionSide::Both).amount, mark);
        let worst = add(position, bids).abs().max(sub(position, asks).abs());
        let positions = position.abs();
        Needs {
            positions: div(positions, leverage),
            open_orders: div(sub(worst, positions).max(Decimal::ZERO), leverage),
        }
    }

    /// An account's margin in an asset, with `more` open.
    pub(crate) fn margin(&self, account: usize, asset: &str, more: Option<&NewOrder>) -> Margin {
        let Some(state) = self.accounts.get(account) else { return Margin::default() };
        let mut margin = Margin { wallet: state.balance(asset), ..Margin::default() };
        let mut symbols: BTreeSet<&str> =
            state.positions.keys().map(|(symbol, _)| symbol.as_str()).collect();
        let open = state.open.iter().filter_map(|id| self.orders.get(id));
        symbols.extend(open.map(|order| order.asked.symbol.as_str()));
        symbols.extend(more.map(|new| new.symbol.as_str()));
        margin.free = margin.wallet;
        for symbol in symbols {
            let market = self.markets.get(symbol).filter(|market| market.spec.quote == asset);
            if market.is_none() {
                continue;
            }
            let mark = self.mark(symbol);
            let more = more.filter(|new| new.symbol == symbol);
            let needs = self.needs(account, symbol, more);
            let isolated = self.settings(state, symbol).isolated;
            margin.position_margin = add(margin.position_margin, needs.positions);
            margin.order_margin = add(margin.order_margin, needs.open_orders);
            margin.free = sub(margin.free, needs.open_orders);
            for side in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
                let position = state.position(symbol, side);
                let profit = position.unrealized(mark);
                margin.unrealized = add(margin.unrealized, profit);
                let rate = self.maintenance_rate(symbol);
                margin.maintenance = add(margin.maintenance, mul(position.notional(mark), rate));
                if isolated {
                    margin.isolated = add(margin.isolated, position.isolated_wallet);
                    margin.free = sub(margin.free, position.isolated_wallet);
                } else {
                    margin.crossed_unrealized = add(margin.crossed_unrealized, profit);
                    margin.free = add(margin.free, profit);
                }
            }
            if !isolated {
                margin.free = sub(margin.free, needs.positions);
            }
        }
        margin
    }

    /// Maintenance margin as a share of the notional.
    pub(crate) fn maintenance_rate(&self, symbol: &str) -> Decimal {
        let contracts = &self.options.futures.contracts;
        let contract = contracts.iter().find(|contract| contract.instrument.symbol == symbol);
        let percent = contract.map(|contract| contract.maintenance_percent).unwrap_or_default();
        div(percent, Decimal::ONE_HUNDRED)
    }

    /// Highest leverage of a symbol.
    pub(crate) fn max_leverage(&self, symbol: &str) -> u32 {
        let contracts = &self.options.futures.contracts;
        let contract = contracts.iter().find(|contract| contract.instrument.symbol == symbol);
        contract.map_or(1, |contract| contract.max_leverage)
    }
}

//! What the futures exchange holds for one account.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;

use super::counts::Counts;
use super::position::{Position, PositionSide};
use crate::binance::exchange::Side;
use crate::binance::money::add;

/// Settings of a symbol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) leverage: u32,
    pub(crate) isolated: bool,
}

/// A trade as its account sees it.
#[derive(Debug, Clone)]
pub(crate) struct UserTrade {
    pub(crate) id: u64,
    pub(crate) symbol: String,
    pub(crate) order: u64,
    pub(crate) side: Side,
    pub(crate) position_side: PositionSide,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) profit: Decimal,
    pub(crate) commission: Decimal,
    pub(crate) asset: String,
    pub(crate) maker: bool,
    pub(crate) at_ms: i64,
}

/// A line of the income history.
#[derive(Debug, Clone)]
pub(crate) struct Income {
    pub(crate) symbol: String,
    /// The venue's word, such as `FUNDING_FEE`.
    pub(crate) kind: &'static str,
    pub(crate) asset: String,
    pub(crate) amount: Decimal,
    pub(crate) transaction: u64,
    pub(crate) trade: Option<u64>,
    pub(crate) at_ms: i64,
}

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) wallet: BTreeMap<String, Decimal>,
    pub(crate) positions: BTreeMap<(String, PositionSide), Position>,
    pub(crate) settings: BTreeMap<String, Settings>,
    /// Whether long and short positions are kept apart.
    pub(crate) hedge: bool,
    pub(crate) open: BTreeSet<u64>,
    pub(crate) algos: BTreeSet<u64>,
    pub(crate) counts: Counts,
    pub(crate) trades: VecDeque<UserTrade>,
    pub(crate) income: VecDeque<Income>,
    /// When all orders of a symbol are to be cancelled.
    pub(crate) countdowns: BTreeMap<String, i64>,
    pub(crate) updated_ms: i64,
}

impl Account {
    pub(super) fn new(balances: &[(String, Decimal)], now: i64) -> Self {
        Self {
            wallet: balances.iter().cloned().collect(),
            positions: BTreeMap::new(),
            settings: BTreeMap::new(),
            hedge: false,
            open: BTreeSet::new(),
            algos: BTreeSet::new(),
            counts: Counts::default(),
            trades: VecDeque::new(),
            income: VecDeque::new(),
            countdowns: BTreeMap::new(),
            updated_ms: now,
        }
    }

    /// A position; empty where there is none.
    pub(crate) fn position(&self, symbol: &str, side: PositionSide) -> Position {
        self.positions.get(&(symbol.to_owned(), side)).copied().unwrap_or_default()
    }

    /// Wallet balance of an asset.
    pub(crate) fn balance(&self, asset: &str) -> Decimal {
        self.wallet.get(asset).copied().unwrap_or_default()
    }

    /// Changes the wallet balance of an asset.
    pub(crate) fn credit(&mut self, asset: &str, amount: Decimal, now: i64) {
        let balance = self.wallet.entry(asset.to_owned()).or_default();
        *balance = add(*balance, amount);
        self.updated_ms = now;
    }

    /// Notes income, keeping at most `keep` lines.
    pub(crate) fn note_income(&mut self, income: Income, keep: usize) {
        if self.income.len() >= keep.max(1) {
            self.income.pop_front();
        }
        self.income.push_back(income);
    }
}

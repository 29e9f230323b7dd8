//! USD-M futures: contracts, positions, margin, funding, conditional orders.
//!
//! Source of the behaviour: the vendor's public documents of the USD-M futures
//! API and what its client libraries parse. Left out on purpose: liquidation
//! and auto-deleveraging, multi-assets mode, trailing stops, price match.

mod account;
pub(crate) mod algo;
mod counts;
mod events;
mod margin;
mod matching;
pub(crate) mod options;
pub(crate) mod order;
mod placing;
mod position;
mod report;
mod timers;

pub(crate) mod endpoints;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::binance::exchange::{Market, Side};
use crate::binance::options::PaperOptions;
use crate::binance::reject::Reject;
use crate::binance::stream::outbox::Outbox;
use crate::seeded::Seeded;

pub(crate) use account::{Account, Income, UserTrade};
pub(crate) use position::PositionSide;

use algo::Algo;
use order::Order;

/// Matching steps after one request at most: a bound on cascades.
const MAX_STEPS: usize = 100_000;

/// The futures exchange: no I/O and no clock; every call carries the time.
#[derive(Debug)]
pub(crate) struct Futures {
    pub(crate) options: Arc<PaperOptions>,
    pub(crate) markets: BTreeMap<String, Market>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) orders: HashMap<u64, Order>,
    closed: VecDeque<u64>,
    pub(crate) algos: BTreeMap<u64, Algo>,
    /// Mark prices set from outside; elsewhere the mid price is the mark price.
    marks: BTreeMap<String, Decimal>,
    /// Funding rate of the next payment, by symbol where it was set.
    pub(crate) rates: BTreeMap<String, Decimal>,
    pub(crate) next_funding_ms: i64,
    /// Markets whose prices moved, for the conditional orders.
    moved: VecDeque<String>,
    pub(crate) outbox: Outbox,
    pub(crate) random: Seeded,
    last_order: u64,
    last_algo: u64,
    last_trade: u64,
    last_transaction: u64,
}

impl Futures {
    pub(crate) fn new(options: Arc<PaperOptions>, now: i64) -> Self {
        let accounts = options.accounts.iter().map(|account| Account::new(&account.futures, now));
        let accounts = accounts.collect();
        let markets = options
            .futures
            .contracts
            .iter()
            .map(|contract| {
                let spec = contract.instrument.clone();
                (spec.symbol.clone(), Market::new(spec, now))
            })
            .collect();
        let next_funding_ms = timers::next_funding(&options, now);
        let mut futures = Self {
            markets,
            accounts,
            orders: HashMap::new(),
            closed: VecDeque::new(),
            algos: BTreeMap::new(),
            marks: BTreeMap::new(),
            rates: BTreeMap::new(),
            next_funding_ms,
            moved: VecDeque::new(),
            outbox: Outbox::default(),
            random: Seeded::new(options.seed ^ 0x5f5f),
            last_order: 8_000_000,
            last_algo: 2_000_000,
            last_trade: 700_000,
            last_transaction: 5_000_000,
            options,
        };
        let symbols: Vec<String> = futures.markets.keys().cloned().collect();
        for symbol in symbols {
            futures.replenish(&symbol);
        }
        futures
    }

    /// The market of a symbol.
    pub(crate) fn market(&self, symbol: &str) -> Result<&Market, Reject> {
        self.markets.get(symbol).ok_or_else(Reject::bad_symbol)
    }

    pub(crate) fn account(&self, account: usize) -> Result<&Account, Reject> {
        self.accounts.get(account).ok_or_else(Reject::key_or_rights)
    }

    pub(crate) fn account_mut(&mut self, account: usize) -> Result<&mut Account, Reject> {
        self.accounts.get_mut(account).ok_or_else(Reject::key_or_rights)
    }

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

    /// A client id as the venue makes them up.
    pub(crate) fn made_up_id(&mut self) -> String {
        self.random.text(22)
    }

    /// A listen key: 64 letters and digits.
    pub(crate) fn made_up_listen_key(&mut self) -> String {
        self.random.text(64)
    }

    pub(crate) fn transaction_id(&mut self) -> u64 {
        self.last_transaction = self.last_transaction.saturating_add(1);
        self.last_transaction
    }

    /// New orders counted in the windows of ten seconds and of a minute.
    pub(crate) fn order_counts(&mut self, account: usize, now: i64) -> Option<(u32, u32)> {
        self.accounts.get_mut(account).map(|account| account.counts.now(now))
    }
}

#[cfg(test)]
mod tests;

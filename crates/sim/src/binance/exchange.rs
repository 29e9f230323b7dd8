//! The exchange itself: accounts, markets, orders. No I/O, no clock: every
//! call carries the time. Deterministic under a seed.

mod cancelling;
mod checks;
mod counts;
mod events;
mod lists;
mod market;
mod matching;
mod order;
mod placing;
mod report;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::binance::money::{add, sub};
use crate::binance::options::PaperOptions;
use crate::binance::reject::Reject;
use crate::binance::stream::outbox::Outbox;
use crate::binance::wallet::Movements;
use crate::seeded::Seeded;

pub(crate) use cancelling::{MAX_AMENDMENTS, Named};
pub(crate) use checks::MAX_ICEBERG_PARTS;
pub(crate) use counts::OrderCounts;
pub(crate) use lists::{ListKind, MAX_OPEN_LISTS, NewList};
pub(crate) use market::{Market, PublicTrade};
pub(crate) use order::{
    Kind, NewOrder, Order, Prevention, ResponseType, Side, Status, TimeInForce,
};
pub(crate) use report::MyTrade;

/// Free and locked amounts of one asset.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Balance {
    pub(crate) free: Decimal,
    pub(crate) locked: Decimal,
}

/// What the exchange holds for one account.
#[derive(Debug, Default)]
pub(crate) struct AccountState {
    pub(crate) balances: BTreeMap<String, Balance>,
    pub(crate) funding: BTreeMap<String, Decimal>,
    pub(crate) counts: OrderCounts,
    pub(crate) trades: VecDeque<MyTrade>,
    pub(crate) open: BTreeSet<u64>,
    pub(crate) movements: Movements,
    pub(crate) updated_ms: i64,
}

/// Something that later work depends on; handled when the matching is through.
#[derive(Debug)]
enum Event {
    /// An order reached its end.
    Closed(u64),
    /// A market traded.
    Price(String),
}

/// Follow-ups handled after one request at most: a bound on cascades.
const MAX_EVENTS: usize = 100_000;

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) options: Arc<PaperOptions>,
    pub(crate) accounts: Vec<AccountState>,
    pub(crate) markets: BTreeMap<String, Market>,
    pub(crate) orders: HashMap<u64, Order>,
    closed: VecDeque<u64>,
    pub(crate) lists: BTreeMap<u64, lists::OrderList>,
    events: VecDeque<Event>,
    /// What accounts and the public are told.
    pub(crate) outbox: Outbox,
    random: Seeded,
    last_order: u64,
    last_list: u64,
    last_trade: u64,
    last_execution: u64,
    last_transaction: u64,
}

impl Exchange {
    pub(crate) fn new(options: Arc<PaperOptions>, now: i64) -> Self {
        let accounts = options.accounts.iter().map(|account| AccountState {
            balances: account
                .balances
                .iter()
                .map(|(asset, free)| {
                    (asset.clone(), Balance { free: *free, locked: Decimal::ZERO })
                })
                .collect(),
            funding: account.funding.iter().cloned().collect(),
            updated_ms: now,
            ..AccountState::default()
        });
        let accounts = accounts.collect();
        let markets = options
            .instruments
            .iter()
            .map(|spec| (spec.symbol.clone(), Market::new(spec.clone(), now)))
            .collect();
        let mut exchange = Self {
            accounts,
            markets,
            orders: HashMap::new(),
            closed: VecDeque::new(),
            lists: BTreeMap::new(),
            events: VecDeque::new(),
            outbox: Outbox::default(),
            random: Seeded::new(options.seed),
            last_order: 1_000_000,
            last_list: 1000,
            last_trade: 50_000,
            last_execution: 100,
            last_transaction: 9_000_000,
            options,
        };
        let symbols: Vec<String> = exchange.markets.keys().cloned().collect();
        for symbol in symbols {
            exchange.replenish(&symbol);
        }
        exchange
    }

    /// The market of a symbol.
    pub(crate) fn market(&self, symbol: &str) -> Result<&Market, Reject> {
        self.markets.get(symbol).ok_or_else(Reject::bad_symbol)
    }

    /// An account's balance of an asset.
    pub(crate) fn balance(&self, account: usize, asset: &str) -> Balance {
        let state = self.accounts.get(account);
        state.and_then(|state| state.balances.get(asset)).copied().unwrap_or_default()
    }

    /// Changes free and locked amounts by the given differences.
    pub(crate) fn change(
        &mut self,
        account: usize,
        asset: &str,
        free: Decimal,
        locked: Decimal,
        now: i64,
    ) {
        let Some(state) = self.accounts.get_mut(account) else { return };
        let balance = state.balances.entry(asset.to_owned()).or_default();
        balance.free = add(balance.free, free);
        balance.locked = add(balance.locked, locked);
        state.updated_ms = now;
        self.outbox.balance(account, asset);
    }

    /// Moves an amount from free to locked, if it is there.
    fn lock(
        &mut self,
        account: usize,
        asset: &str,
        amount: Decimal,
        now: i64,
    ) -> Result<(), Reject> {
        if self.balance(account, asset).free < amount {
            return Err(Reject::insufficient());
        }
        self.change(account, asset, -amount, amount, now);
        Ok(())
    }

    /// Takes an amount out of the free balance, if it is there.
    pub(crate) fn withdraw(
        &mut self,
        account: usize,
        asset: &str,
        amount: Decimal,
        now: i64,
    ) -> bool {
        let enough = self.balance(account, asset).free >= amount;
        if enough {
            self.change(account, asset, sub(Decimal::ZERO, amount), Decimal::ZERO, now);
            self.report_movement(account, asset, sub(Decimal::ZERO, amount), now);
        }
        enough
    }

    /// Adds an amount to the free balance, as a deposit or a transfer does.
    pub(crate) fn deposit(&mut self, account: usize, asset: &str, amount: Decimal, now: i64) {
        self.change(account, asset, amount, Decimal::ZERO, now);
        self.report_movement(account, asset, amount, now);
    }

    /// A number for a wallet transaction.
    pub(crate) fn transaction_id(&mut self) -> u64 {
        self.last_transaction = self.last_transaction.saturating_add(1);
        self.last_transaction
    }

    /// A client id as the venue makes them up: 22 letters and digits.
    pub(crate) fn made_up_id(&mut self) -> String {
        self.random.text(22)
    }

    /// A lower-case hexadecimal id of 32 digits, as withdrawals have.
    pub(crate) fn made_up_hex(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next(), self.random.next())
    }

    /// Handles what the last change set off: triggers and order lists.
    pub(crate) fn settle(&mut self, now: i64) {
        for _ in 0..MAX_EVENTS {
            match self.events.pop_front() {
                Some(Event::Closed(id)) => self.list_after_close(id, now),
                Some(Event::Price(symbol)) => self.trigger_stops(&symbol, now),
                None => break,
            }
        }
        self.events.clear();
    }
}

#[cfg(test)]
mod tests;

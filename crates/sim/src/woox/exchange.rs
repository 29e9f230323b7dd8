//! The exchange itself: accounts, markets, orders, positions. No I/O, no clock:
//! every call carries the time. Deterministic under a seed.

mod account;
mod algo;
mod cancelling;
mod funding;
mod market;
mod matching;
mod order;
mod placing;
mod position;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::money::{add, floor_to, mul, sub};
use crate::seeded::Seeded;
use crate::woox::options::PaperOptions;
use crate::woox::reject::Reject;

pub(crate) use crate::book::Side;
pub(crate) use account::{AccountState, FundingPaid, Transfer, Withdrawal};
pub(crate) use algo::{Algo, AlgoType, NewAlgo};
pub(crate) use cancelling::Named;
pub(crate) use market::{Candle, Market};
pub(crate) use order::{Kind, MyTrade, NewOrder, Order, PositionSide, Status};
pub(crate) use position::Position;

/// Follow-ups handled after one request at most: a bound on cascades.
const MAX_EVENTS: usize = 100_000;
/// Pushes that may wait for the sockets; older ones are dropped.
const MAX_OUTBOX: usize = 10_000;

/// Whom a push is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    Account(usize),
    Public,
}

/// Something that the sockets tell.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    pub(crate) audience: Audience,
    /// The topic as the v2 sockets name it.
    pub(crate) topic: String,
    pub(crate) at_ms: i64,
    pub(crate) data: Value,
}

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) options: Arc<PaperOptions>,
    pub(crate) accounts: Vec<AccountState>,
    pub(crate) markets: BTreeMap<String, Market>,
    pub(crate) orders: HashMap<u64, Order>,
    pub(crate) algos: HashMap<u64, Algo>,
    closed: VecDeque<u64>,
    closed_algos: VecDeque<u64>,
    /// Markets that traded since triggers were last looked at.
    moved: VecDeque<String>,
    pub(crate) outbox: VecDeque<Push>,
    random: Seeded,
    last_order: u64,
    last_algo: u64,
    last_trade: u64,
    last_movement: u64,
    funded_ms: i64,
}

impl Exchange {
    pub(crate) fn new(options: Arc<PaperOptions>, now: i64) -> Self {
        let accounts = options.accounts.iter().map(AccountState::new).collect();
        let rate = options.funding.rate;
        let markets = options
            .instruments
            .iter()
            .map(|spec| (spec.symbol.clone(), Market::new(spec.clone(), rate, now)))
            .collect();
        let mut exchange = Self {
            accounts,
            markets,
            orders: HashMap::new(),
            algos: HashMap::new(),
            closed: VecDeque::new(),
            closed_algos: VecDeque::new(),
            moved: VecDeque::new(),
            outbox: VecDeque::new(),
            random: Seeded::new(options.seed),
            last_order: 60_000_000_000,
            last_algo: 10_000_000,
            last_trade: 1_700_000_000,
            last_movement: 24_000_000_000_000,
            funded_ms: now,
            options,
        };
        for symbol in exchange.symbols() {
            exchange.replenish(&symbol);
        }
        exchange
    }

    pub(crate) fn symbols(&self) -> Vec<String> {
        self.markets.keys().cloned().collect()
    }

    /// The market of a symbol.
    pub(crate) fn market(&self, symbol: &str) -> Result<&Market, Reject> {
        self.markets.get(symbol).ok_or_else(Reject::symbol)
    }

    pub(crate) fn account(&self, account: usize) -> Result<&AccountState, Reject> {
        self.accounts.get(account).ok_or_else(Reject::unauthorised)
    }

    pub(crate) fn account_mut(&mut self, account: usize) -> Result<&mut AccountState, Reject> {
        self.accounts.get_mut(account).ok_or_else(Reject::unauthorised)
    }

    /// The account of an application id.
    pub(crate) fn account_of(&self, application_id: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.application_id == application_id)
    }

    /// Everything that happens by time alone: funding, cancel-all-after.
    pub(crate) fn tick(&mut self, now: i64) {
        self.fund(now);
        for account in 0..self.accounts.len() {
            let due = |state: &AccountState| state.cancel_at.is_some_and(|at| at <= now);
            if self.accounts.get(account).is_some_and(due) {
                if let Some(state) = self.accounts.get_mut(account) {
                    state.cancel_at = None;
                }
                self.cancel_all(account, None, now);
                self.cancel_algos(account, None, now);
            }
        }
        self.settle(now);
    }

    /// Handles what the last change set off.
    pub(crate) fn settle(&mut self, now: i64) {
        for _ in 0..MAX_EVENTS {
            let Some(symbol) = self.moved.pop_front() else { break };
            self.trigger(&symbol, now);
        }
        self.moved.clear();
    }

    /// Queues a push.
    pub(crate) fn push(&mut self, audience: Audience, topic: &str, data: Value, now: i64) {
        if self.outbox.len() >= MAX_OUTBOX {
            self.outbox.pop_front();
        }
        self.outbox.push_back(Push { audience, topic: topic.to_owned(), at_ms: now, data });
    }

    /// A number for a withdrawal, transfer or funding payment.
    pub(crate) fn movement_id(&mut self) -> u64 {
        self.last_movement = self.last_movement.saturating_add(1);
        self.last_movement
    }

    /// A lower-case hexadecimal text of 32 digits.
    pub(crate) fn made_up_hex(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next(), self.random.next())
    }

    /// Changes what an account holds and what of it is frozen.
    pub(crate) fn change(
        &mut self,
        account: usize,
        token: &str,
        holding: Decimal,
        frozen: Decimal,
    ) {
        let Some(state) = self.accounts.get_mut(account) else { return };
        let balance = state.balances.entry(token.to_owned()).or_default();
        balance.holding = add(balance.holding, holding);
        balance.frozen = add(balance.frozen, frozen);
        balance.version = balance.version.saturating_add(1);
    }

    /// Takes an amount out of an account, if it is available.
    pub(crate) fn take(&mut self, account: usize, token: &str, amount: Decimal) -> bool {
        let enough = self.available(account, token) >= amount;
        if enough {
            self.change(account, token, sub(Decimal::ZERO, amount), Decimal::ZERO);
        }
        enough
    }

    /// Tells an account its balance of a token.
    pub(crate) fn tell_balance(&mut self, account: usize, token: &str, now: i64) {
        let data = self.balance_push(account, token);
        self.push(Audience::Account(account), "balance", data, now);
    }

    /// Moves the mid price and quotes anew; resting orders that the new quotes
    /// cross are filled at their own price.
    pub(crate) fn set_price(&mut self, symbol: &str, price: Decimal, now: i64) -> bool {
        let keep = self.options.keep.trades;
        let Some(market) = self.markets.get_mut(symbol) else { return false };
        let price = floor_to(price, market.spec.tick);
        if price <= Decimal::ZERO {
            return false;
        }
        market.mid = price;
        let quantity = market.spec.min_qty;
        let data = market.record(price, quantity, Side::Buy, keep, now);
        self.push(Audience::Public, &format!("{symbol}@trade"), data, now);
        self.moved.push_back(symbol.to_owned());
        self.requote(symbol, now);
        self.settle(now);
        true
    }

    /// One step of the random walk, in every market.
    pub(crate) fn walk(&mut self, now: i64) {
        let most = self.options.market_maker.walk_bps;
        for symbol in self.symbols() {
            let bps = self.random.around_zero(most.saturating_mul(100));
            let Some(mid) = self.markets.get(&symbol).map(|market| market.mid) else { continue };
            let share = Decimal::new(bps, 6);
            self.set_price(&symbol, add(mid, mul(mid, share)), now);
        }
    }
}

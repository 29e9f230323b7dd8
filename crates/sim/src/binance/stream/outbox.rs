//! What the exchange tells, in the order in which it happened, until the hub
//! takes it. Nothing is kept for which nobody listens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;
use serde_json::Value;

/// A trade as the public streams tell it.
#[derive(Debug, Clone)]
pub(crate) struct ToldTrade {
    pub(crate) symbol: String,
    pub(crate) id: u64,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) at_ms: i64,
    pub(crate) buyer_is_maker: bool,
}

/// Something told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// To one account.
    User { account: usize, event: Value },
    /// To everybody.
    Trade(ToldTrade),
}

/// Most things told between two deliveries; a request is bounded far below.
const MAX_TOLD: usize = 200_000;

/// The box.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Listeners of each account.
    listeners: BTreeMap<usize, usize>,
    /// Whether somebody listens to trades.
    pub(crate) trades: bool,
    told: VecDeque<Told>,
    /// Assets of accounts that changed since the last delivery.
    changed: BTreeSet<(usize, String)>,
}

impl Outbox {
    /// Says how many listen to an account.
    pub(crate) fn set_listeners(&mut self, listeners: BTreeMap<usize, usize>, trades: bool) {
        self.listeners = listeners;
        self.trades = trades;
    }

    /// Whether anybody listens to an account.
    pub(crate) fn heard(&self, account: usize) -> bool {
        self.listeners.contains_key(&account)
    }

    /// Tells an account something.
    pub(crate) fn user(&mut self, account: usize, event: impl FnOnce() -> Value) {
        if self.heard(account) && self.told.len() < MAX_TOLD {
            self.told.push_back(Told::User { account, event: event() });
        }
    }

    /// Tells everybody of a trade.
    pub(crate) fn trade(&mut self, trade: impl FnOnce() -> ToldTrade) {
        if self.trades && self.told.len() < MAX_TOLD {
            self.told.push_back(Told::Trade(trade()));
        }
    }

    /// Notes that a balance changed.
    pub(crate) fn balance(&mut self, account: usize, asset: &str) {
        if self.heard(account) {
            self.changed.insert((account, asset.to_owned()));
        }
    }

    /// What was told since the last delivery.
    pub(crate) fn take_told(&mut self) -> VecDeque<Told> {
        std::mem::take(&mut self.told)
    }

    /// The balances that changed since the last delivery, by account.
    pub(crate) fn take_changed(&mut self) -> BTreeMap<usize, Vec<String>> {
        let mut by_account: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (account, asset) in std::mem::take(&mut self.changed) {
            by_account.entry(account).or_default().push(asset);
        }
        by_account
    }
}

//! An account as the judge knows it: orders with their owners, what they hold
//! reserved, balances.
//!
//! Reading order: [`event`] (what the venue tells), `instruments` (the assets
//! of each market), `book` (the orders),
//! `reserve` (what requests hold), `change` (orders that become others), `state` (what each bot has filled and
//! how events change it).

pub(crate) mod book;
pub(crate) mod change;
pub mod event;
pub(crate) mod instruments;
pub(crate) mod reserve;
pub(crate) mod state;

/// What the judge must be told of an account group before its first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSetup {
    /// The account group's name in the configuration.
    pub name: String,
    /// Quote assets that are counted as one US dollar.
    pub dollars: Vec<String>,
}

impl AccountSetup {
    /// An account with the usual dollar assets.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), dollars: DOLLARS.map(str::to_owned).into() }
    }
}

/// The assets that count as one dollar.
pub const DOLLARS: [&str; 5] = ["USDT", "USDC", "FDUSD", "TUSD", "USD"];

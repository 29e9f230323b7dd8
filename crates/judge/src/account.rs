//! An account as the judge knows it: orders with their owners, what they hold
//! reserved, balances.
//!
//! Reading order: [`event`] (what the venue tells), `book` (the orders),
//! `reserve` (what requests hold), `state` (what each bot has filled and
//! how events change it).

pub(crate) mod book;
pub mod event;
pub(crate) mod reserve;
pub(crate) mod state;

/// What the judge must be told of an account group before its first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSetup {
    /// The account group's name in the configuration.
    pub name: String,
    /// Quote assets that are counted as one US dollar.
    pub dollars: Vec<String>,
    /// The quote asset of each market, where known (from the venue's
    /// `exchangeInfo`). A market that is not here is taken to quote in the
    /// dollar asset that its name ends with, if any.
    pub quote_assets: std::collections::BTreeMap<String, String>,
}

impl AccountSetup {
    /// An account with the usual dollar assets.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            dollars: ["USDT", "USDC", "FDUSD", "TUSD", "USD"].map(str::to_owned).into(),
            quote_assets: std::collections::BTreeMap::new(),
        }
    }

    /// Whether a market's quote asset counts as one dollar.
    pub(crate) fn quotes_in_dollars(&self, market: &str) -> bool {
        match self.quote_assets.get(market) {
            Some(quote) => self.dollars.contains(quote),
            None => self
                .dollars
                .iter()
                .any(|dollar| market.len() > dollar.len() && market.ends_with(dollar.as_str())),
        }
    }
}

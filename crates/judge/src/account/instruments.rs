//! Which assets each market trades, as the venue's `exchangeInfo` has it.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher};

use super::AccountSetup;
use crate::bounds;

/// A market and its two assets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instrument {
    /// The market (`ETHBTC`).
    pub symbol: String,
    /// What is bought and sold (`ETH`).
    pub base: String,
    /// What it is paid with (`BTC`).
    pub quote: String,
}

/// The markets of a venue, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instruments {
    by_symbol: HashMap<String, Instrument>,
}

impl Instruments {
    pub(crate) fn get(&self, symbol: &str) -> Option<&Instrument> {
        self.by_symbol.get(symbol)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.by_symbol.values()
    }

    /// Whether the venue has told anything at all.
    pub(crate) fn are_known(&self) -> bool {
        !self.by_symbol.is_empty()
    }

    pub(crate) fn learn(&mut self, instruments: &[Instrument]) {
        for instrument in instruments {
            // INVARIANT (bounded): a market beyond it stays unknown, and what
            // needs its quote asset is denied.
            if self.by_symbol.len() < bounds::INSTRUMENTS
                || self.by_symbol.contains_key(&instrument.symbol)
            {
                self.by_symbol.insert(instrument.symbol.clone(), instrument.clone());
            }
        }
    }

    pub(crate) fn digest(&self, state: &mut impl Hasher) {
        let mut all: Vec<&Instrument> = self.by_symbol.values().collect();
        all.sort_unstable_by(|a, b| a.symbol.cmp(&b.symbol));
        all.hash(state);
    }

    /// Whether a market's quote asset counts as one dollar; none where nobody
    /// knows.
    ///
    /// The dollar asset that a name ends with decides only until the venue has
    /// told its markets: `ABCBUSD` ends with `USD` and quotes in something
    /// else.
    pub(crate) fn quotes_in_dollars(&self, setup: &AccountSetup, symbol: &str) -> Option<bool> {
        match self.get(symbol) {
            Some(instrument) => Some(setup.dollars.contains(&instrument.quote)),
            None if self.are_known() => None,
            None => Some(
                setup
                    .dollars
                    .iter()
                    .any(|dollar| symbol.len() > dollar.len() && symbol.ends_with(dollar.as_str())),
            ),
        }
    }
}

//! The keys in use: prepared for signing, with their windows and rights.

use wire::model::{Right, Rights};
use wire::venue::binance::collide::Reach;

use super::prepared::Prepared;
use super::window::{HOUR_MS, Window};
use crate::ceiling::Ceiling;
use crate::protocol::{KeyClass, KeyHandle, KeyInfo};
use crate::store::{VenueKey, wide_rights};
use crate::venue::Venue;

/// What one market has signed in the last hour.
pub(super) struct MarketWindows {
    pub(super) base: Window,
    pub(super) quote: Window,
}

impl MarketWindows {
    pub(super) const fn new() -> Self {
        Self { base: Window::new(HOUR_MS), quote: Window::new(HOUR_MS) }
    }
}

/// One key in use.
pub(super) struct Key {
    pub(super) info: KeyInfo,
    pub(super) venue: Venue,
    pub(super) prepared: Prepared,
    pub(super) ceiling: Ceiling,
    /// What texts are read under: sealed rights and those seen since. (WOO X
    /// ties no endpoint to a right: there it only tells what was seen.)
    pub(super) reach: Reach,
    /// What they were read under when it was sealed.
    pub(super) sealed_reach: Reach,
    /// In the order of the ceiling's markets.
    pub(super) markets: Vec<MarketWindows>,
    /// The vault's file is older than the ceiling that was last in force.
    pub(super) is_old: bool,
    /// Removed keys keep their handle and sign nothing.
    pub(super) removed: bool,
}

impl Key {
    pub(super) fn new(key: &VenueKey, handle: KeyHandle, observed: Option<Rights>) -> Self {
        let mut ready = Self {
            info: key.info(handle),
            venue: key.venue,
            prepared: Prepared::new(key.scheme, &key.secret),
            ceiling: key.ceiling().clone(),
            reach: reach(key, key.rights),
            sealed_reach: reach(key, key.rights),
            markets: key.ceiling().markets.iter().map(|_| MarketWindows::new()).collect(),
            is_old: false,
            removed: false,
        };
        if let Some(observed) = observed {
            ready.widen(observed);
        }
        ready
    }

    /// Takes rights seen at the venue: more widen at once, fewer change
    /// nothing. Whether anything changed.
    pub(super) fn widen(&mut self, observed: Rights) -> bool {
        let wider = self.reach.rights.union(observed);
        if wider == self.reach.rights {
            return false;
        }
        self.reach.rights = wider;
        self.info.rights = wider;
        let new: Vec<&str> = wide_rights(wider)
            .into_iter()
            .filter(|name| !wide_rights(self.sealed_reach.rights).contains(name))
            .collect();
        if !new.is_empty() && !self.is_old && self.info.class != KeyClass::ValueOut {
            self.info.limited = Some(format!(
                "the venue now also gives this key {}: only reads and cancels are signed; take \
                 the right away at the venue and add the key again, or accept it with \
                 `countersign key audit`",
                new.join(", ")
            ));
        }
        true
    }

    /// A person accepted the rights as they are now.
    pub(super) fn accept(&mut self, sealed: &VenueKey) {
        self.sealed_reach = self.reach;
        self.ceiling = sealed.ceiling().clone();
        self.info = sealed.info(self.info.handle);
    }

    /// Another ceiling is in force. Its markets are the same, and so is what was
    /// seen at the venue.
    pub(super) fn take_ceiling(&mut self, sealed: &VenueKey) {
        self.ceiling = sealed.ceiling().clone();
        let renewed = sealed.info(self.info.handle);
        let before = std::mem::replace(&mut self.info, renewed);
        (self.info.rights, self.info.limited) = (before.rights, before.limited);
    }

    /// The file is one from before a later ceiling: nothing that the later one
    /// might forbid is signed.
    pub(super) fn hold_back(&mut self, why: String) {
        self.is_old = true;
        self.info.limited = Some(why);
    }

    /// Forgets the secret; the handle stays taken.
    pub(super) fn remove(&mut self) {
        self.removed = true;
        self.prepared = Prepared::Unusable("it was removed".to_owned());
    }

    /// The market's place in the ceiling and its windows.
    pub(super) fn market_at(&self, market: &str) -> Option<usize> {
        self.ceiling.markets.binary_search_by(|one| one.market.as_str().cmp(market)).ok()
    }

    /// Whether a session that this key logs on could do more than read.
    pub(super) fn session_could_trade(&self) -> bool {
        [Right::SpotMarginTrading, Right::Futures, Right::PortfolioMargin, Right::VanillaOptions]
            .into_iter()
            .any(|right| self.reach.rights.has(right))
    }
}

fn reach(key: &VenueKey, rights: Rights) -> Reach {
    let hosts = key.host_groups();
    if hosts.is_empty() { Reach::everywhere(rights) } else { Reach::only(rights, &hosts) }
}

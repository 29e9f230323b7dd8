//! The orders of an account, found by the client's id and by the venue's.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use wire::model::{Decimal, OrderReference, Side};

use crate::bounds;
use crate::time::UnixNanos;

/// A bot's place in the judge's list.
pub(crate) type BotIndex = u32;
/// An order's place in the book.
pub(crate) type Slot = u64;

/// One order that may be live.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    pub(crate) symbol: String,
    pub(crate) client_order_id: String,
    pub(crate) order_id: Option<u64>,
    pub(crate) order_list_id: Option<u64>,
    pub(crate) list_client_order_id: Option<String>,
    /// The bot that placed it; none where nothing is on record.
    pub(crate) owner: Option<BotIndex>,
    /// The group that holds its exposure; none where nobody's is held.
    pub(crate) group: Option<u64>,
    /// When it was sent.
    pub(crate) sent_at: UnixNanos,
    /// None where it is not on record yet.
    pub(crate) side: Option<Side>,
    /// The price at which it rests, quote per base; none where it takes any,
    /// waits for a trigger, or it is not on record.
    pub(crate) price: Option<Decimal>,
    /// Base quantity, asset units.
    pub(crate) quantity: Option<Decimal>,
    /// Executed base quantity, asset units.
    pub(crate) executed: Decimal,
    /// The largest executed quote quantity that the venue stated.
    pub(crate) stated_quote: Decimal,
    /// The sum of its trades' quote quantities.
    pub(crate) traded_quote: Decimal,
    /// The sum of its trades' base quantities.
    pub(crate) traded: Decimal,
    /// What the windows counted of it, micro-USD.
    pub(crate) counted: u64,
    /// What the bot's profit counted of it: base quantity, and micro-USD.
    pub(crate) booked: (Decimal, u64),
    /// USD for one unit of the quote asset when it was placed.
    pub(crate) usd_per_quote: Decimal,
    /// Gone from a snapshot without a word about its end.
    pub(crate) missing: bool,
    /// Ended without a word on what it filled: it holds its exposure until its
    /// trades are read.
    pub(crate) untold: bool,
}

/// The orders, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    orders: BTreeMap<Slot, Tracked>,
    next: Slot,
    markets: HashMap<String, Market>,
    /// Recently closed, by market and venue id, so that a late snapshot does
    /// not revive them and late trades still find their owner.
    closed: VecDeque<Tracked>,
}

#[derive(Clone, Debug, Default)]
struct Market {
    by_client: HashMap<String, Slot>,
    by_venue: HashMap<u64, Slot>,
    /// Orders that rest at a price that is known, nearest last for bids.
    bids: BTreeSet<(Decimal, Slot)>,
    asks: BTreeSet<(Decimal, Slot)>,
}

impl Market {
    fn resting(&mut self, side: Side) -> &mut BTreeSet<(Decimal, Slot)> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// What a reference to an order names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// An order that is tracked.
    One(Slot),
    /// Nothing that is tracked.
    Nothing,
    /// Two different orders by its two ids.
    Two,
}

impl Book {
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Tracked> {
        self.orders.get(&slot)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Tracked> {
        self.orders.get_mut(&slot)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Tracked)> {
        self.orders.iter().map(|(slot, order)| (*slot, order))
    }

    /// The live orders of a market.
    pub(crate) fn in_market<'a>(
        &'a self,
        market: &str,
    ) -> impl Iterator<Item = (Slot, &'a Tracked)> + 'a {
        self.markets
            .get(market)
            .into_iter()
            .flat_map(|market| market.by_client.values())
            .filter_map(|slot| Some((*slot, self.orders.get(slot)?)))
    }

    pub(crate) fn by_client(&self, market: &str, client_order_id: &str) -> Option<Slot> {
        self.markets.get(market)?.by_client.get(client_order_id).copied()
    }

    pub(crate) fn by_venue(&self, market: &str, order_id: u64) -> Option<Slot> {
        self.markets.get(market)?.by_venue.get(&order_id).copied()
    }

    /// The one market that has an order of these ids.
    pub(crate) fn market_of(&self, reference: &OrderReference) -> Option<&str> {
        let mut found = self.markets.iter().filter(|(_, market)| {
            reference.order_id.is_some_and(|id| market.by_venue.contains_key(&id))
                || reference
                    .client_order_id
                    .as_deref()
                    .is_some_and(|id| market.by_client.contains_key(id))
        });
        let (name, _) = found.next()?;
        found.next().is_none().then_some(name)
    }

    /// The order that a reference names. The venue goes by the order id where
    /// there are both, and may not look at the other: one that is not known by
    /// it is not known, whatever the client id says.
    pub(crate) fn named(&self, reference: &OrderReference) -> Named {
        let venue = reference.order_id.map(|id| self.by_venue(&reference.symbol, id));
        let client =
            reference.client_order_id.as_deref().map(|id| self.by_client(&reference.symbol, id));
        match (venue, client) {
            (Some(Some(a)), Some(Some(b))) if a != b => Named::Two,
            (Some(None), Some(Some(slot))) => match self.get(slot).and_then(|one| one.order_id) {
                Some(_) => Named::Two,
                None => Named::Nothing,
            },
            (Some(Some(slot)), _) | (None, Some(Some(slot))) => Named::One(slot),
            _ => Named::Nothing,
        }
    }

    /// Adds an order; none where the book is full or the client id is taken
    /// by a live order of the market.
    pub(crate) fn insert(&mut self, order: Tracked) -> Option<Slot> {
        // INVARIANT (bounded): the caller denies where this refuses.
        if self.orders.len() >= bounds::TRACKED_ORDERS {
            return None;
        }
        let market = match self.markets.get_mut(&order.symbol) {
            Some(market) => market,
            None => self.markets.entry(order.symbol.clone()).or_default(),
        };
        if market.by_client.contains_key(&order.client_order_id) {
            return None;
        }
        let slot = self.next;
        self.next = self.next.saturating_add(1);
        market.by_client.insert(order.client_order_id.clone(), slot);
        if let Some(id) = order.order_id {
            market.by_venue.insert(id, slot);
        }
        if let (Some(side), Some(price)) = (order.side, order.price) {
            market.resting(side).insert((price, slot));
        }
        self.orders.insert(slot, order);
        Some(slot)
    }

    /// Learns the venue's id of an order.
    pub(crate) fn learn_id(&mut self, slot: Slot, order_id: u64) {
        let Some(order) = self.orders.get_mut(&slot) else { return };
        if order.order_id == Some(order_id) {
            return;
        }
        let old = order.order_id.replace(order_id);
        if let Some(market) = self.markets.get_mut(&order.symbol) {
            if let Some(old) = old {
                market.by_venue.remove(&old);
            }
            market.by_venue.insert(order_id, slot);
        }
    }

    /// Learns an order's side and price.
    pub(crate) fn set_terms(&mut self, slot: Slot, side: Option<Side>, price: Option<Decimal>) {
        let Some(order) = self.orders.get_mut(&slot) else { return };
        let Some(market) = self.markets.get_mut(&order.symbol) else { return };
        if let (Some(side), Some(price)) = (order.side, order.price) {
            market.resting(side).remove(&(price, slot));
        }
        (order.side, order.price) = (side, price);
        if let (Some(side), Some(price)) = (side, price) {
            market.resting(side).insert((price, slot));
        }
    }

    /// The price of the order of one side of a market that is nearest to the
    /// other side, these left out, and what lies at `through` or beyond.
    pub(crate) fn nearest(
        &self,
        market: &str,
        side: Side,
        without: &[Slot],
        through: Option<Decimal>,
    ) -> Option<Decimal> {
        let market = self.markets.get(market)?;
        let counts = |one: &&(Decimal, Slot)| {
            let is_through = through.is_some_and(|through| match side {
                Side::Buy => one.0 >= through,
                Side::Sell => one.0 <= through,
            });
            !is_through && !without.contains(&one.1)
        };
        let found = match side {
            Side::Buy => market.bids.iter().rev().find(counts),
            Side::Sell => market.asks.iter().find(counts),
        };
        found.map(|(price, _)| *price)
    }

    /// Gives an order another client id (an amend may change it).
    pub(crate) fn rename(&mut self, slot: Slot, client_order_id: &str) {
        let Some(order) = self.orders.get_mut(&slot) else { return };
        let Some(market) = self.markets.get_mut(&order.symbol) else { return };
        if market.by_client.contains_key(client_order_id) {
            return;
        }
        market.by_client.remove(&order.client_order_id);
        market.by_client.insert(client_order_id.to_owned(), slot);
        client_order_id.clone_into(&mut order.client_order_id);
    }

    /// Takes an order out and remembers it as closed.
    pub(crate) fn close(&mut self, slot: Slot) -> Option<Tracked> {
        let order = self.orders.remove(&slot)?;
        if let Some(market) = self.markets.get_mut(&order.symbol) {
            market.by_client.remove(&order.client_order_id);
            if let Some(id) = order.order_id {
                market.by_venue.remove(&id);
            }
            if let (Some(side), Some(price)) = (order.side, order.price) {
                market.resting(side).remove(&(price, slot));
            }
            if market.by_client.is_empty() && market.by_venue.is_empty() {
                self.markets.remove(&order.symbol);
            }
        }
        if self.closed.len() >= bounds::REMEMBERED_CLOSED_ORDERS {
            self.closed.pop_front();
        }
        self.closed.push_back(order.clone());
        Some(order)
    }

    /// A recently closed order.
    pub(crate) fn closed_mut(&mut self, market: &str, order_id: u64) -> Option<&mut Tracked> {
        self.closed
            .iter_mut()
            .rev()
            .find(|order| order.order_id == Some(order_id) && order.symbol == market)
    }

    pub(crate) fn was_closed(&self, market: &str, order_id: u64) -> bool {
        self.closed
            .iter()
            .rev()
            .any(|order| order.order_id == Some(order_id) && order.symbol == market)
    }
}

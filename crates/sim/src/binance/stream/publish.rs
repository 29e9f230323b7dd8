//! Delivery: what was told goes to the listeners; what is due by the clock is
//! told then.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use super::hub::TopicState;
use super::market::{Show, View, trade_event};
use super::names::{Kind, Product, Topic};
use super::outbox::Told;
use crate::binance::desk::State;
use crate::binance::exchange::{Exchange, Side};
use crate::binance::futures::Futures;
use crate::binance::money::{short, show};

/// Levels of a side that depth streams follow.
const FOLLOWED_LEVELS: usize = 5000;

type Levels = BTreeMap<Decimal, Decimal>;

fn printed(product: Product) -> Show {
    match product {
        Product::Spot => show,
        Product::Futures => short,
    }
}

/// Runs `with` on the topic's market as it is now.
fn view<T>(
    exchange: &Exchange,
    futures: &Futures,
    topic: &Topic,
    now: i64,
    with: impl FnOnce(&View<'_>) -> T,
) -> Option<T> {
    let show = printed(topic.product);
    match topic.product {
        Product::Spot => {
            let market = exchange.markets.get(&topic.symbol)?;
            let levels = |side: Side, most: usize| exchange.levels(market, side, most);
            Some(with(&View { market, levels: &levels, show, now, mark: None }))
        }
        Product::Futures => {
            let market = futures.markets.get(&topic.symbol)?;
            let levels = |side: Side, most: usize| futures.levels(market, side, most);
            let mark = futures.mark_now(&topic.symbol);
            Some(with(&View { market, levels: &levels, show, now, mark }))
        }
    }
}

/// Levels that differ from those told last; gone ones with quantity zero.
fn changed(before: &Levels, after: &Levels) -> Vec<(Decimal, Decimal)> {
    let mut rows: Vec<(Decimal, Decimal)> = after
        .iter()
        .filter(|(price, quantity)| before.get(price) != Some(quantity))
        .map(|(price, quantity)| (*price, *quantity))
        .collect();
    let gone = before.keys().filter(|price| !after.contains_key(price));
    rows.extend(gone.map(|price| (*price, Decimal::ZERO)));
    rows
}

/// The event of a depth topic, if there is anything to tell.
fn depth_event(
    view: &View<'_>,
    topic: &Topic,
    state: &mut TopicState,
) -> Option<serde_json::Value> {
    let last = view.market.book.updates;
    if state.last_update == last {
        return None;
    }
    let levels = |side| (view.levels)(side, FOLLOWED_LEVELS).into_iter().collect::<Levels>();
    let (bids, asks) = (levels(Side::Buy), levels(Side::Sell));
    let first_time = state.last_update == 0;
    let (more_bids, more_asks) = (changed(&state.bids, &bids), changed(&state.asks, &asks));
    if !first_time && more_bids.is_empty() && more_asks.is_empty() {
        return None;
    }
    let previous = state.last_update;
    *state = TopicState { next_ms: state.next_ms, last_update: last, bids, asks };
    let first = previous.saturating_add(1);
    (!first_time).then(|| view.depth_update(topic, first, previous, &more_bids, &more_asks))
}

/// The best bid and ask, if they changed.
fn best_event(view: &View<'_>, topic: &Topic, state: &mut TopicState) -> Option<serde_json::Value> {
    if state.last_update == view.market.book.updates {
        return None;
    }
    let best = |side| (view.levels)(side, 1).into_iter().collect::<Levels>();
    let (bids, asks) = (best(Side::Buy), best(Side::Sell));
    let same = state.bids == bids && state.asks == asks;
    *state = TopicState { next_ms: 0, last_update: view.market.book.updates, bids, asks };
    (!same).then(|| view.book_ticker(topic.product))
}

impl State {
    /// The listeners changed: says to the exchanges what is listened to.
    pub(crate) fn listeners_changed(&mut self) {
        let (accounts, trades) = self.hub.heard(Product::Spot);
        self.exchange.outbox.set_listeners(accounts, trades);
        let (accounts, trades) = self.hub.heard(Product::Futures);
        self.futures.outbox.set_listeners(accounts, trades);
    }

    /// Delivers what was told since the last delivery.
    pub(crate) fn deliver(&mut self, now: i64) {
        for key in self.listen_keys.take_closed() {
            self.hub.end_listen_key(&key, None);
            self.listeners_changed();
        }
        for product in [Product::Spot, Product::Futures] {
            let outbox = match product {
                Product::Spot => &mut self.exchange.outbox,
                Product::Futures => &mut self.futures.outbox,
            };
            let told = outbox.take_told();
            let changed = outbox.take_changed();
            for told in told {
                match told {
                    Told::User { account, event } => {
                        self.hub.tell_account(product, account, &event);
                    }
                    Told::Trade(trade) => {
                        for kind in [Kind::Trade, Kind::AggTrade] {
                            let topic = Topic { product, symbol: trade.symbol.clone(), kind };
                            if self.hub.topics.contains_key(&topic) {
                                let event = trade_event(&topic, &trade, printed(product), now);
                                self.hub.tell(&topic, &event);
                            }
                        }
                    }
                }
            }
            if product == Product::Spot {
                for (account, assets) in changed {
                    let event = self.exchange.position_event(account, &assets, now);
                    self.hub.tell_account(product, account, &event);
                }
            }
        }
        self.tell_topics(now, |kind| kind == Kind::BookTicker);
    }

    /// Does what is due: timers of the futures, listen keys, timed streams.
    pub(crate) fn tick(&mut self, now: i64) {
        self.futures.tick(now);
        for key in self.listen_keys.expire(now) {
            let event = json!({ "e": "listenKeyExpired", "E": now, "listenKey": key });
            self.hub.end_listen_key(&key, Some(&event));
            self.listeners_changed();
        }
        self.deliver(now);
        self.tell_topics(now, |kind| kind != Kind::BookTicker);
    }

    fn tell_topics(&mut self, now: i64, which: impl Fn(Kind) -> bool) {
        if self.hub.topics.is_empty() {
            return;
        }
        let mut topics = std::mem::take(&mut self.hub.topics);
        for (topic, state) in topics.iter_mut().filter(|(topic, _)| which(topic.kind)) {
            let every_ms = match topic.kind {
                Kind::BookTicker => 0,
                Kind::Depth { every_ms }
                | Kind::Levels { every_ms, .. }
                | Kind::Ticker { every_ms }
                | Kind::MarkPrice { every_ms } => every_ms,
                Kind::MiniTicker => 1000,
                Kind::Trade | Kind::AggTrade => continue,
            };
            // A clock that tests set back must not silence a stream.
            if state.next_ms > now && state.next_ms <= now.saturating_add(every_ms) {
                continue;
            }
            state.next_ms = now.saturating_add(every_ms);
            let event = view(&self.exchange, &self.futures, topic, now, |view| match topic.kind {
                Kind::BookTicker => best_event(view, topic, state),
                Kind::Depth { .. } => depth_event(view, topic, state),
                Kind::Levels { most, .. } => {
                    let fresh = state.last_update != view.market.book.updates;
                    state.last_update = view.market.book.updates;
                    fresh.then(|| view.best_levels(topic, most))
                }
                Kind::MarkPrice { .. } => view.mark_price(),
                kind => Some(view.ticker(kind)),
            });
            if let Some(event) = event.flatten() {
                self.hub.tell(topic, &event);
            }
        }
        self.hub.restore_topics(topics);
    }
}

//! Who listens to what. Delivery never waits: a listener that does not keep up
//! is cut off, as on the venue.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::names::{Kind, Product, Topic};
use crate::binance::fault::{StreamFaultKind, StreamFaults};

/// Messages that may wait for one listener.
const MAX_WAITING: usize = 8192;
/// Streams of one connection.
pub(crate) const MAX_STREAMS: usize = 1024;
/// Listeners at a time.
pub(crate) const MAX_LISTENERS: usize = 4096;

/// What a connection is sent by the hub.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(String),
    /// The connection is closed with a close frame.
    Close,
}

/// A user data stream of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserFeed {
    /// Spot, subscribed over the WebSocket API.
    Subscription { account: usize, id: u64, by_logon: bool, key: String },
    /// Futures, by listen key; with the name to put around its events.
    ListenKey { account: usize, key: String },
}

#[derive(Debug)]
struct Listener {
    sender: mpsc::Sender<Outgoing>,
    product: Product,
    /// Whether events are wrapped with the stream's name.
    combined: bool,
    /// By name as subscribed; silent names have no topic.
    streams: BTreeMap<String, Option<Topic>>,
    users: Vec<UserFeed>,
}

/// What was told last on a topic.
#[derive(Debug, Default)]
pub(crate) struct TopicState {
    pub(crate) next_ms: i64,
    pub(crate) last_update: u64,
    pub(crate) bids: BTreeMap<rust_decimal::Decimal, rust_decimal::Decimal>,
    pub(crate) asks: BTreeMap<rust_decimal::Decimal, rust_decimal::Decimal>,
}

/// The listeners.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    listeners: BTreeMap<u64, Listener>,
    last: u64,
    /// Topics with at least one listener.
    pub(crate) topics: BTreeMap<Topic, TopicState>,
    pub(crate) faults: StreamFaults,
    last_subscription: u64,
}

impl Hub {
    /// A new connection. None where there are too many.
    pub(crate) fn join(
        &mut self,
        product: Product,
        combined: bool,
    ) -> Option<(u64, mpsc::Receiver<Outgoing>)> {
        if self.listeners.len() >= MAX_LISTENERS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        self.last = self.last.saturating_add(1);
        let listener =
            Listener { sender, product, combined, streams: BTreeMap::new(), users: Vec::new() };
        self.listeners.insert(self.last, listener);
        Some((self.last, receiver))
    }

    /// A connection is gone.
    pub(crate) fn leave(&mut self, id: u64) {
        self.listeners.remove(&id);
        self.forget_topics();
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.listeners.len()
    }

    pub(crate) fn subscribe(&mut self, id: u64, name: &str) -> bool {
        let Some(listener) = self.listeners.get_mut(&id) else { return false };
        if listener.streams.len() >= MAX_STREAMS {
            return false;
        }
        let topic = Topic::parse(listener.product, name);
        listener.streams.insert(name.to_owned(), topic.clone());
        if let Some(topic) = topic {
            self.topics.entry(topic).or_default();
        }
        true
    }

    pub(crate) fn unsubscribe(&mut self, id: u64, name: &str) {
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.streams.remove(name);
            listener
                .users
                .retain(|feed| !matches!(feed, UserFeed::ListenKey { key, .. } if key == name));
        }
        self.forget_topics();
    }

    pub(crate) fn subscriptions(&self, id: u64) -> Vec<String> {
        let listener = self.listeners.get(&id);
        listener.map(|listener| listener.streams.keys().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn combine(&mut self, id: u64, combined: Option<bool>) -> bool {
        let Some(listener) = self.listeners.get_mut(&id) else { return false };
        listener.combined = combined.unwrap_or(listener.combined);
        listener.combined
    }

    /// Gives back the topics taken for telling; those nobody listens to go.
    pub(crate) fn restore_topics(&mut self, topics: BTreeMap<Topic, TopicState>) {
        self.topics = topics;
        self.forget_topics();
    }

    fn forget_topics(&mut self) {
        let listeners = &self.listeners;
        self.topics.retain(|topic, _| {
            listeners.values().any(|listener| {
                listener.streams.values().any(|listened| listened.as_ref() == Some(topic))
            })
        });
    }

    /// Adds a spot user stream to a connection. Returns its number.
    pub(crate) fn add_subscription(
        &mut self,
        id: u64,
        account: usize,
        by_logon: bool,
        key: String,
    ) -> u64 {
        let Some(listener) = self.listeners.get_mut(&id) else { return 0 };
        let number = self.last_subscription;
        self.last_subscription = self.last_subscription.saturating_add(1);
        listener.users.push(UserFeed::Subscription { account, id: number, by_logon, key });
        number
    }

    /// Adds a futures user stream to a connection.
    pub(crate) fn add_listen_key(&mut self, id: u64, account: usize, key: &str) {
        if let Some(listener) = self.listeners.get_mut(&id) {
            let feed = UserFeed::ListenKey { account, key: key.to_owned() };
            if !listener.users.contains(&feed) && listener.users.len() < MAX_STREAMS {
                listener.users.push(feed);
            }
        }
    }

    /// The user streams of a connection.
    pub(crate) fn users(&self, id: u64) -> &[UserFeed] {
        self.listeners.get(&id).map_or(&[], |listener| listener.users.as_slice())
    }

    /// Ends user streams of a connection; returns the numbers of those ended.
    pub(crate) fn end_subscriptions(
        &mut self,
        id: u64,
        ends: impl Fn(u64, bool) -> bool,
    ) -> Vec<u64> {
        let mut ended = Vec::new();
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.users.retain(|feed| match feed {
                UserFeed::Subscription { id, by_logon, .. } if ends(*id, *by_logon) => {
                    ended.push(*id);
                    false
                }
                _ => true,
            });
        }
        ended
    }

    /// How many listen to each account, by product, and whether to trades.
    pub(crate) fn heard(&self, product: Product) -> (BTreeMap<usize, usize>, bool) {
        let mut accounts: BTreeMap<usize, usize> = BTreeMap::new();
        for feed in self.listeners.values().flat_map(|listener| listener.users.iter()) {
            let account = match (feed, product) {
                (UserFeed::Subscription { account, .. }, Product::Spot)
                | (UserFeed::ListenKey { account, .. }, Product::Futures) => *account,
                _ => continue,
            };
            let count = accounts.entry(account).or_default();
            *count = count.saturating_add(1);
        }
        let trades = self.topics.keys().any(|topic| {
            topic.product == product && matches!(topic.kind, Kind::Trade | Kind::AggTrade)
        });
        (accounts, trades)
    }

    /// Sends to one connection; one that does not keep up is cut off.
    pub(crate) fn send(&mut self, id: u64, outgoing: Outgoing) {
        let failed = self.listeners.get(&id).is_some_and(|l| l.sender.try_send(outgoing).is_err());
        if failed {
            self.leave(id);
        }
    }

    /// Sends an event to everybody on a topic.
    pub(crate) fn tell(&mut self, topic: &Topic, event: &Value) {
        let mut sends = Vec::new();
        for (id, listener) in &self.listeners {
            for (name, listened) in &listener.streams {
                if listened.as_ref() == Some(topic) {
                    sends.push((*id, name.clone(), listener.combined));
                }
            }
        }
        for (id, name, combined) in sends {
            let text = if combined {
                json!({ "stream": name, "data": event }).to_string()
            } else {
                event.to_string()
            };
            self.send_unless_fault(id, &name, text);
        }
    }

    /// Sends an event to everybody who listens to an account.
    pub(crate) fn tell_account(&mut self, product: Product, account: usize, event: &Value) {
        let kind = event.get("e").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut sends = Vec::new();
        for (id, listener) in &self.listeners {
            for feed in &listener.users {
                match feed {
                    UserFeed::Subscription { account: theirs, id: number, .. }
                        if product == Product::Spot && *theirs == account =>
                    {
                        let text = json!({ "subscriptionId": number, "event": event });
                        sends.push((*id, text.to_string()));
                    }
                    UserFeed::ListenKey { account: theirs, key }
                        if product == Product::Futures && *theirs == account =>
                    {
                        let text = if listener.combined {
                            json!({ "stream": key, "data": event }).to_string()
                        } else {
                            event.to_string()
                        };
                        sends.push((*id, text));
                    }
                    _ => {}
                }
            }
        }
        for (id, text) in sends {
            self.send_unless_fault(id, &kind, text);
        }
    }

    /// Ends the spot user streams that an API key opened, telling each so.
    pub(crate) fn end_key(&mut self, revoked: &str, event: &Value) {
        let mut sends = Vec::new();
        for (socket, listener) in &mut self.listeners {
            listener.users.retain(|feed| match feed {
                UserFeed::Subscription { id, key, .. } if key == revoked => {
                    sends.push((*socket, json!({ "subscriptionId": id, "event": event })));
                    false
                }
                _ => true,
            });
        }
        for (socket, event) in sends {
            self.send(socket, Outgoing::Text(event.to_string()));
        }
    }

    /// Takes a listen key from everybody who has it, with an event where there is one.
    pub(crate) fn end_listen_key(&mut self, key: &str, event: Option<&Value>) {
        let mut sends = Vec::new();
        for (id, listener) in &mut self.listeners {
            let before = listener.users.len();
            listener
                .users
                .retain(|feed| !matches!(feed, UserFeed::ListenKey { key: k, .. } if k == key));
            if let (Some(event), true) = (event, listener.users.len() != before) {
                let text = if listener.combined {
                    json!({ "stream": key, "data": event }).to_string()
                } else {
                    event.to_string()
                };
                sends.push((*id, text));
            }
        }
        for (id, text) in sends {
            self.send(id, Outgoing::Text(text));
        }
    }

    fn send_unless_fault(&mut self, id: u64, stream: &str, text: String) {
        match self.faults.take(stream) {
            Some(StreamFaultKind::Skip) => {}
            Some(StreamFaultKind::Drop) => self.leave(id),
            Some(StreamFaultKind::Close) => self.send(id, Outgoing::Close),
            Some(StreamFaultKind::Repeat) => {
                self.send(id, Outgoing::Text(text.clone()));
                self.send(id, Outgoing::Text(text));
            }
            None => self.send(id, Outgoing::Text(text)),
        }
    }

    /// Cuts every connection off at once, without a close frame.
    pub(crate) fn drop_all(&mut self) {
        self.listeners.clear();
        self.topics.clear();
    }
}

//! A connection to the WebSocket API: its logon, and the methods that concern
//! the connection itself.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::frame::Frame;
use crate::binance::admission::{self, Admitted, KeyRing};
use crate::binance::desk::State;
use crate::binance::options::Secret;
use crate::binance::params::Params;
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::{Right, Security};
use crate::binance::stream::hub::{Outgoing, UserFeed};
use crate::binance::stream::names::Product;

/// A key that logged on.
#[derive(Debug, Clone)]
pub(crate) struct Logon {
    pub(crate) key: String,
    pub(crate) since_ms: i64,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its number in the hub.
    pub(crate) socket: u64,
    pub(crate) product: Product,
    pub(crate) client: SocketAddr,
    /// Headers of the handshake, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) opened_ms: i64,
    pub(crate) logon: Option<Logon>,
    /// Whether answers carry rate limits unless a request says otherwise.
    pub(crate) rate_limits: bool,
}

const READ: Security = Security::Signed(Right::Read);

/// The weight of a method of the connection.
pub(crate) fn weight(method: &str) -> Option<u32> {
    Some(match method {
        "session.logon"
        | "session.status"
        | "session.logout"
        | "userDataStream.subscribe"
        | "userDataStream.subscribe.signature"
        | "userDataStream.unsubscribe"
        | "session.subscriptions" => 2,
        _ => return None,
    })
}

impl Session {
    /// Answers a method of the connection.
    pub(crate) fn answer(&mut self, state: &mut State, frame: &Frame, now_us: i64) -> Answer {
        let now = now_us.div_euclid(1000);
        match frame.method.as_str() {
            "session.logon" => {
                let key = self.admit_signed(&state.keys, frame, now_us)?;
                let known = state.keys.get(&key.text).map(|(_, key)| key.secret.clone());
                if !matches!(known, Some(Secret::Ed25519(_))) {
                    let kind =
                        if matches!(known, Some(Secret::Rsa(_))) { "RSA" } else { "HMAC_SHA256" };
                    let msg = format!("{kind} API key is not supported.");
                    return Err(Reject::new(400, -4056, msg));
                }
                self.logon = Some(Logon { key: key.text, since_ms: now });
                Ok(self.status(state, now))
            }
            "session.status" => Ok(self.status(state, now)),
            "session.logout" => {
                self.end(state, |_, by_logon| by_logon, now);
                self.logon = None;
                Ok(self.status(state, now))
            }
            "userDataStream.subscribe" => {
                let logon = self.logon.clone();
                let key = logon.and_then(|logon| Some((state.keys.get(&logon.key)?.0, logon.key)));
                let Some((account, key)) = key else {
                    return Err(Reject::unauthorised());
                };
                admission::check_right(&state.keys, &key, READ, self.client.ip())?;
                self.subscribe(state, account, true, key)
            }
            "userDataStream.subscribe.signature" => {
                let key = self.admit_signed(&state.keys, frame, now_us)?;
                self.subscribe(state, key.account, false, key.text)
            }
            "userDataStream.unsubscribe" => {
                let only = Params::new(&frame.reading).integer("subscriptionId")?;
                if self.end(state, |id, _| only.is_none_or(|only| only == id), now) == 0 {
                    let msg = "User Data Stream subscription not active.";
                    return Err(Reject::new(400, -2036, msg));
                }
                Ok(json!({}))
            }
            "session.subscriptions" => {
                let feeds = state.hub.users(self.socket).iter().filter_map(|feed| match feed {
                    UserFeed::Subscription { id, .. } => Some(json!({ "subscriptionId": id })),
                    UserFeed::ListenKey { .. } => None,
                });
                Ok(Value::Array(feeds.collect()))
            }
            _ => Err(Reject::not_found()),
        }
    }

    /// Admits a request that must carry key and signature of its own.
    fn admit_signed(&self, keys: &KeyRing, frame: &Frame, now_us: i64) -> Result<Admitted, Reject> {
        if frame.reading.api_key.is_none() {
            return Err(Reject::missing("apiKey"));
        }
        admission::admit(keys, READ, "", &frame.reading, self.client.ip(), now_us, None)?
            .ok_or_else(Reject::key_or_rights)
    }

    fn subscribe(&self, state: &mut State, account: usize, by_logon: bool, key: String) -> Answer {
        let active = state.hub.users(self.socket).iter().any(|feed| {
            matches!(feed, UserFeed::Subscription { account: theirs, .. } if *theirs == account)
        });
        if active {
            let msg = "User Data Stream subscription already active.";
            return Err(Reject::new(400, -2035, msg));
        }
        let id = state.hub.add_subscription(self.socket, account, by_logon, key);
        state.listeners_changed();
        Ok(json!({ "subscriptionId": id }))
    }

    /// Ends user streams, telling each so. Returns how many.
    fn end(&self, state: &mut State, which: impl Fn(u64, bool) -> bool, now: i64) -> usize {
        let ended = state.hub.end_subscriptions(self.socket, which);
        for id in &ended {
            let event = json!({ "e": "eventStreamTerminated", "E": now });
            let text = json!({ "subscriptionId": id, "event": event }).to_string();
            state.hub.send(self.socket, Outgoing::Text(text));
        }
        state.listeners_changed();
        ended.len()
    }

    fn status(&self, state: &State, now: i64) -> Value {
        json!({
            "apiKey": self.logon.as_ref().map(|logon| logon.key.clone()),
            "authorizedSince": self.logon.as_ref().map(|logon| logon.since_ms),
            "connectedSince": self.opened_ms,
            "returnRateLimits": self.rate_limits,
            "serverTime": now,
            "userDataStream": !state.hub.users(self.socket).is_empty(),
        })
    }
}

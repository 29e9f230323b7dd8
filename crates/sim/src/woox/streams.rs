//! The v2 sockets: public market data and private user data.
//!
//! Source: the vendor's v2 socket documents as ccxt.pro 4.5.90 uses them. The v3
//! sockets (`/v3/public`, `/v3/private`) are not offered.

mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::fault::StreamFaultKind;
use crate::woox::desk::Desk;
use crate::woox::exchange::{Audience, Push};

/// Largest frame of a client, in bytes.
const MAX_FRAME_BYTES: usize = 64 * 1024;
/// Topics of one socket at most.
const MAX_TOPICS: usize = 100;
/// How often the server pings.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long a socket may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Topics of the private socket.
const PRIVATE_TOPICS: [&str; 4] =
    ["executionreport", "algoexecutionreportv2", "balance", "position"];

/// Which socket a path opens, with the application id that stands last in it.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    path: String,
    private: bool,
    application_id: String,
}

impl Door {
    /// The socket at a path, if there is one.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (private, rest) = match path.strip_prefix("/v2/ws/private/stream") {
            Some(rest) => (true, rest),
            None => (false, path.strip_prefix("/ws/stream")?),
        };
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let application_id = rest.trim_start_matches('/').to_owned();
        Some(Self { path: path.to_owned(), private, application_id })
    }
}

/// One open socket.
struct Session {
    desk: Arc<Desk>,
    client: SocketAddr,
    door: Door,
    /// Who has authenticated.
    account: Option<usize>,
    topics: BTreeSet<String>,
    /// What was last sent of each topic that follows a market: its update number.
    sent: BTreeMap<String, topics::Seen>,
}

/// Serves a socket until either side ends it.
pub(crate) async fn run(
    desk: Arc<Desk>,
    upgraded: TokioIo<Upgraded>,
    client: SocketAddr,
    door: Door,
    mut stop: watch::Receiver<bool>,
) {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_message_size(Some(MAX_FRAME_BYTES));
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let mut pushes = desk.listen();
    let every = Duration::from_millis(desk.options.push_every_ms.max(1));
    let mut changes = tokio::time::interval(every);
    let mut pings = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    let mut session = Session {
        desk,
        client,
        door,
        account: None,
        topics: BTreeSet::new(),
        sent: BTreeMap::new(),
    };
    loop {
        let out: Vec<Value> = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    heard = Instant::now();
                    session.frame(text.as_str())
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {
                    heard = Instant::now();
                    Vec::new()
                }
            },
            push = pushes.recv() => match push {
                Ok(push) => session.pushed(&push).into_iter().collect(),
                // Too slow: the venue would cut it off as well.
                Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => return,
            },
            _ = changes.tick() => session.changed(),
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE {
                    return;
                }
                vec![json!({ "event": "ping", "ts": session.desk.clock.now_ms() })]
            }
            _ = stop.wait_for(|stop| *stop) => return,
        };
        for value in out {
            let copies = match session.fault(&value) {
                None => 1,
                Some(StreamFaultKind::Skip) => 0,
                Some(StreamFaultKind::Repeat) => 2,
                Some(StreamFaultKind::Drop) => return,
                Some(StreamFaultKind::Close) => {
                    let _ = socket.close(None).await;
                    return;
                }
            };
            for _ in 0..copies {
                if socket.send(Message::text(value.to_string())).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Session {
    fn now(&self) -> i64 {
        self.desk.clock.now_ms()
    }

    /// The fault that an event meets; answers meet none.
    fn fault(&self, value: &Value) -> Option<StreamFaultKind> {
        let topic = value.get("topic").and_then(Value::as_str)?;
        self.desk.act(|state, _| state.stream_faults.take(topic))
    }

    /// Answers a frame.
    fn frame(&mut self, text: &str) -> Vec<Value> {
        let account = self.account;
        self.desk.note_frame(self.client, &self.door.path, text, account);
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return vec![self.refused(None, "error", "The message is not valid JSON.")];
        };
        let event = frame.get("event").and_then(Value::as_str).unwrap_or_default();
        let id = frame.get("id").cloned();
        match event {
            "ping" => vec![json!({ "event": "pong", "ts": self.now() })],
            "pong" => Vec::new(),
            "auth" if self.door.private => vec![self.auth(id, frame.get("params"))],
            "subscribe" | "unsubscribe" => {
                let topic = frame.get("topic").and_then(Value::as_str).unwrap_or_default();
                self.subscription(id, event, topic)
            }
            other => vec![self.refused(id, other, "The event is not supported.")],
        }
    }

    /// An answer to a frame; ids come back as text.
    fn reply(&self, id: Option<Value>, event: &str, success: bool) -> Value {
        let mut reply = json!({ "event": event, "success": success, "ts": self.now() });
        let id = id.map(|id| match id {
            Value::String(text) => text,
            other => other.to_string(),
        });
        if let (Some(id), Some(map)) = (id, reply.as_object_mut()) {
            map.insert("id".to_owned(), Value::String(id));
        }
        reply
    }

    fn refused(&self, id: Option<Value>, event: &str, why: &str) -> Value {
        let mut reply = self.reply(id, event, false);
        if let Some(map) = reply.as_object_mut() {
            map.insert("errorMsg".to_owned(), Value::String(why.to_owned()));
        }
        reply
    }

    /// The `auth` event. That the key must be of the application id in the path
    /// is unverified, and so are the words of the refusal.
    fn auth(&mut self, id: Option<Value>, params: Option<&Value>) -> Value {
        let text = |name: &str| -> String {
            match params.and_then(|params| params.get(name)) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            }
        };
        let (key, sign, timestamp) = (text("apikey"), text("sign"), text("timestamp"));
        let (window, client) = (self.desk.window(), self.client.ip());
        let application_id = &self.door.application_id;
        let account = self.desk.act(|state, _| {
            let account = state.keys.on_socket(&key, &timestamp, &sign, client, &window)?;
            let owns = state.exchange.account(account)?.application_id == *application_id;
            owns.then_some(account).ok_or_else(crate::woox::reject::Reject::unauthorised)
        });
        match account {
            Ok(account) => {
                self.account = Some(account);
                self.reply(id, "auth", true)
            }
            Err(reject) => self.refused(id, "auth", &reject.message),
        }
    }

    fn subscription(&mut self, id: Option<Value>, event: &str, topic: &str) -> Vec<Value> {
        if self.door.private && self.account.is_none() {
            return vec![self.refused(id, event, "Auth is needed.")];
        }
        let known = if self.door.private {
            PRIVATE_TOPICS.contains(&topic)
        } else {
            self.desk.act(|state, _| topics::known(&state.exchange, topic))
        };
        if !known {
            return vec![self.refused(id, event, "The topic is not supported.")];
        }
        let mut reply = self.reply(id, event, true);
        if let Some(map) = reply.as_object_mut() {
            map.insert("data".to_owned(), Value::String(topic.to_owned()));
        }
        if event == "unsubscribe" {
            self.topics.remove(topic);
            self.sent.remove(topic);
            return vec![reply];
        }
        if self.topics.len() >= MAX_TOPICS {
            return vec![self.refused(None, event, "Too many topics.")];
        }
        self.topics.insert(topic.to_owned());
        let mut out = vec![reply];
        out.extend(self.changed());
        out.extend(self.first(topic));
        out
    }

    /// What a private topic says at once: the balances as they stand.
    fn first(&self, topic: &str) -> Vec<Value> {
        let Some(account) = self.account.filter(|_| topic == "balance") else { return Vec::new() };
        let now = self.now();
        self.desk.act(|state, _| {
            let Ok(held) = state.exchange.account(account) else { return Vec::new() };
            let mut rows = serde_json::Map::new();
            for token in held.balances.keys() {
                let push = state.exchange.balance_push(account, token);
                if let Some(row) = push.get("balances").and_then(|rows| rows.get(token)) {
                    rows.insert(token.clone(), row.clone());
                }
            }
            vec![message("balance", now, &json!({ "balances": rows }))]
        })
    }

    /// A push, where it is this socket's.
    fn pushed(&self, push: &Push) -> Option<Value> {
        let mine = match push.audience {
            Audience::Account(account) => self.account == Some(account),
            Audience::Public => !self.door.private,
        };
        let wanted = mine && self.topics.contains(&push.topic);
        wanted.then(|| message(&push.topic, push.at_ms, &push.data))
    }

    /// The market topics whose markets have changed.
    fn changed(&mut self) -> Vec<Value> {
        if self.door.private || self.topics.is_empty() {
            return Vec::new();
        }
        let (topics, sent) = (&self.topics, &mut self.sent);
        self.desk.act(|state, now| {
            topics
                .iter()
                .filter_map(|topic| {
                    let seen = sent.entry(topic.clone()).or_default();
                    let data = topics::now(&state.exchange, topic, seen, now)?;
                    Some(message(topic, now, &data))
                })
                .collect()
        })
    }
}

fn message(topic: &str, ts: i64, data: &Value) -> Value {
    json!({ "topic": topic, "ts": ts, "data": data })
}

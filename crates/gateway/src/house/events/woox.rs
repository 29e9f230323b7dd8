//! The events of an account at WOO X: one private stream, on a socket of the
//! gateway's own.
//!
//! Source: the vendor's version 2 streams as ccxt.pro 4.5.90 uses them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use wire::venue::woox::{Text, frames};

use crate::gateway::AccountGroup;
use crate::house::House;
use crate::keys::RealKey;
use crate::limits;
use crate::shared::held;
use crate::upstream::{Host, VenueSocket};
use crate::venue::woox::account::execution;
use crate::venue::{Endpoint, woox};

/// What is heard of an account; the events that bots may hear.
pub(crate) const TOPICS: [&str; 4] =
    ["executionreport", "algoexecutionreportv2", "balance", "position"];
/// The venue pings every 10 s.
const SILENT: Duration = Duration::from_secs(40);

/// What the venue says: an answer, or an event of a topic.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(default)]
    event: &'a str,
    #[serde(default)]
    success: bool,
    #[serde(default)]
    topic: &'a str,
    #[serde(default)]
    data: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Balances {
    balances: serde_json::Map<String, serde_json::Value>,
}

impl House {
    /// Follows until the socket ends.
    ///
    /// # Errors
    /// Why it ended, or was not opened.
    pub(super) async fn follow_woox(&self, group: &Arc<AccountGroup>) -> Result<(), String> {
        let read = self.read(group, Endpoint::woox("GET", "/v3/account/info")?, &[]).await?;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {}", read.answer.status));
        }
        let id = woox::account::application_id(&read.answer.body)?;
        let target = format!("/v2/ws/private/stream/{id}");
        let mut socket = self.pool.open_socket(Host::WooXStreams, &target).await?;
        let key = self.log_on_woox(group, &mut socket).await?;
        let mut waiting: BTreeSet<&str> = TOPICS.into();
        for (id, topic) in TOPICS.iter().enumerate() {
            let frame = json!({ "id": id + 2, "event": "subscribe", "topic": topic });
            say(&mut socket, &frame).await?;
        }
        loop {
            let heard = tokio::time::timeout(SILENT, socket.next()).await;
            let text = match heard {
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                _ => return Err("the socket ended".to_owned()),
            };
            let Ok(told) = serde_json::from_str::<Told<'_>>(&text) else { continue };
            match told.event {
                "ping" => say(&mut socket, &json!({ "event": "pong" })).await?,
                "subscribe" if !told.success => {
                    return Err("the venue lets a topic not be heard".to_owned());
                }
                "subscribe" => {
                    let topic = told.data.map(|data| data.get().trim_matches('"'));
                    waiting.retain(|waiting| Some(*waiting) != topic);
                    if waiting.is_empty() {
                        group.events.set_on(true);
                    }
                }
                _ => {}
            }
            self.woox_event(group, &key, &told, &text);
        }
    }

    /// Logs the account's read key on; that key.
    async fn log_on_woox(
        &self,
        group: &Arc<AccountGroup>,
        socket: &mut VenueSocket,
    ) -> Result<Arc<RealKey>, String> {
        let login = frames::stream_login().ok_or("no such endpoint")?;
        let read = self.signed_for_socket(group, Endpoint::WooX(login), |_, now_ms| {
            woox::question(login, None, wire::venue::woox::ParamText::default(), now_ms)
        })?;
        let text = Text::parse_canonical(&read.signed.text).map_err(|error| error.to_string())?;
        let params = json!({
            "apikey": read.key.api_key,
            "sign": read.signed.signature,
            "timestamp": text.timestamp_ms().to_string(),
        });
        let frame = json!({ "id": 1, "event": "auth", "params": params });
        let answered = match say(socket, &frame).await {
            Ok(()) => answer(socket, "auth").await,
            Err(_) => None,
        };
        let status = answered.map(|success| if success { 200 } else { 401 });
        self.subscribed(&read.course, read.proof, status);
        match answered {
            Some(true) => Ok(read.key),
            Some(false) => Err("the venue takes the login not".to_owned()),
            None => Err("the venue does not answer".to_owned()),
        }
    }

    fn woox_event(&self, group: &AccountGroup, key: &RealKey, told: &Told<'_>, text: &str) {
        let Some(data) = told.data.filter(|_| TOPICS.contains(&told.topic)) else { return };
        // INVARIANT (key custody): what names the real key is not passed on.
        if key.finder.find(text.as_bytes()).is_some() {
            return;
        }
        match told.topic {
            "executionreport" => {
                if let Some(update) = execution(data.get()) {
                    self.tell_execution(group, update);
                }
            }
            "balance" => {
                if let Ok(told) = serde_json::from_str::<Balances>(data.get()) {
                    let mut kept = held(&group.events.balances);
                    kept.extend(told.balances);
                    // INVARIANT (bounded).
                    if kept.len() > judge::bounds::BALANCES {
                        kept.clear();
                    }
                }
            }
            _ => {}
        }
        group.events.tell(text.into());
    }
}

async fn say(socket: &mut VenueSocket, frame: &serde_json::Value) -> Result<(), String> {
    let sent = socket.send(Message::text(frame.to_string())).await;
    sent.map_err(|error| format!("the socket ended: {error}"))
}

/// The venue's answer to an event; pings may come first.
async fn answer(socket: &mut VenueSocket, event: &str) -> Option<bool> {
    let answered = async {
        loop {
            let Message::Text(text) = socket.next().await?.ok()? else { continue };
            let told = serde_json::from_str::<Told<'_>>(&text).ok()?;
            if told.event == event {
                return Some(told.success);
            }
        }
    };
    tokio::time::timeout(limits::UPSTREAM_ANSWER, answered).await.ok().flatten()
}

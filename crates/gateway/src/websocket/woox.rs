//! Sockets of WOO X: market data as it comes, and the account's events for bots
//! that log on, told by the gateway's own stream.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wire::venue::woox::Received as LogOn;
use wire::venue::woox::frames::{Asks, Frame, FrameRefusal, receive_frame};

use super::written;
use crate::counters::Ending;
use crate::gateway::{AccountGroup, Worker};
use crate::house::events::TERMINATED;
use crate::house::events::woox::TOPICS;
use crate::http::request::Head;
use crate::limits;
use crate::pipeline::accept::{Arrival, Peer};
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::judging::judge_local;
use crate::pipeline::refused::Refused;
use crate::pipeline::stream_key::followed;
use crate::shared::held;
use crate::upstream::{Host, VenueSocket};
use crate::venue::Received;

/// How often a bot is pinged, as the venue does.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether a virtual key is there.
const LOOK: Duration = Duration::from_secs(1);

/// What a socket is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Market data, from this path at the venue.
    Public(String),
    /// The account's events.
    Private,
}

/// The socket at a path; the application id that clients put behind it says
/// nothing here.
pub(super) fn door(path: &str) -> Option<Door> {
    let (door, id) = match path.strip_prefix("/v2/ws/private/stream") {
        Some(id) => (Door::Private, id),
        None => (Door::Public(path.to_owned()), path.strip_prefix("/ws/stream")?),
    };
    let plain = |id: &str| {
        (1..=wire::limits::NAME_BYTES).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let fine = id.is_empty() || id.strip_prefix('/').is_some_and(plain);
    fine.then_some(door)
}

/// A bot's socket.
pub(super) struct Socket {
    pub(super) worker: Rc<Worker>,
    pub(super) peer: Peer,
    /// The request that opened it.
    pub(super) head: Head,
    pub(super) buffer: Vec<u8>,
}

/// Whose events a private socket tells.
struct Session {
    api_key: String,
    group: Arc<AccountGroup>,
    events: Receiver<Arc<str>>,
    topics: BTreeSet<String>,
}

impl Socket {
    fn now_ms(&self) -> u64 {
        self.worker.gateway.clock.now().0 / 1_000_000
    }

    /// Serves until either side ends it, or the gateway drains.
    pub(super) async fn serve<S>(
        self,
        door: Door,
        mut bot: WebSocketStream<S>,
        mut stop: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match door {
            Door::Public(target) => self.relay(&target, &mut bot, &mut stop).await,
            Door::Private => self.tell(&mut bot, &mut stop).await,
        }
        let _ = tokio::time::timeout(limits::BODY_TIME, bot.close(None)).await;
    }

    async fn relay<S>(
        &self,
        target: &str,
        bot: &mut WebSocketStream<S>,
        stop: &mut watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut venue = match self.worker.pool.open_socket(Host::WooXStreams, target).await {
            Ok(venue) => venue,
            Err(error) => {
                tracing::debug!(%error, "no market data stream");
                return;
            }
        };
        while !*stop.borrow() {
            let passed = tokio::select! {
                told = venue.next() => match told {
                    Some(Ok(Message::Text(text))) => written(bot.send(Message::Text(text))).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                    _ => false,
                },
                heard = bot.next() => match heard {
                    Some(Ok(Message::Text(text))) => self.pass(text.as_str(), bot, &mut venue).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                    _ => false,
                },
                _ = stop.changed() => false,
            };
            if !passed {
                break;
            }
        }
        let _ = tokio::time::timeout(limits::BODY_TIME, venue.close(None)).await;
    }

    /// Passes a frame on, written anew. A bot that does not answer the venue's
    /// pings is left by the venue.
    ///
    /// INVARIANT (no escape hatch): nobody logs on here.
    async fn pass<S>(
        &self,
        text: &str,
        bot: &mut WebSocketStream<S>,
        venue: &mut VenueSocket,
    ) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Frame { id, asks } = match receive_frame(text.as_bytes()) {
            Ok(frame) => frame,
            Err(refused) => return self.refuse(bot, refused).await,
        };
        let frame = match asks {
            Asks::Ping => json!({ "event": "ping" }),
            Asks::Pong => json!({ "event": "pong" }),
            Asks::Subscribe(topic) => json!({ "id": id, "event": "subscribe", "topic": topic }),
            Asks::Unsubscribe(topic) => json!({ "id": id, "event": "unsubscribe", "topic": topic }),
            Asks::LogOn(_) => {
                let why = "log on at /v2/ws/private/stream; this socket has market data";
                return written(bot.send(Message::text(self.refusal(id, "auth", why)))).await;
            }
        };
        venue.send(Message::text(frame.to_string())).await.is_ok()
    }

    async fn tell<S>(&self, bot: &mut WebSocketStream<S>, stop: &mut watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut session = None;
        let mut heard_at = Instant::now();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.reset();
        let mut look = tokio::time::interval(LOOK);
        while !*stop.borrow() {
            let goes_on = tokio::select! {
                event = next(&mut session) => match event {
                    Some(Some(event)) => written(bot.send(Message::text(event.as_ref()))).await,
                    Some(None) => true,
                    None => false,
                },
                heard = bot.next() => {
                    heard_at = Instant::now();
                    match heard {
                        Some(Ok(Message::Text(text))) => {
                            self.hear(text.as_str(), bot, &mut session).await
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                        _ => false,
                    }
                }
                // A key that was taken away hears no more.
                _ = look.tick() => self.is_held(session.as_ref()),
                _ = ping.tick() => {
                    let ping = json!({ "event": "ping", "ts": self.now_ms() });
                    // INVARIANT (bounded): who is gone does not keep its place.
                    heard_at.elapsed() <= limits::SOCKET_IDLE
                        && written(bot.send(Message::text(ping.to_string()))).await
                }
                _ = stop.changed() => false,
            };
            if !goes_on || !self.is_held(session.as_ref()) {
                return;
            }
        }
    }

    fn is_held(&self, session: Option<&Session>) -> bool {
        let identities = self.worker.gateway.identities.load();
        session.is_none_or(|session| identities.find(&session.api_key).is_some())
    }

    /// Does what a bot says; false where it is gone.
    async fn hear<S>(
        &self,
        text: &str,
        bot: &mut WebSocketStream<S>,
        session: &mut Option<Session>,
    ) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Frame { id, asks } = match receive_frame(text.as_bytes()) {
            Ok(frame) => frame,
            Err(refused) => return self.refuse(bot, refused).await,
        };
        let mut first = None;
        let answer = match asks {
            Asks::Pong => return true,
            Asks::Ping => json!({ "event": "pong", "ts": self.now_ms() }).to_string(),
            Asks::LogOn(login) => match self.log_on(*login).await {
                Ok(opened) => {
                    *session = Some(opened);
                    self.answer(id, "auth", None)
                }
                Err(refused) => {
                    self.worker.counters.ended(refused.ending, None);
                    self.refusal(id, "auth", refused.message())
                }
            },
            Asks::Subscribe(topic) | Asks::Unsubscribe(topic)
                if !TOPICS.contains(&topic.as_str()) =>
            {
                self.refusal(id, "subscribe", &format!("the topic `{topic}` is not told here"))
            }
            Asks::Subscribe(topic) => match session {
                None => self.refusal(id, "subscribe", "Auth is needed."),
                Some(session) => {
                    first = session.first(&topic, self.now_ms());
                    session.topics.insert(topic.clone());
                    self.answer(id, "subscribe", Some(&topic))
                }
            },
            Asks::Unsubscribe(topic) => {
                if let Some(session) = session {
                    session.topics.remove(&topic);
                }
                self.answer(id, "unsubscribe", Some(&topic))
            }
        };
        let answered = written(bot.send(Message::text(answer))).await;
        match first {
            Some(first) if answered => written(bot.send(Message::text(first))).await,
            _ => answered,
        }
    }

    /// Whose account a login opens.
    async fn log_on(&self, login: LogOn) -> Result<Session, Refused> {
        let request = self.worker.next_request();
        let arrival = Arrival::new(self.peer, request, &self.head, &self.buffer, &[]);
        let api_key = login.api_key.clone();
        let received = Received::WooX(Box::new(login));
        let bot = authenticate(&self.worker.gateway, &arrival, &received)?;
        // INVARIANT (record first): who hears an account's events is in the log.
        let group = judge_local(&self.worker, &arrival, &bot, received.endpoint())?;
        followed(&group.events).await?;
        let events = group.events.hear();
        Ok(Session { api_key, group, events, topics: BTreeSet::new() })
    }

    /// An answer in the venue's shape.
    fn answer(&self, id: Option<String>, event: &str, topic: Option<&str>) -> String {
        let mut answer = json!({ "event": event, "success": true, "ts": self.now_ms() });
        if let Some(members) = answer.as_object_mut() {
            members.extend(id.map(|id| ("id".to_owned(), id.into())));
            members.extend(topic.map(|topic| ("data".to_owned(), topic.into())));
        }
        answer.to_string()
    }

    fn refusal(&self, id: Option<String>, event: &str, why: &str) -> String {
        let mut answer = json!({ "event": event, "success": false, "ts": self.now_ms() });
        let words = if why.ends_with('.') { why.to_owned() } else { format!("Countersign: {why}") };
        if let Some(members) = answer.as_object_mut() {
            members.extend(id.map(|id| ("id".to_owned(), id.into())));
            members.insert("errorMsg".to_owned(), words.into());
        }
        answer.to_string()
    }

    async fn refuse<S>(&self, bot: &mut WebSocketStream<S>, refused: FrameRefusal) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.worker.counters.ended(Ending::Unreadable, None);
        let FrameRefusal { id, event, refusal } = refused;
        written(bot.send(Message::text(self.refusal(id, &event, &refusal.to_string())))).await
    }
}

impl Session {
    /// What a topic says at once: balances as they stand.
    fn first(&self, topic: &str, now_ms: u64) -> Option<String> {
        let balances = held(&self.group.events.balances);
        (topic == "balance" && !balances.is_empty()).then(|| {
            let data = json!({ "balances": &*balances });
            json!({ "topic": topic, "ts": now_ms, "data": data }).to_string()
        })
    }
}

/// The next event that the bot has asked for; none inside for one that it has
/// not, none where some may be missed from here on.
async fn next(session: &mut Option<Session>) -> Option<Option<Arc<str>>> {
    #[derive(serde::Deserialize)]
    struct Told<'a> {
        topic: &'a str,
    }
    let Some(session) = session else { return std::future::pending().await };
    let event = session.events.recv().await.ok()?;
    if event.starts_with(TERMINATED) {
        return None;
    }
    let wanted = serde_json::from_str::<Told<'_>>(&event)
        .is_ok_and(|told| session.topics.contains(told.topic));
    Some(wanted.then_some(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_a_socket_is_for() {
        let id = "251bf5c4-0000-4544-bb8b-80001007c3c0";
        assert_eq!(door(&format!("/v2/ws/private/stream/{id}")), Some(Door::Private));
        let path = format!("/ws/stream/{id}");
        assert_eq!(door(&path), Some(Door::Public(path)));
        for path in
            ["/ws/stream/", "/ws/streams", "/ws/stream/a/b", "/v3/private", "/ws/stream/a?b"]
        {
            assert_eq!(door(path), None, "{path}");
        }
    }
}

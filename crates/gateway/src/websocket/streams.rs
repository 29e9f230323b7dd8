//! Sockets for streams: the venue's public events as they come, and those of
//! accounts for bots that show a stream key.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wire::model::Venue;

use super::account::{self, Said};
use super::names::{Ask, Command, Wanted, command};
use super::written;
use crate::gateway::{AccountGroup, Worker};
use crate::http::request::Head;
use crate::limits;
use crate::pipeline::accept::{Arrival, Peer};
use crate::pipeline::reply::Body;
use crate::upstream::VenueSocket;

/// A bot's socket for streams.
pub(super) struct Streams {
    pub(super) worker: Rc<Worker>,
    pub(super) peer: Peer,
    /// The request that opened it.
    pub(super) head: Head,
    pub(super) buffer: Vec<u8>,
    pub(super) wanted: Wanted,
    /// The account that each of the keys in `wanted` opens.
    pub(super) accounts: Vec<Arc<AccountGroup>>,
}

/// The accounts' events that a socket tells, by stream key.
struct Feeds {
    tasks: BTreeMap<String, AbortHandle>,
    say: mpsc::Sender<Said>,
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.tasks.values().for_each(AbortHandle::abort);
    }
}

impl Streams {
    fn follow(&self, feeds: &mut Feeds, key: String, group: &AccountGroup) {
        let gateway = Arc::clone(&self.worker.gateway);
        let (say, combined) = (feeds.say.clone(), self.wanted.combined);
        let task = account::follow(gateway, group, self.wanted.product, key.clone(), combined, say);
        if let Some(before) = feeds.tasks.insert(key, task) {
            before.abort();
        }
    }

    /// Relays until either side ends, or the gateway drains.
    pub(super) async fn serve<S>(self, mut bot: WebSocketStream<S>, mut stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut venue = None;
        if let Some(target) = &self.wanted.target {
            match self.worker.pool.open_socket(self.wanted.host(), target).await {
                Ok(socket) => venue = Some(socket),
                Err(error) => {
                    tracing::debug!(%error, "no market data stream");
                    let _ = bot.close(None).await;
                    return;
                }
            }
        }
        let (say, mut said) = mpsc::channel(limits::SUBSCRIPTIONS);
        let mut feeds = Feeds { tasks: BTreeMap::new(), say };
        for (key, group) in self.wanted.keys.iter().zip(&self.accounts) {
            self.follow(&mut feeds, key.clone(), group);
        }
        let mut heard_at = Instant::now();
        let mut look = tokio::time::interval(limits::SOCKET_IDLE / 3);
        look.reset();
        while !*stop.borrow() {
            let passed = tokio::select! {
                told = next(&mut venue) => match told {
                    Some(Message::Text(text)) => written(bot.send(Message::Text(text))).await,
                    Some(Message::Ping(_) | Message::Pong(_)) => true,
                    _ => false,
                },
                Some(event) = said.recv() => match event {
                    Said::Event(event) => written(bot.send(Message::text(event))).await,
                    Said::Ended => false,
                },
                heard = bot.next() => {
                    heard_at = Instant::now();
                    match heard {
                        Some(Ok(Message::Text(text))) => {
                            self.obey(&mut bot, &mut venue, &mut feeds, text.as_str()).await
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                        _ => false,
                    }
                }
                // INVARIANT (bounded): who is gone does not keep its place.
                _ = look.tick() => {
                    heard_at.elapsed() <= limits::SOCKET_IDLE
                        && written(bot.send(Message::Ping(Vec::new().into()))).await
                }
                _ = stop.changed() => false,
            };
            if !passed {
                break;
            }
        }
        if let Some(mut venue) = venue {
            let _ = tokio::time::timeout(limits::BODY_TIME, venue.close(None)).await;
        }
        let _ = tokio::time::timeout(limits::BODY_TIME, bot.close(None)).await;
    }

    /// Does what the bot says; false where a side is gone.
    async fn obey<S>(
        &self,
        bot: &mut WebSocketStream<S>,
        venue: &mut Option<VenueSocket>,
        feeds: &mut Feeds,
        text: &str,
    ) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(Command { ask, keys, is_public, id, at_venue }) = command(text) else {
            return written(bot.send(Message::text(REFUSED))).await;
        };
        for key in keys {
            match ask {
                Ask::Unsubscribe => {
                    if let Some(task) = feeds.tasks.remove(&key) {
                        task.abort();
                    }
                }
                // INVARIANT (bounded).
                _ if feeds.tasks.len() >= limits::SUBSCRIPTIONS => {
                    return written(bot.send(Message::text(REFUSED))).await;
                }
                _ => {
                    let request = self.worker.next_request();
                    let arrival = Arrival::new(self.peer, request, &self.head, &self.buffer, &[]);
                    match account::admit(&self.worker, &arrival, self.wanted.product, &key) {
                        Ok(group) => self.follow(feeds, key, &group),
                        Err(refused) => {
                            let Body::Whole(error) = refused.reply(Venue::Binance).body else {
                                return false;
                            };
                            let error = String::from_utf8_lossy(&error);
                            let told = format!("{{\"error\":{error},\"id\":{id}}}");
                            return written(bot.send(Message::text(told))).await;
                        }
                    }
                }
            }
        }
        let answer = match (venue, ask) {
            (Some(venue), Ask::List) => return venue.send(Message::text(at_venue)).await.is_ok(),
            (Some(venue), _) if is_public => {
                return venue.send(Message::text(at_venue)).await.is_ok();
            }
            (None, _) if is_public => REFUSED.to_owned(),
            (_, Ask::List) => {
                let keys: Vec<&String> = feeds.tasks.keys().collect();
                json!({ "result": keys, "id": id }).to_string()
            }
            _ => json!({ "result": null, "id": id }).to_string(),
        };
        written(bot.send(Message::text(answer))).await
    }
}

/// What the venue says next; nothing, for ever, where it was not asked.
async fn next(venue: &mut Option<VenueSocket>) -> Option<Message> {
    match venue {
        Some(venue) => venue.next().await.and_then(Result::ok),
        None => std::future::pending().await,
    }
}

/// In the shape of the venue's own.
const REFUSED: &str = "{\"error\":{\"code\":2,\"msg\":\"Countersign: SUBSCRIBE, UNSUBSCRIBE and \
                       LIST_SUBSCRIPTIONS of public streams are let through, and stream keys of \
                       USD-M futures; market data has a socket of its own\"},\"id\":null}";

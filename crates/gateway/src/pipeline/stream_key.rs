//! Calls about stream keys, answered here: the venue's key stays with the
//! gateway, which hears the account's events once for all of its bots.

use std::time::Duration;

use tokio::time::Instant;
use wire::model::Product;
use wire::venue::binance::listed::StreamKeyAsk;

use super::accept::Arrival;
use super::authenticate::Authenticated;
use super::judging::judge_local;
use super::refused::{Refused, Why};
use super::reply::Reply;
use crate::counters::Ending;
use crate::gateway::{EventFeed, Worker};
use crate::stream_keys::Holder;
use crate::venue::Received;

/// How long the first call for a key waits for the venue.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Answers a call about the stream key of the virtual key that makes it.
///
/// # Errors
/// In the venue's words: the parameters cannot be read, the bot may not read,
/// there is no such key (-1125).
pub(super) async fn answer(
    worker: &Worker,
    arrival: &Arrival<'_>,
    bot: &Authenticated,
    received: &Received,
    product: Product,
    ask: StreamKeyAsk,
) -> Result<(Ending, Reply), Refused> {
    // The closed parameter table holds here too.
    received.check().map_err(Refused::unreadable)?;
    let gateway = &worker.gateway;
    let api_key = received.api_key(arrival).map_err(|why| {
        Refused::new(Ending::Unauthenticated, why, "send the virtual key in the venue's header")
    })?;
    let holder = Holder { api_key: api_key.into(), address: arrival.peer.address, product };
    let named = received.parameter("listenKey");
    let now_ms = gateway.clock.now().0 / 1_000_000;
    let keys = &gateway.stream_keys;
    let none = || {
        Refused::new(
            Ending::Denied,
            Why::NoStreamKey,
            "this virtual key has none, from this address; start one",
        )
    };
    let body = match ask {
        StreamKeyAsk::Start => match keys.keep_alive(&holder, None, now_ms) {
            Some(key) => told(&key),
            None => {
                // INVARIANT (record first): who is let in to an account's events
                // is in the log.
                let group = judge_local(worker, arrival, bot, received.endpoint())?;
                followed(group.feed(product)).await?;
                let wait = Why::Throttled { wait_s: 60 };
                let full = |why| Refused::new(Ending::Denied, wait, why);
                told(&keys.start(holder, now_ms).map_err(full)?)
            }
        },
        StreamKeyAsk::KeepAlive => told(&keys.keep_alive(&holder, named, now_ms).ok_or_else(none)?),
        StreamKeyAsk::Close if keys.close(&holder, named, now_ms) => "{}".to_owned(),
        StreamKeyAsk::Close => return Err(none()),
    };
    Ok((Ending::Answered, Reply::json(200, body)))
}

/// Waits a moment until the account's events are followed: a bot that has its
/// key, or has logged on, misses none.
///
/// # Errors
/// The venue does not tell them; nothing was given.
pub(crate) async fn followed(feed: &EventFeed) -> Result<(), Refused> {
    feed.want();
    let until = Instant::now() + FOLLOWED_WITHIN;
    while !feed.is_on() {
        if Instant::now() >= until {
            return Err(Refused::not_executed(
                Ending::Unsent,
                "the venue does not tell the account's events at the moment",
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn told(key: &str) -> String {
    format!("{{\"listenKey\":\"{key}\"}}")
}

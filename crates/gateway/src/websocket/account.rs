//! An account's events on a socket for streams, for a bot that shows its stream
//! key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use wire::model::Product;

use crate::counters::Ending;
use crate::gateway::{AccountGroup, Gateway, Worker};
use crate::house::events::TERMINATED;
use crate::pipeline::accept::Arrival;
use crate::pipeline::authenticate::Authenticated;
use crate::pipeline::judging::judge_local;
use crate::pipeline::refused::{Refused, Why};
use crate::venue::Endpoint;

/// How often it is looked whether a key is alive.
const LOOK: Duration = Duration::from_secs(1);

/// What a feed says to its socket.
pub(super) enum Said {
    /// An event, as the bot gets it.
    Event(String),
    /// No more come: the bot opens another socket.
    Ended,
}

/// Whose events a stream key opens, for who shows it.
///
/// # Errors
/// It opens none, for them: told alike whatever the reason.
pub(super) fn admit(
    worker: &Worker,
    arrival: &Arrival<'_>,
    product: Product,
    key: &str,
) -> Result<Arc<AccountGroup>, Refused> {
    let gateway = &worker.gateway;
    let address = arrival.peer.address;
    let now_ms = gateway.clock.now().0 / 1_000_000;
    let reload = gateway.reloads.load(Ordering::Acquire);
    let identities = gateway.identities.load();
    let api_keys = identities.api_keys();
    let holder = gateway.stream_keys.holder(key, address, product, api_keys, now_ms);
    let identity = holder
        .and_then(|holder| identities.find(&holder.api_key).cloned())
        .filter(|identity| identity.config.may_come_from(address))
        .filter(|identity| identity.config.may_come_with(arrival.peer.certificate.as_ref()));
    let Some(identity) = identity else {
        // INVARIANT (no free accusation).
        gateway.failures.count(address);
        return Err(Refused::new(
            Ending::Unauthenticated,
            Why::NoStreamKey,
            "start one with the call for it, from this address",
        ));
    };
    let bot = Authenticated { identity, deadline_ms: 0, reload };
    let path = match product {
        Product::Spot => "/api/v3/userDataStream",
        _ => "/fapi/v1/listenKey",
    };
    let endpoint = Endpoint::binance("POST", path);
    let endpoint = endpoint.map_err(|why| Refused::not_executed(Ending::Unsent, why))?;
    // INVARIANT (record first): who hears an account's events is in the log.
    let group = judge_local(worker, arrival, &bot, endpoint)?;
    if !group.feed(product).is_on() {
        return Err(Refused::not_executed(
            Ending::Unsent,
            "the venue does not tell the account's events at the moment",
        ));
    }
    Ok(group)
}

/// Tells a socket of an account's events until the key ends, or the events do.
pub(super) fn follow(
    gateway: Arc<Gateway>,
    group: &AccountGroup,
    product: Product,
    key: String,
    combined: bool,
    say: mpsc::Sender<Said>,
) -> AbortHandle {
    let mut events = group.feed(product).hear();
    let task = tokio::task::spawn_local(async move {
        let written = |event: &str| match combined {
            true => format!("{{\"stream\":\"{key}\",\"data\":{event}}}"),
            false => event.to_owned(),
        };
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) if !event.starts_with(TERMINATED) => {
                        if say.send(Said::Event(written(&event))).await.is_err() {
                            return;
                        }
                    }
                    // Some may be missed from here on: it opens another socket,
                    // and asks for what happened meanwhile.
                    Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                },
                _ = look.tick() => {
                    let now_ms = gateway.clock.now().0 / 1_000_000;
                    let holder = gateway.stream_keys.lives(&key, now_ms);
                    let is_held = holder.is_some_and(|holder| {
                        gateway.identities.load().find(&holder.api_key).is_some()
                    });
                    if !is_held {
                        let ended = format!(
                            "{{\"e\":\"listenKeyExpired\",\"E\":{now_ms},\"listenKey\":\"{key}\"}}"
                        );
                        let _ = say.send(Said::Event(written(&ended))).await;
                        break;
                    }
                }
            }
        }
        let _ = say.send(Said::Ended).await;
    });
    task.abort_handle()
}

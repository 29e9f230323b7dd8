//! The account's events for bots that may read it.
//!
//! At the venue one subscription of the gateway's own carries them; a bot's
//! subscription ends here.

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use wire::venue::binance::frames::Private;

use super::api::Socket;
use crate::counters::Ending;
use crate::gateway::Gateway;
use crate::house::events::{TERMINATED, terminated};
use crate::limits;
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::judging::judge_local;
use crate::pipeline::refused::{Refused, Why};
use crate::venue::{Received, frames};

/// Begins to tell a bot of its account's events; the answer.
///
/// # Errors
/// It may not read, or nobody tells the gateway at the moment.
pub(super) fn subscribe(
    socket: &Rc<Socket>,
    private: &Private,
    answers: &mpsc::Sender<String>,
) -> Result<String, Refused> {
    let session_key = socket.key.borrow().clone();
    let request = frames::Request { private: private.clone(), session_key };
    let received = Received::Frame(Box::new(request));
    let arrival = socket.arrival();
    let worker = &socket.worker;
    let bot = authenticate(&worker.gateway, &arrival, &received)?;
    // INVARIANT (bounded).
    if socket.subscriptions.borrow().len() >= limits::SUBSCRIPTIONS {
        return Err(Refused::new(
            Ending::Denied,
            Why::Limit,
            "the socket has too many subscriptions; use those that there are",
        ));
    }
    let group = judge_local(worker, &arrival, &bot, received.endpoint())?;
    let mut events = group.events.hear();
    if !group.events.is_on() {
        return Err(Refused::not_executed(
            Ending::Unsent,
            "the venue does not tell the account's events at the moment",
        ));
    }
    let number = arrival.request & 0xffff_ffff;
    let key = received.api_key(&arrival).map(str::to_owned).unwrap_or_default();
    let (answers, gateway) = (answers.clone(), Arc::clone(&worker.gateway));
    let of = Rc::downgrade(socket);
    let task = tokio::task::spawn_local(async move {
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                // It reads too slowly: what it missed it must ask for.
                Err(RecvError::Lagged(_)) => terminated(&gateway),
                Err(RecvError::Closed) => break,
            };
            let told = format!("{{\"subscriptionId\":{number},\"event\":{event}}}");
            let ends = event.starts_with(TERMINATED);
            // A key that was taken away hears nothing more.
            if !is_held(&gateway, &key) || answers.send(told).await.is_err() || ends {
                break;
            }
        }
        if let Some(socket) = of.upgrade() {
            socket.subscriptions.borrow_mut().remove(&number);
        }
    });
    socket.subscriptions.borrow_mut().insert(number, task.abort_handle());
    Ok(format!("{{\"subscriptionId\":{number}}}"))
}

fn is_held(gateway: &Gateway, key: &str) -> bool {
    gateway.identities.load().find(key).is_some()
}

/// Ends one subscription, or all.
pub(super) fn unsubscribe(socket: &Socket, private: &Private) -> String {
    let named: Option<u64> =
        private.received.params.get("subscriptionId").and_then(|id| id.parse().ok());
    socket.subscriptions.borrow_mut().retain(|number, task| {
        let goes = named.is_none_or(|named| named == *number);
        if goes {
            task.abort();
        }
        !goes
    });
    "{}".to_owned()
}

/// The subscriptions, in the venue's shape.
pub(super) fn list(socket: &Socket) -> String {
    let numbers: Vec<String> = socket
        .subscriptions
        .borrow()
        .keys()
        .map(|number| format!("{{\"subscriptionId\":{number}}}"))
        .collect();
    format!("[{}]", numbers.join(","))
}

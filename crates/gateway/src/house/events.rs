//! The account's own events at Binance spot: executions reach the judge as they
//! happen, and every event the bots that asked for them.
//!
//! One subscription per account, on a socket of the gateway's own. What happens
//! between two sockets is told by the snapshots, which go on; bots are told
//! that their events ended, in the venue's words.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use judge::{AccountEvent, OrderStatus, OrderUpdate};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;
use wire::model::{Decimal, OrderReference, Venue};

use super::House;
use crate::clock;
use crate::entry;
use crate::gateway::{AccountGroup, Gateway};
use crate::keys::RealKey;
use crate::limits;
use crate::record::Purpose;
use crate::shared::held;
use crate::upstream::Host;

/// The beginning of what bots are told where events may have been missed.
pub(crate) const TERMINATED: &str = "{\"e\":\"eventStreamTerminated\"";
/// The first pause before a socket is opened again; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(60);
/// How often it is looked whether keys are there.
const LOOK: Duration = Duration::from_millis(250);
/// A socket without a word for so long is dead: the venue pings every 20 s.
const SILENT: Duration = Duration::from_secs(75);

/// The answer to the subscription.
#[derive(Deserialize)]
struct Subscribed {
    status: u16,
}

/// A message about the subscription.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
}

/// An `executionReport`, as far as it is read.
#[derive(Deserialize)]
struct Execution {
    e: String,
    s: String,
    /// The order's client id; of a cancel, the cancel's.
    c: String,
    /// Of a cancel, the order's client id.
    #[serde(rename = "C", default)]
    original: String,
    i: u64,
    #[serde(rename = "X")]
    status: String,
    /// Base quantity.
    q: String,
    /// Executed base quantity.
    z: String,
    /// Executed quote quantity.
    #[serde(rename = "Z")]
    executed_quote: String,
}

/// Follows every account's events, each in a task of its own.
pub(crate) async fn run(house: Rc<House>) {
    while !house.gateway.clock.is_measured() || house.gateway.keys.load().epoch == 0 {
        tokio::time::sleep(LOOK).await;
    }
    for group in house.gateway.accounts.values() {
        if group.venue == Venue::Binance {
            tokio::task::spawn_local(follow(Rc::clone(&house), Arc::clone(group)));
        }
    }
}

/// The event that says that no more come: whoever needs them subscribes again,
/// and asks for what happened meanwhile.
pub(crate) fn terminated(gateway: &Gateway) -> Arc<str> {
    let at = gateway.clock.now().0 / 1_000_000;
    format!("{TERMINATED},\"E\":{at}}}").into()
}

async fn follow(house: Rc<House>, group: Arc<AccountGroup>) {
    let mut pause = PAUSE;
    loop {
        let opened = house.follow_once(&group).await;
        if group.events_on.swap(false, Ordering::AcqRel) {
            // Nobody knows what happened since: a snapshot tells the judge.
            group.traded_at.store(house.gateway.clock.now().0, Ordering::Relaxed);
            let _ = group.events.send(terminated(&house.gateway));
            pause = PAUSE;
        }
        if let Err(error) = opened {
            tracing::info!(account = group.name, error, "the account's events are not followed");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

impl House {
    /// Follows until the socket ends.
    async fn follow_once(&self, group: &Arc<AccountGroup>) -> Result<(), String> {
        let mut socket = self.pool.open_socket(Host::SpotFrames, "/ws-api/v3").await?;
        let (frame, course, proof, key) = self.subscription(group)?;
        let sent = socket.send(Message::text(frame)).await;
        let answered = match sent {
            Ok(()) => tokio::time::timeout(limits::UPSTREAM_ANSWER, socket.next()).await.ok(),
            Err(_) => None,
        };
        let status = match answered.flatten() {
            Some(Ok(Message::Text(text))) => {
                serde_json::from_str::<Subscribed>(&text).ok().map(|answer| answer.status)
            }
            _ => None,
        };
        self.subscribed(&course, proof, status);
        if status != Some(200) {
            return Err(match status {
                Some(status) => format!("the venue answers {status}"),
                None => "the venue does not answer".to_owned(),
            });
        }
        group.events_on.store(true, Ordering::Release);
        loop {
            let heard = tokio::time::timeout(SILENT, socket.next()).await;
            match heard {
                Ok(Some(Ok(Message::Text(text)))) => self.event(group, &key, &text),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                _ => return Err("the socket ended".to_owned()),
            }
        }
    }

    fn event(&self, group: &AccountGroup, key: &RealKey, text: &str) {
        let Ok(told) = serde_json::from_str::<Told<'_>>(text) else { return };
        let event = told.event.get();
        // INVARIANT (key custody): what names the real key is not passed on.
        if key.finder.find(event.as_bytes()).is_some() {
            return;
        }
        if let Ok(execution) = serde_json::from_str::<Execution>(event)
            && let Some(update) = update(&execution)
        {
            self.tell_execution(group, update);
        }
        // Nobody may be listening.
        let _ = group.events.send(event.into());
    }

    /// Tells log and judge of an own order's execution or end.
    fn tell_execution(&self, group: &AccountGroup, update: OrderUpdate) {
        let reference = OrderReference {
            symbol: update.symbol.clone(),
            order_id: update.order_id,
            client_order_id: Some(update.client_order_id.clone()),
        };
        let at = clock::host_nanos();
        let mut judge = held(&group.judge);
        if judge.owner(&reference).is_none() {
            return;
        }
        let now = self.gateway.clock.now();
        let seen = entry::orders_seen(at, now, &group.name, std::slice::from_ref(&update));
        // INVARIANT (pure judge): what the windows count is in the log, or is
        // not counted yet: a snapshot tells it again.
        if self.gateway.log.append(&seen, Purpose::Read).is_ok() {
            judge.apply(&AccountEvent::Order(update), now);
        }
    }
}

/// What an execution says of its order; none of what the order's own answer has
/// said.
fn update(execution: &Execution) -> Option<OrderUpdate> {
    let amount =
        |text: &str| Decimal::from_str_exact(text).ok().filter(|amount| !amount.is_sign_negative());
    let (quantity, executed) = (amount(&execution.q)?, amount(&execution.z)?);
    if execution.e != "executionReport" || executed > quantity {
        return None;
    }
    let status = match execution.status.as_str() {
        "PARTIALLY_FILLED" => OrderStatus::Open,
        "FILLED" | "CANCELED" | "REJECTED" | "EXPIRED" | "EXPIRED_IN_MATCH" => OrderStatus::Closed,
        _ => return None,
    };
    let original = Some(&execution.original).filter(|id| !id.is_empty());
    Some(OrderUpdate {
        symbol: execution.s.clone(),
        order_id: Some(execution.i),
        client_order_id: original.unwrap_or(&execution.c).clone(),
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: Some(quantity),
        executed_quantity: Some(executed),
        executed_quote: Some(amount(&execution.executed_quote)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the venue's documentation of user data streams, shortened.
    const REPORT: &str = r#"{"e":"executionReport","E":1499405658658,"s":"ETHBTC",
        "c":"mUvoqJxFIILMdfAW5iGSOW","S":"BUY","o":"LIMIT","f":"GTC","q":"1.00000000",
        "p":"0.10264410","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE",
        "X":"PARTIALLY_FILLED","r":"NONE","i":4293153,"l":"0.40000000","z":"0.40000000",
        "L":"0.10264410","n":"0","N":null,"T":1499405658657,"t":7,"w":true,"m":false,
        "Z":"0.04105764","Y":"0.04105764","Q":"0.00000000"}"#;

    #[test]
    fn an_execution_says_what_filled() {
        let read = update(&serde_json::from_str(REPORT).unwrap()).unwrap();
        assert_eq!((read.order_id, read.status), (Some(4_293_153), OrderStatus::Open));
        assert_eq!(read.client_order_id, "mUvoqJxFIILMdfAW5iGSOW");
        assert_eq!(read.executed_quote, Some(Decimal::from_str_exact("0.04105764").unwrap()));
    }

    #[test]
    fn a_cancel_is_of_the_order_that_it_names() {
        let text =
            REPORT.replace("PARTIALLY_FILLED", "CANCELED").replace("\"C\":\"\"", "\"C\":\"mine\"");
        let read = update(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!((read.client_order_id.as_str(), read.status), ("mine", OrderStatus::Closed));
    }

    #[test]
    fn what_says_nothing_new_or_cannot_be_is_left() {
        for (from, to) in [
            ("PARTIALLY_FILLED", "NEW"),
            ("executionReport", "balanceUpdate"),
            ("\"z\":\"0.4", "\"z\":\"1.4"),
            ("\"Z\":\"0.0", "\"Z\":\"-0.0"),
            ("\"Z\":\"0.0", "\"Z\":\"x"),
        ] {
            let text = REPORT.replace(from, to);
            assert!(update(&serde_json::from_str(&text).unwrap()).is_none(), "{to}");
        }
    }
}

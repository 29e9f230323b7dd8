//! The events of a spot account: one subscription over the WebSocket API, on a
//! socket of the gateway's own.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use judge::{OrderStatus, OrderUpdate};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;
use wire::venue::binance::endpoints::HostGroup;
use wire::venue::binance::frames;

use super::{SILENT, amount};
use crate::gateway::AccountGroup;
use crate::house::House;
use crate::house::own::SocketRead;
use crate::keys::RealKey;
use crate::limits;
use crate::upstream::Host;
use crate::venue::Endpoint;

/// Subscribes a socket to the events of the account of a signing key.
const SUBSCRIBE: &str = "userDataStream.subscribe.signature";

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

impl House {
    /// Follows until the socket ends.
    ///
    /// # Errors
    /// Why it ended, or was not opened.
    pub(super) async fn follow_spot(&self, group: &Arc<AccountGroup>) -> Result<(), String> {
        let mut socket = self.pool.open_socket(Host::SpotFrames, "/ws-api/v3").await?;
        let served = frames::served(HostGroup::WsApi, SUBSCRIBE).ok_or("no such method")?;
        let read = self.signed_for_socket(group, Endpoint::Binance(served), |key, now_ms| {
            Ok(format!("apiKey={}&timestamp={now_ms}", key.api_key))
        })?;
        let frame = subscription(&read);
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
        self.subscribed(&read.course, read.proof, status);
        if status != Some(200) {
            return Err(match status {
                Some(status) => format!("the venue answers {status}"),
                None => "the venue does not answer".to_owned(),
            });
        }
        group.events.set_on(true);
        loop {
            let heard = tokio::time::timeout(SILENT, socket.next()).await;
            match heard {
                Ok(Some(Ok(Message::Text(text)))) => self.spot_event(group, &read.key, &text),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                _ => return Err("the socket ended".to_owned()),
            }
        }
    }

    fn spot_event(&self, group: &AccountGroup, key: &RealKey, text: &str) {
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
        group.events.tell(event.into());
    }
}

/// The frame that subscribes a socket to an account's events.
fn subscription(read: &SocketRead) -> String {
    let text = String::from_utf8_lossy(&read.signed.text);
    let params: serde_json::Map<String, serde_json::Value> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .chain([("signature", read.signed.signature.as_str())])
        .map(|(name, value)| {
            let number = value.parse::<u64>().ok().filter(|_| name != "apiKey");
            (name.to_owned(), number.map_or_else(|| value.into(), Into::into))
        })
        .collect();
    let id = read.course.request;
    serde_json::json!({ "id": id, "method": SUBSCRIBE, "params": params }).to_string()
}

/// What an execution says of its order; none of what the order's own answer has
/// said.
fn update(execution: &Execution) -> Option<OrderUpdate> {
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
    use wire::model::Decimal;

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

//! The events of a USD-M futures account: a stream key of the venue's, and the
//! socket that it opens.
//!
//! INVARIANT (key custody): the venue's stream key works for whoever holds it;
//! it is in no event that is passed on, in no log, and at nobody but the
//! gateway.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use judge::{OrderStatus, OrderUpdate};
use memchr::memmem;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;
use wire::model::{Decimal, Product};

use super::amount;
use crate::gateway::AccountGroup;
use crate::house::House;
use crate::keys::RealKey;
use crate::stream_keys::is_stream_key;
use crate::upstream::Host;
use crate::venue::Endpoint;

/// The call that makes, keeps and ends the account's stream key.
const LISTEN_KEY: &str = "/fapi/v1/listenKey";
/// How often the key is kept alive. It lives an hour; but where somebody ends it
/// elsewhere, nothing else tells.
const KEEP_ALIVE: Duration = Duration::from_secs(5 * 60);
/// How often it is asked whether the socket is there: on a quiet account nothing
/// comes for hours, and the venue's own pings come every three minutes.
const ASK: Duration = Duration::from_secs(30);

/// The venue's answer to the call for a key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    listen_key: String,
}

/// An `ORDER_TRADE_UPDATE`, as far as it is read (USD-M futures, user data
/// streams, "Event: Order Update").
#[derive(Deserialize)]
struct Told {
    e: String,
    o: Execution,
}

#[derive(Deserialize)]
struct Execution {
    s: String,
    /// The order's client id.
    c: String,
    i: u64,
    #[serde(rename = "X")]
    status: String,
    /// Quantity.
    q: String,
    /// Executed quantity, in all.
    z: String,
    /// Executed quantity of this trade.
    l: String,
    /// Price of this trade.
    #[serde(rename = "L")]
    price: String,
}

impl House {
    /// Follows until the socket or its key ends.
    ///
    /// # Errors
    /// Why it ended, or was not opened.
    pub(super) async fn follow_futures(&self, group: &Arc<AccountGroup>) -> Result<(), String> {
        let (listen_key, real) = self.stream_key(group).await?;
        let target = format!("/private/ws?listenKey={listen_key}");
        let mut socket = self.pool.open_socket(Host::UsdFuturesStreams, &target).await?;
        group.futures_events.set_on(true);
        let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
        keep_alive.reset();
        let mut ask = tokio::time::interval(ASK);
        ask.reset();
        let mut asked = 0_u32;
        loop {
            tokio::select! {
                heard = socket.next() => {
                    asked = 0;
                    match heard {
                        Some(Ok(Message::Text(text))) => {
                            if !self.futures_event(group, &real, &listen_key, &text) {
                                return Err("the stream key ended".to_owned());
                            }
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        _ => return Err("the socket ended".to_owned()),
                    }
                }
                _ = keep_alive.tick() => self.keep_stream_key(group).await?,
                _ = ask.tick() => {
                    asked += 1;
                    let sent = socket.send(Message::Ping(Vec::new().into())).await;
                    if asked > 2 || sent.is_err() {
                        return Err("the socket is silent".to_owned());
                    }
                }
            }
        }
    }

    /// The venue's stream key of an account, and the key that it was asked for
    /// with.
    async fn stream_key(
        &self,
        group: &Arc<AccountGroup>,
    ) -> Result<(String, Arc<RealKey>), String> {
        let read = self.read(group, Endpoint::binance("POST", LISTEN_KEY)?, &[]).await?;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {}", read.answer.status));
        }
        let key = serde_json::from_slice::<Key>(&read.answer.body).map(|key| key.listen_key);
        // It becomes part of a target.
        let key = key.ok().filter(|key| is_stream_key(key));
        Ok((key.ok_or("the venue gives no stream key that can be read")?, read.course.key))
    }

    async fn keep_stream_key(&self, group: &Arc<AccountGroup>) -> Result<(), String> {
        let read = self.read(group, Endpoint::binance("PUT", LISTEN_KEY)?, &[]).await?;
        match read.answer.is_success() {
            true => Ok(()),
            false => Err(format!("the stream key ended: the venue answers {}", read.answer.status)),
        }
    }

    /// Passes an event on; false where it says that no more come.
    fn futures_event(
        &self,
        group: &AccountGroup,
        real: &RealKey,
        listen_key: &str,
        event: &str,
    ) -> bool {
        let names = |what: &[u8]| memmem::find(event.as_bytes(), what).is_some();
        // INVARIANT (key custody): what names a key is not passed on. The venue
        // names its stream key where it says that it ended.
        if real.finder.find(event.as_bytes()).is_some() || names(listen_key.as_bytes()) {
            return !names(b"listenKeyExpired");
        }
        if let Ok(told) = serde_json::from_str::<Told>(event)
            && let Some(update) = update(&told)
        {
            self.tell_execution(group, update);
        }
        group.futures_events.tell(event.into());
        true
    }
}

/// What an execution says of its order; none of what the order's own answer has
/// said.
fn update(told: &Told) -> Option<OrderUpdate> {
    let Told { e, o } = told;
    let (quantity, executed) = (amount(&o.q)?, amount(&o.z)?);
    if e != "ORDER_TRADE_UPDATE" || executed > quantity {
        return None;
    }
    let status = match o.status.as_str() {
        "PARTIALLY_FILLED" => OrderStatus::Open,
        "FILLED" | "CANCELED" | "REJECTED" | "EXPIRED" | "EXPIRED_IN_MATCH" => OrderStatus::Closed,
        _ => return None,
    };
    // The event has the average price, rounded. What one trade filled is exact;
    // what several did is told by the account's trades and by snapshots.
    let executed_quote = if executed.is_zero() {
        Some(Decimal::ZERO)
    } else if amount(&o.l)? == executed {
        amount(&o.price)?.checked_mul(executed)
    } else {
        None
    };
    Some(OrderUpdate {
        symbol: Product::UsdFutures.market(&o.s),
        order_id: Some(o.i),
        client_order_id: o.c.clone(),
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: Some(quantity),
        executed_quantity: Some(executed),
        executed_quote,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the venue's documentation of user data streams, shortened; filled in
    /// part.
    const UPDATE: &str = r#"{"e":"ORDER_TRADE_UPDATE","E":1568879465651,"T":1568879465650,
        "o":{"s":"BTCUSDT","c":"TEST","S":"SELL","o":"LIMIT","f":"GTC","q":"0.003",
        "p":"9910","ap":"9910.33333","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,
        "l":"0.001","z":"0.001","L":"9910.5","N":"USDT","n":"0","T":1568879465650,"t":17,
        "b":"0","a":"9.91","m":false,"R":false,"ps":"BOTH","rp":"0"}}"#;

    fn read(text: &str) -> Option<OrderUpdate> {
        update(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn an_execution_says_what_filled() {
        let first = read(UPDATE).unwrap();
        assert_eq!((first.order_id, first.status), (Some(8_886_774), OrderStatus::Open));
        assert_eq!(first.symbol, Product::UsdFutures.market("BTCUSDT"));
        assert_eq!(first.executed_quote, Some(Decimal::from_str_exact("9.9105").unwrap()));
    }

    #[test]
    fn what_several_trades_filled_is_left_to_be_asked_for() {
        let second = UPDATE
            .replace("\"z\":\"0.001\"", "\"z\":\"0.003\"")
            .replace("PARTIALLY_FILLED", "FILLED");
        let second = read(&second).unwrap();
        assert_eq!((second.status, second.executed_quote), (OrderStatus::Closed, None));
        let none = UPDATE
            .replace("\"z\":\"0.001\"", "\"z\":\"0\"")
            .replace("PARTIALLY_FILLED", "CANCELED");
        assert_eq!(read(&none).unwrap().executed_quote, Some(Decimal::ZERO));
    }

    #[test]
    fn what_says_nothing_new_or_cannot_be_is_left() {
        for (from, to) in [
            ("PARTIALLY_FILLED", "NEW"),
            ("PARTIALLY_FILLED", "NEW_ADL"),
            ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"),
            ("\"z\":\"0.001", "\"z\":\"1.4"),
            ("\"l\":\"0.0", "\"l\":\"-0.0"),
            ("\"z\":\"0.0", "\"z\":\"x"),
        ] {
            assert!(read(&UPDATE.replace(from, to)).is_none(), "{to}");
        }
    }
}

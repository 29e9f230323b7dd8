//! User and market streams.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use sim::binance::{StreamFault, StreamFaultKind};

use crate::client::{Client, Response, dec, options, start};
use crate::socket::Socket;

#[test]
fn a_spot_account_is_told_of_its_orders_and_balances() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, "/ws-api/v3");
    let subscribed = socket.signed("userDataStream.subscribe.signature", &[]);
    assert_eq!(subscribed["result"]["subscriptionId"], 0, "{subscribed}");
    client.limit("BUY", "0.5", "50000", "&newClientOrderId=u-1");
    let new = socket.event("executionReport");
    assert_eq!((&new["x"], &new["X"], &new["c"]), (&json!("NEW"), &json!("NEW"), &json!("u-1")));
    let position = socket.event("outboundAccountPosition");
    assert_eq!(
        position["B"],
        json!([{ "a": "USDT", "f": "975000.00000000", "l": "25000.00000000" }])
    );
    let id = venue.orders(0)[0].id;
    assert!(venue.fill_resting(id, dec("0.2")));
    let trade = socket.event("executionReport");
    assert_eq!((&trade["x"], &trade["X"]), (&json!("TRADE"), &json!("PARTIALLY_FILLED")));
    assert_eq!(
        (&trade["l"], &trade["L"], &trade["m"]),
        (&json!("0.20000000"), &json!("50000.00000000"), &json!(true))
    );
    client.send(
        "DELETE",
        "/api/v3/order",
        "symbol=BTCUSDT&origClientOrderId=u-1&newClientOrderId=c-1",
    );
    let gone = socket.event("executionReport");
    assert_eq!(
        (&gone["x"], &gone["c"], &gone["C"]),
        (&json!("CANCELED"), &json!("c-1"), &json!("u-1"))
    );
    venue.deposit(0, "BNB", dec("3"));
    let deposit = socket.event("balanceUpdate");
    assert_eq!((&deposit["a"], &deposit["d"]), (&json!("BNB"), &json!("3.00000000")));
    // What the stream said agrees with what the venue holds.
    socket.until(|message| message["event"]["B"][0]["a"] == "BNB");
    let oco = "symbol=BTCUSDT&side=SELL&quantity=0.1&aboveType=LIMIT_MAKER&abovePrice=70000&belowType=STOP_LOSS&belowStopPrice=40000";
    client.send("POST", "/api/v3/orderList/oco", oco);
    let list = socket.event("listStatus");
    assert_eq!((&list["l"], &list["c"]), (&json!("EXEC_STARTED"), &json!("OCO")));
    venue.set_price("BTCUSDT", dec("71000"));
    let done = socket.until(|message| message["event"]["l"] == "ALL_DONE");
    assert_eq!(done["event"]["g"], list["g"]);
    // Another account hears nothing of all that.
    let other = Client::new(venue.addr(), "other", "othersecret");
    let mut theirs = Socket::open(&other, "/ws-api/v3");
    theirs.signed("userDataStream.subscribe.signature", &[]);
    client.limit("BUY", "0.5", "50000", "");
    other.limit("BUY", "0.1", "40000", "&newClientOrderId=their-1");
    assert_eq!(theirs.event("executionReport")["c"], "their-1");
    assert!(venue.revoke_key("other"));
    theirs.event("eventStreamTerminated");
    assert_eq!(socket.call("userDataStream.unsubscribe", json!({}))["status"], 200);
    socket.event("eventStreamTerminated");
    assert_eq!(socket.call("userDataStream.unsubscribe", json!({}))["error"]["code"], -2036);
}

#[test]
fn reports_in_sequence_give_the_venues_balances() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, "/ws-api/v3");
    socket.signed("userDataStream.subscribe.signature", &[]);
    for n in 0..20 {
        let side = if n % 3 == 0 { "SELL" } else { "BUY" };
        let price = if n % 2 == 0 { "60500" } else { "59500" };
        client.limit(side, "0.01", price, "");
    }
    venue.set_price("BTCUSDT", dec("59000"));
    venue.deposit(0, "LTC", dec("1"));
    let mut told: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    loop {
        let position = socket.event("outboundAccountPosition");
        for row in position["B"].as_array().unwrap() {
            let amount = |field: &str| dec(row[field].as_str().unwrap());
            told.insert(row["a"].as_str().unwrap().to_owned(), (amount("f"), amount("l")));
        }
        if told.contains_key("LTC") {
            break;
        }
    }
    for balance in venue.balances(0).iter().filter(|balance| told.contains_key(&balance.asset)) {
        assert_eq!(told[&balance.asset], (balance.free, balance.locked), "{}", balance.asset);
    }
    assert!(told.len() >= 3);
}

type Side = BTreeMap<Decimal, Decimal>;

fn apply(side: &mut Side, rows: &Value) {
    for row in rows.as_array().unwrap() {
        let (price, quantity) = (dec(row[0].as_str().unwrap()), dec(row[1].as_str().unwrap()));
        if quantity.is_zero() {
            side.remove(&price)
        } else {
            side.insert(price, quantity)
        };
    }
}

fn book(snapshot: &Response) -> (u64, Side, Side) {
    let (mut bids, mut asks) = (Side::new(), Side::new());
    apply(&mut bids, &snapshot.body["bids"]);
    apply(&mut asks, &snapshot.body["asks"]);
    (snapshot.body["lastUpdateId"].as_u64().unwrap(), bids, asks)
}

/// Follows a depth stream from a snapshot as the vendor's documents say, and
/// ends with a book that must equal a later snapshot.
fn follow(futures: bool) {
    let (venue, client) = start(options());
    let (stream, depth) = if futures {
        ("/fstream/public/ws/btcusdt@depth@100ms", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
    } else {
        ("/ws/btcusdt@depth@100ms", "/api/v3/depth?symbol=BTCUSDT&limit=5000")
    };
    let mut socket = Socket::open(&client, stream);
    let moves = |price: &str| {
        if futures {
            venue.set_futures_price("BTCUSDT", dec(price));
        } else {
            venue.set_price("BTCUSDT", dec(price));
        }
    };
    std::thread::sleep(Duration::from_millis(250));
    moves("60010");
    let mut held = vec![socket.read().unwrap()];
    let (mut last, mut bids, mut asks) = book(&client.get(depth));
    let mut previous: Option<u64> = None;
    for price in ["60020", "60005", "59900", "60100"] {
        moves(price);
        held.push(socket.read().unwrap());
    }
    for event in held {
        let number = |field: &str| event[field].as_u64().unwrap();
        let (first, end) = (number("U"), number("u"));
        if end <= last && previous.is_none() {
            continue;
        }
        match previous {
            None => assert!(first <= last + 1 && last < end, "{first} {end} {last}"),
            Some(previous) => assert_eq!(first, previous + 1),
        }
        if futures && let Some(previous) = previous {
            assert_eq!(number("pu"), previous);
        }
        apply(&mut bids, &event["b"]);
        apply(&mut asks, &event["a"]);
        last = end;
        previous = Some(end);
    }
    let (now, fresh_bids, fresh_asks) = book(&client.get(depth));
    assert_eq!(now, last);
    assert_eq!((bids, asks), (fresh_bids, fresh_asks));
}

#[test]
fn a_spot_book_can_be_followed() {
    follow(false);
}

#[test]
fn a_futures_book_can_be_followed() {
    follow(true);
}

#[test]
fn combined_streams_and_commands() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, "/stream?streams=btcusdt@trade/btcusdt@bookTicker");
    // The handshake is answered before the streams are joined.
    socket.raw(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
    socket.until(|message| message["id"] == 1);
    venue.set_price("BTCUSDT", dec("60100"));
    let trade = socket.until(|message| message["stream"] == "btcusdt@trade");
    assert_eq!(trade["data"]["p"], "60100.00000000");
    socket.until(|message| message["stream"] == "btcusdt@bookTicker");
    socket.raw(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#);
    let list = socket.until(|message| message["id"] == 3);
    assert_eq!(list["result"], json!(["btcusdt@bookTicker", "btcusdt@trade"]));
    socket.raw(r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":4}"#);
    assert_eq!(socket.until(|message| message["id"] == 4)["result"], Value::Null);
    socket.raw(r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@ticker"],"id":5}"#);
    socket.until(|message| message["id"] == 5);
    venue.set_price("BTCUSDT", dec("60200"));
    let next = socket
        .until(|message| message["data"]["e"] == "trade" || message["data"]["e"] == "aggTrade");
    assert_eq!(
        (&next["data"]["e"], &next["data"]["p"]),
        (&json!("aggTrade"), &json!("60200.00000000"))
    );
    assert_eq!(socket.event("24hrTicker")["s"], "BTCUSDT");
}

#[test]
fn too_many_commands_end_a_connection() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, "/ws");
    for id in 0..6 {
        socket.raw(&json!({ "method": "LIST_SUBSCRIPTIONS", "id": id }).to_string());
    }
    let answers = std::iter::from_fn(|| socket.read()).count();
    assert_eq!(answers, 5);
    drop(socket);
    for _ in 0..200 {
        if venue.sockets() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the connection is still counted");
}

#[test]
fn futures_streams_tell_orders_and_positions() {
    let (venue, client) = start(options());
    let key = client.raw("POST", "/fapi/v1/listenKey", "").unwrap().text("listenKey").to_owned();
    assert_eq!(key.len(), 64);
    let mut socket = Socket::open(&client, &format!("/fstream/private/ws?listenKey={key}"));
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=59000&newClientOrderId=f-1";
    let placed = client.send("POST", "/fapi/v1/order", order);
    let new = socket.event("ORDER_TRADE_UPDATE");
    assert_eq!((&new["o"]["x"], &new["o"]["c"]), (&json!("NEW"), &json!("f-1")));
    assert!(venue.fill_resting_futures(placed.body["orderId"].as_u64().unwrap(), dec("0.1")));
    let account = socket.event("ACCOUNT_UPDATE");
    assert_eq!((&account["a"]["m"], &account["a"]["P"][0]["pa"]), (&json!("ORDER"), &json!("0.1")));
    let trade = socket.event("ORDER_TRADE_UPDATE");
    assert_eq!(
        (&trade["o"]["x"], &trade["o"]["X"], &trade["o"]["n"]),
        (&json!("TRADE"), &json!("FILLED"), &json!("1.18"))
    );
    let wallet = dec(account["a"]["B"][0]["wb"].as_str().unwrap());
    assert_eq!(wallet, dec("100000") - dec("1.18"));
    client.send("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=7");
    assert_eq!(socket.event("ACCOUNT_CONFIG_UPDATE")["ac"]["l"], 7);
    // A key given up is heard no more; the next one is another.
    assert_eq!(client.raw("DELETE", "/fapi/v1/listenKey", "").unwrap().status, 200);
    client.send("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=8");
    let again = client.raw("POST", "/fapi/v1/listenKey", "").unwrap();
    assert_ne!(again.text("listenKey"), key);
    let key = again.text("listenKey").to_owned();
    socket.raw(&json!({ "method": "SUBSCRIBE", "params": [key], "id": 1 }).to_string());
    let mut next = || socket.read().unwrap();
    assert_eq!(next()["id"], 1, "nothing was told in between");
    // An hour without a sign of life ends the key, and the stream with it.
    venue.set_skew_ms(61 * 60 * 1000);
    assert_eq!(next()["listenKey"], key.as_str());
    let late = client.raw("PUT", "/fapi/v1/listenKey", "").unwrap();
    assert_eq!((late.status, late.code()), (400, -1125));
}

#[test]
fn mark_prices_are_told() {
    let (venue, client) = start(options());
    venue.set_mark_price("BTCUSDT", Some(dec("60123.4")));
    let mut socket = Socket::open(&client, "/fstream/market/ws/btcusdt@markPrice@1s");
    let mark = socket.event("markPriceUpdate");
    assert_eq!((&mark["p"], &mark["r"]), (&json!("60123.40000000"), &json!("0.00010000")));
    assert_eq!(mark["T"].as_i64().unwrap(), venue.next_funding_ms());
}

#[test]
fn streams_can_have_gaps_and_end() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, "/ws/btcusdt@trade");
    std::thread::sleep(Duration::from_millis(100));
    venue.inject_stream(StreamFault::next(StreamFaultKind::Skip).on("btcusdt@trade"));
    venue.set_price("BTCUSDT", dec("60001"));
    venue.set_price("BTCUSDT", dec("60002"));
    assert_eq!(socket.read().unwrap()["p"], "60002.00000000", "the first was skipped");
    venue.inject_stream(StreamFault::next(StreamFaultKind::Repeat));
    venue.set_price("BTCUSDT", dec("60003"));
    assert_eq!(socket.read(), socket.read());
    venue.inject_stream(StreamFault::next(StreamFaultKind::Drop).on("btcusdt@trade"));
    venue.set_price("BTCUSDT", dec("60004"));
    assert!(socket.read().is_none());
    let mut user = Socket::open(&client, "/ws-api/v3");
    user.signed("userDataStream.subscribe.signature", &[]);
    venue.inject_stream(StreamFault::next(StreamFaultKind::Skip).on("executionReport"));
    client.limit("BUY", "0.1", "50000", "&newClientOrderId=g-1");
    client.limit("BUY", "0.1", "50000", "&newClientOrderId=g-2");
    assert_eq!(user.event("executionReport")["c"], "g-2");
    venue.drop_sockets();
    assert!(std::iter::from_fn(|| user.read()).count() < 10, "it ends");
}

#[test]
fn silent_clients_are_cut_off() {
    let mut options = options();
    options.sockets.ping_every = Duration::from_millis(50);
    options.sockets.pong_within = Duration::from_millis(200);
    let (_venue, client) = start(options);
    // A client that reads answers pings by itself.
    let mut awake = Socket::open(&client, "/ws-api/v3");
    let mut asleep = Socket::open(&client, "/ws-api/v3");
    for _ in 0..12 {
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(awake.call("ping", json!({}))["status"], 200);
    }
    assert!(asleep.read().is_none());
}

//! Binance's WebSocket API through the gateway: what a thief, a confused bot
//! and a broken connection do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

#[path = "websocket/socket.rs"]
mod socket;
mod stack;

use serde_json::{Value, json};
use sim::binance::{Fault, FaultKind};
use socket::Socket;
use stack::client::Client;
use stack::{Bot, REAL_TRADE_KEY, REAL_TRADE_SECRET, Stack, Unseal, signal};

const API: &str = "/ws-api/v3";
const ORDER: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.002"),
    ("price", "59500"),
];

fn serving() -> (Stack, Bot) {
    Stack::serving("mm-1")
}

fn frames(stack: &Stack, method: &str) -> usize {
    let is_it = |one: &&sim::binance::Recorded| one.method == "WS" && one.path == method;
    stack.venue.requests().iter().filter(is_it).count()
}

#[track_caller]
fn refused(answer: &Value, code: i64) {
    assert_eq!(answer["error"]["code"], code, "{answer}");
    assert!(answer["status"].as_u64() >= Some(400), "{answer}");
}

#[test]
fn a_frame_is_a_request_like_any_other() {
    let (stack, bot) = serving();
    let mut socket = Socket::open(&stack.bot_url, API).unwrap();
    // Public data needs no key.
    assert!(socket.ask("time", json!({}))["result"]["serverTime"].is_u64());
    let placed = socket.signed(&bot, "order.place", &ORDER);
    assert_eq!(placed["status"], 200, "{placed}");
    let id = placed["result"]["orderId"].to_string();
    // REST knows it: one account, one judge.
    let mut client = Client::new(&stack.bot_url, &bot);
    let asked = client.get("/api/v3/order", &[("symbol", "BTCUSDT"), ("orderId", &id)]).ok();
    assert_eq!(asked.json["status"], "NEW");

    // The same frame again, by whoever saw it.
    let params = socket.sign(&bot, &ORDER);
    assert_eq!(socket.ask("order.place", params.clone())["status"], 200);
    refused(&socket.ask("order.place", params.clone()), -1022);
    // Its text and signature under another method, and over REST.
    refused(&socket.ask("order.test", params.clone()), -1022);
    let text: Vec<String> = params
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
        .collect();
    let text = format!("{}&signature={}", text.join("&"), params["signature"].as_str().unwrap());
    let over_rest = client.send_text("POST", "/api/v3/order", &text);
    assert!(over_rest.status >= 400, "{}", over_rest.text);

    let mut wrong = socket.sign(&bot, &ORDER);
    wrong["quantity"] = json!("0.003");
    refused(&socket.ask("order.place", wrong), -1022);
    let stranger = Bot { api_key: "A".repeat(64), ..bot.clone() };
    refused(&socket.signed(&stranger, "order.place", &ORDER), -2015);
    let mut over = ORDER;
    over[4].1 = "2";
    refused(&socket.signed(&bot, "order.place", &over), -2010);
    let mut other = ORDER;
    other[0].1 = "ETHUSDT";
    refused(&socket.signed(&bot, "order.place", &other), -1002);
    refused(&socket.ask("order.place", json!({})), -1102);
    refused(&socket.ask("userDataStream.start", json!({})), -1002);
    // Nobody reads it in two ways.
    socket.say(r#"{"id":77,"id":78,"method":"time"}"#);
    assert_eq!(socket.hear().unwrap()["id"], Value::Null);
    socket.say(r#"{"id":77,"method":"time","apiKey":"x"}"#);
    assert!(socket.hear().unwrap()["error"]["code"].is_i64());

    assert_eq!(frames(&stack, "order.place"), 2);
    for request in stack.venue.requests().iter().filter(|one| one.method == "WS") {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        assert!(!text.contains(&bot.api_key), "{text}");
        let key = serde_json::from_str::<Value>(&text).unwrap()["params"]["apiKey"].clone();
        assert!(request.path != "order.place" || key == REAL_TRADE_KEY, "{text}");
    }
    stack.verify();
}

#[test]
fn a_log_on_ends_at_the_gateway() {
    let (stack, bot) = serving();
    let mut socket = Socket::open(&stack.bot_url, API).unwrap();
    let by_session = |socket: &mut Socket| {
        let mut order: serde_json::Map<String, Value> =
            ORDER.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        order.insert("timestamp".to_owned(), json!(socket.time()));
        socket.ask("order.place", order.into())
    };
    refused(&by_session(&mut socket), -1102);
    let stranger = Bot { secret: "s".repeat(64), ..bot.clone() };
    refused(&socket.signed(&stranger, "session.logon", &[]), -1022);
    refused(&by_session(&mut socket), -1102);
    let logged_on = socket.signed(&bot, "session.logon", &[]);
    assert_eq!(logged_on["result"]["apiKey"], bot.api_key, "{logged_on}");
    assert_eq!(by_session(&mut socket)["status"], 200);
    // What is too old stays too old.
    let mut old: serde_json::Map<String, Value> =
        ORDER.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    old.insert("timestamp".to_owned(), json!(socket.time() - 60_000));
    refused(&socket.ask("order.place", old.into()), -1021);
    // Another socket is not logged on.
    let mut second = Socket::open(&stack.bot_url, API).unwrap();
    refused(&by_session(&mut second), -1102);
    assert_eq!(second.ask("session.status", json!({}))["result"]["apiKey"], Value::Null);
    assert_eq!(socket.ask("session.logout", json!({}))["result"]["apiKey"], Value::Null);
    refused(&by_session(&mut socket), -1102);
    // A key that is taken away takes its sessions along.
    assert_eq!(socket.signed(&bot, "session.logon", &[])["status"], 200);
    stack.must(&["bot", "revoke", "mm-1"], Unseal::No, "");
    refused(&by_session(&mut socket), -2015);
    assert_eq!(frames(&stack, "order.place"), 1);
    assert_eq!(frames(&stack, "session.logon"), 0);
}

#[test]
fn the_accounts_events_reach_who_may_read_and_the_judge() {
    let (stack, bot) = serving();
    let mut socket = Socket::open(&stack.bot_url, API).unwrap();
    let stranger = Bot { secret: "s".repeat(64), ..bot.clone() };
    refused(&socket.signed(&stranger, "userDataStream.subscribe.signature", &[]), -1022);
    refused(&socket.ask("userDataStream.subscribe", json!({})), -2014);
    let subscribed = stack.wait_for("the events", || {
        let answer = socket.signed(&bot, "userDataStream.subscribe.signature", &[]);
        (answer["status"] == 200).then_some(answer)
    });
    let number = subscribed["result"]["subscriptionId"].clone();
    assert!(number.is_u64(), "{subscribed}");
    let mut crossing = ORDER;
    crossing[5].1 = "60500";
    assert_eq!(socket.signed(&bot, "order.place", &crossing)["status"], 200);
    let report = socket.event("executionReport");
    assert_eq!(report["subscriptionId"], number);
    let position = socket.event("outboundAccountPosition");
    assert!(!position.to_string().contains("paperTrade"), "{position}");
    // A resting order is cancelled by somebody at the venue: the bot's count of
    // open orders falls at once, by the event and not by a snapshot.
    let placed = socket.signed(&bot, "order.place", &ORDER);
    let id = placed["result"]["orderId"].as_u64().unwrap();
    let people = Bot {
        name: "people".to_owned(),
        api_key: REAL_TRADE_KEY.to_owned(),
        secret: REAL_TRADE_SECRET.to_owned(),
    };
    let by_id = [("symbol", "BTCUSDT"), ("orderId", &*id.to_string())];
    Client::new(&stack.venue.base_url(), &people).delete("/api/v3/order", &by_id).ok();
    stack.wait_for("the end of the order in the log", || {
        let entries = stack.entries(0);
        let seen = |entry: &Value| {
            entry["kind"] == "orders-seen"
                && entry["orders"].to_string().contains(&format!("\"order_id\":{id}"))
        };
        entries.iter().any(|(_, entry)| seen(entry)).then_some(())
    });
    // The venue's socket breaks: the bot is told, and may subscribe again.
    stack.venue.inject_stream(sim::binance::StreamFault {
        kind: sim::binance::StreamFaultKind::Drop,
        stream: None,
        times: 1,
    });
    socket.signed(&bot, "order.place", &ORDER);
    socket.event("eventStreamTerminated");
    stack.wait_for("the events again", || {
        let answer = socket.signed(&bot, "userDataStream.subscribe.signature", &[]);
        (answer["status"] == 200).then_some(())
    });
    assert_eq!(socket.ask("userDataStream.unsubscribe", json!({}))["status"], 200);
    let listed = socket.ask("session.subscriptions", json!({}));
    assert_eq!(listed["result"], json!([]), "{listed}");
    stack.verify();
}

#[test]
fn an_answer_that_does_not_come_is_an_unknown_outcome() {
    let (stack, bot) = serving();
    let mut socket = Socket::open(&stack.bot_url, API).unwrap();
    assert_eq!(socket.signed(&bot, "order.place", &ORDER)["status"], 200);
    stack.venue.inject(Fault {
        kind: FaultKind::DropConnectionAfterAccept,
        method: Some("WS".to_owned()),
        path: Some("order.place".to_owned()),
        times: 1,
    });
    let named = [&ORDER[..], &[("newClientOrderId", "lost-1")]].concat();
    refused(&socket.signed(&bot, "order.place", &named), -1007);
    // A question or a snapshot tells it, whichever comes first.
    stack.wait_for("what came of it", || {
        let told = |entry: &Value| {
            (entry["outcome"] == "found" || entry["kind"] == "orders-seen")
                && entry["orders"].to_string().contains("lost-1")
        };
        stack.entries(0).iter().any(|(_, entry)| told(entry)).then_some(())
    });
    // The next frame goes over a new socket.
    assert_eq!(socket.signed(&bot, "order.place", &ORDER)["status"], 200);
    stack.verify();
}

#[test]
fn what_is_no_frame_ends_the_socket() {
    let (mut stack, bot) = serving();
    let open = |stack: &Stack| Socket::open(&stack.bot_url, API).unwrap();
    let mut bytes = open(&stack);
    bytes.say_bytes(b"{\"id\":1,\"method\":\"time\"}");
    assert_eq!(bytes.hear(), None);
    let mut huge = open(&stack);
    huge.say(&format!("{{\"id\":1,\"method\":\"{}\"}}", "x".repeat(100_000)));
    assert_eq!(huge.hear(), None);
    for path in ["/ws-api/v4", "/api/v3/order", "/ws/abcdefghijklmnopqrstuvwxyz0123456789"] {
        assert!(Socket::open(&stack.bot_url, path).is_err(), "{path}");
    }
    // Streams that are public, chosen after opening; a listen key is not one.
    let mut streams = Socket::open(&stack.bot_url, "/ws").unwrap();
    streams.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#);
    assert_eq!(streams.hear().unwrap(), json!({"result": null, "id": 1}));
    streams.say(r#"{"method":"SUBSCRIBE","params":["pqia91ma19a5s61cv6a81va65sdf19v8"],"id":2}"#);
    assert!(streams.hear().unwrap()["error"].is_object());
    // A drain lets what is under way end, then says goodbye.
    let mut socket = open(&stack);
    assert_eq!(socket.signed(&bot, "order.place", &ORDER)["status"], 200);
    let serve = stack.serve.as_ref().unwrap().id();
    signal(serve, "TERM");
    assert_eq!(socket.hear(), None);
    stack.stop();
}

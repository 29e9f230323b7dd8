//! The private stream of WOO X through the gateway: nobody but the gateway logs
//! on at the venue, and a bot hears its account after it has logged on here.

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
use sim::woox::{StreamFault, StreamFaultKind};
use socket::Socket;
use stack::client::{Client, now_ms, signature};
use stack::{Bot, Stack, Unseal};

const PRIVATE: &str = "/v2/ws/private/stream/my-application";
const MARKETS: [&str; 2] = ["SPOT_BTC_USDT", "PERP_BTC_USDT"];

fn serving() -> (Stack, Bot) {
    let mut stack = Stack::configured_with_woox(|_| (), &MARKETS);
    let mut arguments = vec!["--preset", "taker", "--account", "woo"];
    arguments.extend(MARKETS.iter().flat_map(|market| ["--market", market]));
    let bot = stack.add_bot("mm-1", &arguments);
    stack.serve();
    stack.wait_for("the prices", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(1)).then_some(())
    });
    (stack, bot)
}

fn login(bot: &Bot, at_ms: u64) -> Value {
    let sign = signature(&bot.secret, &format!("|{at_ms}"));
    let params = json!({ "apikey": bot.api_key, "sign": sign, "timestamp": at_ms.to_string() });
    json!({ "event": "auth", "params": params })
}

fn said(socket: &mut Socket, frame: &Value) -> Value {
    socket.say(&frame.to_string());
    loop {
        let heard = socket.hear().expect("an answer");
        if heard["event"] == frame["event"] || heard["event"] == "error" {
            return heard;
        }
        socket.events.push(heard);
    }
}

fn subscribe(socket: &mut Socket, topic: &str) -> Value {
    said(socket, &json!({ "id": 9, "event": "subscribe", "topic": topic }))
}

fn next_of(socket: &mut Socket, topic: &str) -> Value {
    loop {
        let at = socket.events.iter().position(|one| one["topic"] == topic);
        if let Some(at) = at {
            return socket.events.remove(at)["data"].clone();
        }
        let heard = socket.hear().unwrap_or_else(|| panic!("a `{topic}`"));
        socket.events.push(heard);
    }
}

fn order(stack: &Stack, bot: &Bot, body: &Value) -> Value {
    Client::new(&stack.woox_url, bot).woox_post("/v3/trade/order", body)
}

#[test]
fn a_bot_logs_on_and_hears_its_account() {
    let (stack, bot) = serving();
    let mut socket = Socket::open(&stack.woox_url, PRIVATE).unwrap();
    assert_eq!(subscribe(&mut socket, "balance")["success"], false, "nobody has logged on");
    assert_eq!(said(&mut socket, &login(&bot, now_ms()))["success"], true);
    for topic in ["balance", "executionreport", "position"] {
        let answer = subscribe(&mut socket, topic);
        assert_eq!((&answer["success"], answer["data"].as_str()), (&json!(true), Some(topic)));
    }
    assert!(next_of(&mut socket, "balance")["balances"]["USDT"]["holding"].as_f64() > Some(0.0));
    assert_eq!(subscribe(&mut socket, "SPOT_BTC_USDT@trade")["success"], false);

    let body =
        json!({ "symbol": "PERP_BTC_USDT", "side": "BUY", "type": "MARKET", "quantity": "0.002" });
    let id = order(&stack, &bot, &body)["orderId"].clone();
    let mut filled = Value::Null;
    while filled["status"] != "FILLED" {
        filled = next_of(&mut socket, "executionreport");
        assert_eq!(filled["orderId"], id);
    }
    assert!(filled["tradeId"].as_u64() > Some(0), "{filled}");
    assert!(next_of(&mut socket, "position").to_string().contains("PERP_BTC_USDT"));

    // At the venue nobody is logged on but the gateway.
    let requests = stack.woox.as_ref().unwrap().requests();
    let frames = requests.iter().filter(|one| one.method == "WS");
    let frames: Vec<String> =
        frames.map(|one| String::from_utf8_lossy(&one.body).into_owned()).collect();
    assert_eq!(frames.iter().filter(|frame| frame.contains("\"auth\"")).count(), 1);
    assert!(frames.iter().all(|frame| !frame.contains(&bot.api_key)));

    // Where events may have been missed, the socket ends.
    let fault = StreamFault {
        kind: StreamFaultKind::Drop,
        stream: Some("executionreport".to_owned()),
        times: 1,
    };
    stack.woox.as_ref().unwrap().inject_stream(fault);
    order(&stack, &bot, &body);
    while socket.hear().is_some() {}
    stack.wait_for("the account's events", || {
        let mut again = Socket::open(&stack.woox_url, PRIVATE).ok()?;
        (said(&mut again, &login(&bot, now_ms()))["success"] == true).then_some(())
    });
    stack.verify();
}

#[test]
fn nobody_else_does() {
    let (stack, bot) = serving();
    let mut socket = Socket::open(&stack.woox_url, PRIVATE).unwrap();
    let at = now_ms();
    let fine = login(&bot, at);
    assert_eq!(said(&mut socket, &fine)["success"], true);
    let mut stranger = Socket::open(&stack.woox_url, PRIVATE).unwrap();
    assert_eq!(said(&mut stranger, &fine)["success"], false, "the same login again");
    let forged = Bot { secret: "A".repeat(32), ..bot.clone() };
    assert_eq!(said(&mut stranger, &login(&forged, now_ms()))["success"], false);
    let unknown = Bot { api_key: "A".repeat(24), ..bot.clone() };
    assert_eq!(said(&mut stranger, &login(&unknown, now_ms()))["success"], false);
    assert_eq!(said(&mut stranger, &login(&bot, now_ms() - 60_000))["success"], false);
    assert_eq!(subscribe(&mut stranger, "balance")["success"], false);
    for odd in ["[]", "{", r#"{"event":"order"}"#, r#"{"event":"auth","params":{"token":"x"}}"#] {
        stranger.say(odd);
        assert_eq!(stranger.hear().unwrap()["success"], false, "{odd}");
    }
    // Market data is another socket's, and nobody logs on there.
    let mut market = Socket::open(&stack.woox_url, "/ws/stream/my-application").unwrap();
    assert_eq!(said(&mut market, &login(&bot, now_ms()))["success"], false);
    assert_eq!(subscribe(&mut market, "SPOT_BTC_USDT@bbo")["success"], true);
    next_of(&mut market, "SPOT_BTC_USDT@bbo");

    stack.must(&["bot", "revoke", "mm-1"], Unseal::No, "");
    stack.must(&["reload"], Unseal::No, "");
    while socket.hear().is_some() {}
}

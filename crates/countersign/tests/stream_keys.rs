//! The events of an account by stream keys: bots get keys of the gateway's own,
//! and the venue's stays here.

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

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use socket::Socket;
use stack::client::{Answer, Client};
use stack::{Bot, REAL_READ_KEY, Stack, Unseal};

const LISTEN_KEY: &str = "/fapi/v1/listenKey";
const ORDER: [(&str, &str); 5] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.002"),
];

/// A venue whose keys may trade futures, and a bot that does.
fn serving() -> (Stack, Bot) {
    let mut stack = Stack::configured_for(
        |options| {
            for key in &mut options.accounts.first_mut().unwrap().keys {
                key.rights.futures = std::mem::take(&mut key.rights.spot_trade);
            }
        },
        &["UM/BTCUSDT"],
    );
    let bot = stack
        .add_bot("mm-1", &["--preset", "taker", "--market", "UM/BTCUSDT", "--from", "127.0.0.0/8"]);
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    (stack, bot)
}

/// A call with the key alone, as clients make it.
fn call(client: &mut Client, key: &str, method: &str, text: &str) -> Answer {
    client.try_send(method, LISTEN_KEY, text, Some(key)).unwrap()
}

fn started(client: &mut Client, bot: &Bot) -> String {
    let answer = call(client, &bot.api_key, "POST", "").ok();
    answer.json["listenKey"].as_str().unwrap().to_owned()
}

fn next_of(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let heard = socket.hear().unwrap_or_else(|| panic!("a `{kind}`"));
        if heard["e"] == kind {
            return heard;
        }
    }
}

#[test]
fn a_bot_hears_its_account_and_never_holds_the_venues_key() {
    let (stack, bot) = serving();
    let mut client = Client::new(&stack.bot_url, &bot);
    let key = started(&mut client, &bot);
    assert_eq!(started(&mut client, &bot), key, "one key for a holder");

    // The venue's is another, and is the gateway's to ask for.
    let venue = stack.venue.base_url();
    let real = Bot { api_key: REAL_READ_KEY.to_owned(), ..bot.clone() };
    let at_venue = call(&mut Client::new(&venue, &real), REAL_READ_KEY, "PUT", "").ok();
    let at_venue = at_venue.json["listenKey"].as_str().unwrap();
    assert_ne!(at_venue, key);

    let mut by_query =
        Socket::open(&stack.bot_url, &format!("/fstream/private/ws?listenKey={key}")).unwrap();
    let mut by_path = Socket::open(&stack.bot_url, &format!("/fstream/ws/{key}")).unwrap();
    let mut combined =
        Socket::open(&stack.bot_url, &format!("/fstream/stream?streams={key}")).unwrap();
    let mut later = Socket::open(&stack.bot_url, "/fstream/public/ws").unwrap();
    later.say(&json!({ "method": "SUBSCRIBE", "params": [key], "id": 7 }).to_string());
    assert_eq!(later.answer(&json!(7))["result"], Value::Null);

    let ticker = "/fapi/v1/ticker/bookTicker";
    let ticker = client.try_send("GET", ticker, "symbol=BTCUSDT", None).unwrap().ok();
    let bid: f64 = ticker.json["bidPrice"].as_str().unwrap().parse().unwrap();
    let price = format!("{:.1}", bid * 0.99);
    let order = client.post("/fapi/v1/order", &[&ORDER[..], &[("price", &price)]].concat()).ok();
    let id = &order.json["orderId"];
    for socket in [&mut by_query, &mut by_path, &mut later] {
        let event = next_of(socket, "ORDER_TRADE_UPDATE");
        assert_eq!((&event["o"]["i"], &event["o"]["X"]), (id, &json!("NEW")));
        assert!(!event.to_string().contains(at_venue));
    }
    let event = combined.hear().unwrap();
    assert_eq!((event["stream"].as_str(), &event["data"]["o"]["i"]), (Some(key.as_str()), id));

    // What fills is told to the judge by the same event, and to the log.
    let market =
        [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "MARKET"), ("quantity", "0.002")];
    client.post("/fapi/v1/order", &market).ok();
    next_of(&mut by_query, "ACCOUNT_UPDATE");

    // What is kept alive is that key and no other.
    let named = format!("listenKey={key}");
    assert_eq!(call(&mut client, &bot.api_key, "PUT", &named).ok().json["listenKey"], key.as_str());
    let wrong = format!("listenKey={at_venue}");
    call(&mut client, &bot.api_key, "PUT", &wrong).refused(-1125);
    call(&mut client, &bot.api_key, "PUT", "listenKey=x&more=y").refused(-1104);
    call(&mut client, &bot.api_key, "DELETE", "").ok();
    let last = next_of(&mut by_query, "listenKeyExpired");
    assert_eq!(last["listenKey"], key.as_str());
    assert!(by_query.hear().is_none(), "the socket ends with its key");
    call(&mut client, &bot.api_key, "PUT", "").refused(-1125);
    assert!(Socket::open(&stack.bot_url, &format!("/fstream/ws/{key}")).is_err());

    let calls: Vec<String> = stack
        .venue
        .requests()
        .iter()
        .filter(|one| one.path == LISTEN_KEY && one.method == "POST")
        .map(|one| String::from_utf8_lossy(&one.body).into_owned())
        .collect();
    assert_eq!(calls, [""], "one key at the venue for all of the account's bots");
    let log: String = stack.entries(0).iter().map(|(_, entry)| entry.to_string()).collect();
    assert!(log.contains("stream-key"), "who was let in is in the log");
    assert!(!log.contains(at_venue) && !log.contains(&key), "no stream key is");
    stack.verify();
}

/// As libraries do that still ask for what the venue took out of service.
#[test]
fn spot_events_come_by_a_stream_key_too() {
    let (stack, bot) = Stack::serving("mm-1");
    let mut client = Client::new(&stack.bot_url, &bot);
    let path = "/api/v3/userDataStream";
    let answer = client.try_send("POST", path, "", Some(&bot.api_key)).unwrap().ok();
    let key = answer.json["listenKey"].as_str().unwrap().to_owned();
    let mut events = Socket::open(&stack.bot_url, &format!("/ws/{key}")).unwrap();
    assert!(
        Socket::open(&stack.bot_url, &format!("/fstream/ws/{key}")).is_err(),
        "another product"
    );
    client.post("/api/v3/order", &[&ORDER[..], &[("price", "59500")]].concat()).ok();
    assert_eq!(next_of(&mut events, "executionReport")["X"], "NEW");
    let text = format!("listenKey={key}");
    client.try_send("DELETE", path, &text, Some(&bot.api_key)).unwrap().ok();
    next_of(&mut events, "listenKeyExpired");
    assert!(stack.venue.requests().iter().all(|one| one.path != path));
}

#[test]
fn a_stream_key_works_for_its_holder_alone() {
    let (stack, bot) = serving();
    let mut client = Client::new(&stack.bot_url, &bot);
    let key = started(&mut client, &bot);
    let path = format!("/fstream/private/ws?listenKey={key}");
    let mut open = Socket::open(&stack.bot_url, &path).unwrap();

    // Somebody with the key id, from another address: neither hears, nor ends,
    // nor learns the key.
    let elsewhere = Ipv4Addr::new(127, 0, 0, 9);
    let mut thief = Client::new(&stack.bot_url, &bot).at_address(elsewhere);
    call(&mut thief, &bot.api_key, "DELETE", "").refused(-1125);
    call(&mut thief, &bot.api_key, "PUT", &format!("listenKey={key}")).refused(-1125);
    let theirs = started(&mut thief, &bot);
    assert_ne!(theirs, key);
    let path = format!("/fstream/private/ws?listenKey={theirs}");
    assert!(Socket::open(&stack.bot_url, &path).is_err(), "it is used from where it was asked for");
    call(&mut thief, &bot.api_key, "DELETE", "").ok();
    assert_eq!(call(&mut client, &bot.api_key, "PUT", "").ok().json["listenKey"], key.as_str());

    // Made up, the venue's shape, another word.
    let made_up = "a".repeat(64);
    for path in [
        format!("/fstream/private/ws?listenKey={made_up}"),
        format!("/fstream/ws/{made_up}"),
        format!("/ws/{key}"),
        format!("/stream?streams={key}"),
        format!("/fstream/private/ws?listenKey={key}&listenKey={made_up}"),
    ] {
        assert!(Socket::open(&stack.bot_url, &path).is_err(), "{path}");
    }
    open.say(&json!({ "method": "SUBSCRIBE", "params": [made_up], "id": 1 }).to_string());
    assert_eq!(open.answer(&json!(1))["error"]["code"], -1125);
    open.say(&json!({ "method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 2 }).to_string());
    assert_eq!(open.hear().unwrap()["error"]["code"], 2, "no market data on a private socket");

    // Over the WebSocket API it is the same key.
    let mut api = Socket::open(&stack.bot_url, "/ws-fapi/v1").unwrap();
    let params = json!({ "apiKey": bot.api_key });
    let started = api.ask("userDataStream.start", params.clone());
    assert_eq!(started["result"]["listenKey"], key.as_str(), "{started}");
    assert_eq!(api.ask("userDataStream.ping", params.clone())["result"]["listenKey"], key.as_str());
    assert_eq!(api.ask("userDataStream.stop", params.clone())["status"], 200);
    assert_eq!(api.ask("userDataStream.stop", params)["error"]["code"], -1125);
    next_of(&mut open, "listenKeyExpired");
}

/// Clients hold a key for twenty minutes and more before they ask again.
#[test]
fn a_key_outlives_the_gateway() {
    let (mut stack, bot) = serving();
    let key = started(&mut Client::new(&stack.bot_url, &bot), &bot);
    stack.stop();
    stack.serve();
    let path = format!("/fstream/private/ws?listenKey={key}");
    stack.wait_for("the account's events", || Socket::open(&stack.bot_url, &path).ok());
    let mut client = Client::new(&stack.bot_url, &bot);
    assert_eq!(call(&mut client, &bot.api_key, "PUT", "").ok().json["listenKey"], key.as_str());
    call(&mut client, &bot.api_key, "DELETE", "").ok();
    assert!(Socket::open(&stack.bot_url, &path).is_err());
}

#[test]
fn where_events_may_be_missed_the_socket_ends() {
    let (stack, bot) = serving();
    let mut client = Client::new(&stack.bot_url, &bot);
    let key = started(&mut client, &bot);
    let path = format!("/fstream/private/ws?listenKey={key}");
    let mut open = Socket::open(&stack.bot_url, &path).unwrap();
    stack.venue.drop_sockets();
    assert!(open.hear().is_none(), "it would be silent otherwise");
    // The key lives on, and opens another as soon as the venue tells again.
    let mut again =
        stack.wait_for("the account's events", || Socket::open(&stack.bot_url, &path).ok());
    client.post("/fapi/v1/order", &[&ORDER[..], &[("price", "59500")]].concat()).ok();
    next_of(&mut again, "ORDER_TRADE_UPDATE");
}

#[test]
fn a_bot_whose_key_is_taken_away_hears_no_more() {
    let (stack, bot) = serving();
    let mut client = Client::new(&stack.bot_url, &bot);
    let key = started(&mut client, &bot);
    let path = format!("/fstream/private/ws?listenKey={key}");
    let mut open = Socket::open(&stack.bot_url, &path).unwrap();
    stack.must(&["bot", "revoke", "mm-1"], Unseal::No, "");
    stack.must(&["reload"], Unseal::No, "");
    next_of(&mut open, "listenKeyExpired");
    assert!(open.hear().is_none());
    assert!(Socket::open(&stack.bot_url, &path).is_err());
}

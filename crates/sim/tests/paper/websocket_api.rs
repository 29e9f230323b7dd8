//! The WebSocket API: frames, signatures, sessions, errors.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use serde_json::{Value, json};
use sim::binance::{Account, ApiKey, Fault, FaultKind, Rights, Secret, read_frame, signature};

use crate::client::{Client, dec, options, start};
use crate::socket::Socket;

const API: &str = "/ws-api/v3";

fn code(answer: &Value) -> (u64, i64) {
    (answer["status"].as_u64().unwrap(), answer["error"]["code"].as_i64().unwrap_or(0))
}

#[test]
fn public_methods_need_nothing() {
    let (_venue, client) = start(options());
    let mut socket = Socket::open(&client, API);
    assert_eq!(socket.call("ping", json!({}))["result"], json!({}));
    assert!(socket.call("time", json!({}))["result"]["serverTime"].is_i64());
    let info = socket.call("exchangeInfo", json!({ "symbols": ["BTCUSDT", "ETHUSDT"] }));
    assert_eq!(info["result"]["symbols"].as_array().unwrap().len(), 2);
    let depth = socket.call("v3/depth", json!({ "symbol": "BTCUSDT", "limit": 5 }));
    assert_eq!(depth["result"]["bids"].as_array().unwrap().len(), 5);
    for method in ["ticker.price", "ticker.book", "ticker.24hr", "ticker", "avgPrice"] {
        let answer = socket.call(method, json!({ "symbol": "BTCUSDT" }));
        assert_eq!(answer["status"], 200, "{method}: {answer}");
    }
    let limits = depth["rateLimits"].as_array().unwrap();
    assert_eq!(limits[0]["rateLimitType"], "REQUEST_WEIGHT");
    assert!(limits[0]["count"].as_u64().unwrap() > 0);
    let quiet = socket.call("time", json!({ "returnRateLimits": false }));
    assert!(quiet.get("rateLimits").is_none());
    let mut quiet = Socket::open(&client, "/ws-api/v3?returnRateLimits=false");
    assert!(quiet.call("time", json!({})).get("rateLimits").is_none());
}

#[test]
fn an_order_lives_its_life_over_the_socket() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, API);
    let named = [("symbol", "BTCUSDT"), ("origClientOrderId", "w-1")];
    let tested = socket.signed(
        "order.test",
        &[("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "MARKET"), ("quantity", "0.01")],
    );
    assert_eq!(tested["result"], json!({}), "{tested}");
    let placed = socket.limit("BUY", "0.5", "50000", "w-1");
    assert_eq!((&placed["status"], &placed["result"]["status"]), (&json!(200), &json!("NEW")));
    let kinds: Vec<&str> = placed["rateLimits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| limit["rateLimitType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]);
    assert_eq!(client.balance("USDT").1, dec("25000"));
    assert_eq!(socket.signed("order.status", &named)["result"]["clientOrderId"], "w-1");
    let open = socket.signed("openOrders.status", &[("symbol", "BTCUSDT")]);
    assert_eq!(open["result"].as_array().unwrap().len(), 1);
    let amended = socket.signed(
        "order.amend.keepPriority",
        &[
            ("symbol", "BTCUSDT"),
            ("origClientOrderId", "w-1"),
            ("newQty", "0.4"),
            ("newClientOrderId", "w-2"),
        ],
    );
    assert_eq!(amended["result"]["amendedOrder"]["qty"], "0.40000000", "{amended}");
    let replaced = socket.signed(
        "order.cancelReplace",
        &[
            ("symbol", "BTCUSDT"),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "0.1"),
            ("price", "51000"),
            ("cancelReplaceMode", "STOP_ON_FAILURE"),
            ("cancelOrigClientOrderId", "w-2"),
            ("newClientOrderId", "w-3"),
        ],
    );
    assert_eq!(replaced["result"]["newOrderResult"], "SUCCESS", "{replaced}");
    let failed = socket.signed(
        "order.cancelReplace",
        &[
            ("symbol", "BTCUSDT"),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "0.1"),
            ("price", "51000"),
            ("cancelReplaceMode", "STOP_ON_FAILURE"),
            ("cancelOrigClientOrderId", "w-2"),
        ],
    );
    assert_eq!(code(&failed), (400, -2022));
    assert_eq!(failed["error"]["data"]["newOrderResult"], "NOT_ATTEMPTED");
    let all = socket.signed("openOrders.cancelAll", &[("symbol", "BTCUSDT")]);
    assert_eq!(all["result"][0]["origClientOrderId"], "w-3");
    let oco = [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("quantity", "0.1"),
        ("aboveType", "LIMIT_MAKER"),
        ("abovePrice", "70000"),
        ("belowType", "STOP_LOSS"),
        ("belowStopPrice", "50000"),
        ("listClientOrderId", "l-1"),
    ];
    let list = socket.signed("orderList.place.oco", &oco);
    assert_eq!(list["result"]["orderReports"].as_array().unwrap().len(), 2, "{list}");
    assert_eq!(socket.signed("openOrderLists.status", &[])["result"].as_array().unwrap().len(), 1);
    let ended =
        socket.signed("orderList.cancel", &[("symbol", "BTCUSDT"), ("listClientOrderId", "l-1")]);
    assert_eq!(ended["result"]["listOrderStatus"], "ALL_DONE");
    let bought = socket.signed(
        "order.place",
        &[("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "MARKET"), ("quantity", "0.01")],
    );
    assert_eq!(bought["result"]["status"], "FILLED");
    let trades = socket.signed("myTrades", &[("symbol", "BTCUSDT")]);
    assert_eq!(trades["result"][0]["orderId"], bought["result"]["orderId"]);
    assert!(socket.signed("account.status", &[])["result"]["balances"].is_array());
    assert!(
        socket.signed("allOrders", &[("symbol", "BTCUSDT")])["result"].as_array().unwrap().len()
            > 3
    );
    let recorded = venue.requests();
    let place = recorded.iter().find(|request| request.path == "order.place").unwrap();
    assert_eq!((place.method.as_str(), place.account), ("WS", Some(0)));
    assert!(String::from_utf8_lossy(&place.body).contains("signature"));
}

#[test]
fn frames_are_refused_in_the_venues_words() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, API);
    socket.raw("{");
    assert_eq!(code(&socket.read().unwrap()), (400, -1135));
    assert_eq!(code(&socket.call("order.nonsense", json!({}))).1, -1000);
    assert_eq!(code(&socket.call("account.status", json!({ "timestamp": 1 }))), (400, -1102));
    let mut params = socket.sign(&[("symbol", "BTCUSDT")]);
    params["symbol"] = json!("ETHUSDT");
    assert_eq!(code(&socket.call("allOrders", params)), (400, -1022));
    let mut params = socket.sign(&[]);
    params["apiKey"] = json!("other");
    assert_eq!(code(&socket.call("account.status", params)), (400, -1022), "the key is signed");
    let mut params = socket.sign(&[]);
    params["more"] = json!("1");
    assert_eq!(code(&socket.call("account.status", params)).1, -1022);
    assert_eq!(code(&socket.signed("account.status", &[("recvWindow", "60001")])).1, -1102);
    assert_eq!(code(&socket.signed("allOrders", &[])), (400, -1102));
    assert_eq!(code(&socket.signed("account.status", &[("nonsense", "1")])), (400, -1104));
    venue.set_skew_ms(10_000);
    assert_eq!(code(&socket.signed("account.status", &[])), (400, -1021));
    venue.set_skew_ms(0);
    venue.set_key(0, ApiKey::hmac(&client.key, &client.secret, Rights::READ));
    assert_eq!(code(&socket.limit("BUY", "0.1", "50000", "x")), (401, -2015));
    assert!(venue.orders(0).is_empty());
}

#[test]
fn numbers_are_signed_as_they_were_written() {
    let (_venue, client) = start(options());
    let mut socket = Socket::open(&client, API);
    let text =
        format!("apiKey={}&limit=5.0&symbol=BTCUSDT&timestamp={}", client.key, client.now_ms());
    let timestamp = text.rsplit('=').next().unwrap();
    let signature = crate::client::sign(&client.secret, &text);
    socket.raw(&format!(
        r#"{{"id":1,"method":"allOrders","params":{{"timestamp":{timestamp},"symbol":"BTCUSDT","apiKey":"{}","limit":5.0,"signature":"{signature}"}}}}"#,
        client.key
    ));
    // The signature holds; then the number is found to be none that a limit can be.
    assert_eq!(code(&socket.read().unwrap()), (400, -1100));
}

fn ed25519_account() -> (Ed25519KeyPair, Account) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let mut key = ApiKey::hmac("edkey", "", Rights::TRADE);
    key.secret = Secret::Ed25519(pair.public_key().as_ref().to_vec());
    let balances = vec![("USDT".to_owned(), dec("100000"))];
    (pair, Account { keys: vec![key], balances, ..Account::default() })
}

#[test]
fn a_session_logs_on_with_ed25519_only() {
    let (pair, account) = ed25519_account();
    let mut options = options();
    options.accounts.push(account);
    let (venue, client) = start(options);
    let mut socket = Socket::open(&client, API);
    assert_eq!(code(&socket.signed("session.logon", &[])), (400, -4056));
    let status = socket.call("session.status", json!({}));
    assert_eq!(status["result"]["apiKey"], Value::Null);
    assert_eq!(code(&socket.call("userDataStream.subscribe", json!({}))).0, 401);
    let now = client.now_ms();
    let text = format!("apiKey=edkey&timestamp={now}");
    let signature = base64::engine::general_purpose::STANDARD.encode(pair.sign(text.as_bytes()));
    let logon = json!({ "apiKey": "edkey", "timestamp": now, "signature": signature });
    let on = socket.call("session.logon", logon);
    assert_eq!(on["result"]["apiKey"], "edkey", "{on}");
    let balances = socket.call("account.status", json!({ "timestamp": client.now_ms() }));
    assert_eq!(balances["status"], 200, "{balances}");
    assert_eq!(code(&socket.call("account.status", json!({}))), (400, -1102), "no timestamp");
    assert_eq!(code(&socket.call("account.status", json!({ "timestamp": 1 }))), (400, -1021));
    // A request with a key of its own is the other account's.
    let other = socket.signed("account.status", &[]);
    assert_ne!(other["result"]["uid"], balances["result"]["uid"]);
    assert_eq!(socket.call("userDataStream.subscribe", json!({}))["result"]["subscriptionId"], 0);
    let again = socket.call("userDataStream.subscribe", json!({}));
    assert_eq!(code(&again), (400, -2035));
    let off = socket.call("session.logout", json!({}));
    assert_eq!(off["result"]["apiKey"], Value::Null);
    socket.event("eventStreamTerminated");
    assert_eq!(code(&socket.call("account.status", json!({ "timestamp": 1 }))), (400, -1102));
    // A revoked key ends the session's right to act.
    let now = client.now_ms();
    let text = format!("apiKey=edkey&timestamp={now}");
    let signature = base64::engine::general_purpose::STANDARD.encode(pair.sign(text.as_bytes()));
    socket.call(
        "session.logon",
        json!({ "apiKey": "edkey", "timestamp": now, "signature": signature }),
    );
    assert!(venue.revoke_key("edkey"));
    let revoked = socket.call("account.status", json!({ "timestamp": client.now_ms() }));
    assert_eq!(code(&revoked), (401, -2015));
}

#[test]
fn published_frames_hold() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../data/vectors.json")).unwrap();
    let mut checked = 0;
    for vector in vectors.iter().filter(|vector| {
        vector["id"].as_str().unwrap().contains("-ws")
            || vector["id"].as_str().unwrap().contains("session")
    }) {
        let canonical = vector["canonical"].as_str().unwrap();
        // Back into a frame, in an order that is not the sorted one.
        let mut pairs: Vec<(&str, &str)> =
            canonical.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
        pairs.reverse();
        let mut params: serde_json::Map<String, Value> = pairs
            .iter()
            .map(|(name, value)| {
                let number = matches!(*name, "timestamp" | "recvWindow");
                let value =
                    if number { json!(value.parse::<u64>().unwrap()) } else { json!(value) };
                ((*name).to_owned(), value)
            })
            .collect();
        params.insert("signature".to_owned(), vector["expected"].clone());
        let frame = json!({ "id": "a", "method": "order.place", "params": params }).to_string();
        let frame = read_frame(&frame).unwrap();
        assert_eq!(frame.reading.payload, canonical.as_bytes(), "{}", vector["id"]);
        let secret = Secret::Hmac(vector["secret"].as_str().unwrap().to_owned());
        let signed = frame.reading.signature.unwrap();
        assert!(signature::verify(&secret, &frame.reading.payload, &signed), "{}", vector["id"]);
        checked += 1;
    }
    assert_eq!(checked, 3);
}

#[test]
fn weight_of_frames_runs_out_and_is_banned() {
    let mut options = options();
    options.limits.weight_per_minute = 100;
    options.limits.refusals_until_ban = 2;
    let (_venue, client) = start(options);
    let mut socket = Socket::open(&client, API);
    let mut statuses: Vec<u64> = Vec::new();
    for _ in 0..9 {
        let answer = socket.signed("account.status", &[]);
        let (status, _) = code(&answer);
        if status != 200 {
            assert_eq!(answer["error"]["code"], -1003);
            assert!(answer["error"]["data"]["retryAfter"].as_i64().unwrap() > client.now_ms());
        }
        statuses.push(status);
    }
    assert!(statuses.contains(&429) && statuses.last() == Some(&418), "{statuses:?}");
    assert_eq!(Socket::try_open(&client, API).err(), Some(418));
}

#[test]
fn faults_meet_frames_too() {
    let (venue, client) = start(options());
    let mut socket = Socket::open(&client, API);
    venue.inject(Fault::next(FaultKind::Http5xxExecuted).on("WS", "order.place"));
    assert_eq!(code(&socket.limit("BUY", "0.1", "50000", "f-1")), (503, -1007));
    assert_eq!(venue.orders(0).len(), 1);
    venue.inject(Fault::next(FaultKind::StallAfter).on("WS", "order.place"));
    let params = socket.sign(&[
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.1"),
        ("price", "50000"),
    ]);
    socket.raw(&json!({ "id": "lost", "method": "order.place", "params": params }).to_string());
    assert_eq!(socket.call("ping", json!({}))["status"], 200, "the answer before it is missing");
    assert_eq!(venue.orders(0).len(), 2);
    venue.inject(Fault::next(FaultKind::Close).on("WS", "ping"));
    socket.raw(r#"{"id":9,"method":"ping"}"#);
    assert!(socket.read().is_none());
    let lost = venue.requests().into_iter().filter(|request| request.answer_withheld).count();
    assert_eq!(lost, 3);
}

#[test]
fn paths_that_are_no_sockets_are_refused() {
    let (venue, client) = start(options());
    assert_eq!(Socket::try_open(&client, "/ws-api/v4").err(), Some(404));
    assert_eq!(Socket::try_open(&client, "/api/v3/ping").err(), Some(404));
    let plain = Client::new(venue.addr(), "", "").get("/ws-api/v3");
    assert_eq!(plain.status, 404);
}

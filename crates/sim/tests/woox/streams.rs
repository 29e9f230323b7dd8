//! The v2 sockets, by a client of another library.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use sim::woox::options::DEFAULT_APPLICATION_ID;
use sim::woox::{PaperVenue, StreamFault, StreamFaultKind};
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::client::{Client, KEY, OTHER, SECRET, dec, options, sign, start};

struct Socket(WebSocket<MaybeTlsStream<TcpStream>>);

impl Socket {
    fn open(url: &str) -> Self {
        let (socket, _) = tungstenite::connect(url).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        }
        Self(socket)
    }

    fn private(venue: &PaperVenue) -> Self {
        Self::open(&format!("{}/{DEFAULT_APPLICATION_ID}", venue.ws_private_url()))
    }

    fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).unwrap();
    }

    /// The next message that fits.
    fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..1000 {
            if let Message::Text(text) = self.0.read().unwrap() {
                let value: Value = serde_json::from_str(text.as_str()).unwrap();
                if fits(&value) {
                    return value;
                }
            }
        }
        panic!("it never came");
    }

    fn answer(&mut self, event: &str) -> Value {
        self.until(|value| value["event"] == event)
    }

    fn auth(&mut self, key: &str, secret: &str, time: &str) -> Value {
        let sign = sign(secret, &format!("|{time}"));
        let params = json!({ "apikey": key, "sign": sign, "timestamp": time });
        self.send(&json!({ "event": "auth", "params": params }));
        self.answer("auth")
    }

    fn subscribe(&mut self, topic: &str) -> Value {
        self.send(&json!({ "id": 3, "event": "subscribe", "topic": topic }));
        self.answer("subscribe")
    }
}

#[test]
fn private_topics_need_a_genuine_auth() {
    let (venue, client) = start(options());
    let mut socket = Socket::private(&venue);
    let refused = socket.subscribe("executionreport");
    assert_eq!(
        (refused["success"].as_bool(), refused["errorMsg"].as_str()),
        (Some(false), Some("Auth is needed."))
    );
    assert_eq!(refused["id"], "3", "ids come back as text");
    let now = client.now_ms();
    let old = (now - 60_000).to_string();
    let now = now.to_string();
    for (key, secret, time) in [
        (KEY, "wrong", &now),
        ("unknown", SECRET, &now),
        (KEY, SECRET, &old),
        ("other", "othersecret", &now),
    ] {
        assert_eq!(socket.auth(key, secret, time)["success"], false, "{key} {secret} {time}");
        assert_eq!(socket.subscribe("balance")["success"], false);
    }
    assert_eq!(socket.auth(KEY, SECRET, &now)["success"], true);
    assert_eq!(socket.subscribe("executionreport")["success"], true);
    assert_eq!(socket.subscribe("SPOT_BTC_USDT@orderbook")["success"], false);
    let frames = venue.requests();
    let auths =
        frames.iter().filter(|f| f.method == "WS" && f.body.starts_with(b"{\"event\":\"auth\""));
    assert_eq!(auths.count(), 5);
}

#[test]
fn an_account_hears_of_its_orders_balances_and_positions_alone() {
    let (venue, client) = start(options());
    let mut socket = Socket::private(&venue);
    assert_eq!(socket.auth(KEY, SECRET, &client.now_ms().to_string())["success"], true);
    for topic in ["executionreport", "balance", "position", "algoexecutionreportv2"] {
        assert_eq!(socket.subscribe(topic)["success"], true);
    }
    let stranger = Client::new(venue.addr(), "other", "othersecret");
    stranger.limit("SPOT_BTC_USDT", "BUY", "0.3", "50000");
    let id = client.limit("PERP_BTC_USDT", "BUY", "0.1", "59000");
    let report = socket.until(|value| value["topic"] == "executionreport");
    assert_eq!(
        (report["data"]["orderId"].as_u64(), report["data"]["status"].as_str()),
        (Some(id), Some("NEW"))
    );
    venue.fill_resting(id, dec("0.1"));
    let report = socket.until(|value| value["topic"] == "executionreport");
    let data = &report["data"];
    assert_eq!((data["status"].as_str(), data["maker"].as_bool()), (Some("FILLED"), Some(true)));
    assert_ne!(data["tradeId"], 0);
    let balance = socket.until(|value| value["topic"] == "balance");
    assert!(balance["data"]["balances"]["USDT"]["holding"].as_f64().unwrap() < 1_000_000.0);
    let position = socket.until(|value| value["topic"] == "position");
    assert_eq!(position["data"]["positions"]["PERP_BTC_USDT"]["holding"], 0.1);
    let algo = json!({
        "symbol": "SPOT_BTC_USDT", "side": "SELL", "type": "MARKET", "algoType": "STOP",
        "quantity": "0.1", "triggerPrice": "50000",
    });
    client.v3("POST", "/v3/trade/algoOrder", &algo);
    let told = socket.until(|value| value["topic"] == "algoexecutionreportv2");
    assert_eq!(told["data"][0]["algoStatus"], "NEW");
    let mut wrong = Socket::open(&format!("{}/{OTHER}", venue.ws_private_url()));
    assert_eq!(wrong.auth(KEY, SECRET, &client.now_ms().to_string())["success"], false);
}

#[test]
fn market_topics_follow_their_market() {
    let (venue, _client) = start(options());
    let mut socket = Socket::open(&format!("{}/{DEFAULT_APPLICATION_ID}", venue.ws_public_url()));
    socket.send(&json!({ "event": "ping" }));
    assert!(socket.answer("pong")["ts"].is_i64());
    let topics =
        ["orderbook", "orderbookupdate", "trade", "ticker", "bbo", "kline_1m", "estfundingrate"];
    for topic in topics {
        assert_eq!(socket.subscribe(&format!("PERP_BTC_USDT@{topic}"))["success"], true, "{topic}");
    }
    for topic in ["tickers", "bbos"] {
        assert_eq!(socket.subscribe(topic)["success"], true);
    }
    assert_eq!(socket.subscribe("PERP_NO_USDT@trade")["success"], false);
    assert_eq!(socket.subscribe("balance")["success"], false);
    venue.set_price("PERP_BTC_USDT", dec("62000"));
    let on = |name: &str| format!("PERP_BTC_USDT@{name}");
    let trade = socket.until(|value| value["topic"] == on("trade"));
    assert_eq!(trade["data"]["price"], 62_000);
    let book = socket.until(|value| {
        value["topic"] == on("orderbook") && value["data"]["asks"][0][0].as_f64() > Some(61_500.0)
    });
    assert!(book["data"]["bids"][0][0].as_f64() < book["data"]["asks"][0][0].as_f64());
    venue.set_price("PERP_BTC_USDT", dec("63000"));
    let delta = socket.until(|value| value["topic"] == on("orderbookupdate"));
    assert!(delta["data"]["prevTs"].is_i64());
    let bbos = socket.until(|value| value["topic"] == "bbos");
    assert_eq!(bbos["data"].as_array().unwrap().len(), 7);
    socket.send(&json!({ "id": 4, "event": "unsubscribe", "topic": on("trade") }));
    assert_eq!(socket.answer("unsubscribe")["data"], on("trade"));
}

#[test]
fn events_meet_faults() {
    let (venue, client) = start(options());
    let mut socket = Socket::private(&venue);
    assert_eq!(socket.auth(KEY, SECRET, &client.now_ms().to_string())["success"], true);
    assert_eq!(socket.subscribe("executionreport")["success"], true);
    venue.inject_stream(StreamFault::next(StreamFaultKind::Skip).on("executionreport"));
    let skipped = client.limit("SPOT_BTC_USDT", "BUY", "0.1", "50000");
    venue.inject_stream(StreamFault::next(StreamFaultKind::Repeat).on("executionreport"));
    // The first fault may still wait for its event: it is delivered on another task.
    let seen = client.limit("SPOT_BTC_USDT", "BUY", "0.1", "51000");
    let is = |value: &Value| value["topic"] == "executionreport";
    for _ in 0..2 {
        assert_eq!(socket.until(is)["data"]["orderId"].as_u64(), Some(seen), "not {skipped}");
    }
    venue.inject_stream(StreamFault::next(StreamFaultKind::Drop));
    client.limit("SPOT_BTC_USDT", "BUY", "0.1", "52000");
    let ended = std::iter::from_fn(|| Some(socket.0.read())).take(100).any(|read| read.is_err());
    assert!(ended);
}

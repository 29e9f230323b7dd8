//! A plain HTTP/1.1 client over a socket, signing with HMAC itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use aws_lc_rs::hmac;
use rust_decimal::Decimal;
use serde_json::Value;
use sim::binance::{Account, ApiKey, PaperOptions, PaperVenue, Rights};

pub(crate) const KEY: &str = "testkey";
pub(crate) const SECRET: &str = "testsecret";

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn code(&self) -> i64 {
        self.body["code"].as_i64().unwrap_or(0)
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    pub(crate) fn decimal(&self, field: &str) -> Decimal {
        self.text(field).parse().unwrap()
    }
}

/// A client of one key.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) secret: String,
    /// Added to the host's time in timestamps.
    pub(crate) ahead_ms: i64,
}

pub(crate) fn sign(secret: &str, payload: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, payload.as_bytes()))
}

/// A venue with two accounts: 0 with every right, 1 with trading rights.
pub(crate) fn options() -> PaperOptions {
    let funds = |list: &[(&str, i64)]| {
        list.iter().map(|(asset, amount)| ((*asset).to_owned(), Decimal::from(*amount))).collect()
    };
    let rich = [("USDT", 1_000_000), ("BTC", 20), ("ETH", 300)];
    let mut options = PaperOptions::with_key(ApiKey::hmac(KEY, SECRET, Rights::ALL));
    options.accounts[0].balances = funds(&rich);
    options.accounts[0].futures = funds(&[("USDT", 100_000)]);
    options.accounts.push(Account {
        keys: vec![ApiKey::hmac("other", "othersecret", Rights::TRADE)],
        balances: funds(&rich),
        futures: funds(&[("USDT", 100_000)]),
        ..Account::default()
    });
    options
}

pub(crate) fn start(options: PaperOptions) -> (PaperVenue, Client) {
    let venue = PaperVenue::spawn_blocking(options).unwrap();
    let client = Client::new(venue.addr(), KEY, SECRET);
    (venue, client)
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str, secret: &str) -> Self {
        Self { address, key: key.to_owned(), secret: secret.to_owned(), ahead_ms: 0 }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_millis()).unwrap() + self.ahead_ms
    }

    /// Sends bytes as they are; none where the connection closes without an answer.
    pub(crate) fn raw(&self, method: &str, target: &str, body: &str) -> Option<Response> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nhost: api.binance.com\r\nx-mbx-apikey: {}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.key,
            if body.is_empty() { "" } else { form },
            body.len(),
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        Some(Response { status, head: head.to_owned(), body })
    }

    /// A public request.
    pub(crate) fn get(&self, target: &str) -> Response {
        self.raw("GET", target, "").unwrap()
    }

    /// A signed request with its parameters in the query.
    pub(crate) fn send(&self, method: &str, path: &str, params: &str) -> Response {
        let joint = if params.is_empty() { "" } else { "&" };
        let payload = format!("{params}{joint}timestamp={}", self.now_ms());
        let signature = sign(&self.secret, &payload);
        self.raw(method, &format!("{path}?{payload}&signature={signature}"), "").unwrap()
    }

    /// A signed request with its parameters in a form body.
    pub(crate) fn send_form(&self, method: &str, path: &str, params: &str) -> Response {
        let payload = format!("{params}&timestamp={}", self.now_ms());
        let signature = sign(&self.secret, &payload);
        self.raw(method, path, &format!("{payload}&signature={signature}")).unwrap()
    }

    /// A limit order in BTCUSDT, good till cancelled.
    pub(crate) fn limit(&self, side: &str, quantity: &str, price: &str, more: &str) -> Response {
        let params = format!(
            "symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={price}{more}"
        );
        self.send("POST", "/api/v3/order", &params)
    }

    /// Free and locked amounts of an asset, as the venue tells them.
    pub(crate) fn balance(&self, asset: &str) -> (Decimal, Decimal) {
        let account = self.send("GET", "/api/v3/account", "");
        let rows = account.body["balances"].as_array().unwrap();
        let row = rows.iter().find(|row| row["asset"] == asset).unwrap();
        let amount = |field: &str| row[field].as_str().unwrap().parse().unwrap();
        (amount("free"), amount("locked"))
    }
}

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

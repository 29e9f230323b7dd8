//! A plain HTTP/1.1 client over a socket, signing both versions itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use aws_lc_rs::hmac;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sim::woox::{Account, ApiKey, PaperOptions, PaperVenue, Permissions};

pub(crate) const KEY: &str = "testkey==";
pub(crate) const SECRET: &str = "testsecret";
pub(crate) const OTHER: &str = "082ae5ae-e26a-4fb1-be5b-03e5b4867663";
pub(crate) const SUB: &str = "6b43de5c-0955-4887-9862-d84e4689f9fe";

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Response {
    pub(crate) fn code(&self) -> i64 {
        self.body["code"].as_i64().unwrap_or(0)
    }

    /// The `data` of a successful answer.
    pub(crate) fn data(&self) -> &Value {
        assert_eq!(self.body["success"], true, "{self:?}");
        &self.body["data"]
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

pub(crate) fn sign(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

/// A venue with a main account (every right), another user's (trading rights)
/// and a subaccount of the first, without rate limits.
pub(crate) fn options() -> PaperOptions {
    let mut options = PaperOptions::with_key(ApiKey::new(KEY, SECRET, Permissions::ALL));
    options.limits.scale = 0;
    options.accounts.push(Account {
        application_id: OTHER.to_owned(),
        ..Account::main(vec![ApiKey::new("other", "othersecret", Permissions::TRADE)])
    });
    options.accounts.push(Account {
        application_id: SUB.to_owned(),
        name: "sub_account_2".to_owned(),
        sub_of: Some(0),
        keys: vec![ApiKey::new("sub", "subsecret", Permissions::ALL)],
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
    pub(crate) fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Response> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nhost: api.woox.io\r\ncontent-length: {}\r\nconnection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        write!(stream, "{head}\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Response { status, body: serde_json::from_str(body).unwrap_or(Value::Null) })
    }

    /// A public request.
    pub(crate) fn get(&self, target: &str) -> Response {
        self.raw("GET", target, &[], "").unwrap()
    }

    pub(crate) fn signed(
        &self,
        method: &str,
        target: &str,
        body: &str,
        text: &str,
        time: &str,
    ) -> Option<Response> {
        let signature = sign(&self.secret, text);
        let kind = if target.starts_with("/v3") && matches!(method, "POST" | "PUT") {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let headers = [
            ("x-api-key", self.key.as_str()),
            ("x-api-timestamp", time),
            ("x-api-signature", &signature),
            ("content-type", kind),
        ];
        self.raw(method, target, &headers, body)
    }

    /// A signed v3 request: query for GET and DELETE, JSON for POST and PUT.
    pub(crate) fn v3(&self, method: &str, path: &str, params: &Value) -> Response {
        self.try_v3(method, path, params).unwrap()
    }

    pub(crate) fn try_v3(&self, method: &str, path: &str, params: &Value) -> Option<Response> {
        let time = self.now_ms().to_string();
        let (target, body) = if matches!(method, "POST" | "PUT") {
            (path.to_owned(), params.to_string())
        } else {
            let query = form(params);
            let question = if query.is_empty() { "" } else { "?" };
            (format!("{path}{question}{query}"), String::new())
        };
        let text = format!("{time}{method}{target}{body}");
        self.signed(method, &target, &body, &text, &time)
    }

    /// A signed v1 request: query for GET, a form for the others.
    pub(crate) fn v1(&self, method: &str, path: &str, params: &Value) -> Response {
        let time = self.now_ms().to_string();
        let form = form(params);
        let text = format!("{form}|{time}");
        let (target, body) = if method == "GET" {
            let question = if form.is_empty() { "" } else { "?" };
            (format!("{path}{question}{form}"), String::new())
        } else {
            (path.to_owned(), form)
        };
        self.signed(method, &target, &body, &text, &time).unwrap()
    }

    /// A v3 limit order. Its id.
    pub(crate) fn limit(&self, symbol: &str, side: &str, quantity: &str, price: &str) -> u64 {
        let order = json!({
            "symbol": symbol, "side": side, "type": "LIMIT", "quantity": quantity, "price": price,
        });
        self.v3("POST", "/v3/trade/order", &order).data()["orderId"].as_u64().unwrap()
    }

    /// A v3 market order by quantity.
    pub(crate) fn market(&self, symbol: &str, side: &str, quantity: &str) -> Response {
        let order =
            json!({ "symbol": symbol, "side": side, "type": "MARKET", "quantity": quantity });
        self.v3("POST", "/v3/trade/order", &order)
    }

    pub(crate) fn order(&self, id: u64) -> Value {
        self.v3("GET", "/v3/trade/order", &json!({ "orderId": id })).data().clone()
    }

    /// Holding and availability of a token, as the venue tells them.
    pub(crate) fn balance(&self, token: &str) -> (Decimal, Decimal) {
        let answer = self.v3("GET", "/v3/asset/balances", &json!({ "token": token }));
        let row = &answer.data()["holding"][0];
        let amount = |field: &str| row[field].as_str().unwrap().parse().unwrap();
        (amount("holding"), amount("availableBalance"))
    }
}

/// Parameters sorted by name, as both versions' clients send them.
fn form(params: &Value) -> String {
    let mut pairs: Vec<(String, String)> = params
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect();
    pairs.sort();
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

//! The paper venue, and the plainest HTTP client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use sim::binance::{Account, ApiKey, PaperOptions, PaperVenue, Rights};
use wire::model::Decimal;

pub(crate) const TRADE: (&str, &str) = ("tradeKeyOfTheVenue", "tradeSecretOfTheVenue0123456789");
pub(crate) const READ: (&str, &str) = ("readKeyOfTheVenue", "readSecretOfTheVenue0123456789");
pub(crate) const FUTURES: (&str, &str) =
    ("futuresKeyOfTheVenue", "futuresSecretOfTheVenue0123456789");
pub(crate) const BOTH: (&str, &str) = ("bothKeyOfTheVenue", "bothSecretOfTheVenue0123456789");
pub(crate) const OUT: (&str, &str) = ("outKeyOfTheVenue", "outSecretOfTheVenue0123456789");

/// A venue with the three keys on one account, with funds that no bound
/// depends on.
pub(crate) fn start(change: impl FnOnce(&mut PaperOptions)) -> PaperVenue {
    let only = |spot_trade, withdraw| Rights { spot_trade, withdraw, ..Rights::READ };
    let key = |(key, secret), rights| ApiKey::hmac(key, secret, rights);
    let funds = [("USDT", 1_000_000_000), ("BTC", 100_000), ("ETH", 100_000)];
    let account = Account {
        keys: vec![
            key(TRADE, only(true, false)),
            key(READ, only(false, false)),
            key(OUT, only(false, true)),
        ],
        balances: funds.map(|(asset, much)| (asset.to_owned(), Decimal::from(much))).into(),
        ..Account::default()
    };
    let mut options = PaperOptions { accounts: vec![account], ..PaperOptions::default() };
    change(&mut options);
    PaperVenue::spawn_blocking(options).unwrap()
}

/// A connection that is kept.
pub(crate) struct Client {
    address: std::net::SocketAddr,
    stream: BufReader<TcpStream>,
}

/// Status and body.
pub(crate) struct Response {
    pub(crate) status: u16,
    #[allow(dead_code, reason = "the custody test searches it")]
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Response {
    pub(crate) fn code(&self) -> i64 {
        self.body["code"].as_i64().unwrap_or(0)
    }
}

impl Client {
    pub(crate) fn new(venue: &PaperVenue) -> Self {
        Self::to(venue.addr())
    }

    pub(crate) fn to(address: std::net::SocketAddr) -> Self {
        Self { address, stream: connect(address) }
    }

    /// Sends query and body as they are.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        key: &str,
        query: &str,
        body: &str,
    ) -> Response {
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\nx-mbx-apikey: {key}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        if let Some(response) = self.try_send(&request) {
            return response;
        }
        self.stream = connect(self.address);
        self.try_send(&request).expect("the paper venue answers")
    }

    fn try_send(&mut self, request: &str) -> Option<Response> {
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let (mut length, mut head) = (0, line.clone());
        loop {
            line.clear();
            self.stream.read_line(&mut line).ok()?;
            head.push_str(&line);
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Response { status, head, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}

fn connect(address: std::net::SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    BufReader::new(stream)
}

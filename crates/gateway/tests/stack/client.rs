//! A bot, on a bare socket.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;

use super::{BOT_KEY, BOT_SECRET};

pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap_or(0)
    }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

pub(crate) fn sign(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

/// Parameters with timestamp and signature.
pub(crate) fn signed(parameters: &str) -> String {
    // Two requests of one millisecond would be one text.
    std::thread::sleep(std::time::Duration::from_millis(2));
    let and = if parameters.is_empty() { "" } else { "&" };
    let text = format!("{parameters}{and}timestamp={}", now_ms());
    format!("{text}&signature={}", sign(BOT_SECRET, &text))
}

impl Client {
    pub(crate) fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// A signed request: parameters in the query for GET and DELETE, else in
    /// the body.
    pub(crate) fn signed(&mut self, method: &str, path: &str, parameters: &str) -> Reply {
        self.send(method, path, &signed(parameters), BOT_KEY)
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, text: &str, key: &str) -> Reply {
        let (target, body) = match method {
            "GET" | "DELETE" if text.is_empty() => (format!("/binance{path}"), ""),
            "GET" | "DELETE" => (format!("/binance{path}?{text}"), ""),
            _ => (format!("/binance{path}"), text),
        };
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: gateway\r\nX-MBX-APIKEY: {key}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nX-Bot-Secret: {BOT_SECRET}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // In one piece: several would wait for each other's acknowledgement.
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next())
            .unwrap_or("0")
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Reply { status, head, body: String::from_utf8(body).unwrap() }
    }
}

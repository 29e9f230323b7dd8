//! A blocking WebSocket client, signing with HMAC itself.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::client::{Client, sign};

/// How long a test waits for a message before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Socket {
    socket: WebSocket<TcpStream>,
    key: String,
    secret: String,
    ahead_ms: i64,
    next: u64,
    /// Messages read while waiting for others.
    waiting: Vec<Value>,
}

impl Socket {
    pub(crate) fn open(client: &Client, path: &str) -> Self {
        Self::try_open(client, path).unwrap()
    }

    pub(crate) fn try_open(client: &Client, path: &str) -> Result<Self, u16> {
        let stream = TcpStream::connect(client.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{}{path}", client.address);
        match tungstenite::client::client(url, stream) {
            Ok((socket, _)) => Ok(Self {
                socket,
                key: client.key.clone(),
                secret: client.secret.clone(),
                ahead_ms: client.ahead_ms,
                next: 0,
                waiting: Vec::new(),
            }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// The next message; none where the connection has ended.
    pub(crate) fn read(&mut self) -> Option<Value> {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "nothing came; kept: {:?}", self.waiting);
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Ping(_)) => {
                    let _ = self.socket.flush();
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next message that fits; others are kept.
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(at);
        }
        let started = Instant::now();
        loop {
            let message = self.read().unwrap();
            if fits(&message) {
                return message;
            }
            self.waiting.push(message);
            assert!(started.elapsed() < PATIENCE, "{:?}", self.waiting);
        }
    }

    /// The next user event of a type; the event alone.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        let message = self.until(|message| {
            message["event"]["e"] == kind || message["e"] == kind || message["data"]["e"] == kind
        });
        for inside in ["event", "data"] {
            if message[inside].is_object() {
                return message[inside].clone();
            }
        }
        message
    }

    /// Sends a request without a signature and waits for its answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.raw(&json!({ "id": id, "method": method, "params": params }).to_string());
        self.until(|message| message["id"] == id)
    }

    /// Signs a request by itself: names sorted, texts as they are.
    pub(crate) fn signed(&mut self, method: &str, params: &[(&str, &str)]) -> Value {
        let params = self.sign(params);
        self.call(method, params)
    }

    pub(crate) fn sign(&self, params: &[(&str, &str)]) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_millis()).unwrap() + self.ahead_ms;
        let timestamp = now.to_string();
        let mut all: Vec<(&str, &str)> = params.to_vec();
        all.push(("apiKey", &self.key));
        all.push(("timestamp", &timestamp));
        all.sort_unstable();
        let text: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut object: serde_json::Map<String, Value> =
            all.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        object.insert("timestamp".to_owned(), json!(now));
        object.insert("signature".to_owned(), json!(sign(&self.secret, &text.join("&"))));
        Value::Object(object)
    }

    pub(crate) fn limit(&mut self, side: &str, quantity: &str, price: &str, id: &str) -> Value {
        self.signed(
            "order.place",
            &[
                ("symbol", "BTCUSDT"),
                ("side", side),
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("quantity", quantity),
                ("price", price),
                ("newClientOrderId", id),
            ],
        )
    }
}

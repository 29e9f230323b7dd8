//! A bot's socket, one frame at a time.

#![allow(dead_code, reason = "no test uses all of it")]

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::stack::Bot;
use crate::stack::client::{now_ms, signature};

/// How long a word may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open socket.
pub(crate) struct Socket {
    inner: WebSocket<TcpStream>,
    next: u64,
    last_ms: u64,
    /// What came in between and was not asked for.
    pub(crate) events: Vec<Value>,
}

impl Socket {
    /// Opens a socket at a path of the venue's.
    pub(crate) fn open(base_url: &str, path: &str) -> Result<Self, tungstenite::Error> {
        let url = format!("{}{path}", base_url.replacen("http://", "ws://", 1));
        let rest = base_url.trim_start_matches("http://");
        let address = rest.split('/').next().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match tungstenite::client::client(url, stream) {
            Ok((inner, _)) => Ok(Self { inner, next: 0, last_ms: 0, events: Vec::new() }),
            Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.inner.send(Message::text(text)).unwrap();
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) {
        self.inner.send(Message::binary(bytes.to_vec())).unwrap();
    }

    /// The next message; none where the other side closed.
    pub(crate) fn hear(&mut self) -> Option<Value> {
        loop {
            match self.inner.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The answer to a frame; events are kept.
    pub(crate) fn answer(&mut self, id: &Value) -> Value {
        loop {
            let heard = self.hear().expect("an answer");
            if heard["id"] == *id {
                return heard;
            }
            self.events.push(heard);
        }
    }

    /// Asks and waits.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(&id)
    }

    /// Asks without waiting; the frame's id.
    pub(crate) fn send(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = json!(self.next);
        self.say(&json!({ "id": id, "method": method, "params": params }).to_string());
        id
    }

    /// A time that no other frame of this socket has.
    pub(crate) fn time(&mut self) -> u64 {
        self.last_ms = now_ms().max(self.last_ms + 1);
        self.last_ms
    }

    /// The parameters with key, time and signature.
    pub(crate) fn sign(&mut self, bot: &Bot, params: &[(&str, &str)]) -> Value {
        let time = self.time().to_string();
        let mut all: Vec<(&str, &str)> = params.to_vec();
        all.extend([("apiKey", bot.api_key.as_str()), ("timestamp", &time)]);
        all.sort_unstable();
        let text: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut signed: serde_json::Map<String, Value> =
            all.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        signed.insert("signature".to_owned(), json!(signature(&bot.secret, &text.join("&"))));
        signed.into()
    }

    /// Asks, signed.
    pub(crate) fn signed(&mut self, bot: &Bot, method: &str, params: &[(&str, &str)]) -> Value {
        let params = self.sign(bot, params);
        self.ask(method, params)
    }

    /// Waits for an event of this type.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.events.iter().position(|one| one["event"]["e"] == kind) {
                return self.events.remove(at);
            }
            assert!(Instant::now() < end, "no `{kind}` came, but {:?}", self.events);
            let heard = self.hear().expect("an event");
            self.events.push(heard);
        }
    }
}

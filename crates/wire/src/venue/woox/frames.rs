//! What a bot says on a socket: the version 2 streams, as the vendor's documents
//! and ccxt.pro 4.5.90 have them.
//!
//! INVARIANT (one reading): a frame is written anew from what was read here, or
//! does not go on.

use super::listed::{self, Served};
use super::receive::login;
use super::refusal::printable;
use super::{Received, Refusal, RefusalCode};
use crate::json::{self, Value};

/// Longest topic, bytes; the venue's are shorter (`PERP_1000BONK_USDT@orderbookupdate`).
const TOPIC_BYTES: usize = 80;
/// Longest id, bytes.
const ID_BYTES: usize = 64;

/// A frame.
#[derive(Debug)]
pub struct Frame {
    /// Its id as the venue repeats it: text, whatever it came as.
    pub id: Option<String>,
    /// What it asks for.
    pub asks: Asks,
}

/// What a frame asks for.
#[derive(Debug)]
pub enum Asks {
    /// To log a key on: nothing is verified yet.
    LogOn(Box<Received>),
    /// To hear a topic.
    Subscribe(String),
    /// To hear it no more.
    Unsubscribe(String),
    /// Whether the other side is there.
    Ping,
    /// That this side is.
    Pong,
}

/// A frame that is not taken.
#[derive(Debug)]
pub struct FrameRefusal {
    /// Its id, where it could be read.
    pub id: Option<String>,
    /// The event that it names, where it could be read.
    pub event: String,
    /// Why.
    pub refusal: Refusal,
}

/// The row of the login of a private stream. Its text is that of every version
/// 1 read without parameters.
pub fn stream_login() -> Option<&'static Served> {
    listed::stream_login()
}

/// Reads a frame.
///
/// # Errors
/// It is no JSON object of the venue's members, or could be read in two ways.
pub fn receive_frame(bytes: &[u8]) -> Result<Frame, FrameRefusal> {
    let nameless = |refusal| FrameRefusal { id: None, event: "error".to_owned(), refusal };
    let value = json::parse(bytes).map_err(|error| {
        nameless(Refusal::new(RefusalCode::Malformed, format!("the frame is {error}")))
    })?;
    let members = value.members().ok_or_else(|| {
        nameless(Refusal::new(RefusalCode::Malformed, "the frame is no JSON object"))
    })?;
    let id = id_of(&value).map_err(nameless)?;
    let event = value.get("event").and_then(Value::as_text).unwrap_or_default();
    let asks = asks_of(&value, members, event).map_err(|refusal| FrameRefusal {
        id: id.clone(),
        event: printable(event).to_string(),
        refusal,
    })?;
    Ok(Frame { id, asks })
}

fn id_of(frame: &Value) -> Result<Option<String>, Refusal> {
    let Some(value) = frame.get("id") else { return Ok(None) };
    let plain = |text: &&str| {
        text.len() <= ID_BYTES
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let text = match value {
        Value::Number(text) | Value::Text(text) => Some(text.as_str()),
        _ => None,
    };
    text.filter(plain).map(|text| Some(text.to_owned())).ok_or_else(|| {
        Refusal::of(RefusalCode::Malformed, "id", "is neither a number nor a short plain string")
    })
}

fn asks_of(frame: &Value, members: &[(String, Value)], event: &str) -> Result<Asks, Refusal> {
    let takes: &[&str] = match event {
        "auth" => &["id", "event", "params"],
        "subscribe" | "unsubscribe" => &["id", "event", "topic"],
        "ping" | "pong" => &["id", "event", "ts"],
        _ => {
            return Err(Refusal::new(
                RefusalCode::Forbidden,
                format!("the event `{}` is not let through", printable(event)),
            ));
        }
    };
    let odd = members.iter().find(|(name, _)| !takes.contains(&name.as_str()));
    if let Some((name, _)) = odd {
        return Err(Refusal::of(RefusalCode::Unlisted, name, "is no member of such a frame"));
    }
    Ok(match event {
        "ping" => Asks::Ping,
        "pong" => Asks::Pong,
        "auth" => Asks::LogOn(Box::new(log_on(frame)?)),
        "subscribe" => Asks::Subscribe(topic(frame)?),
        _ => Asks::Unsubscribe(topic(frame)?),
    })
}

fn topic(frame: &Value) -> Result<String, Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@.-".contains(&byte);
    let topic = frame
        .get("topic")
        .and_then(Value::as_text)
        .filter(|topic| (1..=TOPIC_BYTES).contains(&topic.len()) && topic.bytes().all(plain));
    topic.map(str::to_owned).ok_or_else(|| {
        Refusal::of(
            RefusalCode::Malformed,
            "topic",
            "is needed: letters, digits, `_`, `@`, `-`, `.`",
        )
    })
}

fn log_on(frame: &Value) -> Result<Received, Refusal> {
    let params = frame.get("params");
    let members = params.and_then(Value::members).unwrap_or_default();
    if let Some((name, _)) =
        members.iter().find(|(name, _)| !["apikey", "sign", "timestamp"].contains(&name.as_str()))
    {
        return Err(Refusal::of(RefusalCode::Unlisted, name, "is no member of a login"));
    }
    let member = |name: &str| params.and_then(|params| params.get(name));
    let text = |name: &str| member(name).and_then(Value::as_text);
    // Clients write the time as either.
    login(text("apikey"), member("timestamp").and_then(Value::scalar), text("sign"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

    use super::*;

    #[test]
    fn what_ccxt_says_is_read() {
        let frame = receive_frame(br#"{"id":1,"event":"subscribe","topic":"SPOT_BTC_USDT@trade"}"#);
        let frame = frame.unwrap();
        assert_eq!(frame.id.as_deref(), Some("1"));
        assert!(matches!(&frame.asks, Asks::Subscribe(topic) if topic == "SPOT_BTC_USDT@trade"));
        assert!(matches!(receive_frame(br#"{"event":"ping"}"#).unwrap().asks, Asks::Ping));
        // Time and signature as `venues` has them for this key.
        let login = br#"{"event":"auth","params":{"apikey":"AbmyVJGUpN064ks5ELjLfA==","sign":
            "20da0852f73b20da0208c7e627975a59ff072379883d8457d03104651032033d",
            "timestamp":"1578565539808"}}"#;
        let Asks::LogOn(received) = receive_frame(login).unwrap().asks else { panic!() };
        assert_eq!(received.signed_payload, b"|1578565539808");
        assert_eq!(received.endpoint.name, "stream auth");
    }

    #[test]
    fn nothing_else_is() {
        for (text, code) in [
            ("[]", RefusalCode::Malformed),
            ("{", RefusalCode::Malformed),
            (r#"{"event":"order.place"}"#, RefusalCode::Forbidden),
            (r#"{"event":"subscribe"}"#, RefusalCode::Malformed),
            (r#"{"event":"subscribe","topic":"a b"}"#, RefusalCode::Malformed),
            (r#"{"event":"subscribe","topic":"a","topic":"b"}"#, RefusalCode::Malformed),
            (r#"{"event":"subscribe","topic":"a","params":{}}"#, RefusalCode::Unlisted),
            (r#"{"id":{},"event":"ping"}"#, RefusalCode::Malformed),
            (r#"{"event":"auth"}"#, RefusalCode::Malformed),
            (r#"{"event":"auth","params":{"apikey":"a","more":1}}"#, RefusalCode::Unlisted),
            (
                r#"{"event":"auth","params":{"apikey":"a","sign":"x","timestamp":1578565539808}}"#,
                RefusalCode::Malformed,
            ),
        ] {
            assert_eq!(receive_frame(text.as_bytes()).unwrap_err().refusal.code, code, "{text}");
        }
    }
}

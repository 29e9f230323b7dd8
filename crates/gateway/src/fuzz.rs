//! Entries for fuzzers: bytes from outside in, assertions on what every reader
//! relies on. Plain functions, so that tests feed them too.

use crate::http::answer::Reader;
use crate::http::request::Head;
use crate::limits;
use crate::websocket::names::fuzz_command;
use crate::websocket::open::fuzz_upgrade;

/// A bot's request: a head cut anywhere reads as the whole one or not at all.
///
/// # Panics
/// Where a part of it reads otherwise: that is the finding.
pub fn request_head(bytes: &[u8]) {
    if let Ok(Some(head)) = Head::read(bytes) {
        assert!(head.length <= bytes.len() && head.length <= limits::HEAD_BYTES);
        let target = head.target(bytes);
        assert!(target.starts_with('/'), "{target}");
        for cut in [head.length / 3, head.length / 2, head.length.saturating_sub(1)] {
            let part = Head::read(bytes.get(..cut).unwrap_or_default());
            assert!(!matches!(part, Ok(Some(_))), "whole after {cut} of {} bytes", head.length);
        }
        fuzz_upgrade(bytes);
    }
}

/// A venue's answer, as it comes in one piece and in many.
///
/// # Panics
/// Where the pieces say something else: that is the finding.
pub fn venue_answer(bytes: &[u8]) {
    let whole = Reader::default().take(bytes, true, |_| true);
    let mut reader = Reader::default();
    let mut pieces = Ok(None);
    for end in (0..=bytes.len()).step_by(7).chain([bytes.len()]) {
        pieces = reader.take(bytes.get(..end).unwrap_or_default(), end == bytes.len(), |_| true);
        if !matches!(pieces, Ok(None)) {
            break;
        }
    }
    if let (Ok(Some(whole)), Ok(Some(pieces))) = (&whole, &pieces) {
        assert!(whole.status == pieces.status && whole.body == pieces.body);
    }
    if let Ok(Some(whole)) = whole {
        assert!(whole.body.len() <= limits::ANSWER_BYTES);
    }
}

/// What a bot says on a socket of market data.
///
/// # Panics
/// Where something passes that is no choice between public streams.
pub fn stream_command(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzz_command(text);
    }
}

/// One frame of a WOO X socket.
///
/// # Panics
/// When another reader reads another event or topic: that is the finding.
#[expect(clippy::panic, reason = "how a fuzzing target reports a finding")]
pub fn woox_frame(bytes: &[u8]) {
    use wire::venue::woox::frames::{Asks, receive_frame};
    let Ok(frame) = receive_frame(bytes) else { return };
    let other = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(other) => other,
        // It keeps numbers as floats, and some are too large for one.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) => panic!("only one reader takes it: {error}"),
    };
    let text = |name: &str| other.get(name).and_then(serde_json::Value::as_str);
    let (event, topic) = match &frame.asks {
        Asks::LogOn(login) => {
            let params = other.get("params");
            let key = params.and_then(|params| params.get("apikey"));
            assert!(key.and_then(serde_json::Value::as_str) == Some(&login.api_key), "{other}");
            ("auth", None)
        }
        Asks::Subscribe(topic) => ("subscribe", Some(topic.as_str())),
        Asks::Unsubscribe(topic) => ("unsubscribe", Some(topic.as_str())),
        Asks::Ping => ("ping", None),
        Asks::Pong => ("pong", None),
    };
    assert!(text("event") == Some(event) && text("topic") == topic, "{other}");
}

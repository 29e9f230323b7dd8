//! Frames of the WebSocket API: each a request like any other.
//!
//! A frame is read into the same [`Received`] as a REST request, under the same
//! closed tables, and judged by the same classes. What differs is spelled here:
//! JSON in place of a form, the text that is signed (every parameter with the
//! key, sorted by name, `k=v` joined by `&`, nothing percent-encoded), the error's
//! shape, and sessions, which end at the gateway: upstream every frame carries
//! its own key and signature.
//!
//! INVARIANT (one reading): the JSON is read strictly, numbers keep their exact
//! text, and what is sent is written anew from what was read.

use super::endpoints::HostGroup;
use super::listed::{Security, Served};
use super::params::ParamText;
use super::receive::{Received, receive_window_ms, timestamp_ms};
use super::refusal::printable;
use super::{Refusal, RefusalCode};
use crate::json::{self, Value};
use crate::limits;
use crate::model::Intent;

mod methods;

pub use methods::{Session, is_public, method_of, served, twin};

/// A frame as it came.
#[derive(Clone)]
pub struct Frame {
    /// The frame's id as JSON: a whole number, a string or `null`; the answer
    /// carries the same.
    pub id: String,
    /// What it asks for.
    pub asks: Asks,
}

/// What a frame asks for.
#[derive(Clone)]
pub enum Asks {
    /// Public market data, relayed as it was read.
    Public {
        /// The method, without its version.
        method: &'static str,
        /// The parameters in their one spelling; empty where there are none.
        params: String,
    },
    /// Anything else.
    Private(Box<Private>),
}

/// A frame that needs a key.
#[derive(Clone)]
pub struct Private {
    /// The request. Its `params` hold `apiKey`, where it was sent.
    pub received: Received,
    /// The key that the frame names.
    pub api_key: Option<String>,
    /// Whether it carries no signature of its own and relies on the session.
    pub by_session: bool,
    /// What it does to the session, which ends at the gateway.
    pub session: Option<Session>,
    /// Parameters that came as numbers or flags, and go out as such.
    bare: Vec<String>,
}

/// Hand-written: values, keys and signatures stay out of logs.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Frame");
        match &self.asks {
            Asks::Public { method, .. } => shown.field("public", method),
            Asks::Private(private) => shown.field("private", &private.received),
        };
        shown.finish_non_exhaustive()
    }
}

/// Hand-written: values, keys and signatures stay out of logs.
impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Private").field("received", &self.received).finish_non_exhaustive()
    }
}

/// A frame that is not read, with the id to answer it under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRefusal {
    /// The frame's id as JSON; `null` where it could not be read.
    pub id: String,
    /// Why.
    pub refusal: Refusal,
}

/// Reads one text frame of a WebSocket API. `in_session` says whether the
/// connection has logged a key on, so that a frame may go without a signature.
///
/// # Errors
/// Whatever could be read in two ways; an unknown method; no signature and no
/// session.
pub fn receive_frame(
    group: HostGroup,
    bytes: &[u8],
    in_session: bool,
) -> Result<Frame, FrameRefusal> {
    let nameless = |refusal| FrameRefusal { id: "null".to_owned(), refusal };
    let value = json::parse(bytes).map_err(|error| {
        nameless(Refusal::new(RefusalCode::Malformed, format!("the frame is {error}")))
    })?;
    let members = value.members().ok_or_else(|| {
        nameless(Refusal::new(RefusalCode::Malformed, "the frame is no JSON object"))
    })?;
    let id = id_of(&value).map_err(nameless)?;
    let asks = asks_of(group, &value, members, in_session)
        .map_err(|refusal| FrameRefusal { id: id.clone(), refusal })?;
    Ok(Frame { id, asks })
}

/// The id: a whole number, `null`, or a string of up to 36 plain characters.
fn id_of(frame: &Value) -> Result<String, Refusal> {
    let malformed = || {
        Refusal::of(
            RefusalCode::Malformed,
            "id",
            "is needed: a whole number, `null`, or a string of 1 to 36 letters, digits, `-`, `_`",
        )
    };
    let value = frame.get("id").ok_or_else(malformed)?;
    let plain = match value {
        Value::Null => true,
        Value::Number(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            digits.len() <= FRAME_ID_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        Value::Text(text) => {
            (1..=limits::CLIENT_ORDER_ID_BYTES).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        }
        Value::Boolean(_) | Value::List(_) | Value::Object(_) => false,
    };
    if plain { Ok(value.canonical()) } else { Err(malformed()) }
}

/// As many digits as a 64-bit number may have.
const FRAME_ID_DIGITS: usize = 19;

fn asks_of(
    group: HostGroup,
    frame: &Value,
    members: &[(String, Value)],
    in_session: bool,
) -> Result<Asks, Refusal> {
    for (name, _) in members {
        if !matches!(name.as_str(), "id" | "method" | "params") {
            return Err(Refusal::of(
                RefusalCode::Unlisted,
                name,
                "is no member of a frame (`id`, `method`, `params`)",
            ));
        }
    }
    let method = frame.get("method").and_then(Value::as_text).ok_or_else(|| {
        Refusal::of(RefusalCode::Malformed, "method", "is needed, and is a string")
    })?;
    let params: &[(String, Value)] = match frame.get("params") {
        None => &[],
        Some(Value::Object(members)) => members.as_slice(),
        Some(_) => {
            return Err(Refusal::of(RefusalCode::Malformed, "params", "is no JSON object"));
        }
    };
    if let Some(known) = is_public(group, method) {
        return public(known, frame.get("params"), params);
    }
    let endpoint = served(group, method).ok_or_else(|| {
        Refusal::new(
            RefusalCode::Forbidden,
            format!(
                "`{}` is not let through to the venue; if your client needs it, report it to the \
                 operator of Countersign",
                printable(method)
            ),
        )
        .not_served()
    })?;
    private(endpoint, params, in_session).map(|private| Asks::Private(Box::new(private)))
}

/// Public market data, without anything that names a key.
fn public(
    method: &'static str,
    value: Option<&Value>,
    params: &[(String, Value)],
) -> Result<Asks, Refusal> {
    let names_key = |name: &str| {
        ["apiKey", "signature", "timestamp"].iter().any(|key| name.eq_ignore_ascii_case(key))
    };
    if let Some((name, _)) = params.iter().find(|(name, _)| names_key(name)) {
        return Err(Refusal::of(
            RefusalCode::Unlisted,
            name,
            "has no place in a request for market data; leave it out",
        ));
    }
    Ok(Asks::Public { method, params: value.map(Value::canonical).unwrap_or_default() })
}

fn private(
    endpoint: &'static Served,
    members: &[(String, Value)],
    in_session: bool,
) -> Result<Private, Refusal> {
    let mut signature = None;
    let mut sorted: Vec<(&str, &str)> = Vec::new();
    let mut bare = Vec::new();
    if members.len() > limits::PARAMETERS {
        return Err(Refusal::of(RefusalCode::Duplicate, "params", "has too many parameters"));
    }
    for (name, value) in members {
        let text = value.scalar().ok_or_else(|| {
            Refusal::of(RefusalCode::Malformed, name, "is neither a string, a number nor a flag")
        })?;
        if name.eq_ignore_ascii_case("signature") {
            if name != "signature" || text.is_empty() || text.len() > limits::SIGNATURE_BYTES {
                return Err(Refusal::of(RefusalCode::Malformed, name, "is no signature"));
            }
            signature = Some(text.to_owned());
            continue;
        }
        // The signed text escapes nothing: these would make two readings of it.
        if text.contains(['&', '=']) {
            return Err(Refusal::of(RefusalCode::IllegalCharacters, name, "holds `&` or `=`"));
        }
        // What goes to the venue in its place is a string.
        if name == "apiKey" && value.as_text().is_none() {
            return Err(Refusal::of(RefusalCode::Malformed, name, "is no string"));
        }
        if value.as_text().is_none() {
            bare.push(name.clone());
        }
        sorted.push((name, text));
    }
    sorted.sort_unstable();
    let mut params = ParamText::default();
    let mut payload = String::new();
    for (name, text) in sorted {
        params.push(name, text)?;
        if !payload.is_empty() {
            payload.push('&');
        }
        payload.push_str(name);
        payload.push('=');
        payload.push_str(text);
    }
    if params.get("returnRateLimits").is_some_and(|flag| !matches!(flag, "true" | "false")) {
        return Err(Refusal::of(RefusalCode::Malformed, "returnRateLimits", "is no flag"));
    }
    let api_key = params.get("apiKey").map(str::to_owned);
    let by_session = signature.is_none() && endpoint.security == Security::Signed;
    check_security(endpoint, in_session, by_session, api_key.is_some())?;
    let timestamp = params.get("timestamp").map(timestamp_ms).transpose()?;
    if endpoint.security == Security::Signed && timestamp.is_none() {
        return Err(Refusal::of(
            RefusalCode::Malformed,
            "timestamp",
            "was not sent; a signed frame needs the Unix time in milliseconds",
        ));
    }
    let window = params.get("recvWindow").map(receive_window_ms).transpose()?;
    let security = if signature.is_some() { Security::Signed } else { endpoint.security };
    Ok(Private {
        received: Received {
            endpoint,
            security,
            signed_payload: payload.into_bytes(),
            signed_payload_decoded: None,
            signature,
            timestamp_ms: timestamp,
            receive_window_ms: window.unwrap_or(limits::BOT_RECEIVE_WINDOW_DEFAULT_MS),
            params,
        },
        api_key,
        by_session,
        session: methods::session_of(endpoint),
        bare,
    })
}

/// A signature comes with its key; without one the session must stand in.
fn check_security(
    endpoint: &Served,
    in_session: bool,
    by_session: bool,
    names_key: bool,
) -> Result<(), Refusal> {
    let refuse = |name: &str, why: &str| Err(Refusal::of(RefusalCode::Malformed, name, why));
    let opens_session =
        matches!(methods::session_of(endpoint), Some(Session::LogOn | Session::SubscribeSigned));
    match endpoint.security {
        Security::Signed if by_session && names_key => refuse(
            "signature",
            "was not sent, but a key was: sign the frame, or leave `apiKey` out",
        ),
        Security::Signed if by_session && (opens_session || !in_session) => refuse(
            "signature",
            "was not sent, and no key is logged on; sign the frame with the bot's own secret",
        ),
        Security::Signed if !by_session && !names_key => {
            refuse("apiKey", "was not sent; a signature needs the key it belongs to")
        }
        _ => Ok(()),
    }
}

/// The text that the signer is asked for: as [`super::text_to_sign`], with the
/// venue's own key in place of the bot's, sorted by name.
///
/// # Errors
/// As [`super::text_to_sign`].
pub fn text_to_sign(
    private: &Private,
    intent: &Intent,
    client_order_ids: &[(&str, &str)],
    venue_key: &str,
) -> Result<ParamText, Refusal> {
    let mut text = super::text_to_sign(&private.received, intent, client_order_ids)?;
    text.set("apiKey", venue_key)?;
    let mut pairs: Vec<(&str, &str)> = text.iter().collect();
    pairs.sort_unstable();
    let mut sorted = ParamText::default();
    for (name, value) in pairs {
        sorted.push(name, value)?;
    }
    Ok(sorted)
}

/// The frame that goes to the venue: what the signer wrote, with its signature.
/// `None` where the text is none of parameters: a mistake of the caller.
pub fn to_send(private: &Private, id: &str, signed: &str, signature: &str) -> Option<String> {
    let mut out = String::with_capacity(signed.len() + signature.len() + 96);
    out.push_str("{\"id\":");
    out.push_str(id);
    out.push_str(",\"method\":");
    json::write_text(private.received.endpoint.path, &mut out);
    out.push_str(",\"params\":{");
    for pair in signed.split('&') {
        let (name, value) = pair.split_once('=')?;
        json::write_text(name, &mut out);
        out.push(':');
        let times = matches!(name, "timestamp" | "recvWindow");
        if times || private.bare.iter().any(|bare| bare == name) {
            // A number or a flag by its form: written as it was read.
            out.push_str(value);
        } else {
            json::write_text(value, &mut out);
        }
        out.push(',');
    }
    out.push_str("\"signature\":");
    json::write_text(signature, &mut out);
    out.push_str("}}");
    Some(out)
}

#[cfg(test)]
mod tests;

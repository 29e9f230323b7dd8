//! A raw request to a received one: which endpoint, which parameters, what the
//! bot signed. Nothing is authenticated yet.
//!
//! INVARIANT (one reading): odd paths, a body where none belongs, parameters
//! split over query and body are refused here.

use super::listed::{Security, Served, known};
use super::params::{ParamText, loose_decode};
use super::refusal::printable;
use super::{Refusal, RefusalCode};
use crate::limits;

/// A request as it came, with any gateway prefix already taken off the path.
#[derive(Clone, Copy, Debug)]
pub struct RawRequest<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The path, as sent.
    pub path: &'a str,
    /// What stands behind `?`, as sent.
    pub query: Option<&'a str>,
    /// The body, as sent.
    pub body: &'a [u8],
    /// The content type header.
    pub content_type: Option<&'a str>,
}

/// What arrived, before authentication.
#[derive(Clone)]
pub struct Received {
    /// Which endpoint.
    pub endpoint: &'static Served,
    /// What the request itself carries: a signed one may go to an endpoint that
    /// asks for the key alone.
    pub security: Security,
    /// Raw query and raw body without the signature pair: what the bot's
    /// signature covers. Verified over these bytes.
    pub signed_payload: Vec<u8>,
    /// The percent-decoded form, where it differs: python-binance signs it.
    pub signed_payload_decoded: Option<Vec<u8>>,
    /// The signature, percent-decoded.
    pub signature: Option<String>,
    /// The bot's timestamp, Unix ms (microseconds are cut to ms).
    pub timestamp_ms: Option<u64>,
    /// The bot's receive window, ms; Binance's default where none is stated.
    pub receive_window_ms: u64,
    /// The parameters in their order, `timestamp` and `recvWindow` in their
    /// places, `signature` taken out. Empty for an endpoint that is refused
    /// unread.
    pub params: ParamText,
}

/// Hand-written: values and signature stay out of logs.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("endpoint", &self.endpoint.name)
            .field("security", &self.security)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// Reads where a request goes and what it carries.
///
/// An endpoint that is classed but never let through is still received, so that
/// the attempt can be authenticated and attributed; [`super::read()`] refuses it.
///
/// # Errors
/// An unknown endpoint, and whatever could be read in two ways.
pub fn receive(raw: &RawRequest<'_>) -> Result<Received, Refusal> {
    let query = raw.query.unwrap_or("").as_bytes();
    check_bounds(raw, query)?;
    let Some(endpoint) = known(raw.method, raw.path) else {
        return Err(unknown_endpoint(raw.method, raw.path));
    };
    check_body(raw)?;
    let payload = Payload::of(query, raw.body)?;
    let mut received = Received {
        endpoint,
        security: security_of(endpoint, payload.signature.is_some())?,
        signed_payload_decoded: payload.decoded(),
        signed_payload: payload.text,
        signature: payload.signature,
        timestamp_ms: None,
        receive_window_ms: limits::BOT_RECEIVE_WINDOW_DEFAULT_MS,
        params: ParamText::default(),
    };
    if !endpoint.is_read() {
        received.read_times_only();
        return Ok(received);
    }
    if payload.split_over_both {
        return Err(Refusal::new(
            RefusalCode::Duplicate,
            "parameters both in the query and in the body; send all of them in one place",
        ));
    }
    received.params = ParamText::parse(&received.signed_payload)?;
    received.timestamp_ms = received.params.get("timestamp").map(timestamp_ms).transpose()?;
    if let Some(window) = received.params.get("recvWindow") {
        received.receive_window_ms = receive_window_ms(window)?;
    }
    if received.security == Security::Signed && received.timestamp_ms.is_none() {
        return Err(Refusal::of(
            RefusalCode::Malformed,
            "timestamp",
            "was not sent; a signed request needs the Unix time in milliseconds",
        ));
    }
    Ok(received)
}

impl Received {
    /// Times of a request whose parameters are not read (they may repeat, as
    /// ccxt does for dust): enough to check its freshness.
    fn read_times_only(&mut self) {
        let value = |name: &[u8]| {
            self.signed_payload
                .split(|byte| *byte == b'&')
                .find_map(|pair| pair.strip_prefix(name))
                .and_then(|value| std::str::from_utf8(value).ok())
        };
        let timestamp = value(b"timestamp=").and_then(|value| timestamp_ms(value).ok());
        let window = value(b"recvWindow=").and_then(|value| receive_window_ms(value).ok());
        self.timestamp_ms = timestamp;
        self.receive_window_ms = window.unwrap_or(limits::BOT_RECEIVE_WINDOW_DEFAULT_MS);
    }
}

fn check_bounds(raw: &RawRequest<'_>, query: &[u8]) -> Result<(), Refusal> {
    if raw.path.len() + query.len() > limits::TARGET_BYTES || raw.body.len() > limits::BODY_BYTES {
        return Err(Refusal::new(
            RefusalCode::Duplicate,
            format!(
                "the request is over {} bytes in its target or {} in its body",
                limits::TARGET_BYTES,
                limits::BODY_BYTES
            ),
        ));
    }
    Ok(())
}

fn check_body(raw: &RawRequest<'_>) -> Result<(), Refusal> {
    if raw.body.is_empty() {
        return Ok(());
    }
    if raw.method == "GET" {
        return Err(Refusal::new(
            RefusalCode::Duplicate,
            "a GET with a body; send the parameters in the query",
        ));
    }
    if raw.content_type.is_some_and(is_form) {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::Malformed,
        "a body that is not declared as application/x-www-form-urlencoded; \
         send the parameters as a form or in the query",
    ))
}

fn is_form(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let form = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    form && parts.all(|part| {
        part.is_empty()
            || part.eq_ignore_ascii_case("charset=utf-8")
            || part.eq_ignore_ascii_case("charset=\"utf-8\"")
    })
}

fn security_of(endpoint: &Served, signed: bool) -> Result<Security, Refusal> {
    match (endpoint.security, signed) {
        (_, true) => Ok(Security::Signed),
        (Security::KeyOnly, false) => Ok(Security::KeyOnly),
        (Security::Public, false) => Ok(Security::Public),
        (Security::Signed, false) => Err(Refusal::of(
            RefusalCode::Malformed,
            "signature",
            "was not sent; sign the request with the bot's own secret",
        )),
    }
}

/// What the signature covers, and the signature.
pub struct Payload {
    /// Raw query and raw body, back to back without a separator, without the
    /// `signature=` pair and one adjoining `&`.
    pub text: Vec<u8>,
    /// The signature, percent-decoded.
    pub signature: Option<String>,
    /// Whether parameters stand in both places.
    pub split_over_both: bool,
}

impl Payload {
    /// The payload of this query and body.
    ///
    /// # Errors
    /// Two signatures, or one that is neither hex nor base64.
    pub fn of(query: &[u8], body: &[u8]) -> Result<Self, Refusal> {
        let mut text = Vec::with_capacity(query.len() + body.len());
        let in_query = take_signature(query, &mut text)?;
        let from_query = text.len();
        let in_body = take_signature(body, &mut text)?;
        if in_query.is_some() && in_body.is_some() {
            return Err(Refusal::of(
                RefusalCode::Duplicate,
                "signature",
                "sent twice; send it once, in one place",
            ));
        }
        let split_over_both = from_query > 0 && text.len() > from_query;
        Ok(Self { text, signature: in_query.or(in_body), split_over_both })
    }

    /// The percent-decoded text, where it differs.
    pub fn decoded(&self) -> Option<Vec<u8>> {
        self.text.iter().any(|byte| matches!(byte, b'%' | b'+')).then(|| loose_decode(&self.text))
    }
}

/// Appends the text without its signature pair. The signature is
/// percent-decoded; a name that is encoded is not found here and refused by the
/// parameter reader.
fn take_signature(text: &[u8], rest: &mut Vec<u8>) -> Result<Option<String>, Refusal> {
    const PAIR: &[u8] = b"signature=";
    let mut found = None;
    let mut start = 0;
    for pair in text.split(|byte| *byte == b'&') {
        if let Some(value) = pair.strip_prefix(PAIR) {
            if found.is_some() || value.len() > limits::SIGNATURE_BYTES {
                return Err(Refusal::of(
                    RefusalCode::Duplicate,
                    "signature",
                    "sent twice or too long; send it once",
                ));
            }
            found = Some((start, pair.len(), value));
        }
        start += pair.len() + 1;
    }
    let Some((start, length, value)) = found else {
        rest.extend_from_slice(text);
        return Ok(None);
    };
    let (before, pair_and_after) = text.split_at(start);
    let (_, after) = pair_and_after.split_at(length);
    match after.strip_prefix(b"&") {
        Some(after) => {
            rest.extend_from_slice(before);
            rest.extend_from_slice(after);
        }
        None => rest.extend_from_slice(before.strip_suffix(b"&").unwrap_or(before)),
    }
    let signature = decoded_signature(value).ok_or_else(|| {
        Refusal::of(
            RefusalCode::IllegalCharacters,
            "signature",
            "is empty, or holds other characters than hex or base64 has",
        )
    })?;
    Ok(Some(signature))
}

/// Hex or base64, percent-encoded or bare (`+` stays itself: some clients do not
/// encode base64).
fn decoded_signature(value: &[u8]) -> Option<String> {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let decoded = if value.contains(&b'%') { loose_decode(value) } else { value.to_vec() };
    (!decoded.is_empty() && decoded.iter().all(legal))
        .then(|| String::from_utf8(decoded).ok())
        .flatten()
}

fn unknown_endpoint(method: &str, path: &str) -> Refusal {
    let odd = path.contains("//")
        || path.contains('%')
        || path.contains('\\')
        || path.contains(';')
        || (path.len() > 1 && path.ends_with('/'))
        || path.split('/').any(|part| part == "." || part == "..");
    let other_case = super::listed::all().any(|endpoint| {
        (endpoint.path.eq_ignore_ascii_case(path)) && endpoint.method.eq_ignore_ascii_case(method)
    });
    let name = printable(path);
    let detail = if odd {
        format!("`{name}` is not a plain path; send the path as the venue documents it")
    } else if other_case {
        format!("`{name}` is in the wrong case; send it as the venue documents it")
    } else {
        format!(
            "`{} {name}` is not let through to the venue; if your client needs it, \
             report method and path to the operator of Countersign",
            printable(method)
        )
    };
    Refusal::new(RefusalCode::Forbidden, detail).not_served()
}

/// Unix time in ms from 13 digits, or from 16 digits of microseconds.
pub(super) fn timestamp_ms(text: &str) -> Result<u64, Refusal> {
    let malformed = || {
        Refusal::of(
            RefusalCode::Malformed,
            "timestamp",
            "is not a Unix time in milliseconds (13 digits) or microseconds (16 digits)",
        )
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let value: u64 = text.parse().ok().filter(|_| digits).ok_or_else(malformed)?;
    match text.len() {
        13 => Ok(value),
        16 => Ok(value / 1000),
        _ => Err(malformed()),
    }
}

/// A receive window in ms, cut to whole ones: above zero, at most 60000, up to
/// three decimals.
pub(super) fn receive_window_ms(text: &str) -> Result<u64, Refusal> {
    let malformed = || {
        Refusal::of(
            RefusalCode::Malformed,
            "recvWindow",
            "is not a number of milliseconds from 1 to 60000 with at most three decimals",
        )
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole)
        || !digits(fraction)
        || fraction.len() > 3
        || (whole.len() > 1 && whole.starts_with('0'))
    {
        return Err(malformed());
    }
    let value: u64 = whole.parse().map_err(|_| malformed())?;
    let over = value == limits::BOT_RECEIVE_WINDOW_MS && fraction.bytes().any(|byte| byte != b'0');
    if value == 0 || value > limits::BOT_RECEIVE_WINDOW_MS || over {
        return Err(malformed());
    }
    Ok(value)
}

#[cfg(test)]
mod tests;

//! A raw request to a received one: which endpoint, which parameters, what the
//! bot signed. Nothing is authenticated yet.
//!
//! INVARIANT (one reading): odd paths, a body where none belongs, parameters
//! split over query and body are refused here.

use super::json::Object;
use super::listed::{Place, Reading, Scheme, Served, all, known, path_values, stream_login};
use super::params::{ParamText, Params, check_plain};
use super::refusal::printable;
use super::{Refusal, RefusalCode};
use crate::limits;
use crate::venue::binance::params::loose_decode;

/// A request as it came, with any gateway prefix already taken off the path.
#[derive(Clone, Copy)]
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
    /// The `x-api-key` header.
    pub api_key: Option<&'a str>,
    /// The `x-api-timestamp` header.
    pub timestamp: Option<&'a str>,
    /// The `x-api-signature` header.
    pub signature: Option<&'a str>,
}

/// What arrived, before authentication.
#[derive(Clone)]
pub struct Received {
    /// Which endpoint.
    pub endpoint: &'static Served,
    /// The path, as sent and plain.
    pub path: String,
    /// The names and values of the path's variable parts.
    pub path_values: Vec<(&'static str, String)>,
    /// The key that the request names.
    pub api_key: String,
    /// What the bot's signature covers, as it built it: version 1 sorts its
    /// pairs. Verified over these bytes.
    pub signed_payload: Vec<u8>,
    /// The percent-decoded form, where it differs: the vendor's sample client
    /// signs bare values. Only requests that are refused anyway have one.
    pub signed_payload_decoded: Option<Vec<u8>>,
    /// The signature in lower-case hex digits.
    pub signature: String,
    /// The bot's timestamp, Unix ms.
    pub timestamp_ms: u64,
    /// How old the bot's timestamp may be, ms. The venue has no parameter for
    /// it.
    pub receive_window_ms: u64,
    /// The parameters in their order. Empty for an endpoint that is refused
    /// unread.
    pub params: Params,
}

/// Hand-written: values, key and signature stay out of logs.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("endpoint", &self.endpoint.name)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

impl Received {
    /// The single value of that name, in the path or among the parameters.
    pub fn get(&self, name: &str) -> Option<&str> {
        let in_path = self.path_values.iter().find(|(known, _)| *known == name);
        in_path.map(|(_, value)| value.as_str()).or_else(|| self.params.get(name))
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
    check_bounds(raw)?;
    let Some(endpoint) = known(raw.method, raw.path) else {
        return Err(unknown_endpoint(raw.method, raw.path));
    };
    let api_key = header("x-api-key", raw.api_key, is_key)?.to_owned();
    let timestamp = header("x-api-timestamp", raw.timestamp, is_time)?;
    let signature = header("x-api-signature", raw.signature, is_signature)?.to_ascii_lowercase();
    check_shape(raw, endpoint.scheme)?;
    let signed_payload = match endpoint.scheme {
        Scheme::V3 => payload_v3(raw, timestamp),
        Scheme::V1 | Scheme::Stream => payload_v1(raw, timestamp),
    };
    let mut received = Received {
        endpoint,
        path: raw.path.to_owned(),
        path_values: path_values(endpoint.path, raw.path)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        api_key,
        signed_payload_decoded: signed_payload
            .iter()
            .any(|byte| matches!(byte, b'%' | b'+'))
            .then(|| loose_decode(&signed_payload)),
        signed_payload,
        signature,
        timestamp_ms: timestamp.parse().unwrap_or(0),
        receive_window_ms: limits::BOT_RECEIVE_WINDOW_DEFAULT_MS,
        params: Params::Form(ParamText::default()),
    };
    if endpoint.reading != Reading::Refused {
        received.params = params_of(raw, endpoint)?;
    }
    Ok(received)
}

/// Reads the login of a private stream, which a frame carries.
pub(super) fn login(
    api_key: Option<&str>,
    timestamp: Option<&str>,
    signature: Option<&str>,
) -> Result<Received, Refusal> {
    let Some(endpoint) = stream_login() else {
        return Err(unknown_endpoint("", "auth"));
    };
    let api_key = header("apikey", api_key, is_key)?.to_owned();
    let timestamp = header("timestamp", timestamp, is_time)?;
    let signature = header("sign", signature, is_signature)?.to_ascii_lowercase();
    Ok(Received {
        endpoint,
        path: String::new(),
        path_values: Vec::new(),
        api_key,
        signed_payload: format!("|{timestamp}").into_bytes(),
        signed_payload_decoded: None,
        signature,
        timestamp_ms: timestamp.parse().unwrap_or(0),
        receive_window_ms: limits::BOT_RECEIVE_WINDOW_DEFAULT_MS,
        params: Params::Form(ParamText::default()),
    })
}

/// The parameters of a request whose endpoint and shape are known.
fn params_of(raw: &RawRequest<'_>, endpoint: &Served) -> Result<Params, Refusal> {
    let query = raw.query.unwrap_or("").as_bytes();
    let params = match (endpoint.scheme, raw.method) {
        (Scheme::V3, "POST" | "PUT") => Params::Json(Object::parse(raw.body)?),
        (Scheme::V3, _) => Params::Form(ParamText::parse(query)?),
        (Scheme::V1 | Scheme::Stream, _) => {
            let text = if query.is_empty() { raw.body } else { query };
            let params = ParamText::parse(text)?;
            check_plain(&params)?;
            Params::Form(params)
        }
    };
    for listed in endpoint.parameters.iter().filter(|listed| listed.place == Place::Path) {
        if params.has(listed.name) {
            return Err(Refusal::of(
                RefusalCode::Duplicate,
                listed.name,
                "stands in the path and was sent beside it; send it in the path alone",
            ));
        }
    }
    Ok(params)
}

/// Time, method, path with query, body: all as sent.
fn payload_v3(raw: &RawRequest<'_>, timestamp: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + raw.body.len());
    out.extend_from_slice(timestamp.as_bytes());
    out.extend_from_slice(raw.method.as_bytes());
    out.extend_from_slice(raw.path.as_bytes());
    if let Some(query) = raw.query {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(raw.body);
    out
}

/// The pairs of query and body, sorted by name, then the time.
fn payload_v1(raw: &RawRequest<'_>, timestamp: &str) -> Vec<u8> {
    let query = raw.query.unwrap_or("").as_bytes();
    let mut pairs: Vec<&[u8]> = [query, raw.body]
        .into_iter()
        .flat_map(|text| text.split(|byte| *byte == b'&'))
        .filter(|pair| !pair.is_empty())
        .collect();
    pairs.sort_by_key(|pair| pair.split(|byte| *byte == b'=').next().unwrap_or_default());
    let mut out = pairs.join(&b'&');
    out.push(b'|');
    out.extend_from_slice(timestamp.as_bytes());
    out
}

fn check_bounds(raw: &RawRequest<'_>) -> Result<(), Refusal> {
    let target = raw.path.len() + raw.query.map_or(0, str::len);
    if target > limits::TARGET_BYTES || raw.body.len() > limits::BODY_BYTES {
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

/// Where parameters may stand, by version and method.
fn check_shape(raw: &RawRequest<'_>, scheme: Scheme) -> Result<(), Refusal> {
    if raw.query == Some("") {
        return Err(malformed("a `?` without anything behind it; leave it out"));
    }
    let query = raw.query.is_some();
    let body = !raw.body.is_empty();
    match (scheme, raw.method) {
        (_, "GET") | (Scheme::V3, "DELETE") if body => Err(Refusal::new(
            RefusalCode::Duplicate,
            format!("a {} with a body; send the parameters in the query", raw.method),
        )),
        (_, "GET") | (Scheme::V3, "DELETE") => Ok(()),
        (Scheme::V3, _) if query => Err(Refusal::new(
            RefusalCode::Duplicate,
            "parameters in the query of a request with a JSON body; send them in the body",
        )),
        (Scheme::V3, _) if !raw.content_type.is_some_and(|kind| is(kind, "application/json")) => {
            Err(malformed("a body that is not declared as application/json; declare it"))
        }
        (Scheme::V3, _) => Ok(()),
        _ if query && body => Err(Refusal::new(
            RefusalCode::Duplicate,
            "parameters both in the query and in the body; send all of them in one place",
        )),
        _ if body
            && !raw
                .content_type
                .is_some_and(|kind| is(kind, "application/x-www-form-urlencoded")) =>
        {
            Err(malformed(
                "a body that is not declared as application/x-www-form-urlencoded; \
                 send the parameters as a form or in the query",
            ))
        }
        _ => Ok(()),
    }
}

/// Whether a content type is this one, in UTF-8.
fn is(content_type: &str, wanted: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted))
        && parts.all(|part| {
            part.is_empty()
                || part.eq_ignore_ascii_case("charset=utf-8")
                || part.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

fn header<'h>(
    name: &str,
    value: Option<&'h str>,
    is_legal: fn(&str) -> bool,
) -> Result<&'h str, Refusal> {
    match value {
        None => Err(Refusal::of(
            RefusalCode::Malformed,
            name,
            "was not sent; a private request needs the three x-api headers",
        )),
        Some(value) if is_legal(value) => Ok(value),
        Some(_) => Err(Refusal::of(
            RefusalCode::Malformed,
            name,
            "is malformed: the key is printable text, the time Unix milliseconds in 13 digits, \
             the signature 64 hex digits",
        )),
    }
}

fn is_key(value: &str) -> bool {
    (1..=limits::API_KEY_BYTES).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Thirteen digits, which is what clients send until the year 2286.
pub(super) fn is_time(value: &str) -> bool {
    value.len() == 13 && !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_signature(value: &str) -> bool {
    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn unknown_endpoint(method: &str, path: &str) -> Refusal {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_');
    let odd = !path.bytes().all(plain) || path.contains("//") || path.ends_with('/');
    let other_case = all().any(|endpoint| {
        endpoint.path.eq_ignore_ascii_case(path) && endpoint.method.eq_ignore_ascii_case(method)
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

fn malformed(detail: &str) -> Refusal {
    Refusal::new(RefusalCode::Malformed, detail)
}

#[cfg(test)]
mod tests;

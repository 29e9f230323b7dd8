//! What is signed and what is sent: the same parameters that were judged.
//!
//! INVARIANT (one reading): both are re-encoded from the parse that was judged,
//! never passed on as they came. A text is one of version 1 or of version 3,
//! never both: the first begins with a parameter's letter or `|`, the second
//! with the digits of the time.

use super::json::Object;
use super::listed::{Reading, Scheme, Served};
use super::params::{ParamText, Params, check_plain, sorted};
use super::read::is_client_id;
use super::receive::is_time;
use super::{Received, Refusal, RefusalCode, ids};
use crate::limits;
use crate::model::Intent;

/// Length of the time in a text, bytes.
const TIME_BYTES: usize = 13;

/// A text to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// `name=value&name=value|time`, names sorted.
    V1 {
        /// The parameters, sorted.
        params: ParamText,
        /// Unix time, ms.
        timestamp_ms: u64,
    },
    /// `timeMETHOD/path?query` and a JSON body.
    V3 {
        /// Unix time, ms.
        timestamp_ms: u64,
        /// The method.
        method: &'static str,
        /// The path, plain.
        path: String,
        /// The query and body of the method.
        params: Params,
    },
}

impl Text {
    /// A text of version 1; the parameters in any order.
    ///
    /// # Errors
    /// A value that version 1 does not define.
    pub fn v1(params: &ParamText, timestamp_ms: u64) -> Result<Self, Refusal> {
        check_plain(params)?;
        Ok(Self::V1 { params: sorted(params)?, timestamp_ms })
    }

    /// A text of version 3.
    ///
    /// # Errors
    /// A method, a path or a kind of parameters that version 3 does not have.
    pub fn v3(
        method: &str,
        path: &str,
        params: Params,
        timestamp_ms: u64,
    ) -> Result<Self, Refusal> {
        let known = METHODS.into_iter().find(|known| *known == method);
        let is_json = matches!(params, Params::Json(_));
        known
            .filter(|method| is_json == has_body(method) && is_path(path))
            .map(|method| Self::V3 { timestamp_ms, method, path: path.to_owned(), params })
            .ok_or_else(|| {
                malformed("no text of version 3: method, path and parameters do not fit")
            })
    }

    /// Reads a text, however it is spelled.
    ///
    /// # Errors
    /// What is no text of either version, or could be read in two ways.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        if text.len() > limits::SIGNED_TEXT_BYTES {
            return Err(malformed("the text is too long"));
        }
        let text = std::str::from_utf8(text)
            .map_err(|_| malformed("the text holds bytes that are not UTF-8"))?;
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            return parse_v3(text);
        }
        let (params, time) =
            text.rsplit_once('|').ok_or_else(|| malformed("a text of neither version"))?;
        let params = ParamText::parse(params.as_bytes())?;
        Self::v1(&params, timestamp(time)?)
    }

    /// The text, where the bytes are its canonical form: the signer signs no
    /// other.
    ///
    /// # Errors
    /// As [`Text::parse`], and another spelling.
    pub fn parse_canonical(bytes: &[u8]) -> Result<Self, Refusal> {
        let text = Self::parse(bytes)?;
        if text.canonical().as_bytes() == bytes {
            Ok(text)
        } else {
            Err(malformed("the text is not in canonical encoding"))
        }
    }

    /// The bytes to sign.
    pub fn canonical(&self) -> String {
        match self {
            Self::V1 { params, timestamp_ms } => format!("{}|{timestamp_ms}", params.canonical()),
            Self::V3 { timestamp_ms, method, path, params } => match params {
                Params::Form(query) if query.is_empty() => format!("{timestamp_ms}{method}{path}"),
                Params::Form(query) => {
                    format!("{timestamp_ms}{method}{path}?{}", query.canonical())
                }
                Params::Json(body) => format!("{timestamp_ms}{method}{path}{}", body.canonical()),
            },
        }
    }

    /// The time in the text, Unix ms.
    pub const fn timestamp_ms(&self) -> u64 {
        match self {
            Self::V1 { timestamp_ms, .. } | Self::V3 { timestamp_ms, .. } => *timestamp_ms,
        }
    }

    /// The same text at another time: the signer writes its own.
    #[must_use]
    pub fn at(mut self, ms: u64) -> Self {
        match &mut self {
            Self::V1 { timestamp_ms, .. } | Self::V3 { timestamp_ms, .. } => *timestamp_ms = ms,
        }
        self
    }
}

/// The methods of version 3.
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// Segments of letters, digits and `_` behind `/v3/`.
fn is_path(path: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    path.strip_prefix("/v3/").is_some_and(|rest| rest.split('/').all(plain))
}

fn has_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT")
}

fn parse_v3(text: &str) -> Result<Text, Refusal> {
    let (time, rest) =
        text.split_at_checked(TIME_BYTES).ok_or_else(|| malformed("a text of neither version"))?;
    let (method, rest) = METHODS
        .into_iter()
        .find_map(|method| Some((method, rest.strip_prefix(method)?)))
        .ok_or_else(|| malformed("a text without a method behind its time"))?;
    let end_of_path = rest.find(['?', '{']).unwrap_or(rest.len());
    let (path, rest) = rest.split_at(end_of_path);
    let params = match rest.strip_prefix('?') {
        Some("") => return Err(malformed("an empty query")),
        Some(query) => Params::Form(ParamText::parse(query.as_bytes())?),
        None if has_body(method) => Params::Json(Object::parse(rest.as_bytes())?),
        None if rest.is_empty() => Params::Form(ParamText::default()),
        None => return Err(malformed("a body where the method has none")),
    };
    Text::v3(method, path, params, timestamp(time)?)
}

fn timestamp(text: &str) -> Result<u64, Refusal> {
    Some(text)
        .filter(|text| is_time(text))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| malformed("a text without its Unix time in 13 digits"))
}

/// The text that the signer is asked for: the request's parameters with the
/// given client order ids added where the bot gave none. The signer writes the
/// time; until then the bot's stands in it.
///
/// `client_order_ids` are pairs of parameter name and id, as [`ids::missing`]
/// names them.
///
/// # Errors
/// An id that is no client order id, one that the bot gave itself, or one that
/// does not belong to the request: a mistake of the caller.
pub fn text_to_sign(
    received: &Received,
    _intent: &Intent,
    client_order_ids: &[(&str, &str)],
) -> Result<Text, Refusal> {
    let endpoint = received.endpoint;
    if endpoint.reading == Reading::Refused {
        return Err(malformed("an endpoint that is never let through has no text"));
    }
    let mut params = received.params.clone();
    for (name, id) in client_order_ids {
        let fits = ids::required(endpoint).contains(name) && !params.has(name);
        if !fits || !is_client_id(id) {
            return Err(Refusal::of(
                RefusalCode::Malformed,
                name,
                "cannot be given to this request",
            ));
        }
        match &mut params {
            Params::Form(form) => form.set(name, id)?,
            Params::Json(object) => object.add_text(name, id)?,
        }
    }
    match (endpoint.scheme, params) {
        (Scheme::V3, params) => {
            Text::v3(endpoint.method, &received.path, params, received.timestamp_ms)
        }
        (Scheme::V1 | Scheme::Stream, Params::Form(params)) => {
            Text::v1(&params, received.timestamp_ms)
        }
        (Scheme::V1 | Scheme::Stream, Params::Json(_)) => {
            Err(malformed("a JSON body where version 1 has a form"))
        }
    }
}

/// What goes to the venue beside the three headers.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Path and query.
    pub target: String,
    /// The body; empty where there is none.
    pub body: String,
    /// The content type of the body.
    pub content_type: Option<&'static str>,
}

/// The length only: targets and bodies may hold addresses and amounts.
impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("target_bytes", &self.target.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// The request of a text: parameters of version 1 go where ccxt puts them,
    /// in the query of a GET and in the form body of anything else.
    ///
    /// # Errors
    /// A text of the other version: a mistake of the caller.
    pub fn of(endpoint: &Served, path: &str, text: &Text) -> Result<Self, Refusal> {
        let plain = |target: String| Self { target, body: String::new(), content_type: None };
        match (endpoint.scheme, text) {
            (Scheme::V1, Text::V1 { params, .. }) if params.is_empty() => {
                Ok(plain(path.to_owned()))
            }
            (Scheme::V1, Text::V1 { params, .. }) if endpoint.method == "GET" => {
                Ok(plain(format!("{path}?{}", params.canonical())))
            }
            (Scheme::V1, Text::V1 { params, .. }) => Ok(Self {
                target: path.to_owned(),
                body: params.canonical(),
                content_type: Some("application/x-www-form-urlencoded"),
            }),
            (Scheme::V3, Text::V3 { path, params: Params::Form(query), .. }) => {
                Ok(plain(if query.is_empty() {
                    path.clone()
                } else {
                    format!("{path}?{}", query.canonical())
                }))
            }
            (Scheme::V3, Text::V3 { path, params: Params::Json(body), .. }) => Ok(Self {
                target: path.clone(),
                body: body.canonical(),
                content_type: Some("application/json"),
            }),
            _ => Err(malformed("a text of the other version")),
        }
    }
}

fn malformed(detail: &str) -> Refusal {
    Refusal::new(RefusalCode::Malformed, detail)
}

#[cfg(test)]
mod tests;

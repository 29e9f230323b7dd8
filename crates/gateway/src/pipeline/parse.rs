//! parse: bytes to a received request; for bots' rules a typed intent follows
//! once it is known whose request it is.

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderName;
use wire::venue::binance::public::is_public_query;
use wire::venue::binance::{RawRequest, Received, errors, public_endpoint, receive};

use super::accept::{Arrival, FORM};
use super::refused::Refused;
use crate::counters::Ending;
use crate::upstream::{Host, Outgoing};

pub(crate) const TIME_UNIT: HeaderName = HeaderName::from_static("x-mbx-time-unit");

/// What a request is.
pub(crate) enum Parsed {
    /// Public market data: relayed without key, signature or account.
    Public(Outgoing),
    /// Everything else.
    Private(Received),
}

/// Reads what arrived.
///
/// # Errors
/// INVARIANT (one reading): whatever could be read in two ways.
pub(crate) fn parse(arrival: &Arrival) -> Result<Parsed, Refused> {
    let method = arrival.method.as_str();
    let path = arrival.path();
    if let Some(public) = public_endpoint(method, path) {
        return public_request(arrival, public.host).map(Parsed::Public);
    }
    let raw = RawRequest {
        method,
        path,
        query: arrival.query(),
        body: &arrival.body,
        content_type: arrival.header(&FORM)?,
    };
    receive(&raw).map(Parsed::Private).map_err(|refusal| Refused::unreadable(&refusal))
}

fn public_request(
    arrival: &Arrival,
    host: wire::venue::binance::public::PublicHost,
) -> Result<Outgoing, Refused> {
    let refused = |message: &str| Refused::new(Ending::Unreadable, errors::ILLEGAL_CHARS, message);
    let query = arrival.query().unwrap_or("");
    if !arrival.body.is_empty() || !is_public_query(query) {
        return Err(refused("public data is asked for with a plain query and no body"));
    }
    let host =
        Host::of_public(host).ok_or_else(|| refused("this host of the venue is not dialled"))?;
    let path = arrival.path();
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    Ok(Outgoing {
        host,
        method: Method::GET,
        target: Bytes::from(target),
        body: Bytes::new(),
        api_key: None,
        time_unit: time_unit(arrival),
        repeatable: true,
    })
}

/// The one header of bots that is passed on, where it has one of its two
/// values.
pub(crate) fn time_unit(arrival: &Arrival) -> Option<hyper::header::HeaderValue> {
    let value = arrival.headers.get(TIME_UNIT)?;
    let known = [&b"MICROSECOND"[..], b"microsecond", b"MILLISECOND", b"millisecond"];
    known.contains(&value.as_bytes()).then(|| value.clone())
}

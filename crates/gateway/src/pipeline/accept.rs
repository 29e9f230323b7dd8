//! accept: head and body within their bounds, and which venue they are for.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName};
use hyper::{HeaderMap, Method, Request, StatusCode};
use wire::venue::binance::errors;

use super::refused::Refused;
use crate::counters::Ending;
use crate::gateway::Gateway;
use crate::limits;
use crate::route::{Entrance, path_at_venue};

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The address; none over the Unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Which listener.
    pub(crate) entrance: Entrance,
}

/// A request with its body, for the venue.
pub(crate) struct Arrival {
    pub(crate) peer: Peer,
    pub(crate) method: Method,
    /// Path and query as sent; the path begins at `path_at`.
    target: hyper::Uri,
    path_at: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrival {
    /// The path at the venue, as sent.
    pub(crate) fn path(&self) -> &str {
        self.target.path().get(self.path_at..).unwrap_or("")
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.target.query()
    }

    /// The one value of a header.
    ///
    /// # Errors
    /// INVARIANT (one reading): it came twice, or is no text.
    pub(crate) fn header(&self, name: &HeaderName) -> Result<Option<&str>, Refused> {
        one(&self.headers, name)
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(bad(format_args!("header `{name}` came twice; send it once")));
    }
    first
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| bad(format_args!("header `{name}` is no text")))
}

fn bad(message: impl std::fmt::Display) -> Refused {
    Refused::new(Ending::Unreadable, errors::ILLEGAL_CHARS, message)
}

/// Reads a request to its end.
pub(crate) async fn accept(
    gateway: &Gateway,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Arrival, Refused> {
    let (head, body) = request.into_parts();
    let target_bytes = head.uri.path().len() + head.uri.query().map_or(0, |query| query.len() + 1);
    if target_bytes > wire::limits::TARGET_BYTES {
        return Err(bad(format_args!(
            "the request target is over {} bytes",
            wire::limits::TARGET_BYTES
        ))
        .with_status(StatusCode::URI_TOO_LONG));
    }
    if head.uri.authority().is_some() {
        return Err(bad("this is no forward proxy: send the path alone"));
    }
    let host = one(&head.headers, &HOST)?;
    let path = head.uri.path();
    let Some(at_venue) = path_at_venue(&gateway.config.binance, peer.entrance, host, path) else {
        return Err(Refused::new(
            Ending::Unreadable,
            errors::UNAUTHORIZED,
            "no venue is reached under this host and path; use the base URL that \
             `countersign bot add` printed",
        )
        .with_status(StatusCode::NOT_FOUND));
    };
    let path_at = path.len() - at_venue.len();
    let body = if body.is_end_stream() { Bytes::new() } else { read_body(body).await? };
    Ok(Arrival {
        peer,
        method: head.method,
        target: head.uri,
        path_at,
        headers: head.headers,
        body,
    })
}

async fn read_body(body: Incoming) -> Result<Bytes, Refused> {
    let collecting = Limited::new(body, wire::limits::BODY_BYTES).collect();
    match tokio::time::timeout(limits::BODY_TIME, collecting).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(bad(format_args!(
            "the body broke off or is over {} bytes",
            wire::limits::BODY_BYTES
        ))
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => Err(bad("the body took too long").with_status(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// The content type, for the parser.
pub(crate) const FORM: HeaderName = CONTENT_TYPE;

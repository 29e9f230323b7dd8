//! parse: bytes to a received request; for bots' rules a typed intent follows
//! once it is known whose request it is.

use wire::venue::binance::public::is_public_query;
use wire::venue::binance::public_endpoint;

use super::accept::Arrival;
use super::refused::{Refused, Why};
use crate::counters::Ending;
use crate::upstream::{Host, Outgoing, TimeUnit};
use crate::venue::{Received, Venue};

/// What a request is.
pub(crate) enum Parsed {
    /// Public market data: relayed without key, signature or account.
    Public(Box<Outgoing>),
    /// Everything else.
    Private(Received),
}

/// Reads what arrived.
///
/// # Errors
/// INVARIANT (one reading): whatever could be read in two ways.
pub(crate) fn parse(venue: Venue, arrival: &Arrival<'_>) -> Result<Parsed, Refused> {
    let (method, path) = (arrival.method, arrival.path);
    if let Some(public) = public_endpoint(method, path) {
        let outgoing = public_request(arrival, public.host)?;
        return Ok(Parsed::Public(Box::new(outgoing)));
    }
    Received::read(venue, arrival).map(Parsed::Private)
}

fn public_request(
    arrival: &Arrival<'_>,
    host: wire::venue::binance::public::PublicHost,
) -> Result<Outgoing, Refused> {
    let refused =
        |message: &str| Refused::new(Ending::Unreadable, Why::Malformed { status: 400 }, message);
    let query = arrival.query.unwrap_or("");
    if !arrival.body.is_empty() || !is_public_query(query) {
        return Err(refused("public data is asked for with a plain query and no body"));
    }
    let host =
        Host::of_public(host).ok_or_else(|| refused("this host of the venue is not dialled"))?;
    let path = arrival.path;
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    Ok(Outgoing { time_unit: TimeUnit::of(arrival), ..Outgoing::public(host, target) })
}

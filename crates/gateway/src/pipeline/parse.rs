//! parse: bytes to a received request; for bots' rules a typed intent follows
//! once it is known whose request it is.

use wire::model::Venue;

use super::accept::Arrival;
use super::refused::{Refused, Why};
use crate::counters::Ending;
use crate::upstream::{Outgoing, TimeUnit};
use crate::venue::{self, Received};

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
    if let Some(public) = venue::public(venue, arrival) {
        return public_request(arrival, public).map(|of| Parsed::Public(Box::new(of)));
    }
    Received::read(venue, arrival).map(Parsed::Private)
}

fn public_request(arrival: &Arrival<'_>, public: venue::Public) -> Result<Outgoing, Refused> {
    let refused =
        |message: &str| Refused::new(Ending::Unreadable, Why::Malformed { status: 400 }, message);
    if !arrival.body.is_empty() || !public.is_plain {
        return Err(refused("public data is asked for with a plain query and no body"));
    }
    let host = public.host.ok_or_else(|| refused("this host of the venue is not dialled"))?;
    let target = match arrival.query.filter(|query| !query.is_empty()) {
        Some(query) => format!("{}?{query}", arrival.path),
        None => arrival.path.to_owned(),
    };
    Ok(Outgoing { time_unit: TimeUnit::of(arrival), ..Outgoing::public(host, target) })
}

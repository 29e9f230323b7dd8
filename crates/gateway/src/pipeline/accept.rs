//! accept: which venue a request is for.

use std::net::IpAddr;

use wire::model::Venue;

use super::refused::{Refused, Why};
use crate::counters::Ending;
use crate::gateway::Gateway;
use crate::http::request::{Field, Head};
use crate::route::{Entrance, path_at_venue};

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The address; none over the Unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Which listener.
    pub(crate) entrance: Entrance,
    /// SHA-256 of the client certificate that the connection came with.
    pub(crate) certificate: Option<[u8; 32]>,
}

/// A request with its body, as it lies in its connection's buffer.
pub(crate) struct Arrival<'b> {
    pub(crate) peer: Peer,
    /// The gateway's own number for it.
    pub(crate) request: u64,
    pub(crate) method: &'b str,
    /// Path as sent; once accepted, the path at the venue.
    pub(crate) path: &'b str,
    pub(crate) query: Option<&'b str>,
    pub(crate) body: &'b [u8],
    head: &'b Head,
    buffer: &'b [u8],
}

impl<'b> Arrival<'b> {
    /// The request whose head lies in front of `buffer`.
    pub(crate) fn new(
        peer: Peer,
        request: u64,
        head: &'b Head,
        buffer: &'b [u8],
        body: &'b [u8],
    ) -> Self {
        let target = head.target(buffer);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Self { peer, request, method: head.method(buffer), path, query, body, head, buffer }
    }

    /// The one value of a header.
    pub(crate) fn field(&self, field: Field) -> Option<&'b str> {
        self.head.field(field, self.buffer)
    }
}

/// Finds the venue; the path is the venue's own from then on.
///
/// # Errors
/// It is over a limit, or for no venue.
pub(crate) fn accept(gateway: &Gateway, arrival: &mut Arrival<'_>) -> Result<Venue, Refused> {
    let target_bytes = arrival.path.len() + arrival.query.map_or(0, |query| query.len() + 1);
    if target_bytes > wire::limits::TARGET_BYTES {
        return Err(Refused::new(
            Ending::Unreadable,
            Why::Malformed { status: 414 },
            format_args!("the request target is over {} bytes", wire::limits::TARGET_BYTES),
        ));
    }
    let (entrance, host) = (arrival.peer.entrance, arrival.field(Field::Host));
    match path_at_venue(&gateway.config.venues, entrance, host, arrival.path) {
        Some((venue, path)) => {
            arrival.path = path;
            Ok(venue)
        }
        None => Err(Refused::new(
            Ending::Unreadable,
            Why::NoVenue,
            "no venue is reached under this host and path; use the base URL that \
             `countersign bot add` printed",
        )),
    }
}

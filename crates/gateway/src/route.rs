//! Which venue a request is for: by port, host name or path prefix.

use wire::model::Venue;

use crate::config::VenueConfig;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// A listener for every venue.
    Common,
    /// The listener that is this venue's own.
    Own(Venue),
}

/// The venue, and the path there with the gateway's prefix taken off; none
/// where the request is for no venue.
pub(crate) fn path_at_venue<'p>(
    venues: &[VenueConfig],
    entrance: Entrance,
    host: Option<&str>,
    path: &'p str,
) -> Option<(Venue, &'p str)> {
    let of_entrance = |venue: &&VenueConfig| {
        entrance == Entrance::Common || entrance == Entrance::Own(venue.venue)
    };
    for venue in venues.iter().filter(of_entrance) {
        if let Some(prefix) = &venue.path_prefix
            && let Some(rest) = path.strip_prefix(prefix.as_str())
            && rest.starts_with('/')
        {
            return Some((venue.venue, rest));
        }
    }
    if let Entrance::Own(venue) = entrance {
        return Some((venue, path));
    }
    let name = host.map(without_port);
    let named = venues.iter().find(|venue| {
        name.is_some_and(|name| venue.hosts.iter().any(|known| name.eq_ignore_ascii_case(known)))
    });
    if let Some(venue) = named {
        return Some((venue.venue, path));
    }
    // Nothing distinguishes the one venue there is: everything is for it.
    let [only] = venues else { return None };
    let undistinguished =
        only.path_prefix.is_none() && only.hosts.is_empty() && only.port.is_none();
    undistinguished.then_some((only.venue, path))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue(hosts: &[&str], prefix: Option<&str>, port: Option<u16>) -> VenueConfig {
        VenueConfig {
            venue: Venue::Binance,
            hosts_at: Vec::new(),
            root_certificates: None,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            path_prefix: prefix.map(str::to_owned),
            port,
            egress: Vec::new(),
        }
    }

    #[test]
    fn the_prefix_is_taken_off_once() {
        let venues = [venue(&["binance.localhost"], Some("/binance"), Some(1))];
        let route =
            |host, path| path_at_venue(&venues, Entrance::Common, host, path).map(|(_, path)| path);
        assert_eq!(route(None, "/binance/api/v3/order"), Some("/api/v3/order"));
        assert_eq!(route(None, "/binance/binance/x"), Some("/binance/x"));
        assert_eq!(route(None, "/binanceapi/v3/order"), None);
        assert_eq!(route(None, "/binance"), None);
        assert_eq!(route(None, "/api/v3/order"), None);
        assert_eq!(route(Some("BINANCE.localhost:8787"), "/api/v3/order"), Some("/api/v3/order"));
        assert_eq!(route(Some("xbinance.localhost"), "/api/v3/order"), None);
        assert_eq!(route(Some("binance.localhost:x"), "/api/v3/order"), None);
        let own = Entrance::Own(Venue::Binance);
        let own = path_at_venue(&venues, own, Some("any"), "/api/v3/order");
        assert_eq!(own, Some((Venue::Binance, "/api/v3/order")));
    }

    #[test]
    fn the_one_venue_without_marks_gets_everything() {
        let venues = [venue(&[], None, None)];
        let got = path_at_venue(&venues, Entrance::Common, Some("127.0.0.1:1"), "/api/v3/time");
        assert_eq!(got, Some((Venue::Binance, "/api/v3/time")));
    }

    #[test]
    fn two_venues_are_told_apart() {
        let woox =
            VenueConfig { venue: Venue::WooX, ..venue(&["woox.localhost"], Some("/woox"), None) };
        let venues = [venue(&[], Some("/binance"), None), woox];
        let route = |entrance, host, path| path_at_venue(&venues, entrance, host, path);
        let common = Entrance::Common;
        assert_eq!(route(common, None, "/woox/v1/order"), Some((Venue::WooX, "/v1/order")));
        assert_eq!(route(common, None, "/binance/api"), Some((Venue::Binance, "/api")));
        let host = Some("woox.localhost");
        assert_eq!(route(common, host, "/v1/order"), Some((Venue::WooX, "/v1/order")));
        assert_eq!(route(common, None, "/v1/order"), None);
        let own = Entrance::Own(Venue::WooX);
        assert_eq!(route(own, None, "/binance/x"), Some((Venue::WooX, "/binance/x")));
    }
}

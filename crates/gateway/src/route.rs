//! Which venue a request is for: by port, host name or path prefix.

use crate::config::VenueConfig;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// A listener for every venue.
    Common,
    /// The listener that is this venue's own.
    Own,
}

/// The path at the venue, with the gateway's prefix taken off; none where the
/// request is for no venue.
pub(crate) fn path_at_venue<'p>(
    venue: &VenueConfig,
    entrance: Entrance,
    host: Option<&str>,
    path: &'p str,
) -> Option<&'p str> {
    if let Some(prefix) = &venue.path_prefix
        && let Some(rest) = path.strip_prefix(prefix.as_str())
        && rest.starts_with('/')
    {
        return Some(rest);
    }
    if entrance == Entrance::Own {
        return Some(path);
    }
    let name = host.map(without_port);
    if name.is_some_and(|name| venue.hosts.iter().any(|known| name.eq_ignore_ascii_case(known))) {
        return Some(path);
    }
    // Nothing distinguishes the one venue there is: everything is for it.
    let undistinguished =
        venue.path_prefix.is_none() && venue.hosts.is_empty() && venue.port.is_none();
    undistinguished.then_some(path)
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
    use crate::config::UpstreamUrl;

    fn venue(hosts: &[&str], prefix: Option<&str>, port: Option<u16>) -> VenueConfig {
        let url = UpstreamUrl::parse("", "http://127.0.0.1:1").unwrap();
        VenueConfig {
            spot: url.clone(),
            futures: url.clone(),
            coin_futures: url,
            root_certificates: None,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            path_prefix: prefix.map(str::to_owned),
            port,
        }
    }

    #[test]
    fn the_prefix_is_taken_off_once() {
        let venue = venue(&["binance.localhost"], Some("/binance"), Some(1));
        let route = |host, path| path_at_venue(&venue, Entrance::Common, host, path);
        assert_eq!(route(None, "/binance/api/v3/order"), Some("/api/v3/order"));
        assert_eq!(route(None, "/binance/binance/x"), Some("/binance/x"));
        assert_eq!(route(None, "/binanceapi/v3/order"), None);
        assert_eq!(route(None, "/binance"), None);
        assert_eq!(route(None, "/api/v3/order"), None);
        assert_eq!(route(Some("BINANCE.localhost:8787"), "/api/v3/order"), Some("/api/v3/order"));
        assert_eq!(route(Some("xbinance.localhost"), "/api/v3/order"), None);
        assert_eq!(route(Some("binance.localhost:x"), "/api/v3/order"), None);
        let own = path_at_venue(&venue, Entrance::Own, Some("any"), "/api/v3/order");
        assert_eq!(own, Some("/api/v3/order"));
    }

    #[test]
    fn the_one_venue_without_marks_gets_everything() {
        let venue = venue(&[], None, None);
        let got = path_at_venue(&venue, Entrance::Common, Some("127.0.0.1:1"), "/api/v3/time");
        assert_eq!(got, Some("/api/v3/time"));
    }
}

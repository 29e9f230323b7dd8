//! What a WebSocket is opened for, by its path.

use super::names::Product;

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The WebSocket API.
    Api { product: Product, rate_limits: bool },
    /// Market and user streams.
    Streams { product: Product, combined: bool, names: Vec<String> },
}

/// Reads the path and query of a handshake. Hosts tell spot and futures streams
/// apart on the venue; on one port `/stream/ws` is spot's and `/fstream/ws`
/// the futures', and so are hosts that begin with `fstream`.
pub(crate) fn opening(path: &str, query: &str, host: &str) -> Option<Opening> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    let rate_limits = value("returnRateLimits") != Some("false");
    match segments.as_slice() {
        ["ws-api", "v3"] => return Some(Opening::Api { product: Product::Spot, rate_limits }),
        ["ws-fapi", "v1"] => return Some(Opening::Api { product: Product::Futures, rate_limits }),
        _ => {}
    }
    let by_host = if host.starts_with("fstream") { Product::Futures } else { Product::Spot };
    let (product, rest) = match segments.as_slice() {
        ["stream", rest @ ..] if rest.first() == Some(&"ws") || rest.first() == Some(&"stream") => {
            (Product::Spot, rest)
        }
        ["fstream", "public" | "market" | "private", rest @ ..]
        | ["fstream" | "public" | "market" | "private", rest @ ..] => (Product::Futures, rest),
        rest => (by_host, rest),
    };
    let (combined, mut names) = match rest {
        ["ws", names @ ..] => (false, names.iter().map(|name| (*name).to_owned()).collect()),
        ["stream"] => (true, Vec::new()),
        _ => return None,
    };
    let listed = value("streams").filter(|_| combined).unwrap_or_default();
    names.extend(listed.split('/').filter(|name| !name.is_empty()).map(str::to_owned));
    names.extend(value("listenKey").map(str::to_owned));
    Some(Opening::Streams { product, combined, names })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(product: Product, combined: bool, names: &[&str]) -> Option<Opening> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Some(Opening::Streams { product, combined, names })
    }

    #[test]
    fn paths_say_what_a_connection_is_for() {
        let (spot, futures) = (Product::Spot, Product::Futures);
        let api = |product, rate_limits| Some(Opening::Api { product, rate_limits });
        let host = "127.0.0.1:1";
        assert_eq!(opening("/ws-api/v3", "", host), api(spot, true));
        assert_eq!(opening("/ws-fapi/v1", "returnRateLimits=false", host), api(futures, false));
        assert_eq!(
            opening("/ws/btcusdt@trade", "", host),
            streams(spot, false, &["btcusdt@trade"])
        );
        assert_eq!(
            opening("/ws/a@b/c@d", "", "fstream.binance.com"),
            streams(futures, false, &["a@b", "c@d"])
        );
        assert_eq!(
            opening("/stream", "streams=a@b/c@d", host),
            streams(spot, true, &["a@b", "c@d"])
        );
        assert_eq!(opening("/stream/ws/0", "", host), streams(spot, false, &["0"]));
        assert_eq!(opening("/fstream//market/ws/1", "", host), streams(futures, false, &["1"]));
        assert_eq!(
            opening("/fstream/private/ws", "listenKey=k", host),
            streams(futures, false, &["k"])
        );
        assert_eq!(opening("/private/stream", "streams=k", host), streams(futures, true, &["k"]));
        assert_eq!(opening("/api/v3/ping", "", host), None);
        assert_eq!(opening("/ws-api/v4", "", host), None);
    }
}

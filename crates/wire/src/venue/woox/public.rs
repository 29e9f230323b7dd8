//! Public market data that is relayed: a closed list of paths, asked with GET
//! and without key, signature or account.

use super::listed::path_values;

/// A public endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicEndpoint {
    /// The path, with its variable parts in braces.
    pub path: &'static str,
    /// Which of the venue's hosts answers it.
    pub host: PublicHost,
}

/// A host group of the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicHost {
    /// `api.woox.io`.
    Api,
    /// `api-pub.woox.io`: history.
    Pub,
}

use PublicHost::{Api, Pub};

/// Sources: ccxt 4.5.90 and the venue's documents.
const PUBLIC: &[(&str, PublicHost)] = &[
    ("/v1/public/info", Api),
    ("/v1/public/info/{symbol}", Api),
    ("/v1/public/system_info", Api),
    ("/v1/public/market_trades", Api),
    ("/v1/public/token", Api),
    ("/v1/public/token_network", Api),
    ("/v1/public/funding_rates", Api),
    ("/v1/public/funding_rate/{symbol}", Api),
    ("/v1/public/funding_rate_history", Api),
    ("/v1/public/futures", Api),
    ("/v1/public/futures/{symbol}", Api),
    ("/v1/public/orderbook/{symbol}", Api),
    ("/v1/public/kline", Api),
    ("/v1/hist/kline", Pub),
    ("/v1/hist/trades", Pub),
    ("/v3/public/systemInfo", Api),
    ("/v3/public/instruments", Api),
    ("/v3/public/token", Api),
    ("/v3/public/tokenNetwork", Api),
    ("/v3/public/tokenInfo", Api),
    ("/v3/public/marketTrades", Api),
    ("/v3/public/marketTradesHistory", Api),
    ("/v3/public/orderbook", Api),
    ("/v3/public/kline", Api),
    ("/v3/public/klineHistory", Api),
    ("/v3/public/futures", Api),
    ("/v3/public/fundingRate", Api),
    ("/v3/public/fundingRateHistory", Api),
    ("/v3/public/insuranceFund", Api),
];

/// The public endpoint of this method and path.
pub fn public_endpoint(method: &str, path: &str) -> Option<PublicEndpoint> {
    if method != "GET" {
        return None;
    }
    PUBLIC
        .iter()
        .find(|(known, _)| path_values(known, path).is_some())
        .map(|(path, host)| PublicEndpoint { path, host: *host })
}

/// Whether a query may go with a public request as it came: bounded, printable
/// ASCII of a query. It is relayed, not read; a key travels in headers here,
/// which are not relayed.
pub fn is_public_query(query: &str) -> bool {
    query.len() <= crate::limits::TARGET_BYTES
        && query.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_closed() {
        assert_eq!(public_endpoint("GET", "/v1/hist/kline").unwrap().host, Pub);
        assert!(public_endpoint("GET", "/v1/public/orderbook/PERP_BTC_USDT").is_some());
        for (method, path) in [
            ("POST", "/v3/public/orderbook"),
            ("GET", "/v3/public/orderbook/"),
            ("GET", "/v3/public/../asset/balances"),
            ("GET", "/v1/public/orderbook/a%2fb"),
            ("GET", "/v1/public/orderbook/"),
            ("GET", "/v3/asset/balances"),
        ] {
            assert!(public_endpoint(method, path).is_none(), "{method} {path}");
        }
        for (path, _) in PUBLIC {
            let asked = path.replace("{symbol}", "SPOT_BTC_USDT");
            assert!(super::super::listed::known("GET", &asked).is_none(), "{path} is private too");
        }
    }

    #[test]
    fn a_query_is_printable() {
        assert!(is_public_query("symbol=PERP_BTC_USDT&maxLevel=5"));
        assert!(!is_public_query("symbol=PERP BTC"));
        assert!(!is_public_query("a#b"));
    }
}

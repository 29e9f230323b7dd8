//! Public market data that is relayed: a closed list of paths, asked with GET
//! and without key, signature or account. Futures: the vendor's SDK
//! (`binance-sdk-derivatives-trading-usds-futures` 18.1), what it asks without a key.

/// A public endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicEndpoint {
    /// The path, exact.
    pub path: &'static str,
    /// Which of the venue's hosts answers it.
    pub host: PublicHost,
}

/// A host group of the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicHost {
    /// Spot and wallet: `/api`, `/sapi`.
    Spot,
    /// USD-margined futures: `/fapi`.
    UsdFutures,
    /// Coin-margined futures: `/dapi`.
    CoinFutures,
    /// Options: `/eapi`.
    Options,
}

use PublicHost::{CoinFutures, Options, Spot, UsdFutures};

const PUBLIC: &[(&str, PublicHost)] = &[
    ("/api/v3/ping", Spot),
    ("/api/v3/time", Spot),
    ("/api/v3/exchangeInfo", Spot),
    ("/api/v3/executionRules", Spot),
    ("/api/v3/depth", Spot),
    ("/api/v3/trades", Spot),
    ("/api/v3/aggTrades", Spot),
    ("/api/v3/historicalBlockTrades", Spot),
    ("/api/v3/klines", Spot),
    ("/api/v3/uiKlines", Spot),
    ("/api/v3/avgPrice", Spot),
    ("/api/v3/ticker", Spot),
    ("/api/v3/ticker/24hr", Spot),
    ("/api/v3/ticker/price", Spot),
    ("/api/v3/ticker/bookTicker", Spot),
    ("/api/v3/ticker/tradingDay", Spot),
    ("/api/v3/referencePrice", Spot),
    ("/api/v3/referencePrice/calculation", Spot),
    ("/api/v1/ping", Spot),
    ("/api/v1/time", Spot),
    ("/api/v1/exchangeInfo", Spot),
    ("/sapi/v1/system/status", Spot),
    ("/sapi/v1/spot/open-symbol-list", Spot),
    ("/sapi/v1/spot/delist-schedule", Spot),
    ("/fapi/v1/ping", UsdFutures),
    ("/fapi/v1/time", UsdFutures),
    ("/fapi/v1/exchangeInfo", UsdFutures),
    ("/fapi/v1/depth", UsdFutures),
    ("/fapi/v1/ticker/24hr", UsdFutures),
    ("/fapi/v1/ticker/price", UsdFutures),
    ("/fapi/v1/ticker/bookTicker", UsdFutures),
    ("/fapi/v1/premiumIndex", UsdFutures),
    ("/fapi/v1/klines", UsdFutures),
    ("/fapi/v1/aggTrades", UsdFutures),
    ("/fapi/v1/assetIndex", UsdFutures),
    ("/fapi/v1/constituents", UsdFutures),
    ("/fapi/v1/continuousKlines", UsdFutures),
    ("/fapi/v1/fundingInfo", UsdFutures),
    ("/fapi/v1/fundingRate", UsdFutures),
    ("/fapi/v1/indexInfo", UsdFutures),
    ("/fapi/v1/indexPriceKlines", UsdFutures),
    ("/fapi/v1/insuranceBalance", UsdFutures),
    ("/fapi/v1/markPriceKlines", UsdFutures),
    ("/fapi/v1/openInterest", UsdFutures),
    ("/fapi/v1/premiumIndexKlines", UsdFutures),
    ("/fapi/v1/rpiDepth", UsdFutures),
    ("/fapi/v1/symbolAdlRisk", UsdFutures),
    ("/fapi/v1/trades", UsdFutures),
    ("/fapi/v1/tradingSchedule", UsdFutures),
    ("/fapi/v2/ticker/price", UsdFutures),
    ("/futures/data/basis", UsdFutures),
    ("/futures/data/delivery", UsdFutures),
    ("/futures/data/globalLongShortAccountRatio", UsdFutures),
    ("/futures/data/openInterestHist", UsdFutures),
    ("/futures/data/takerlongshortRatio", UsdFutures),
    ("/dapi/v1/ping", CoinFutures),
    ("/dapi/v1/time", CoinFutures),
    ("/dapi/v1/exchangeInfo", CoinFutures),
    ("/dapi/v1/depth", CoinFutures),
    ("/dapi/v1/ticker/24hr", CoinFutures),
    ("/dapi/v1/ticker/price", CoinFutures),
    ("/dapi/v1/ticker/bookTicker", CoinFutures),
    ("/dapi/v1/premiumIndex", CoinFutures),
    ("/dapi/v1/klines", CoinFutures),
    ("/eapi/v1/ping", Options),
    ("/eapi/v1/time", Options),
    ("/eapi/v1/exchangeInfo", Options),
];

/// The public endpoint with exactly this method and path.
pub fn public_endpoint(method: &str, path: &str) -> Option<PublicEndpoint> {
    if method != "GET" {
        return None;
    }
    PUBLIC
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(path, host)| PublicEndpoint { path, host: *host })
}

/// Whether a query may go with a public request as it came: bounded, printable
/// ASCII of a query, without anything that names a key. It is relayed, not
/// read.
pub fn is_public_query(query: &str) -> bool {
    let plain = query.len() <= crate::limits::TARGET_BYTES
        && query.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\'));
    plain
        && !query
            .split('&')
            .any(|pair| pair.starts_with("signature=") || pair.starts_with("apiKey="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_closed() {
        assert!(public_endpoint("GET", "/api/v3/depth").is_some());
        assert!(public_endpoint("POST", "/api/v3/depth").is_none());
        assert!(public_endpoint("GET", "/api/v3/depth/").is_none());
        assert!(public_endpoint("GET", "/api/v3/account").is_none());
        assert!(public_endpoint("GET", "/api/v3/../v3/depth").is_none());
        for (path, _) in PUBLIC {
            assert!(
                super::super::served("GET", path).is_none(),
                "{path} is both public and private"
            );
        }
    }

    #[test]
    fn a_query_that_names_a_key_is_not_relayed() {
        assert!(is_public_query("symbol=BTCUSDT&limit=5"));
        assert!(is_public_query("symbols=%5B%22BTCUSDT%22%5D"));
        assert!(!is_public_query("symbol=BTCUSDT&signature=ab"));
        assert!(!is_public_query("symbol=BTC USDT"));
    }
}

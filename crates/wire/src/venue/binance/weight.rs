//! What a request costs of the address's request weight.
//!
//! Source: the `Weight:` remarks of the vendor's `binance-sdk-spot` 13.3 and
//! `binance-sdk-derivatives-trading-usds-futures` 18.1. The venue's own counter
//! has the last word; this is for what it has not counted yet.

/// The weight of what is not listed: a read of middling size.
const UNLISTED: u32 = 20;

/// The weight of a request; `value` gives its parameters.
pub fn weight<'v>(method: &str, path: &str, value: impl Fn(&str) -> Option<&'v str>) -> u32 {
    let has = |name: &str| value(name).is_some();
    let limit: u32 = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100);
    match (method, path) {
        ("GET", "/api/v3/order") | ("PUT", "/api/v3/order/amend/keepPriority") => 4,
        ("GET", "/api/v3/orderList" | "/api/v3/order/amendments" | "/api/v3/aggTrades") => 4,
        ("GET", "/api/v3/openOrders") => {
            if has("symbol") {
                6
            } else {
                80
            }
        }
        ("GET", "/api/v3/openOrderList") => 6,
        ("GET", "/api/v3/myTrades") => {
            if has("orderId") {
                5
            } else {
                20
            }
        }
        ("GET", "/api/v3/rateLimit/order") => 40,
        ("GET", "/api/v3/depth") => depth(limit),
        ("GET", "/api/v3/trades" | "/api/v3/historicalTrades") => 25,
        ("GET", "/api/v3/ticker/24hr") => {
            if has("symbol") {
                2
            } else {
                80
            }
        }
        ("GET", "/api/v3/ticker/price" | "/api/v3/ticker/bookTicker") => {
            if has("symbol") {
                2
            } else {
                4
            }
        }
        ("GET", "/api/v3/klines" | "/api/v3/uiKlines" | "/api/v3/avgPrice") => 2,
        ("GET", "/api/v3/ping" | "/api/v3/time" | "/fapi/v1/ping" | "/fapi/v1/time") => 1,
        ("POST", "/api/v3/order/test") => {
            if has("computeCommissionRates") {
                20
            } else {
                1
            }
        }
        ("POST" | "DELETE" | "PUT", _) if path.starts_with("/api/v3/") => 1,
        ("GET", "/fapi/v1/order") => 1,
        ("GET", "/fapi/v1/openOrders") => {
            if has("symbol") {
                1
            } else {
                40
            }
        }
        ("GET", "/fapi/v1/depth") => depth(limit) / 5 + 2,
        ("GET", "/fapi/v1/ticker/24hr") => {
            if has("symbol") {
                1
            } else {
                40
            }
        }
        ("GET", "/fapi/v1/ticker/price" | "/fapi/v1/ticker/bookTicker") => {
            if has("symbol") {
                2
            } else {
                5
            }
        }
        ("GET", "/fapi/v1/income") => 30,
        ("GET", _) if path.starts_with("/fapi/") => 5,
        ("POST" | "PUT", "/fapi/v1/batchOrders") => 5,
        ("POST" | "DELETE" | "PUT", _) if path.starts_with("/fapi/") => 1,
        _ => UNLISTED,
    }
}

const fn depth(limit: u32) -> u32 {
    match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_make_a_request_heavier() {
        let none = |_: &str| None;
        let symbol = |name: &str| (name == "symbol").then_some("BTCUSDT");
        assert_eq!(weight("GET", "/api/v3/openOrders", none), 80);
        assert_eq!(weight("GET", "/api/v3/openOrders", symbol), 6);
        assert_eq!(weight("GET", "/api/v3/depth", none), 5);
        assert_eq!(weight("GET", "/api/v3/depth", |name| (name == "limit").then_some("5000")), 250);
        assert_eq!(weight("DELETE", "/api/v3/openOrders", symbol), 1);
        assert_eq!(weight("GET", "/api/v3/account", none), UNLISTED);
        assert_eq!(weight("GET", "/fapi/v2/account", none), 5);
    }
}

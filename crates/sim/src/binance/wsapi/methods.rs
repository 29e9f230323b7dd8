//! Methods of the WebSocket API and the endpoints that answer them.

use crate::binance::routes::{self, Route};
use crate::binance::stream::names::Product;

/// Spot methods: method, HTTP method and path of the endpoint.
const SPOT: &[(&str, &str, &str)] = &[
    ("ping", "GET", "/api/v3/ping"),
    ("time", "GET", "/api/v3/time"),
    ("exchangeInfo", "GET", "/api/v3/exchangeInfo"),
    ("depth", "GET", "/api/v3/depth"),
    ("trades.recent", "GET", "/api/v3/trades"),
    ("trades.historical", "GET", "/api/v3/historicalTrades"),
    ("trades.aggregate", "GET", "/api/v3/aggTrades"),
    ("klines", "GET", "/api/v3/klines"),
    ("uiKlines", "GET", "/api/v3/uiKlines"),
    ("avgPrice", "GET", "/api/v3/avgPrice"),
    ("ticker", "GET", "/api/v3/ticker"),
    ("ticker.24hr", "GET", "/api/v3/ticker/24hr"),
    ("ticker.tradingDay", "GET", "/api/v3/ticker/tradingDay"),
    ("ticker.price", "GET", "/api/v3/ticker/price"),
    ("ticker.book", "GET", "/api/v3/ticker/bookTicker"),
    ("order.place", "POST", "/api/v3/order"),
    ("order.test", "POST", "/api/v3/order/test"),
    ("order.status", "GET", "/api/v3/order"),
    ("order.cancel", "DELETE", "/api/v3/order"),
    ("order.cancelReplace", "POST", "/api/v3/order/cancelReplace"),
    ("order.amend.keepPriority", "PUT", "/api/v3/order/amend/keepPriority"),
    ("order.amendments", "GET", "/api/v3/order/amendments"),
    ("openOrders.status", "GET", "/api/v3/openOrders"),
    ("openOrders.cancelAll", "DELETE", "/api/v3/openOrders"),
    ("orderList.place", "POST", "/api/v3/order/oco"),
    ("orderList.place.oco", "POST", "/api/v3/orderList/oco"),
    ("orderList.place.oto", "POST", "/api/v3/orderList/oto"),
    ("orderList.place.otoco", "POST", "/api/v3/orderList/otoco"),
    ("orderList.cancel", "DELETE", "/api/v3/orderList"),
    ("orderList.status", "GET", "/api/v3/orderList"),
    ("openOrderLists.status", "GET", "/api/v3/openOrderList"),
    ("allOrders", "GET", "/api/v3/allOrders"),
    ("allOrderLists", "GET", "/api/v3/allOrderList"),
    ("myTrades", "GET", "/api/v3/myTrades"),
    ("myPreventedMatches", "GET", "/api/v3/myPreventedMatches"),
    ("myAllocations", "GET", "/api/v3/myAllocations"),
    ("account.status", "GET", "/api/v3/account"),
    ("account.commission", "GET", "/api/v3/account/commission"),
    ("account.rateLimits.orders", "GET", "/api/v3/rateLimit/order"),
];

/// Futures methods.
const FUTURES: &[(&str, &str, &str)] = &[
    ("ping", "GET", "/fapi/v1/ping"),
    ("time", "GET", "/fapi/v1/time"),
    ("depth", "GET", "/fapi/v1/depth"),
    ("ticker.price", "GET", "/fapi/v1/ticker/price"),
    ("ticker.book", "GET", "/fapi/v1/ticker/bookTicker"),
    ("order.place", "POST", "/fapi/v1/order"),
    ("order.modify", "PUT", "/fapi/v1/order"),
    ("order.cancel", "DELETE", "/fapi/v1/order"),
    ("order.status", "GET", "/fapi/v1/order"),
    ("algoOrder.place", "POST", "/fapi/v1/algoOrder"),
    ("algoOrder.cancel", "DELETE", "/fapi/v1/algoOrder"),
    ("account.balance", "GET", "/fapi/v2/balance"),
    ("v2/account.balance", "GET", "/fapi/v3/balance"),
    ("account.status", "GET", "/fapi/v2/account"),
    ("v2/account.status", "GET", "/fapi/v3/account"),
    ("account.position", "GET", "/fapi/v2/positionRisk"),
    ("v2/account.position", "GET", "/fapi/v3/positionRisk"),
    ("userDataStream.start", "POST", "/fapi/v1/listenKey"),
    ("userDataStream.ping", "PUT", "/fapi/v1/listenKey"),
    ("userDataStream.stop", "DELETE", "/fapi/v1/listenKey"),
];

/// The endpoint that answers a method.
pub(crate) fn find(product: Product, method: &str) -> Option<&'static Route> {
    let (table, method) = match product {
        Product::Spot => (SPOT, method),
        Product::Futures => (FUTURES, method.strip_prefix("v1/").unwrap_or(method)),
    };
    let (_, verb, path) = table.iter().find(|(name, ..)| *name == method)?;
    routes::find(verb, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_endpoint() {
        for (product, table) in [(Product::Spot, SPOT), (Product::Futures, FUTURES)] {
            for (method, ..) in table {
                assert!(find(product, method).is_some(), "{method}");
            }
        }
        assert!(find(Product::Spot, "order.modify").is_none());
    }
}

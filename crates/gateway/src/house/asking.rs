//! Where the gateway's own questions about a product are asked.

use wire::model::Product;

use crate::upstream::Host;

/// The paths of one product's questions.
pub(crate) struct Asking {
    /// Open orders, by market.
    pub(crate) open_orders: &'static str,
    /// One order.
    pub(crate) order: &'static str,
    /// An order's trades.
    pub(crate) trades: &'static str,
    /// Best bid and ask, public.
    pub(crate) book_ticker: &'static str,
    /// Every market that trades, public.
    pub(crate) markets: &'static str,
    /// How many orders the account may place.
    pub(crate) order_limits: &'static str,
    /// Where public questions go.
    pub(crate) host: Host,
    /// Whether prices of several markets can be asked for at once by name.
    pub(crate) lists_markets: bool,
}

const SPOT: Asking = Asking {
    open_orders: "/api/v3/openOrders",
    order: "/api/v3/order",
    trades: "/api/v3/myTrades",
    book_ticker: "/api/v3/ticker/bookTicker",
    // Without what is not read of it. Weight 20.
    markets: "/api/v3/exchangeInfo?showPermissionSets=false&symbolStatus=TRADING",
    order_limits: "/api/v3/rateLimit/order",
    host: Host::Spot,
    lists_markets: true,
};

const USD_FUTURES: Asking = Asking {
    open_orders: "/fapi/v1/openOrders",
    order: "/fapi/v1/order",
    trades: "/fapi/v1/userTrades",
    book_ticker: "/fapi/v1/ticker/bookTicker",
    markets: "/fapi/v1/exchangeInfo",
    order_limits: "/fapi/v1/rateLimit/order",
    host: Host::UsdFutures,
    lists_markets: false,
};

/// The questions of a product; none of one that is not served.
pub(crate) const fn asking(product: Product) -> Option<&'static Asking> {
    match product {
        Product::Spot => Some(&SPOT),
        Product::UsdFutures => Some(&USD_FUTURES),
        Product::CoinFutures | Product::Options => None,
    }
}

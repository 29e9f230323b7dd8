//! The table of the futures' endpoints. Parameters that an endpoint does not
//! read are ignored, as on the venue.

use super::{account, algo, batch, market, orders, settings};
use crate::binance::market_data;
use crate::binance::routes::{Right, Route, Security};
use crate::binance::wallet;

const PUBLIC: Security = Security::Public;
const KEY: Security = Security::KeyOnly;
const READ: Security = Security::Signed(Right::Read);
const TRADE: Security = Security::Signed(Right::Futures);

macro_rules! route {
    ($method:literal $path:literal, $security:expr, $weight:literal, $run:expr) => {
        route!($method $path, $security, $weight, $weight, false, $run)
    };
    ($method:literal $path:literal, $security:expr, $weight:literal, $all:literal, $counts:literal, $run:expr) => {
        Route {
            method: $method,
            path: $path,
            security: $security,
            base_weight: $weight,
            weight_without_symbol: $all,
            counts_orders: $counts,
            params: None,
            run: $run,
        }
    };
}

/// Every endpoint of the futures that the paper venue answers.
pub(crate) static ROUTES: &[Route] = &[
    route!("GET" "/fapi/v1/ping", PUBLIC, 1, market_data::ping),
    route!("GET" "/fapi/v1/time", PUBLIC, 1, market_data::time),
    route!("GET" "/fapi/v1/exchangeInfo", PUBLIC, 1, market::exchange_info),
    route!("GET" "/fapi/v1/depth", PUBLIC, 10, market::depth),
    route!("GET" "/fapi/v1/trades", PUBLIC, 5, market::trades),
    route!("GET" "/fapi/v1/historicalTrades", PUBLIC, 20, market::trades),
    route!("GET" "/fapi/v1/aggTrades", PUBLIC, 20, market::agg_trades),
    route!("GET" "/fapi/v1/klines", PUBLIC, 5, market::klines),
    route!("GET" "/fapi/v1/premiumIndex", PUBLIC, 1, 10, false, market::premium_index),
    route!("GET" "/fapi/v1/fundingRate", PUBLIC, 1, market::funding_rate),
    route!("GET" "/fapi/v1/fundingInfo", PUBLIC, 1, wallet::empty_list),
    route!("GET" "/fapi/v1/openInterest", PUBLIC, 1, market::open_interest),
    route!("GET" "/fapi/v1/ticker/24hr", PUBLIC, 1, 40, false, market::ticker_24h),
    route!("GET" "/fapi/v1/ticker/price", PUBLIC, 1, 2, false, market::ticker_price),
    route!("GET" "/fapi/v2/ticker/price", PUBLIC, 1, 2, false, market::ticker_price),
    route!("GET" "/fapi/v1/ticker/bookTicker", PUBLIC, 2, 5, false, market::book_ticker),
    route!("POST" "/fapi/v1/order", TRADE, 0, 0, true, orders::place),
    route!("POST" "/fapi/v1/order/test", TRADE, 0, orders::test),
    route!("PUT" "/fapi/v1/order", TRADE, 1, 1, true, orders::amend),
    route!("DELETE" "/fapi/v1/order", TRADE, 1, orders::cancel),
    route!("GET" "/fapi/v1/order", READ, 1, orders::query),
    route!("GET" "/fapi/v1/orderAmendment", READ, 1, orders::amendments),
    route!("POST" "/fapi/v1/batchOrders", TRADE, 5, 5, true, batch::place),
    route!("PUT" "/fapi/v1/batchOrders", TRADE, 5, 5, true, batch::amend),
    route!("DELETE" "/fapi/v1/batchOrders", TRADE, 1, batch::cancel),
    route!("GET" "/fapi/v1/openOrder", READ, 1, orders::query_open),
    route!("GET" "/fapi/v1/openOrders", READ, 1, 40, false, orders::open_orders),
    route!("DELETE" "/fapi/v1/allOpenOrders", TRADE, 1, orders::cancel_all),
    route!("GET" "/fapi/v1/allOrders", READ, 5, orders::all_orders),
    route!("GET" "/fapi/v1/userTrades", READ, 5, orders::user_trades),
    route!("POST" "/fapi/v1/countdownCancelAll", TRADE, 10, orders::countdown),
    route!("POST" "/fapi/v1/algoOrder", TRADE, 0, 0, true, algo::place),
    route!("DELETE" "/fapi/v1/algoOrder", TRADE, 1, algo::cancel),
    route!("DELETE" "/fapi/v1/algoOpenOrders", TRADE, 1, algo::cancel_all),
    route!("GET" "/fapi/v1/algoOrder", READ, 1, algo::query),
    route!("GET" "/fapi/v1/openAlgoOrders", READ, 1, 40, false, algo::open),
    route!("GET" "/fapi/v1/allAlgoOrders", READ, 5, algo::all),
    route!("GET" "/fapi/v2/balance", READ, 5, account::balance),
    route!("GET" "/fapi/v3/balance", READ, 5, account::balance),
    route!("GET" "/fapi/v2/account", READ, 5, account::account_v2),
    route!("GET" "/fapi/v3/account", READ, 5, account::account_v3),
    route!("GET" "/fapi/v2/positionRisk", READ, 5, account::risk_v2),
    route!("GET" "/fapi/v3/positionRisk", READ, 5, account::risk_v3),
    route!("GET" "/fapi/v1/income", READ, 30, account::income),
    route!("GET" "/fapi/v1/commissionRate", READ, 20, account::commission),
    route!("GET" "/fapi/v1/leverageBracket", READ, 1, account::brackets),
    route!("GET" "/fapi/v1/rateLimit/order", READ, 1, account::order_counts),
    route!("GET" "/fapi/v1/forceOrders", READ, 20, 50, false, wallet::empty_list),
    route!("GET" "/fapi/v1/adlQuantile", READ, 5, wallet::empty_list),
    route!("GET" "/fapi/v1/positionSide/dual", READ, 30, settings::mode),
    route!("POST" "/fapi/v1/positionSide/dual", TRADE, 1, settings::set_mode),
    route!("GET" "/fapi/v1/multiAssetsMargin", READ, 30, settings::assets_mode),
    route!("POST" "/fapi/v1/multiAssetsMargin", TRADE, 1, settings::set_assets_mode),
    route!("POST" "/fapi/v1/leverage", TRADE, 1, settings::set_leverage),
    route!("POST" "/fapi/v1/marginType", TRADE, 1, settings::set_margin_type),
    route!("POST" "/fapi/v1/positionMargin", TRADE, 1, settings::position_margin),
    route!("GET" "/fapi/v1/accountConfig", READ, 5, settings::account_config),
    route!("GET" "/fapi/v1/symbolConfig", READ, 5, settings::symbol_config),
    route!("GET" "/fapi/v1/apiTradingStatus", READ, 1, 10, false, settings::trading_status),
    route!("GET" "/fapi/v1/feeBurn", READ, 30, settings::fee_burn),
    route!("POST" "/fapi/v1/listenKey", KEY, 1, settings::start_stream),
    route!("PUT" "/fapi/v1/listenKey", KEY, 1, settings::keep_stream),
    route!("DELETE" "/fapi/v1/listenKey", KEY, 1, settings::close_stream),
];

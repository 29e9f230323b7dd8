//! The table of endpoints. Rates are the vendor's where ccxt or the documents
//! have them; ten a second stands where neither does.

use super::{Call, Right, Route};
use crate::woox::rates::{Rate, rate, symbol_rate};
use crate::woox::reject::Answer;
use crate::woox::{account, algo_trading, market_data, trading, wallet};

const fn route(
    method: &'static str,
    path: &'static str,
    right: Right,
    rate: Rate,
    run: fn(&mut Call<'_>) -> Answer,
) -> Route {
    Route { method, path, right, rate, run }
}

/// Ten a second.
const TEN: Rate = rate(10, 1);
/// Ten a minute.
const SLOW: Rate = rate(10, 60);

use Right::{Public, Read, Trade, Withdraw};

pub(super) const ROUTES: &[Route] = &[
    // Public, v3.
    route("GET", "/v3/public/systemInfo", Public, TEN, market_data::system_info),
    route("GET", "/v3/public/instruments", Public, TEN, market_data::instruments),
    route("GET", "/v3/public/token", Public, TEN, market_data::tokens),
    route("GET", "/v3/public/tokenNetwork", Public, TEN, market_data::token_networks),
    route("GET", "/v3/public/marketTrades", Public, TEN, market_data::market_trades),
    route("GET", "/v3/public/marketTradesHistory", Public, TEN, market_data::market_trades),
    route("GET", "/v3/public/orderbook", Public, TEN, market_data::order_book),
    route("GET", "/v3/public/kline", Public, TEN, market_data::klines),
    route("GET", "/v3/public/klineHistory", Public, TEN, market_data::klines),
    route("GET", "/v3/public/futures", Public, TEN, market_data::futures),
    route("GET", "/v3/public/fundingRate", Public, TEN, market_data::funding_rate),
    route("GET", "/v3/public/fundingRateHistory", Public, TEN, market_data::funding_rate_history),
    // Public, v1.
    route("GET", "/v1/public/system_info", Public, TEN, market_data::system_info),
    route("GET", "/v1/public/info", Public, TEN, market_data::info_v1),
    route("GET", "/v1/public/info/{}", Public, TEN, market_data::info_of_v1),
    route("GET", "/v1/public/market_trades", Public, TEN, market_data::market_trades_v1),
    route("GET", "/v1/public/token", Public, TEN, market_data::tokens_v1),
    route("GET", "/v1/public/token_network", Public, TEN, market_data::token_networks_v1),
    route("GET", "/v1/public/orderbook/{}", Public, TEN, market_data::order_book_v1),
    route("GET", "/v1/public/kline", Public, TEN, market_data::klines_v1),
    route("GET", "/v1/public/futures", Public, TEN, market_data::futures_v1),
    route("GET", "/v1/public/futures/{}", Public, TEN, market_data::futures_of_v1),
    route("GET", "/v1/public/funding_rate/{}", Public, TEN, market_data::funding_rate_v1),
    // Orders and fills, v3.
    route("POST", "/v3/trade/order", Trade, symbol_rate(5), trading::place),
    route("PUT", "/v3/trade/order", Trade, rate(5, 1), trading::amend),
    route("DELETE", "/v3/trade/order", Trade, TEN, trading::cancel),
    route("GET", "/v3/trade/order", Read, TEN, trading::one),
    route("GET", "/v3/trade/orders", Read, TEN, trading::list),
    route("DELETE", "/v3/trade/orders", Trade, TEN, trading::cancel_many),
    route("DELETE", "/v3/trade/allOrders", Trade, TEN, trading::cancel_all),
    route("DELETE", "/v3/orders/pending", Trade, TEN, trading::cancel_pending),
    route("PUT", "/v3/order/client/{}", Trade, rate(5, 1), trading::amend_by_client_id),
    route("PUT", "/v3/order/{}", Trade, rate(5, 1), trading::amend_by_id),
    route("GET", "/v3/trade/transaction", Read, TEN, trading::transaction),
    route("GET", "/v3/trade/transactionHistory", Read, rate(2, 1), trading::transactions),
    route("GET", "/v3/trade/tradingFee", Read, rate(2, 1), trading::trading_fee),
    route("POST", "/v3/trade/cancelAllAfter", Trade, TEN, trading::cancel_all_after),
    // The vendor's page has this path; ccxt uses the one above.
    route("POST", "/v3/trade/order/cancelAllAfter", Trade, TEN, trading::cancel_all_after),
    // Algo orders.
    route("POST", "/v3/trade/algoOrder", Trade, rate(2, 1), algo_trading::place),
    route("PUT", "/v3/trade/algoOrder", Trade, rate(5, 1), algo_trading::amend),
    route("DELETE", "/v3/trade/algoOrder", Trade, TEN, algo_trading::cancel),
    route("GET", "/v3/trade/algoOrder", Read, TEN, algo_trading::one),
    route("GET", "/v3/trade/algoOrders", Read, TEN, algo_trading::list),
    route("DELETE", "/v3/trade/algoOrders", Trade, TEN, algo_trading::cancel_all),
    route("POST", "/v3/algo/order", Trade, rate(2, 1), algo_trading::place),
    route("PUT", "/v3/algo/order/client/{}", Trade, rate(5, 1), algo_trading::amend_by_client_id),
    route("PUT", "/v3/algo/order/{}", Trade, rate(5, 1), algo_trading::amend_by_id),
    route("DELETE", "/v3/algo/order/{}", Trade, TEN, algo_trading::cancel_by_id),
    route("GET", "/v3/algo/order/{}", Read, TEN, algo_trading::one_by_id),
    route("GET", "/v3/algo/orders", Read, TEN, algo_trading::list),
    route("DELETE", "/v3/algo/orders/pending", Trade, TEN, algo_trading::cancel_all),
    route("DELETE", "/v3/algo/orders/pending/{}", Trade, TEN, algo_trading::cancel_all_of),
    // Account, v3.
    route("GET", "/v3/asset/balances", Read, TEN, account::balances),
    route("GET", "/v3/account/info", Read, SLOW, account::info),
    route("GET", "/v3/account/credentials", Read, SLOW, account::credentials),
    route("GET", "/v3/account/subAccounts/all", Read, SLOW, account::sub_accounts),
    route("GET", "/v3/account/tokenConfig", Read, TEN, wallet::token_config),
    route("POST", "/v3/account/tradingMode", Trade, rate(5, 60), account::trading_mode),
    route("POST", "/v3/account/listenKey", Read, rate(5, 10), account::listen_key),
    route("GET", "/v3/futures/positions", Read, rate(30, 10), account::positions),
    route("GET", "/v3/positions", Read, rate(30, 10), account::positions),
    route("GET", "/v3/futures/leverage", Read, SLOW, account::leverage),
    route("PUT", "/v3/futures/leverage", Trade, SLOW, account::set_leverage),
    route("PUT", "/v3/futures/positionMode", Trade, rate(5, 60), account::set_position_mode),
    route("GET", "/v3/futures/fundingFee/history", Read, rate(20, 60), account::funding_history),
    route("POST", "/v3/spotMargin/leverage", Trade, rate(5, 60), account::set_spot_leverage),
    // Wallet, v3.
    route("POST", "/v3/asset/wallet/withdraw", Withdraw, SLOW, wallet::withdraw),
    route("DELETE", "/v3/asset/wallet/withdraw/{}", Withdraw, SLOW, wallet::cancel_withdraw),
    route("GET", "/v3/asset/wallet/history", Read, SLOW, wallet::history),
    route("GET", "/v3/asset/wallet/deposit", Read, SLOW, wallet::deposit_address),
    // Whether a transfer needs more than TRADE is unverified.
    route("POST", "/v3/asset/transfer", Trade, rate(20, 60), wallet::transfer),
    route("GET", "/v3/asset/transfer/history", Read, rate(20, 60), wallet::transfer_history),
    // v1.
    route("POST", "/v1/order", Trade, symbol_rate(10), trading::place_v1),
    route("DELETE", "/v1/order", Trade, TEN, trading::cancel_v1),
    route("DELETE", "/v1/client/order", Trade, TEN, trading::cancel_v1),
    route("DELETE", "/v1/orders", Trade, TEN, trading::cancel_all_v1),
    route("POST", "/v1/order/cancel_all_after", Trade, TEN, trading::cancel_all_after_v1),
    route("GET", "/v1/order/{}", Read, TEN, trading::one_v1),
    route("GET", "/v1/client/order/{}", Read, TEN, trading::one_by_client_v1),
    route("GET", "/v1/orders", Read, TEN, trading::list_v1),
    route("GET", "/v1/order/{}/trades", Read, TEN, trading::trades_of_order_v1),
    route("GET", "/v1/client/trade/{}", Read, TEN, trading::transaction_v1),
    route("GET", "/v1/client/trades", Read, TEN, trading::transactions_v1),
    route("GET", "/v1/client/hist_trades", Read, TEN, trading::transactions_v1),
    route("GET", "/v1/client/token", Read, TEN, wallet::tokens_v1),
    route("GET", "/v1/client/holding", Read, TEN, account::holding),
    route("GET", "/v2/client/holding", Read, TEN, account::holding),
    route("GET", "/v1/positions", Read, rate(30, 10), account::positions_v1),
    route("GET", "/v1/position/{}", Read, rate(30, 10), account::position_v1),
    route("POST", "/v1/client/account_mode", Trade, rate(5, 60), account::trading_mode),
    route("POST", "/v1/client/position_mode", Trade, rate(5, 60), account::set_position_mode),
    route("POST", "/v1/client/leverage", Trade, rate(5, 60), account::set_spot_leverage),
    route("POST", "/v1/client/futures_leverage", Trade, rate(20, 60), account::set_leverage),
    route("POST", "/v1/asset/withdraw", Withdraw, rate(20, 60), wallet::withdraw_v1),
    route("DELETE", "/v1/asset/withdraw", Withdraw, rate(5, 60), wallet::cancel_withdraw_v1),
    route("POST", "/v1/asset/internal_withdraw", Withdraw, rate(20, 60), wallet::internal_withdraw),
    route("POST", "/v1/asset/main_sub_transfer", Trade, rate(20, 60), wallet::transfer_v1),
    route("GET", "/v1/asset/deposit", Read, rate(10, 10), wallet::deposit_address_v1),
    route("GET", "/v1/asset/history", Read, SLOW, wallet::history_v1),
    route("GET", "/v1/sub_account/ip_restriction", Read, rate(10, 10), account::ip_restriction),
];

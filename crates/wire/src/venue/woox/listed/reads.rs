//! Account, orders, trades, positions, history: what only reads.
//!
//! `GET /v1/client/futures_leverage` is missing: its text is also the one that
//! sets the position mode, so that no key would sign it. Version 3 has the same
//! read.

use super::{Form, Reading, Served, in_path, inert, needed, risk, row};
use Form::{Amount, Asset, Boolean, ClientId, Integer, OneOf, Symbol, Text};

const SIDE: Form = OneOf(&["BUY", "SELL"]);

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!(V1, "GET", "/v1/client/token", Read, Read, Reading::Read, &[]),
    row!(V1, "GET", "/v1/order/{oid}", Read, Read, Reading::Read, &[in_path("oid", Integer)]),
    row!(V1, "GET", "/v1/client/order/{client_order_id}", Read, Read, Reading::Read, &[in_path("client_order_id", ClientId)]),
    row!(V1, "GET", "/v1/orders", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("side", SIDE), inert("size", Integer), inert("order_type", Text), inert("order_tag", Text), inert("realized_pnl", Boolean), inert("status", Text), inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer)]),
    row!(V1, "GET", "/v1/client/trade/{tid}", Read, Read, Reading::Read, &[in_path("tid", Integer)]),
    row!(V1, "GET", "/v1/order/{oid}/trades", Read, Read, Reading::Read, &[in_path("oid", Integer)]),
    row!(V1, "GET", "/v1/client/trades", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("order_tag", Text), inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "GET", "/v1/client/hist_trades", Read, Read, Reading::Read, &[needed("start_t", Integer), needed("end_t", Integer), risk("symbol", Symbol), inert("fromId", Integer), inert("limit", Integer)]),
    row!(V1, "GET", "/v1/staking/yield_history", Read, Read, Reading::Read, &[needed("token", Asset), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "GET", "/v1/client/holding", Read, Read, Reading::Read, &[inert("all", Boolean)]),
    row!(V1, "GET", "/v1/asset/deposit", Read, Read, Reading::Read, &[needed("token", Asset)]),
    row!(V1, "GET", "/v1/asset/history", Read, Read, Reading::Read, &[inert("id", Text), inert("token", Asset), inert("balance_token", Asset), inert("type", Text), inert("token_side", Text), inert("status", Text), inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "GET", "/v1/sub_account/all", Read, Read, Reading::Read, &[]),
    row!(V1, "GET", "/v1/sub_account/assets", Read, Read, Reading::Read, &[]),
    row!(V1, "GET", "/v1/sub_account/asset_detail", Read, Read, Reading::Read, &[needed("application_id", Text)]),
    row!(V1, "GET", "/v1/sub_account/ip_restriction", Read, Read, Reading::Read, &[inert("application_id", Text), inert("api_key", Text)]),
    row!(V1, "GET", "/v1/asset/main_sub_transfer_history", Read, Read, Reading::Read, &[inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "GET", "/v1/token_interest", Read, Read, Reading::Read, &[]),
    row!(V1, "GET", "/v1/token_interest/{token}", Read, Read, Reading::Read, &[in_path("token", Asset)]),
    row!(V1, "GET", "/v1/interest/history", Read, Read, Reading::Read, &[inert("token", Asset), inert("side", Text), inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "GET", "/v1/funding_fee/history", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "GET", "/v1/positions", Read, Read, Reading::Read, &[]),
    row!(V1, "GET", "/v1/position/{symbol}", Read, Read, Reading::Read, &[in_path("symbol", Symbol)]),
    row!(V1, "GET", "/v1/client/transaction_history", Read, Read, Reading::Read, &[inert("type", Text), inert("start_t", Integer), inert("end_t", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V1, "POST", "/v1/asset/ltv", Read, Read, Reading::Read, &[inert("withdraw_token", Asset), inert("withdraw_amount", Amount)]),
    row!(V3, "GET", "/v3/trade/order", Read, Read, Reading::Read, &[risk("orderId", Integer), risk("clientOrderId", ClientId), inert("withRealizedPnl", Boolean)]),
    row!(V3, "GET", "/v3/trade/orders", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("side", SIDE), inert("positionSide", Text), inert("type", Text), inert("orderTag", Text), inert("realizedPnl", Boolean), inert("status", Text), inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/trade/algoOrder", Read, Read, Reading::Read, &[risk("algoOrderId", Integer), risk("clientAlgoOrderId", ClientId)]),
    row!(V3, "GET", "/v3/trade/algoOrders", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("side", SIDE), inert("positionSide", Text), inert("algoType", Text), inert("orderType", Text), inert("isTriggered", Boolean), inert("algoOrderTag", Text), inert("realizedPnl", Boolean), inert("status", Text), inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/trade/transactionHistory", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer), inert("limit", Integer), inert("fromId", Integer)]),
    row!(V3, "GET", "/v3/trade/tradingFee", Read, Read, Reading::Read, &[needed("symbol", Symbol)]),
    row!(V3, "GET", "/v3/account/info", Read, Read, Reading::Read, &[]),
    row!(V3, "GET", "/v3/account/tokenConfig", Read, Read, Reading::Read, &[]),
    row!(V3, "GET", "/v3/account/subAccounts/all", Read, Read, Reading::Read, &[]),
    row!(V3, "GET", "/v3/account/referral/summary", Read, Read, Reading::Read, &[inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/account/credentials", Read, Read, Reading::Read, &[inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/asset/balances", Read, Read, Reading::Read, &[inert("token", Asset)]),
    row!(V3, "GET", "/v3/asset/transfer/history", Read, Read, Reading::Read, &[inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/asset/wallet/history", Read, Read, Reading::Read, &[inert("token", Asset), inert("type", Text), inert("tokenSide", Text), inert("status", Text), inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/asset/wallet/deposit", Read, Read, Reading::Read, &[needed("token", Asset), needed("network", Asset)]),
    row!(V3, "GET", "/v3/futures/positions", Read, Read, Reading::Read, &[risk("symbol", Symbol)]),
    row!(V3, "GET", "/v3/futures/leverage", Read, Read, Reading::Read, &[needed("symbol", Symbol), needed("marginMode", Text), inert("positionMode", Text)]),
    row!(V3, "GET", "/v3/futures/fundingFee/history", Read, Read, Reading::Read, &[risk("symbol", Symbol), inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/spotMargin/interestHistory", Read, Read, Reading::Read, &[inert("token", Asset), inert("side", Text), inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/algo/order/{oid}", Read, Read, Reading::Read, &[in_path("oid", Integer)]),
    row!(V3, "GET", "/v3/algo/orders", Read, Read, Reading::Read, &[needed("algoType", Text), inert("createdTimeStart", Integer), inert("createdTimeEnd", Integer), inert("isTriggered", Boolean), inert("orderTag", Text), inert("page", Integer), inert("realizedPnl", Boolean), inert("side", SIDE), inert("size", Integer), inert("status", Text), risk("symbol", Symbol), inert("orderType", Text)]),
    row!(V3, "GET", "/v3/positions", Read, Read, Reading::Read, &[]),
    row!(V3, "GET", "/v3/buypower", Read, Read, Reading::Read, &[needed("symbol", Symbol)]),
    row!(V3, "GET", "/v3/convert/assetInfo", Read, Read, Reading::Read, &[]),
    row!(V3, "GET", "/v3/convert/rfq", Read, Read, Reading::Read, &[needed("sellToken", Asset), needed("buyToken", Asset), needed("sellQuantity", Amount)]),
    row!(V3, "GET", "/v3/convert/trade", Read, Read, Reading::Read, &[needed("quoteId", Text)]),
    row!(V3, "GET", "/v3/convert/trades", Read, Read, Reading::Read, &[inert("startTime", Integer), inert("endTime", Integer), inert("page", Integer), inert("size", Integer)]),
    row!(V3, "GET", "/v3/balances", Read, Read, Reading::Read, &[inert("token", Asset)]),
    row!(V3, "GET", "/v3/accountinfo", Read, Read, Reading::Read, &[]),
    row!(V3, "GET", "/v3/referrals", Read, Read, Reading::Read, &[inert("page", Integer), inert("size", Integer), inert("from", Integer), inert("to", Integer)]),
    row!(V3, "GET", "/v3/referral_rewards", Read, Read, Reading::Read, &[inert("page", Integer), inert("size", Integer), inert("from", Integer), inert("to", Integer)]),
];

//! Reads of account, orders, trades and wallet, and what clients call at start.

use super::{Form, Listed, Reading, Served, changing, inert, needed, risk, row};
use Form::{Asset, Boolean, ClientId, Integer, OneOf, Symbol, Text, Time};

const MARGIN: &str = "belongs to margin, which is not let through: leave it out";
const LIMIT: Listed = inert("limit", Integer);
const START: Listed = inert("startTime", Time);
const END: Listed = inert("endTime", Time);
const OFFSET: Listed = inert("offset", Integer);

const NONE: &[Listed] = &[];
const ORDER: &[Listed] = &[
    needed("symbol", Symbol),
    risk("orderId", Integer),
    risk("origClientOrderId", ClientId),
    changing("isIsolated", MARGIN),
];
const ORDERS: &[Listed] = &[
    needed("symbol", Symbol),
    risk("orderId", Integer),
    START,
    END,
    LIMIT,
    changing("isIsolated", MARGIN),
];
const TRADES: &[Listed] = &[
    needed("symbol", Symbol),
    risk("orderId", Integer),
    risk("fromId", Integer),
    START,
    END,
    LIMIT,
    changing("isIsolated", MARGIN),
];
const OPEN: &[Listed] = &[risk("symbol", Symbol), changing("isIsolated", MARGIN)];
const ONE_SYMBOL: &[Listed] = &[needed("symbol", Symbol)];
const ANY_SYMBOL: &[Listed] = &[risk("symbol", Symbol)];
const ACCOUNT: &[Listed] = &[inert("omitZeroBalances", Boolean)];
const PREVENTED: &[Listed] = &[
    needed("symbol", Symbol),
    risk("preventedMatchId", Integer),
    risk("orderId", Integer),
    risk("fromPreventedMatchId", Integer),
    LIMIT,
];
const ALLOCATIONS: &[Listed] = &[
    needed("symbol", Symbol),
    risk("fromAllocationId", Integer),
    risk("orderId", Integer),
    START,
    END,
    LIMIT,
];
const AMENDMENTS: &[Listed] = &[
    needed("symbol", Symbol),
    needed("orderId", Integer),
    risk("fromExecutionId", Integer),
    LIMIT,
];
const LIST: &[Listed] = &[risk("orderListId", Integer), risk("origClientOrderId", ClientId)];
const LISTS: &[Listed] = &[risk("fromId", Integer), START, END, LIMIT];
const HISTORICAL: &[Listed] = &[needed("symbol", Symbol), risk("fromId", Integer), LIMIT];
const LISTEN_KEY: &[Listed] = &[risk("listenKey", Text)];
const WITHDRAWALS: &[Listed] = &[
    risk("coin", Asset),
    risk("withdrawOrderId", Text),
    inert("status", Integer),
    OFFSET,
    LIMIT,
    inert("idList", Text),
    START,
    END,
];
const DEPOSITS: &[Listed] = &[
    risk("coin", Asset),
    inert("status", Integer),
    inert("includeSource", Boolean),
    START,
    END,
    OFFSET,
    LIMIT,
    risk("txId", Text),
];
const DEPOSIT_ADDRESS: &[Listed] =
    &[needed("coin", Asset), risk("network", Asset), risk("amount", Form::Amount)];
const ADDRESSES: &[Listed] = &[needed("coin", Asset), risk("network", Asset)];
const ANY_ASSET: &[Listed] = &[risk("asset", Asset)];
const USER_ASSETS: &[Listed] = &[risk("asset", Asset), inert("needBtcValuation", Boolean)];
const WALLETS: &[Listed] = &[risk("quoteAsset", Asset), inert("needBalanceDetail", Boolean)];
const SNAPSHOT: &[Listed] =
    &[needed("type", OneOf(&["SPOT", "MARGIN", "FUTURES"])), START, END, LIMIT];
const DRIBBLET: &[Listed] = &[inert("accountType", OneOf(&["SPOT", "MARGIN"])), START, END];
const DIVIDENDS: &[Listed] = &[risk("asset", Asset), START, END, LIMIT];
const TRANSFERS: &[Listed] = &[
    needed("type", Text),
    START,
    END,
    inert("current", Integer),
    inert("size", Integer),
    risk("fromSymbol", Symbol),
    risk("toSymbol", Symbol),
];

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!("GET", "/api/v3/order", Signed, Read, Read, Reading::Read, ORDER),
    row!("GET", "/api/v3/openOrders", Signed, Read, Read, Reading::Read, OPEN),
    row!("GET", "/api/v3/account", Signed, Read, Read, Reading::Read, ACCOUNT),
    row!("GET", "/api/v3/myTrades", Signed, Read, Read, Reading::Read, TRADES),
    row!("GET", "/api/v3/allOrders", Signed, Read, Read, Reading::Read, ORDERS),
    row!("GET", "/api/v3/rateLimit/order", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/api/v3/account/commission", Signed, Read, Read, Reading::Read, ONE_SYMBOL),
    row!("GET", "/api/v3/myPreventedMatches", Signed, Read, Read, Reading::Read, PREVENTED),
    row!("GET", "/api/v3/myAllocations", Signed, Read, Read, Reading::Read, ALLOCATIONS),
    row!("GET", "/api/v3/myFilters", Signed, Read, Read, Reading::Read, ONE_SYMBOL),
    row!("GET", "/api/v3/order/amendments", Signed, Read, Read, Reading::Read, AMENDMENTS),
    row!("GET", "/api/v3/orderList", Signed, Read, Read, Reading::Read, LIST),
    row!("GET", "/api/v3/allOrderList", Signed, Read, Read, Reading::Read, LISTS),
    row!("GET", "/api/v3/openOrderList", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/api/v3/historicalTrades", KeyOnly, Read, Read, Reading::Read, HISTORICAL),
    row!("POST", "/api/v3/userDataStream", KeyOnly, StreamKey, Read, Reading::Local, LISTEN_KEY),
    row!("PUT", "/api/v3/userDataStream", KeyOnly, StreamKey, Read, Reading::Local, LISTEN_KEY),
    row!("DELETE", "/api/v3/userDataStream", KeyOnly, StreamKey, Read, Reading::Local, LISTEN_KEY),
    row!("GET", "/sapi/v1/capital/config/getall", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/margin/allPairs", KeyOnly, Read, Read, Reading::Read, ANY_SYMBOL),
    row!("GET", "/sapi/v1/margin/isolated/allPairs", KeyOnly, Read, Read, Reading::Read, ANY_SYMBOL),
    row!("GET", "/sapi/v1/margin/allAssets", KeyOnly, Read, Read, Reading::Read, ANY_ASSET),
    row!("GET", "/sapi/v1/capital/withdraw/history", Signed, Read, Read, Reading::Read, WITHDRAWALS),
    row!("GET", "/sapi/v1/capital/deposit/hisrec", Signed, Read, Read, Reading::Read, DEPOSITS),
    row!("GET", "/sapi/v1/capital/deposit/address", Signed, Read, Read, Reading::Read, DEPOSIT_ADDRESS),
    row!("GET", "/sapi/v1/capital/deposit/address/list", Signed, Read, Read, Reading::Read, ADDRESSES),
    row!("GET", "/sapi/v1/capital/withdraw/address/list", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/capital/withdraw/quota", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/asset/tradeFee", Signed, Read, Read, Reading::Read, ANY_SYMBOL),
    row!("GET", "/sapi/v1/asset/assetDetail", Signed, Read, Read, Reading::Read, ANY_ASSET),
    row!("GET", "/sapi/v1/asset/assetDividend", Signed, Read, Read, Reading::Read, DIVIDENDS),
    row!("GET", "/sapi/v1/asset/dribblet", Signed, Read, Read, Reading::Read, DRIBBLET),
    row!("GET", "/sapi/v1/asset/transfer", Signed, Read, Read, Reading::Read, TRANSFERS),
    row!("GET", "/sapi/v1/asset/wallet/balance", Signed, Read, Read, Reading::Read, WALLETS),
    row!("POST", "/sapi/v3/asset/getUserAsset", Signed, Read, Read, Reading::Read, USER_ASSETS),
    row!("POST", "/sapi/v1/asset/get-funding-asset", Signed, Read, Read, Reading::Read, USER_ASSETS),
    row!("GET", "/sapi/v1/account/status", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/account/info", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/account/apiTradingStatus", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/account/apiRestrictions", Signed, Read, Read, Reading::Read, NONE),
    row!("GET", "/sapi/v1/accountSnapshot", Signed, Read, Read, Reading::Read, SNAPSHOT),
];

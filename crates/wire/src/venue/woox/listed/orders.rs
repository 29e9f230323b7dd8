//! Orders: place, change, cancel, in both versions and the legacy paths.

use super::{Form, Listed, Reading, Served, changing, in_path, inert, needed, risk, row};
use Form::{Amount, AmountOrZero, Boolean, ClientId, Integer, OneOf, Orders, Ratio, Symbol, Text};

const SIDE: Form = OneOf(&["BUY", "SELL"]);
/// AC and RPI are for the venue's own market makers, and no source says how
/// they trade.
const KIND: Form = OneOf(&["LIMIT", "MARKET", "IOC", "FOK", "POST_ONLY", "ASK", "BID"]);
const POSITION: Form = OneOf(&["BOTH", "LONG", "SHORT"]);
const MARGIN: Form = OneOf(&["CROSS", "ISOLATED"]);
/// TP_SL and STOP_BRACKET are in the venue's list, but no source gives the
/// shape of their attached orders.
const ALGO: Form = OneOf(&["STOP", "TRAILING_STOP", "OCO", "POSITIONAL_TP_SL", "BRACKET"]);
const TRIGGER: Form = OneOf(&["MARKET_PRICE", "MARK_PRICE"]);

const DISTANCE: &str =
    "states the trailing distance as a price, which is not read: state it as callbackRate";
const LEVEL: &str = "the price would follow the book by levels and cannot be judged: leave it out";
const ADJUSTED: &str = "the venue would choose another price than the one stated: leave it out";
const ATTACHED: &str = "changes of attached orders are not read: change each order by itself";

const ORDER_V1: &[Listed] = &[
    needed("symbol", Symbol),
    needed("side", SIDE),
    needed("order_type", KIND),
    risk("order_price", Amount),
    risk("order_quantity", Amount),
    risk("order_amount", Amount),
    risk("client_order_id", ClientId),
    risk("visible_quantity", AmountOrZero),
    risk("reduce_only", Boolean),
    risk("position_side", POSITION),
    risk("margin_mode", MARGIN),
    inert("order_tag", Text),
    inert("broker_id", Text),
];

const ORDER_V3: &[Listed] = &[
    needed("symbol", Symbol),
    needed("side", SIDE),
    needed("type", KIND),
    risk("price", Amount),
    risk("quantity", Amount),
    risk("amount", Amount),
    risk("clientOrderId", ClientId),
    risk("visibleQuantity", AmountOrZero),
    risk("reduceOnly", Boolean),
    risk("positionSide", POSITION),
    risk("marginMode", MARGIN),
    inert("orderTag", Text),
    inert("broker_id", Text),
    changing("bidAskLevel", LEVEL),
    changing("postOnlyAdjusted", ADJUSTED),
];

const ALGO_V3: &[Listed] = &[
    needed("symbol", Symbol),
    needed("algoType", ALGO),
    risk("side", SIDE),
    risk("type", OneOf(&["LIMIT", "MARKET"])),
    risk("price", Amount),
    risk("quantity", Amount),
    risk("triggerPrice", Amount),
    risk("triggerPriceType", TRIGGER),
    risk("clientAlgoOrderId", ClientId),
    risk("visibleQuantity", AmountOrZero),
    risk("reduceOnly", Boolean),
    risk("positionSide", POSITION),
    risk("marginMode", MARGIN),
    risk("activatedPrice", Amount),
    risk("callbackRate", Ratio),
    risk("childOrders", Orders),
    inert("algoOrderTag", Text),
    inert("brokerId", Text),
    changing("callbackValue", DISTANCE),
];

const MODIFY_V3: &[Listed] = &[
    risk("orderId", Integer),
    risk("clientOrderId", ClientId),
    risk("price", Amount),
    risk("quantity", Amount),
];

const MODIFY_ALGO_V3: &[Listed] = &[
    risk("algoOrderId", Integer),
    risk("clientAlgoOrderId", ClientId),
    risk("price", Amount),
    risk("quantity", Amount),
    risk("triggerPrice", Amount),
    risk("activatedPrice", Amount),
    risk("callbackRate", Ratio),
    inert("visibleQuantity", AmountOrZero),
    changing("triggerPriceType", "the change of what triggers it is not read: leave it out"),
    changing("callbackValue", DISTANCE),
    changing("childOrders", ATTACHED),
];

const MODIFY_LEGACY: &[Listed] =
    &[in_path("oid", Integer), risk("price", Amount), risk("quantity", Amount)];
const MODIFY_LEGACY_CLIENT: &[Listed] =
    &[in_path("client_order_id", ClientId), risk("price", Amount), risk("quantity", Amount)];

/// What a legacy change of an algo order may have behind its id.
macro_rules! legacy_algo {
    ($id:expr) => {
        &[
            $id,
            risk("price", Amount),
            risk("quantity", Amount),
            risk("triggerPrice", Amount),
            risk("activatedPrice", Amount),
            risk("callbackRate", Ratio),
            changing("callbackValue", DISTANCE),
            changing("childOrders", ATTACHED),
        ]
    };
}
const MODIFY_LEGACY_ALGO: &[Listed] = legacy_algo![in_path("oid", Integer)];
const MODIFY_LEGACY_ALGO_CLIENT: &[Listed] = legacy_algo![in_path("client_order_id", ClientId)];

const CANCEL_V1: &[Listed] = &[needed("order_id", Integer), needed("symbol", Symbol)];
const CANCEL_CLIENT_V1: &[Listed] =
    &[needed("client_order_id", ClientId), needed("symbol", Symbol)];
const CANCEL_V3: &[Listed] =
    &[needed("symbol", Symbol), risk("orderId", Integer), risk("clientOrderId", ClientId)];
const CANCEL_ALGO_V3: &[Listed] = &[
    risk("algoOrderId", Integer),
    risk("clientAlgoOrderId", ClientId),
    // ccxt passes none; a bot that names the market is judged by it.
    risk("symbol", Symbol),
];
const CANCEL_LEGACY_ALGO: &[Listed] = &[in_path("order_id", Integer)];
const OF_MARKET: &[Listed] = &[needed("symbol", Symbol)];
const OF_MARKET_OR_ALL: &[Listed] = &[risk("symbol", Symbol)];

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!(V3, "POST", "/v3/trade/order", Place, Order, Reading::Order, ORDER_V3),
    row!(V3, "DELETE", "/v3/trade/order", Cancel, Cancel, Reading::Cancel, CANCEL_V3),
    row!(V3, "PUT", "/v3/trade/order", CancelReplace, Order, Reading::Modify, MODIFY_V3),
    row!(V1, "POST", "/v1/order", Place, Order, Reading::Order, ORDER_V1),
    row!(V1, "DELETE", "/v1/order", Cancel, Cancel, Reading::Cancel, CANCEL_V1),
    row!(V1, "DELETE", "/v1/client/order", Cancel, Cancel, Reading::Cancel, CANCEL_CLIENT_V1),
    row!(V1, "DELETE", "/v1/orders", CancelAll, Cancel, Reading::CancelAll, OF_MARKET),
    row!(V3, "POST", "/v3/trade/algoOrder", Place, Order, Reading::Algo, ALGO_V3),
    row!(V3, "PUT", "/v3/trade/algoOrder", CancelReplace, Order, Reading::Modify, MODIFY_ALGO_V3),
    row!(V3, "DELETE", "/v3/trade/algoOrder", Cancel, Cancel, Reading::Cancel, CANCEL_ALGO_V3),
    row!(V3, "DELETE", "/v3/trade/allOrders", CancelAll, Cancel, Reading::CancelAll, OF_MARKET_OR_ALL),
    row!(V3, "DELETE", "/v3/trade/algoOrders", CancelAll, Cancel, Reading::CancelAll, OF_MARKET_OR_ALL),
    row!(V3, "PUT", "/v3/order/{oid}", CancelReplace, Order, Reading::Modify, MODIFY_LEGACY),
    row!(V3, "PUT", "/v3/order/client/{client_order_id}", CancelReplace, Order, Reading::Modify, MODIFY_LEGACY_CLIENT),
    row!(V3, "PUT", "/v3/algo/order/{oid}", CancelReplace, Order, Reading::Modify, MODIFY_LEGACY_ALGO),
    row!(V3, "PUT", "/v3/algo/order/client/{client_order_id}", CancelReplace, Order, Reading::Modify, MODIFY_LEGACY_ALGO_CLIENT),
    row!(V3, "DELETE", "/v3/algo/order/{order_id}", Cancel, Cancel, Reading::Cancel, CANCEL_LEGACY_ALGO),
    row!(V3, "DELETE", "/v3/algo/orders/pending", CancelAll, Cancel, Reading::CancelAll, &[]),
    row!(V3, "DELETE", "/v3/orders/pending", CancelAll, Cancel, Reading::CancelAll, &[]),
];

//! Orders: place, amend, cancel, lists.

use super::{Form, Listed, Reading, Served, Weight, changing, inert, join, needed, risk, row};
use Form::{Amount, Boolean, ClientId, Integer, OneOf, Symbol};

/// Buy or sell.
pub(super) const SIDE: Form = OneOf(&["BUY", "SELL"]);
/// Order types of spot.
const KIND: Form = OneOf(&[
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]);
/// Types of a leg above or below.
const PAIR_KIND: Form =
    OneOf(&["LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]);
const WORKING_KIND: Form = OneOf(&["LIMIT", "LIMIT_MAKER"]);
const LASTING: Form = OneOf(&["GTC", "IOC", "FOK"]);
const ANSWER: Form = OneOf(&["ACK", "RESULT", "FULL"]);
const SELF_TRADE: Form =
    OneOf(&["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]);
const SELF_TRADE_PREVENTION: Listed = Listed {
    name: "selfTradePreventionMode",
    form: SELF_TRADE,
    mandatory: false,
    weight: Weight::ClassChangingValue(
        "TRANSFER",
        "would move assets between accounts where orders meet: choose another mode",
    ),
};
/// The modes of futures: `TRANSFER` is not among them, and refused as on spot.
pub(super) const SELF_TRADE_NONE: Listed = SELF_TRADE_PREVENTION;
const RESTRICTIONS: Form = OneOf(&["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]);

const LOAN: &str = "would borrow or repay (margin); spot orders never take it: leave it out";
const MARGIN: &str = "belongs to margin orders, which are not let through: leave it out";
const PEGGED: &str = "the price would follow the book and cannot be judged: state a price";
const FUTURES: &str = "belongs to futures orders (`/fapi`): leave it out";
const PROCEEDS: &str = "the pending order would be sized by the venue from what the working order \
                        brings, which cannot be counted: send `orderList/oto` or `orderList/otoco`";

/// What a new order may have, as single order and as replacement.
macro_rules! order_parameters {
    ($($more:expr),* $(,)?) => {
        &[
            needed("symbol", Symbol),
            needed("side", SIDE),
            needed("type", KIND),
            risk("timeInForce", LASTING),
            risk("quantity", Amount),
            risk("price", Amount),
            risk("newClientOrderId", ClientId),
            inert("newOrderRespType", ANSWER),
            risk("quoteOrderQty", Amount),
            risk("stopPrice", Amount),
            risk("trailingDelta", Integer),
            risk("icebergQty", Amount),
            SELF_TRADE_PREVENTION,
            inert("strategyId", Integer),
            inert("strategyType", Integer),
            changing("pegPriceType", PEGGED),
            changing("pegOffsetValue", PEGGED),
            changing("pegOffsetType", PEGGED),
            changing("sideEffectType", LOAN),
            changing("autoRepayAtCancel", LOAN),
            changing("isIsolated", MARGIN),
            changing("reduceOnly", FUTURES),
            changing("closePosition", FUTURES),
            changing("positionSide", FUTURES),
            $($more),*
        ]
    };
}

const ORDER: &[Listed] = order_parameters![];
const ORDER_TEST: &[Listed] = order_parameters![inert("computeCommissionRates", Boolean)];
const CANCEL_REPLACE: &[Listed] = order_parameters![
    needed("cancelReplaceMode", OneOf(&["STOP_ON_FAILURE", "ALLOW_FAILURE"])),
    risk("cancelOrderId", Integer),
    risk("cancelOrigClientOrderId", ClientId),
    inert("cancelNewClientOrderId", ClientId),
    risk("cancelRestrictions", RESTRICTIONS),
    inert("orderRateLimitExceededMode", OneOf(&["DO_NOTHING", "CANCEL_ONLY"])),
];

const CANCEL: &[Listed] = &[
    needed("symbol", Symbol),
    risk("orderId", Integer),
    risk("origClientOrderId", ClientId),
    inert("newClientOrderId", ClientId),
    inert("cancelRestrictions", RESTRICTIONS),
    changing("isIsolated", MARGIN),
];

const AMEND: &[Listed] = &[
    needed("symbol", Symbol),
    needed("newQty", Amount),
    risk("orderId", Integer),
    risk("origClientOrderId", ClientId),
    risk("newClientOrderId", ClientId),
];

const LEGACY_OCO: &[Listed] = &[
    needed("symbol", Symbol),
    needed("side", SIDE),
    needed("quantity", Amount),
    needed("price", Amount),
    needed("stopPrice", Amount),
    risk("stopLimitPrice", Amount),
    risk("stopLimitTimeInForce", LASTING),
    risk("listClientOrderId", ClientId),
    risk("limitClientOrderId", ClientId),
    risk("stopClientOrderId", ClientId),
    risk("limitIcebergQty", Amount),
    risk("stopIcebergQty", Amount),
    risk("trailingDelta", Integer),
    inert("limitStrategyId", Integer),
    inert("limitStrategyType", Integer),
    inert("stopStrategyId", Integer),
    inert("stopStrategyType", Integer),
    inert("newOrderRespType", ANSWER),
    SELF_TRADE_PREVENTION,
    changing("sideEffectType", LOAN),
    changing("isIsolated", MARGIN),
];

/// The parameters of one leg, whose names start with its prefix.
macro_rules! leg {
    ($prefix:literal) => {
        [
            risk(concat!($prefix, "ClientOrderId"), ClientId),
            risk(concat!($prefix, "Price"), Amount),
            risk(concat!($prefix, "StopPrice"), Amount),
            risk(concat!($prefix, "TrailingDelta"), Integer),
            risk(concat!($prefix, "IcebergQty"), Amount),
            risk(concat!($prefix, "TimeInForce"), LASTING),
            inert(concat!($prefix, "StrategyId"), Integer),
            inert(concat!($prefix, "StrategyType"), Integer),
            changing(concat!($prefix, "PegPriceType"), PEGGED),
            changing(concat!($prefix, "PegOffsetType"), PEGGED),
            changing(concat!($prefix, "PegOffsetValue"), PEGGED),
        ]
    };
}

const LIST_COMMON: [Listed; 6] = [
    needed("symbol", Symbol),
    risk("listClientOrderId", ClientId),
    inert("newOrderRespType", ANSWER),
    SELF_TRADE_PREVENTION,
    changing("sideEffectType", LOAN),
    changing("isIsolated", MARGIN),
];

const OCO: &[Listed] = &join::<32>(&[
    &LIST_COMMON,
    &[
        needed("side", SIDE),
        needed("quantity", Amount),
        needed("aboveType", PAIR_KIND),
        needed("belowType", PAIR_KIND),
    ],
    &leg!("above"),
    &leg!("below"),
]);

const WORKING: [Listed; 4] = [
    needed("workingType", WORKING_KIND),
    needed("workingSide", SIDE),
    needed("workingPrice", Amount),
    needed("workingQuantity", Amount),
];

/// The working leg without its price, which is mandatory.
macro_rules! working_leg {
    () => {
        [
            risk("workingClientOrderId", ClientId),
            risk("workingIcebergQty", Amount),
            risk("workingTimeInForce", LASTING),
            inert("workingStrategyId", Integer),
            inert("workingStrategyType", Integer),
            changing("workingPegPriceType", PEGGED),
            changing("workingPegOffsetType", PEGGED),
            changing("workingPegOffsetValue", PEGGED),
        ]
    };
}

const OTO: &[Listed] = &join::<32>(&[
    &LIST_COMMON,
    &WORKING,
    &working_leg!(),
    &[needed("pendingType", KIND), needed("pendingSide", SIDE), needed("pendingQuantity", Amount)],
    &leg!("pending"),
]);

const OTOCO: &[Listed] = &join::<44>(&[
    &LIST_COMMON,
    &WORKING,
    &working_leg!(),
    &[
        needed("pendingSide", SIDE),
        needed("pendingQuantity", Amount),
        needed("pendingAboveType", PAIR_KIND),
        risk("pendingBelowType", PAIR_KIND),
    ],
    &leg!("pendingAbove"),
    &leg!("pendingBelow"),
]);

/// Smart order routing: the venue may fill it from books of other quote assets
/// in the same base asset, at no worse a price.
macro_rules! routed {
    ($($more:expr),* $(,)?) => {
        &[
            needed("symbol", Symbol),
            needed("side", SIDE),
            needed("type", OneOf(&["LIMIT", "MARKET"])),
            needed("quantity", Amount),
            risk("timeInForce", LASTING),
            risk("price", Amount),
            risk("newClientOrderId", ClientId),
            inert("newOrderRespType", ANSWER),
            risk("icebergQty", Amount),
            inert("strategyId", Integer),
            inert("strategyType", Integer),
            SELF_TRADE_PREVENTION,
            $($more),*
        ]
    };
}

const ROUTED: &[Listed] = routed![];
const ROUTED_TEST: &[Listed] = routed![inert("computeCommissionRates", Boolean)];

const CANCEL_LIST: &[Listed] = &[
    needed("symbol", Symbol),
    risk("orderListId", Integer),
    risk("listClientOrderId", ClientId),
    inert("newClientOrderId", ClientId),
    changing("isIsolated", MARGIN),
];

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!("POST", "/api/v3/order", Signed, Place, Order, Reading::Single { test: false }, ORDER),
    row!("DELETE", "/api/v3/order", Signed, Cancel, Cancel, Reading::Cancel, CANCEL),
    row!("POST", "/api/v3/order/cancelReplace", Signed, CancelReplace, Order, Reading::CancelReplace, CANCEL_REPLACE),
    row!("PUT", "/api/v3/order/amend/keepPriority", Signed, Amend, Order, Reading::Amend, AMEND),
    row!("DELETE", "/api/v3/openOrders", Signed, CancelAll, Cancel, Reading::CancelAll,
        &[needed("symbol", Symbol), changing("isIsolated", MARGIN)]),
    row!("POST", "/api/v3/order/test", Signed, TestOrder, Order, Reading::Single { test: true }, ORDER_TEST),
    row!("POST", "/api/v3/order/oco", Signed, Place, Order, Reading::LegacyOco, LEGACY_OCO),
    row!("POST", "/api/v3/orderList/oco", Signed, Place, Order, Reading::Oco, OCO),
    row!("POST", "/api/v3/orderList/oto", Signed, Place, Order, Reading::Oto, OTO),
    row!("POST", "/api/v3/orderList/otoco", Signed, Place, Order, Reading::Otoco, OTOCO),
    row!("POST", "/api/v3/sor/order", Signed, Place, Order, Reading::Single { test: false }, ROUTED),
    row!("POST", "/api/v3/sor/order/test", Signed, TestOrder, Order, Reading::Single { test: true }, ROUTED_TEST),
    row!("POST", "/api/v3/orderList/opo", Signed, Place, Order, Reading::Withheld(PROCEEDS), &[]),
    row!("POST", "/api/v3/orderList/opoco", Signed, Place, Order, Reading::Withheld(PROCEEDS), &[]),
    row!("DELETE", "/api/v3/orderList", Signed, Cancel, Cancel, Reading::CancelList, CANCEL_LIST),
];

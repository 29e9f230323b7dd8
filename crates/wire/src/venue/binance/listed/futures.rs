//! USD-M futures: orders, batches, conditional orders, margin and leverage.
//!
//! Sources: the vendor's SDK (`binance-sdk-derivatives-trading-usds-futures`
//! 18.1: arguments, enumerations and notes), ccxt 4.5.90 and python-binance
//! 1.0.37 as recorded. `batchOrders` takes up to five orders.

use super::orders::{SELF_TRADE_NONE, SIDE};
use super::{Form, Listed, Reading, Served, changing, inert, join, needed, risk, row};
use Form::{Amount, ClientId, Integer, OneOf, Orders, Symbol, Time};

const KIND: Form = OneOf(&[
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
]);
const CONDITIONAL_KIND: Form =
    OneOf(&["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]);
/// Without `RPI`: such an order is shown to some takers only.
const LASTING: Form = OneOf(&["GTC", "IOC", "FOK", "GTX", "GTD"]);
/// What the venue documents, and what its own library sends in a batch; `True`
/// could be read as neither.
const FLAG: Form = OneOf(&["true", "false", "TRUE", "FALSE"]);
const ANSWER: Form = OneOf(&["ACK", "RESULT"]);
const POSITION: Form = OneOf(&["BOTH", "LONG", "SHORT"]);
const TRIGGERED_BY: Form = OneOf(&["MARK_PRICE", "CONTRACT_PRICE"]);

const MATCHED: &str = "the price would be taken from the book and cannot be judged: state a price";
const SPOT: &str = "belongs to spot orders: leave it out";
const QUOTED: &str = "futures orders have a base quantity: send `quantity`";

const COUNTDOWN: &str = "belongs to the gateway, which arms it for the whole account where the \
                         configuration says so; a bot could disarm it for the others";

/// What every new order may have.
const COMMON: [Listed; 16] = [
    needed("symbol", Symbol),
    needed("side", SIDE),
    risk("timeInForce", LASTING),
    risk("quantity", Amount),
    risk("price", Amount),
    risk("positionSide", POSITION),
    risk("reduceOnly", FLAG),
    risk("closePosition", FLAG),
    risk("callbackRate", Amount),
    inert("workingType", TRIGGERED_BY),
    inert("priceProtect", FLAG),
    inert("newOrderRespType", ANSWER),
    SELF_TRADE_NONE,
    risk("goodTillDate", Time),
    changing("priceMatch", MATCHED),
    changing("quoteOrderQty", QUOTED),
];

const ORDER: &[Listed] = &join::<22>(&[
    &COMMON,
    &[
        needed("type", KIND),
        risk("newClientOrderId", ClientId),
        risk("stopPrice", Amount),
        risk("activationPrice", Amount),
        changing("icebergQty", SPOT),
        changing("trailingDelta", SPOT),
    ],
]);

const CONDITIONAL: &[Listed] = &join::<21>(&[
    &COMMON,
    &[
        needed("algoType", OneOf(&["CONDITIONAL"])),
        needed("type", CONDITIONAL_KIND),
        risk("clientAlgoId", ClientId),
        risk("triggerPrice", Amount),
        risk("activatePrice", Amount),
    ],
]);

const AMEND: &[Listed] = &[
    needed("symbol", Symbol),
    needed("side", SIDE),
    needed("quantity", Amount),
    needed("price", Amount),
    risk("orderId", Integer),
    risk("origClientOrderId", ClientId),
    changing("priceMatch", MATCHED),
    inert("modifyId", Integer),
    inert("reduceOnly", FLAG),
];

/// One element of `batchOrders` in `POST`: what the SDK lists for it, and no
/// trigger, since those have an endpoint of their own.
pub(in super::super) const BATCH_ORDER: &[Listed] = &[
    needed("symbol", Symbol),
    needed("side", SIDE),
    needed("type", OneOf(&["LIMIT", "MARKET"])),
    risk("timeInForce", LASTING),
    needed("quantity", Amount),
    risk("price", Amount),
    risk("positionSide", POSITION),
    risk("reduceOnly", FLAG),
    risk("newClientOrderId", ClientId),
    inert("newOrderRespType", ANSWER),
    SELF_TRADE_NONE,
    risk("goodTillDate", Time),
    changing("priceMatch", MATCHED),
    changing("closePosition", "has no place in a batch: send the order alone"),
];

/// One element of `batchOrders` in `PUT`.
pub(in super::super) const BATCH_AMEND: &[Listed] = AMEND;

const BATCH: &[Listed] = &[needed("batchOrders", Orders)];

/// ccxt spells the lists in lower case, as the venue's older documents did.
const CANCEL_MANY: &[Listed] = &[
    needed("symbol", Symbol),
    risk("orderIdList", Form::Integers),
    risk("orderidlist", Form::Integers),
    risk("origClientOrderIdList", Form::ClientIds),
    risk("origclientorderidlist", Form::ClientIds),
];

const CANCEL: &[Listed] =
    &[needed("symbol", Symbol), risk("orderId", Integer), risk("origClientOrderId", ClientId)];
/// ccxt names the market too.
const CANCEL_CONDITIONAL: &[Listed] =
    &[risk("symbol", Symbol), risk("algoId", Integer), risk("clientAlgoId", ClientId)];
const ONE_SYMBOL: &[Listed] = &[needed("symbol", Symbol)];
const LEVERAGE: &[Listed] = &[needed("symbol", Symbol), needed("leverage", Integer)];
const MARGIN_TYPE: &[Listed] =
    &[needed("symbol", Symbol), needed("marginType", OneOf(&["ISOLATED", "CROSSED"]))];
const POSITION_MARGIN: &[Listed] = &[
    needed("symbol", Symbol),
    needed("amount", Amount),
    needed("type", OneOf(&["1", "2"])),
    risk("positionSide", POSITION),
];
const DUAL: &[Listed] = &[needed("dualSidePosition", FLAG)];
const MULTI_ASSETS: &[Listed] = &[needed("multiAssetsMargin", FLAG)];
const LISTEN_KEY: &[Listed] = &[risk("listenKey", Form::Text)];

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!("POST", "/fapi/v1/order", Signed, Place, Order, Reading::Future { test: false }, ORDER),
    row!("PUT", "/fapi/v1/order", Signed, CancelReplace, Order, Reading::AmendFuture, AMEND),
    row!("DELETE", "/fapi/v1/order", Signed, Cancel, Cancel, Reading::Cancel, CANCEL),
    row!("POST", "/fapi/v1/order/test", Signed, TestOrder, Order, Reading::Future { test: true }, ORDER),
    row!("POST", "/fapi/v1/batchOrders", Signed, Place, Order, Reading::Batch, BATCH),
    row!("PUT", "/fapi/v1/batchOrders", Signed, CancelReplace, Order, Reading::AmendBatch, BATCH),
    row!("DELETE", "/fapi/v1/batchOrders", Signed, Cancel, Cancel, Reading::CancelMany, CANCEL_MANY),
    row!("DELETE", "/fapi/v1/allOpenOrders", Signed, CancelAll, Cancel, Reading::CancelAll, ONE_SYMBOL),
    row!("POST", "/fapi/v1/algoOrder", Signed, Place, Order, Reading::Conditional, CONDITIONAL),
    row!("DELETE", "/fapi/v1/algoOrder", Signed, Cancel, Cancel, Reading::CancelConditional, CANCEL_CONDITIONAL),
    row!("DELETE", "/fapi/v1/algoOpenOrders", Signed, CancelAll, Cancel, Reading::CancelAll, ONE_SYMBOL),
    row!("POST", "/fapi/v1/countdownCancelAll", Signed, CancelAll, Cancel, Reading::Withheld(COUNTDOWN), &[]),
    row!("POST", "/fapi/v1/leverage", Signed, SetLeverage, KeyAdministration, Reading::Leverage, LEVERAGE),
    row!("POST", "/fapi/v1/positionMargin", Signed, AddMargin, Transfer, Reading::Margin, POSITION_MARGIN),
    row!("POST", "/fapi/v1/marginType", Signed, AccountAdmin, KeyAdministration, Reading::Setting, MARGIN_TYPE),
    row!("POST", "/fapi/v1/positionSide/dual", Signed, AccountAdmin, KeyAdministration, Reading::Setting, DUAL),
    row!("POST", "/fapi/v1/multiAssetsMargin", Signed, AccountAdmin, KeyAdministration, Reading::Setting, MULTI_ASSETS),
    row!("POST", "/fapi/v1/listenKey", KeyOnly, StreamKey, Read, Reading::Local, LISTEN_KEY),
    row!("PUT", "/fapi/v1/listenKey", KeyOnly, StreamKey, Read, Reading::Local, LISTEN_KEY),
    row!("DELETE", "/fapi/v1/listenKey", KeyOnly, StreamKey, Read, Reading::Local, LISTEN_KEY),
];

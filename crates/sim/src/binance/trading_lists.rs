//! Order lists: the endpoints that place, cancel and query them.

use serde_json::Value;

use crate::binance::exchange::{Kind, ListKind, NewList, NewOrder, ResponseType, Side};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;
use crate::binance::trading::{OrderFields, required_kind, required_side};

const ABOVE: OrderFields = OrderFields {
    side: "side",
    kind: "aboveType",
    time_in_force: "aboveTimeInForce",
    quantity: "quantity",
    quote_quantity: "aboveQuoteOrderQty",
    price: "abovePrice",
    stop: "aboveStopPrice",
    iceberg: "aboveIcebergQty",
    client_id: "aboveClientOrderId",
    strategy_id: "aboveStrategyId",
    strategy_type: "aboveStrategyType",
};
const BELOW: OrderFields = OrderFields {
    side: "side",
    kind: "belowType",
    time_in_force: "belowTimeInForce",
    quantity: "quantity",
    quote_quantity: "belowQuoteOrderQty",
    price: "belowPrice",
    stop: "belowStopPrice",
    iceberg: "belowIcebergQty",
    client_id: "belowClientOrderId",
    strategy_id: "belowStrategyId",
    strategy_type: "belowStrategyType",
};
const WORKING: OrderFields = OrderFields {
    side: "workingSide",
    kind: "workingType",
    time_in_force: "workingTimeInForce",
    quantity: "workingQuantity",
    quote_quantity: "workingQuoteOrderQty",
    price: "workingPrice",
    stop: "workingStopPrice",
    iceberg: "workingIcebergQty",
    client_id: "workingClientOrderId",
    strategy_id: "workingStrategyId",
    strategy_type: "workingStrategyType",
};
const PENDING: OrderFields = OrderFields {
    side: "pendingSide",
    kind: "pendingType",
    time_in_force: "pendingTimeInForce",
    quantity: "pendingQuantity",
    quote_quantity: "pendingQuoteOrderQty",
    price: "pendingPrice",
    stop: "pendingStopPrice",
    iceberg: "pendingIcebergQty",
    client_id: "pendingClientOrderId",
    strategy_id: "pendingStrategyId",
    strategy_type: "pendingStrategyType",
};
const PENDING_ABOVE: OrderFields = OrderFields {
    side: "pendingSide",
    kind: "pendingAboveType",
    time_in_force: "pendingAboveTimeInForce",
    quantity: "pendingQuantity",
    quote_quantity: "pendingAboveQuoteOrderQty",
    price: "pendingAbovePrice",
    stop: "pendingAboveStopPrice",
    iceberg: "pendingAboveIcebergQty",
    client_id: "pendingAboveClientOrderId",
    strategy_id: "pendingAboveStrategyId",
    strategy_type: "pendingAboveStrategyType",
};
const PENDING_BELOW: OrderFields = OrderFields {
    side: "pendingSide",
    kind: "pendingBelowType",
    time_in_force: "pendingBelowTimeInForce",
    quantity: "pendingQuantity",
    quote_quantity: "pendingBelowQuoteOrderQty",
    price: "pendingBelowPrice",
    stop: "pendingBelowStopPrice",
    iceberg: "pendingBelowIcebergQty",
    client_id: "pendingBelowClientOrderId",
    strategy_id: "pendingBelowStrategyId",
    strategy_type: "pendingBelowStrategyType",
};
/// The legs of the old `order/oco`: a limit maker and a stop.
const OLD_LIMIT: OrderFields = OrderFields {
    side: "side",
    kind: "type",
    time_in_force: "limitTimeInForce",
    quantity: "quantity",
    quote_quantity: "quoteOrderQty",
    price: "price",
    stop: "limitStopPrice",
    iceberg: "limitIcebergQty",
    client_id: "limitClientOrderId",
    strategy_id: "limitStrategyId",
    strategy_type: "limitStrategyType",
};
const OLD_STOP: OrderFields = OrderFields {
    side: "side",
    kind: "type",
    time_in_force: "stopLimitTimeInForce",
    quantity: "quantity",
    quote_quantity: "quoteOrderQty",
    price: "stopLimitPrice",
    stop: "stopPrice",
    iceberg: "stopIcebergQty",
    client_id: "stopClientOrderId",
    strategy_id: "stopStrategyId",
    strategy_type: "stopStrategyType",
};

fn finish(call: &mut Call<'_>, kind: ListKind, orders: Vec<NewOrder>) -> Answer {
    let client_id = call.params.client_id("listClientOrderId")?;
    let detail = call.detail(ResponseType::Result)?;
    let now = call.now;
    let id = call.exchange.place_list(NewList { kind, client_id, orders }, now)?;
    let list = call.exchange.lists.get(&id).ok_or_else(Reject::no_such_order)?;
    Ok(call.exchange.list_with_reports(list, |order| order.placed(detail, now)))
}

/// Refuses leg types and prices that cannot be an OCO.
fn check_pair(side: Side, above: &NewOrder, below: &NewOrder) -> Result<(), Reject> {
    let stop_loss = |kind| matches!(kind, Kind::StopLoss | Kind::StopLossLimit);
    let wrong = |code: i64, msg: &str| Err(Reject::new(400, code, msg));
    if !above.kind.waits() && !below.kind.waits() {
        return wrong(-1168, "At least one OCO order must be contingent.");
    }
    match side {
        Side::Buy if !above.kind.waits() => {
            return wrong(-1165, "A limit order in a buy OCO must be below.");
        }
        Side::Sell if !below.kind.waits() => {
            return wrong(-1166, "A limit order in a sell OCO must be above.");
        }
        Side::Buy if stop_loss(below.kind) => {
            return wrong(-1196, "A stop loss order in a buy OCO must be above.");
        }
        Side::Sell if stop_loss(above.kind) => {
            return wrong(-1197, "A stop loss order in a sell OCO must be below.");
        }
        Side::Buy if above.kind.waits() && !stop_loss(above.kind) => {
            return wrong(-1198, "A take profit order in a buy OCO must be below.");
        }
        Side::Sell if below.kind.waits() && !stop_loss(below.kind) => {
            return wrong(-1199, "A take profit order in a sell OCO must be above.");
        }
        _ => {}
    }
    let level = |order: &NewOrder| if order.kind.waits() { order.stop } else { order.price };
    if level(above) <= level(below) {
        return Err(Reject::order("The relationship of the prices for the orders is not correct."));
    }
    Ok(())
}

fn leg(
    call: &Call<'_>,
    symbol: &str,
    side: Side,
    fields: &OrderFields,
) -> Result<NewOrder, Reject> {
    let kind = required_kind(&call.params, fields.kind)?;
    call.order_of(symbol, fields, side, kind)
}

/// `POST /api/v3/orderList/oco`.
pub(crate) fn oco(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let side = required_side(&call.params, "side")?;
    let above = leg(call, &symbol, side, &ABOVE)?;
    let below = leg(call, &symbol, side, &BELOW)?;
    check_pair(side, &above, &below)?;
    finish(call, ListKind::Oco, vec![below, above])
}

/// `POST /api/v3/order/oco`, the old form.
pub(crate) fn old_oco(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let side = required_side(&call.params, "side")?;
    let limited = call.params.sent("stopLimitPrice");
    let stop_kind = if limited { Kind::StopLossLimit } else { Kind::StopLoss };
    let limit = call.order_of(&symbol, &OLD_LIMIT, side, Kind::LimitMaker)?;
    let stop = call.order_of(&symbol, &OLD_STOP, side, stop_kind)?;
    match side {
        Side::Sell => check_pair(side, &limit, &stop)?,
        Side::Buy => check_pair(side, &stop, &limit)?,
    }
    finish(call, ListKind::Oco, vec![stop, limit])
}

fn working(call: &Call<'_>, symbol: &str) -> Result<NewOrder, Reject> {
    let side = required_side(&call.params, WORKING.side)?;
    let kind = required_kind(&call.params, WORKING.kind)?;
    if !matches!(kind, Kind::Limit | Kind::LimitMaker) {
        return Err(Reject::new(400, -1116, "Invalid orderType."));
    }
    call.order_of(symbol, &WORKING, side, kind)
}

/// `POST /api/v3/orderList/oto`.
pub(crate) fn oto(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let first = working(call, &symbol)?;
    let side = required_side(&call.params, PENDING.side)?;
    let second = leg(call, &symbol, side, &PENDING)?;
    if second.quantity.is_none() {
        return Err(Reject::missing(PENDING.quantity));
    }
    finish(call, ListKind::Oto, vec![first, second])
}

/// `POST /api/v3/orderList/otoco`.
pub(crate) fn otoco(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let first = working(call, &symbol)?;
    let side = required_side(&call.params, "pendingSide")?;
    let above = leg(call, &symbol, side, &PENDING_ABOVE)?;
    let below = leg(call, &symbol, side, &PENDING_BELOW)?;
    check_pair(side, &above, &below)?;
    finish(call, ListKind::Otoco, vec![first, below, above])
}

/// `DELETE /api/v3/orderList`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let symbol = call.required_symbol()?;
    let id = call.params.integer("orderListId")?;
    let client_id = call.params.text("listClientOrderId")?;
    if id.is_none() && client_id.is_none() {
        return Err(Reject::either("orderListId", "listClientOrderId"));
    }
    let list = call
        .exchange
        .find_list(call.account, id, client_id)
        .filter(|list| list.symbol == symbol && !list.done)
        .ok_or_else(Reject::unknown_order)?;
    let (list_id, open) = (list.id, list.orders.clone());
    let now = call.now;
    for id in open {
        if call.stored(id).is_ok_and(|order| order.status.open()) {
            call.exchange.cancel(id, None, now);
        }
    }
    let list = call.exchange.lists.get(&list_id).ok_or_else(Reject::unknown_order)?;
    Ok(call.exchange.list_with_reports(list, |order| order.canceled(&order.client_id, now)))
}

/// `GET /api/v3/orderList`.
pub(crate) fn query(call: &mut Call<'_>) -> Answer {
    let id = call.params.integer("orderListId")?;
    let client_id = call.params.text("origClientOrderId")?;
    if id.is_none() && client_id.is_none() {
        return Err(Reject::either("orderListId", "origClientOrderId"));
    }
    let list = call.exchange.find_list(call.account, id, client_id);
    let missing = Reject::no_such_order;
    Ok(call.exchange.list_row(list.ok_or_else(missing)?))
}

/// `GET /api/v3/allOrderList`.
pub(crate) fn all(call: &mut Call<'_>) -> Answer {
    let from = call.params.integer("fromId")?.unwrap_or(0);
    let (start, end) = call.period(24)?;
    let limit = call.params.limit(500, 1000)?;
    let lists = call.exchange.lists.values().filter(|list| list.account == call.account);
    let lists = lists.filter(|list| list.id >= from && (start..=end).contains(&list.at_ms));
    Ok(lists.take(limit).map(|list| call.exchange.list_row(list)).collect())
}

/// `GET /api/v3/openOrderList`.
pub(crate) fn open(call: &mut Call<'_>) -> Answer {
    let lists = call.exchange.lists.values().filter(|list| list.account == call.account);
    let rows: Vec<Value> =
        lists.filter(|list| !list.done).map(|list| call.exchange.list_row(list)).collect();
    Ok(Value::Array(rows))
}

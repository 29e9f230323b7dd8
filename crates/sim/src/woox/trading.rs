//! Orders and fills: `/v3/trade` and their v1 counterparts.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::woox::exchange::{Kind, MyTrade, Named, NewOrder, Order, PositionSide, Side};
use crate::woox::params::Params;
use crate::woox::reject::{Answer, Reject};
use crate::woox::report;
use crate::woox::routes::{Call, rows_v1};

/// Most ids of one batch cancel (unverified).
const MAX_BATCH: usize = 100;
/// Longest order tag.
const MAX_TAG: usize = 64;
/// Bounds of cancel-all-after, in milliseconds; zero switches it off.
const CANCEL_AFTER_MS: std::ops::RangeInclusive<u64> = 5_000..=900_000;

/// A word that must be one of a list.
pub(super) fn word<T>(
    params: &Params<'_>,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Reject> {
    let Some(text) = params.text(name)? else { return Ok(None) };
    read(&text).map(Some).ok_or_else(|| Reject::invalid(format!("{name} {text} is invalid")))
}

/// The position side, under the name of v3 or v1.
pub(super) fn position_side(params: &Params<'_>) -> Result<PositionSide, Reject> {
    let read = |params: &Params<'_>, name: &str| word(params, name, PositionSide::from_word);
    Ok(params.either("positionSide", "position_side", read)?.unwrap_or(PositionSide::Both))
}

pub(super) fn tag(params: &Params<'_>, names: (&str, &str)) -> Result<String, Reject> {
    let tag = params.either(names.0, names.1, Params::text)?.unwrap_or("default".to_owned());
    if tag.len() > MAX_TAG {
        return Err(Reject::invalid("the order tag is too long"));
    }
    Ok(tag)
}

/// Names of an order's parameters in one version.
struct Names {
    kind: &'static str,
    price: &'static str,
    quantity: &'static str,
    amount: &'static str,
    client_id: &'static str,
    reduce_only: &'static str,
    visible: &'static str,
}

const V3: Names = Names {
    kind: "type",
    price: "price",
    quantity: "quantity",
    amount: "amount",
    client_id: "clientOrderId",
    reduce_only: "reduceOnly",
    visible: "visibleQuantity",
};
const V1: Names = Names {
    kind: "order_type",
    price: "order_price",
    quantity: "order_quantity",
    amount: "order_amount",
    client_id: "client_order_id",
    reduce_only: "reduce_only",
    visible: "visible_quantity",
};

fn new_order(call: &Call<'_>, names: &Names) -> Result<NewOrder, Reject> {
    let params = &call.params;
    let symbol = call.symbol()?;
    let side = word(params, "side", Side::from_word)?.ok_or_else(|| Reject::missing("side"))?;
    let kind =
        word(params, names.kind, Kind::from_word)?.ok_or_else(|| Reject::missing(names.kind))?;
    let margin_mode = params.either("marginMode", "margin_mode", Params::text)?;
    if margin_mode.is_some_and(|mode| mode != "CROSS") {
        return Err(Reject::invalid("Only cross margin is offered on the paper venue."));
    }
    Ok(NewOrder {
        account: call.account,
        symbol,
        side,
        kind,
        price: params.amount(names.price)?,
        quantity: params.amount(names.quantity)?,
        amount: params.amount(names.amount)?,
        client_id: params.integer(names.client_id)?.unwrap_or(0),
        tag: tag(params, ("orderTag", "order_tag"))?,
        reduce_only: params.flag(names.reduce_only)?,
        position_side: position_side(params)?,
        visible: params.decimal(names.visible)?,
    })
}

/// `POST /v3/trade/order`.
pub(crate) fn place(call: &mut Call<'_>) -> Answer {
    let new = new_order(call, &V3)?;
    let (price, quantity, amount) = (new.price, new.quantity, new.amount);
    let (kind, client_id) = (new.kind, new.client_id);
    let id = call.exchange.place(new, call.now)?;
    call.data(json!({
        "orderId": id,
        "clientOrderId": client_id,
        "type": kind.word(),
        "price": price.map(report::number),
        "quantity": quantity.map(report::number),
        "amount": amount.map(report::number),
        "bidAskLevel": null,
    }))
}

/// `POST /v1/order`.
pub(crate) fn place_v1(call: &mut Call<'_>) -> Answer {
    let new = new_order(call, &V1)?;
    let (price, quantity, amount) = (new.price, new.quantity, new.amount);
    let (kind, client_id, reduce_only) = (new.kind, new.client_id, new.reduce_only);
    let id = call.exchange.place(new, call.now)?;
    Ok(json!({
        "success": true,
        "timestamp": report::seconds(call.now),
        "order_id": id,
        "order_type": kind.word(),
        "order_price": price.map(report::number),
        "order_quantity": quantity.map(report::number),
        "order_amount": amount.map(report::number),
        "client_order_id": client_id,
        "reduce_only": reduce_only,
    }))
}

fn amend_named(call: &mut Call<'_>, named: Named) -> Result<(), Reject> {
    let price = call.params.amount("price")?;
    let quantity = call.params.amount("quantity")?;
    let symbol = call.optional_symbol()?;
    let id = call.exchange.find_open(named, symbol.as_deref())?;
    call.exchange.amend(id, price, quantity, call.now)
}

/// `PUT /v3/trade/order`.
pub(crate) fn amend(call: &mut Call<'_>) -> Answer {
    let named = call.named("orderId", "clientOrderId")?;
    amend_named(call, named)?;
    call.data(json!({ "status": "EDIT_SENT" }))
}

/// `PUT /v3/order/{oid}`.
pub(crate) fn amend_by_id(call: &mut Call<'_>) -> Answer {
    let named = Named { account: call.account, id: Some(call.segment_id(0)?), client_id: None };
    amend_named(call, named)?;
    call.data(json!({ "success": true, "status": "EDIT_SENT" }))
}

/// `PUT /v3/order/client/{client_order_id}`.
pub(crate) fn amend_by_client_id(call: &mut Call<'_>) -> Answer {
    let named = Named { account: call.account, id: None, client_id: Some(call.segment_id(0)?) };
    amend_named(call, named)?;
    call.data(json!({ "success": true, "status": "EDIT_SENT" }))
}

/// `DELETE /v3/trade/order`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let named = call.named("orderId", "clientOrderId")?;
    let id = call.exchange.find_open(named, Some(&symbol))?;
    call.exchange.cancel(id, call.now);
    call.data(json!({ "status": "CANCEL_SENT" }))
}

/// `DELETE /v1/order` and `DELETE /v1/client/order`.
pub(crate) fn cancel_v1(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let named = call.named("order_id", "client_order_id")?;
    let id = call.exchange.find_open(named, Some(&symbol))?;
    call.exchange.cancel(id, call.now);
    Ok(json!({ "success": true, "status": "CANCEL_SENT" }))
}

/// `DELETE /v3/trade/orders`: by lists of ids, comma-separated, or, without one,
/// every open order, of a symbol if one is sent.
pub(crate) fn cancel_many(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_symbol()?;
    let ids = |name: &str| -> Result<Vec<u64>, Reject> {
        let text = call.params.text(name)?.unwrap_or_default();
        let parts = text.split(',').filter(|part| !part.is_empty());
        let ids: Result<Vec<u64>, _> = parts.map(str::parse).collect();
        let ids = ids.map_err(|_| Reject::order(317_165, "invalid order id list"))?;
        if ids.len() > MAX_BATCH {
            return Err(Reject::order(317_165, "invalid order id list"));
        }
        Ok(ids)
    };
    let (orders, clients) = (ids("orderIds")?, ids("clientOrderIds")?);
    if orders.is_empty() && clients.is_empty() {
        call.exchange.cancel_all(call.account, symbol.as_deref(), call.now);
        return call.data(json!({ "status": "CANCEL_ALL_SENT" }));
    }
    let account = call.account;
    let by_id = orders.iter().map(|id| Named { account, id: Some(*id), client_id: None });
    let by_client = clients.iter().map(|id| Named { account, id: None, client_id: Some(*id) });
    let named: Vec<Named> = by_id.chain(by_client).collect();
    for named in named {
        // One that is gone already does not stop the others.
        if let Ok(id) = call.exchange.find_open(named, symbol.as_deref()) {
            call.exchange.cancel(id, call.now);
        }
    }
    call.data(json!({ "status": "CANCEL_ALL_SENT" }))
}

/// `DELETE /v3/orders/pending`: every ordinary order.
pub(crate) fn cancel_pending(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_symbol()?;
    call.exchange.cancel_all(call.account, symbol.as_deref(), call.now);
    call.data(json!({ "status": "CANCEL_ALL_SENT" }))
}

/// `DELETE /v3/trade/allOrders`: ordinary and algo orders.
pub(crate) fn cancel_all(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_symbol()?;
    call.exchange.cancel_all(call.account, symbol.as_deref(), call.now);
    call.exchange.cancel_algos(call.account, symbol.as_deref(), call.now);
    call.data(json!({ "status": "CANCEL_ALL_SENT" }))
}

/// `DELETE /v1/orders`.
pub(crate) fn cancel_all_v1(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    call.exchange.cancel_all(call.account, Some(&symbol), call.now);
    Ok(json!({ "success": true, "status": "CANCEL_ALL_SENT" }))
}

fn arm(call: &mut Call<'_>, name: &str) -> Result<i64, Reject> {
    let after = call.params.integer(name)?.ok_or_else(|| Reject::missing(name))?;
    if after != 0 && !CANCEL_AFTER_MS.contains(&after) {
        let most = CANCEL_AFTER_MS.end();
        let message = format!("The trigger after should from 0 to {most}");
        return Err(Reject::order(317_176, &message));
    }
    let at = call.now.saturating_add(i64::try_from(after).unwrap_or(0));
    let state = call.exchange.account_mut(call.account)?;
    state.cancel_at = (after > 0).then_some(at);
    Ok(if after > 0 { at } else { 0 })
}

/// `POST /v3/trade/cancelAllAfter`.
pub(crate) fn cancel_all_after(call: &mut Call<'_>) -> Answer {
    let at = arm(call, "triggerAfter")?;
    call.data(json!({ "expectedTriggerTime": at }))
}

/// `POST /v1/order/cancel_all_after`.
pub(crate) fn cancel_all_after_v1(call: &mut Call<'_>) -> Answer {
    let at = arm(call, "trigger_after")?;
    Ok(json!({ "success": true, "expected_trigger_time": at }))
}

/// `GET /v3/trade/order`.
pub(crate) fn one(call: &mut Call<'_>) -> Answer {
    let named = call.named("orderId", "clientOrderId")?;
    let id = call.exchange.find(named);
    let order = id.and_then(|id| call.exchange.orders.get(&id));
    let row = order.map(report::order_v3).ok_or_else(Reject::no_data)?;
    call.data(row)
}

fn order_row_v1(call: &Call<'_>, named: Named) -> Answer {
    let id = call.exchange.find(named);
    let order = id.and_then(|id| call.exchange.orders.get(&id)).ok_or_else(Reject::no_data)?;
    let state = call.exchange.account(call.account)?;
    let trades: Vec<&MyTrade> =
        state.trades.iter().filter(|trade| trade.order == order.id).collect();
    let mut row = report::order_v1(order, &trades);
    if let Some(map) = row.as_object_mut() {
        map.insert("success".to_owned(), Value::Bool(true));
    }
    Ok(row)
}

/// `GET /v1/order/{oid}`.
pub(crate) fn one_v1(call: &mut Call<'_>) -> Answer {
    let id = Some(call.segment_id(0)?);
    order_row_v1(call, Named { account: call.account, id, client_id: None })
}

/// `GET /v1/client/order/{client_order_id}`.
pub(crate) fn one_by_client_v1(call: &mut Call<'_>) -> Answer {
    let client_id = Some(call.segment_id(0)?);
    order_row_v1(call, Named { account: call.account, id: None, client_id })
}

/// The account's orders that fit the filters, newest first.
fn listed<'a>(call: &'a Call<'_>, kind: &str) -> Result<Vec<&'a Order>, Reject> {
    let params = &call.params;
    let symbol = call.optional_symbol()?;
    let side = word(params, "side", Side::from_word)?;
    let kind = word(params, kind, Kind::from_word)?;
    let tag = params.either("orderTag", "order_tag", Params::text)?;
    let status = params.text("status")?;
    let period = call.period()?;
    let fits = |order: &&Order| {
        order.account == call.account
            && symbol.as_ref().is_none_or(|symbol| order.symbol == *symbol)
            && side.is_none_or(|side| order.side == side)
            && kind.is_none_or(|kind| order.kind == kind)
            && tag.as_ref().is_none_or(|tag| order.tag == *tag)
            && period.contains(&order.created_ms)
            && match status.as_deref() {
                None => true,
                Some("INCOMPLETE") => order.status.open(),
                Some("COMPLETED") => !order.status.open(),
                Some(word) => order.status.word() == word,
            }
    };
    let mut orders: Vec<&Order> = call.exchange.orders.values().filter(fits).collect();
    orders.sort_unstable_by_key(|order| std::cmp::Reverse(order.id));
    Ok(orders)
}

/// `GET /v3/trade/orders`.
pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 500)?;
    let rows = listed(call, "type")?.into_iter().map(report::order_v3).collect();
    call.rows(rows, page)
}

/// `GET /v1/orders`.
pub(crate) fn list_v1(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 500)?;
    let rows: Vec<Value> =
        listed(call, "order_type")?.into_iter().map(|order| report::order_v1(order, &[])).collect();
    rows_v1(rows, page)
}

/// The account's fills that fit the filters, newest first.
fn fills<'a>(call: &'a Call<'_>, order: Option<u64>) -> Result<Vec<&'a MyTrade>, Reject> {
    let symbol = call.optional_symbol()?;
    let period = call.period()?;
    let state = call.exchange.account(call.account)?;
    let fits = |trade: &&MyTrade| {
        symbol.as_ref().is_none_or(|symbol| trade.symbol == *symbol)
            && order.is_none_or(|order| trade.order == order)
            && period.contains(&trade.at_ms)
    };
    Ok(state.trades.iter().rev().filter(fits).collect())
}

/// `GET /v3/trade/transactionHistory`.
pub(crate) fn transactions(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(100, 500)?;
    let order = call.params.integer("orderId")?;
    let rows = fills(call, order)?.into_iter().map(report::trade_v3).collect();
    call.rows(rows, page)
}

fn fill(call: &Call<'_>, id: u64) -> Result<MyTrade, Reject> {
    let state = call.exchange.account(call.account)?;
    state.trades.iter().find(|trade| trade.id == id).cloned().ok_or_else(Reject::no_data)
}

/// `GET /v3/trade/transaction`.
pub(crate) fn transaction(call: &mut Call<'_>) -> Answer {
    let id = call.params.either("tradeId", "id", Params::integer)?;
    let trade = fill(call, id.ok_or_else(|| Reject::missing("tradeId"))?)?;
    call.data(report::trade_v3(&trade))
}

/// `GET /v1/client/trade/{tid}`.
pub(crate) fn transaction_v1(call: &mut Call<'_>) -> Answer {
    let trade = fill(call, call.segment_id(0)?)?;
    let mut row = report::trade_v1(&trade);
    if let Some(map) = row.as_object_mut() {
        map.insert("success".to_owned(), Value::Bool(true));
    }
    Ok(row)
}

/// `GET /v1/client/trades` and `GET /v1/client/hist_trades`.
pub(crate) fn transactions_v1(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 500)?;
    rows_v1(fills(call, None)?.into_iter().map(report::trade_v1).collect(), page)
}

/// `GET /v1/order/{oid}/trades`.
pub(crate) fn trades_of_order_v1(call: &mut Call<'_>) -> Answer {
    let id = call.segment_id(0)?;
    let rows: Vec<Value> = fills(call, Some(id))?.into_iter().map(report::trade_v1).collect();
    Ok(json!({ "success": true, "rows": rows }))
}

/// `GET /v3/trade/tradingFee`: in hundredths of a percent, as ccxt reads it.
pub(crate) fn trading_fee(call: &mut Call<'_>) -> Answer {
    let symbol = call.symbol()?;
    let perpetual = call.exchange.market(&symbol)?.spec.perpetual;
    let fees = &call.exchange.options.fees;
    let (maker, taker): (Decimal, Decimal) = if perpetual {
        (fees.perp_maker_bps, fees.perp_taker_bps)
    } else {
        (fees.spot_maker_bps, fees.spot_taker_bps)
    };
    call.data(json!({
        "symbol": symbol,
        "takerFee": report::text(taker),
        "makerFee": report::text(maker),
    }))
}

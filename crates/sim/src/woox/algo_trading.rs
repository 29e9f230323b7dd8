//! Algo orders: `/v3/trade/algoOrder(s)` and the older `/v3/algo` paths.

use serde_json::{Value, json};

use crate::woox::exchange::{Algo, AlgoType, Kind, Named, NewAlgo, Side};
use crate::woox::params::Params;
use crate::woox::reject::{Answer, Reject};
use crate::woox::report;
use crate::woox::routes::Call;
use crate::woox::trading::{position_side, tag, word};

fn new_algo(call: &Call<'_>) -> Result<NewAlgo, Reject> {
    let params = &call.params;
    let symbol = call.symbol()?;
    let name = params.required("algoType")?;
    let algo_type = AlgoType::from_word(&name);
    let algo_type = algo_type
        .ok_or_else(|| Reject::order(317_167, &format!("unsupported algo type: `{name}`")))?;
    let side = word(params, "side", Side::from_word)?.ok_or_else(|| Reject::missing("side"))?;
    let kind = word(params, "type", Kind::from_word)?.ok_or_else(|| Reject::missing("type"))?;
    let price = params.amount("price")?;
    if kind.limited() && price.is_none() {
        return Err(Reject::missing("price"));
    }
    Ok(NewAlgo {
        account: call.account,
        symbol,
        algo_type,
        side,
        kind,
        quantity: params.required_amount("quantity")?,
        price: price.filter(|_| kind.limited()),
        trigger_price: params.amount("triggerPrice")?,
        activated_price: params.amount("activatedPrice")?,
        callback_rate: params.amount("callbackRate")?,
        callback_value: params.amount("callbackValue")?,
        client_id: params
            .either("clientAlgoOrderId", "clientOrderId", Params::integer)?
            .unwrap_or(0),
        tag: tag(params, ("algoOrderTag", "orderTag"))?,
        reduce_only: params.flag("reduceOnly")?,
        position_side: position_side(params)?,
    })
}

/// `POST /v3/trade/algoOrder`.
pub(crate) fn place(call: &mut Call<'_>) -> Answer {
    let new = new_algo(call)?;
    let row = json!({
        "clientOrderId": new.client_id,
        "algoType": new.algo_type.word(),
        "quantity": report::number(new.quantity),
    });
    let id = call.exchange.place_algo(new, call.now)?;
    let mut row = row;
    if let Some(map) = row.as_object_mut() {
        map.insert("orderId".to_owned(), json!(id));
    }
    call.data(json!({ "rows": [row] }))
}

fn amend_named(call: &mut Call<'_>, named: Named) -> Answer {
    let params = call.params;
    let (price, quantity) = (params.amount("price")?, params.amount("quantity")?);
    let trigger = params.amount("triggerPrice")?;
    let activated = params.amount("activatedPrice")?;
    let (rate, value) = (params.amount("callbackRate")?, params.amount("callbackValue")?);
    let id = call.exchange.find_algo(named)?;
    call.exchange.amend_algo(
        id,
        |new| {
            new.price = price.or(new.price);
            new.quantity = quantity.unwrap_or(new.quantity);
            new.trigger_price = trigger.or(new.trigger_price);
            new.activated_price = activated.or(new.activated_price);
            new.callback_rate = rate.or(new.callback_rate);
            new.callback_value = value.or(new.callback_value);
        },
        call.now,
    )?;
    call.data(json!({ "status": "EDIT_SENT" }))
}

/// `PUT /v3/trade/algoOrder`.
pub(crate) fn amend(call: &mut Call<'_>) -> Answer {
    let named = call.named("algoOrderId", "clientAlgoOrderId")?;
    amend_named(call, named)
}

/// `PUT /v3/algo/order/{oid}`.
pub(crate) fn amend_by_id(call: &mut Call<'_>) -> Answer {
    let named = Named { account: call.account, id: Some(call.segment_id(0)?), client_id: None };
    amend_named(call, named)
}

/// `PUT /v3/algo/order/client/{client_order_id}`.
pub(crate) fn amend_by_client_id(call: &mut Call<'_>) -> Answer {
    let named = Named { account: call.account, id: None, client_id: Some(call.segment_id(0)?) };
    amend_named(call, named)
}

/// `DELETE /v3/trade/algoOrder`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let named = call.named("algoOrderId", "clientAlgoOrderId")?;
    let id = call.exchange.find_algo(named)?;
    call.exchange.cancel_algo(id, call.now)?;
    call.data(json!({ "status": "CANCEL_SENT" }))
}

/// `DELETE /v3/algo/order/{order_id}`.
pub(crate) fn cancel_by_id(call: &mut Call<'_>) -> Answer {
    let named = Named { account: call.account, id: Some(call.segment_id(0)?), client_id: None };
    let id = call.exchange.find_algo(named)?;
    call.exchange.cancel_algo(id, call.now)?;
    call.data(json!({ "status": "CANCEL_SENT" }))
}

/// `DELETE /v3/trade/algoOrders` and `DELETE /v3/algo/orders/pending`.
pub(crate) fn cancel_all(call: &mut Call<'_>) -> Answer {
    let symbol = call.optional_symbol()?;
    call.exchange.cancel_algos(call.account, symbol.as_deref(), call.now);
    call.data(json!({ "status": "CANCEL_ALL_SENT" }))
}

/// `DELETE /v3/algo/orders/pending/{symbol}`.
pub(crate) fn cancel_all_of(call: &mut Call<'_>) -> Answer {
    let symbol = call.segment(0)?.to_owned();
    call.exchange.market(&symbol)?;
    call.exchange.cancel_algos(call.account, Some(&symbol), call.now);
    call.data(json!({ "status": "CANCEL_ALL_SENT" }))
}

fn row(call: &Call<'_>, algo: &Algo) -> Value {
    let child = algo.order.and_then(|order| call.exchange.orders.get(&order));
    report::algo_v3(algo, child)
}

fn one_named(call: &Call<'_>, named: Named) -> Answer {
    let id = call.exchange.find_algo(named).map_err(|_| Reject::no_data())?;
    let algo = call.exchange.algos.get(&id).ok_or_else(Reject::no_data)?;
    call.data(row(call, algo))
}

/// `GET /v3/trade/algoOrder`.
pub(crate) fn one(call: &mut Call<'_>) -> Answer {
    one_named(call, call.named("algoOrderId", "clientAlgoOrderId")?)
}

/// `GET /v3/algo/order/{oid}`.
pub(crate) fn one_by_id(call: &mut Call<'_>) -> Answer {
    let id = Some(call.segment_id(0)?);
    one_named(call, Named { account: call.account, id, client_id: None })
}

/// `GET /v3/trade/algoOrders` and `GET /v3/algo/orders`.
pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 500)?;
    let symbol = call.optional_symbol()?;
    let side = word(&call.params, "side", Side::from_word)?;
    let kind = call.params.text("algoType")?;
    let status = call.params.text("status")?;
    let period = call.period()?;
    let fits = |algo: &&Algo| {
        algo.new.account == call.account
            && symbol.as_ref().is_none_or(|symbol| algo.new.symbol == *symbol)
            && side.is_none_or(|side| algo.new.side == side)
            && kind.as_ref().is_none_or(|kind| algo.new.algo_type.word() == kind)
            && period.contains(&algo.created_ms)
            && match status.as_deref() {
                None => true,
                Some("INCOMPLETE") => algo.status.open(),
                Some("COMPLETED") => !algo.status.open(),
                Some(word) => algo.status.word() == word,
            }
    };
    let mut algos: Vec<&Algo> = call.exchange.algos.values().filter(fits).collect();
    algos.sort_unstable_by_key(|algo| std::cmp::Reverse(algo.id));
    let rows = algos.into_iter().map(|algo| row(call, algo)).collect();
    call.rows(rows, page)
}

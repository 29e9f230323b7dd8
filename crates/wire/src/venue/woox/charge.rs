//! The signer's own reading: every order that a text could be.
//!
//! Version 3 signs method, path and body: its orders are read by the same
//! closed table as the gateway's, from the text itself. Version 1 signs
//! parameters alone; whatever has a quantity, a market, a side and an order type
//! is an order there.
//!
//! (Should the venue sign decoded values, then a sender could hide the
//! parameters that follow a free text inside it: `broker_id` could swallow the
//! client order id. Nothing that is counted here stands behind a free text and
//! may be missing: without its order type no order is placed.)
//!
//! INVARIANT (second reading): nothing here comes from the gateway but the
//! text itself.

use std::borrow::Cow;

use super::collide;
use super::listed::{Place, Reading, served};
use super::params::{ParamText, Params};
use super::read::{Source, is_client_id, is_symbol, operation_of};
use super::{Refusal, RefusalCode, Text};
use crate::limits;
use crate::model::{Effect, Operation, Order, OrderKind};
use crate::venue::binance::read::amount;

pub use crate::venue::binance::OrderCharge;

/// Every order that this text could place, once for each leg: a ceiling on one
/// order is held against each, the gross quantity against their sum.
///
/// A change of a resting order gives one charge with an empty market (its text
/// names none: the ceiling must hold in every market) and the new quantity, or
/// none where it only moves the price of a quantity that was charged before.
///
/// # Errors
/// A text whose orders cannot be counted: one without a quantity, one that
/// closes a position whose size the text does not state, one of an endpoint
/// that is not read.
pub fn orders_in(text: &Text) -> Result<Vec<OrderCharge<'static>>, Refusal> {
    match text {
        Text::V1 { params, .. } => in_v1(params),
        Text::V3 { method, path, params, .. } => in_v3(text, method, path, params),
    }
}

/// The names of an order in version 1 that are counted.
const COUNTED_V1: [&str; 6] =
    ["symbol", "side", "order_type", "order_quantity", "order_amount", "client_order_id"];

fn in_v1(params: &ParamText) -> Result<Vec<OrderCharge<'static>>, Refusal> {
    for (name, _) in params.iter() {
        let known = COUNTED_V1.iter().find(|known| known.eq_ignore_ascii_case(name));
        if known.is_some_and(|known| *known != name) {
            return Err(uncountable(name, "is spelled in another case"));
        }
    }
    let Some(part) = ["order_quantity", "order_amount"].into_iter().find(|name| params.has(name))
    else {
        // The venue insists on one of them.
        return Ok(Vec::new());
    };
    if !["symbol", "side", "order_type"].iter().all(|name| params.has(name)) {
        return Err(uncountable(part, "is part of an order that cannot be counted"));
    }
    let symbol = params.get("symbol").filter(|symbol| is_symbol(symbol));
    let symbol = symbol.ok_or_else(|| uncountable("symbol", "is no market"))?;
    let (source, size) = match (params.get("order_quantity"), params.get("order_amount")) {
        (Some(size), None) => ("order_quantity", size),
        (None, Some(size)) => ("order_amount", size),
        _ => {
            return Err(uncountable("order_quantity", "or `order_amount` is needed, and only one"));
        }
    };
    let size = amount(source, size)?;
    let quote = source == "order_amount";
    Ok(vec![OrderCharge {
        market: Cow::Owned(symbol.to_owned()),
        base: (!quote).then_some(size),
        quote: quote.then_some(size),
        source,
        closes_position: false,
        maker_only: params.get("order_type") == Some("POST_ONLY"),
        has_client_order_id: params.get("client_order_id").is_some_and(is_client_id),
    }])
}

fn in_v3(
    text: &Text,
    method: &str,
    path: &str,
    params: &Params,
) -> Result<Vec<OrderCharge<'static>>, Refusal> {
    let Some(endpoint) = served(method, path) else {
        // What only the endpoint table knows has no orders that can be counted.
        return match collide::worst(text) {
            Some(worst) if worst.effect == Effect::Order => {
                Err(uncountable("quantity", "of an order that is not read cannot be counted"))
            }
            _ => Ok(Vec::new()),
        };
    };
    if !matches!(endpoint.reading, Reading::Order | Reading::Algo | Reading::Modify) {
        return Ok(Vec::new());
    }
    let values = super::listed::path_values(endpoint.path, path).unwrap_or_default();
    for listed in endpoint.parameters.iter().filter(|listed| listed.place == Place::Path) {
        if params.has(listed.name) {
            return Err(uncountable(listed.name, "stands twice"));
        }
    }
    let source = Source { path_values: &values, params };
    match operation_of(endpoint, &source)? {
        Operation::Place(group) => {
            let named = group.orders.first().is_some_and(|order| order.client_order_id.is_some());
            if group.orders.len() > limits::ORDERS_PER_REQUEST {
                return Err(uncountable("childOrders", "hold too many orders"));
            }
            group.orders.iter().map(|order| charge(order, named)).collect()
        }
        Operation::Modify(change) => Ok(change
            .new_quantity
            .map(|quantity| OrderCharge {
                market: Cow::Owned(change.order.symbol.clone()),
                base: Some(quantity),
                quote: None,
                source: "quantity",
                closes_position: false,
                maker_only: false,
                // It keeps the id that it was placed with.
                has_client_order_id: true,
            })
            .into_iter()
            .collect()),
        _ => Ok(Vec::new()),
    }
}

fn charge(order: &Order, named: bool) -> Result<OrderCharge<'static>, Refusal> {
    if order.close_position || (order.quantity.is_none() && order.quote_quantity.is_none()) {
        return Err(uncountable(
            "childOrders",
            "close a position whose size the text does not state",
        ));
    }
    Ok(OrderCharge {
        market: Cow::Owned(order.symbol.clone()),
        base: order.quantity,
        quote: order.quote_quantity,
        source: if order.quantity.is_some() { "quantity" } else { "amount" },
        closes_position: false,
        maker_only: order.kind == OrderKind::LimitMaker,
        has_client_order_id: named,
    })
}

fn uncountable(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::Forbidden, name, detail)
}

#[cfg(test)]
mod tests;

//! Several orders in one parameter: JSON inside a form.
//!
//! INVARIANT (one reading): the JSON is read strictly ([`crate::json`]), each
//! element becomes parameters that are held to a closed table like those of a
//! request of its own, and what is signed is spelled anew from what was read.

use super::{Fields, form, futures, left_out, missing};
use crate::json::{self, Value};
use crate::limits;
use crate::model::{Contingency, Modification, Order, OrderGroup, OrderReference};
use crate::venue::binance::listed::futures::{BATCH_AMEND, BATCH_ORDER};
use crate::venue::binance::listed::{Listed, Reading};
use crate::venue::binance::params::ParamText;
use crate::venue::binance::{Refusal, RefusalCode};

/// The parameter that holds the orders of a batch.
pub(in super::super) const ORDERS: &str = "batchOrders";
/// The parameter of an element that names its order.
pub(in super::super) const ORDER_ID: &str = "newClientOrderId";

/// The list in a parameter: from one to as many elements as are read.
pub(in super::super) fn list(name: &str, value: &str) -> Result<Vec<Value>, Refusal> {
    let value = json::parse(value.as_bytes())
        .map_err(|error| Refusal::of(RefusalCode::Malformed, name, error.kind.text()))?;
    match value {
        Value::List(elements) if (1..=most(name)).contains(&elements.len()) => Ok(elements),
        Value::List(elements) => Err(Refusal::of(
            RefusalCode::Malformed,
            name,
            format!("holds {} elements; send 1 to {}", elements.len(), most(name)),
        )),
        _ => Err(Refusal::of(RefusalCode::Malformed, name, "is no JSON list")),
    }
}

fn most(name: &str) -> usize {
    if name == ORDERS { limits::BATCH_ORDERS } else { limits::BATCH_CANCELS }
}

/// The members of an element as parameters.
///
/// # Errors
/// No object, a member that is no plain value, an odd name.
pub(in super::super) fn element(value: &Value) -> Result<ParamText, Refusal> {
    let members = value
        .members()
        .ok_or_else(|| Refusal::of(RefusalCode::Malformed, ORDERS, "holds what is no object"))?;
    let mut params = ParamText::default();
    for (name, value) in members {
        let value = value.scalar().ok_or_else(|| {
            Refusal::of(RefusalCode::Malformed, name, "is neither a string, a number nor a flag")
        })?;
        params.push(name, value)?;
    }
    Ok(params)
}

/// The elements, each under its closed table.
fn elements<T>(
    fields: &Fields<'_>,
    table: &'static [Listed],
    read: impl Fn(&Fields<'_>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    list(ORDERS, fields.needed(ORDERS)?)?
        .iter()
        .map(|value| {
            let params = element(value)?;
            let fields = Fields { params: &params, product: fields.product };
            match fields.check(table, ORDERS, |_| false)? {
                Some(missing) => Err(left_out(Reading::Batch, missing)),
                None => read(&fields),
            }
        })
        .collect()
}

pub(super) fn place(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let orders: Vec<Order> = elements(fields, BATCH_ORDER, futures::of_batch)?;
    let mut ids: Vec<_> = orders
        .iter()
        .filter_map(|order| Some((order.symbol.as_str(), order.client_order_id.as_deref()?)))
        .collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Refusal::new(
            RefusalCode::Duplicate,
            "two orders of the batch have the same client order id; give each its own",
        ));
    }
    Ok(OrderGroup {
        orders,
        contingency: Contingency::Batch,
        list_client_order_id: None,
        test: false,
    })
}

pub(super) fn amend(fields: &Fields<'_>) -> Result<Vec<Modification>, Refusal> {
    let amendments = elements(fields, BATCH_AMEND, futures::amendment)?;
    let twice = amendments
        .iter()
        .enumerate()
        .any(|(at, one)| amendments.iter().skip(at + 1).any(|other| other.order == one.order));
    if twice {
        return Err(Refusal::of(
            RefusalCode::Duplicate,
            ORDERS,
            "amends one order twice, in no certain order; send one of them",
        ));
    }
    Ok(amendments)
}

/// The orders that a cancel of several names, by exactly one list.
pub(super) fn cancel(fields: &Fields<'_>) -> Result<Vec<OrderReference>, Refusal> {
    let names = ["orderIdList", "orderidlist", "origClientOrderIdList", "origclientorderidlist"];
    let mut given = names.into_iter().filter(|name| fields.has(name));
    let Some(name) = given.next() else {
        return Err(missing("orderIdList", "or `origClientOrderIdList` is needed"));
    };
    if let Some(second) = given.next() {
        return Err(Refusal::of(
            RefusalCode::Duplicate,
            second,
            format!("names orders beside `{name}`; send one of them"),
        ));
    }
    let by_number = name.eq_ignore_ascii_case("orderIdList");
    let symbol = fields.market()?;
    list(name, fields.needed(name)?)?
        .iter()
        .map(|value| {
            let (order_id, client_order_id) = match value {
                Value::Number(text) if by_number => (Some(form::integer(name, text)?), None),
                // Clients that keep ids as text send them so.
                Value::Text(text) if by_number => (Some(form::integer(name, text)?), None),
                Value::Text(text) if form::is_client_id(text) => (None, Some(text.clone())),
                _ => return Err(missing(name, "holds what names no order")),
            };
            Ok(OrderReference { symbol: symbol.clone(), order_id, client_order_id })
        })
        .collect()
}

//! Algo orders: triggered ones, trailing ones, and those that hang together.
//!
//! A STOP goes live where the market reaches its trigger, from whichever side:
//! it is a stop-loss in the model's words. The shapes of attached orders are the
//! venue's published examples, and no others.

use super::order::{check_margin, check_perpetual, is_true, position, side};
use super::{Fields, form, missing};
use crate::model::{Contingency, Decimal, Order, OrderGroup, OrderKind, PositionSide, Side};
use crate::venue::woox::json::{Json, Object};
use crate::venue::woox::listed::Form;
use crate::venue::woox::{Refusal, RefusalCode};

/// The orders of one request.
pub(super) fn group(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let symbol = fields.needed_text("symbol")?;
    check_margin(&symbol, fields.get("marginMode"), "marginMode")?;
    let (orders, contingency) = match fields.needed("algoType")? {
        "STOP" => (vec![stop(fields)?], Contingency::Single),
        "TRAILING_STOP" => (vec![trailing(fields)?], Contingency::Single),
        "OCO" => (oco(fields)?, Contingency::OneCancelsOther),
        "POSITIONAL_TP_SL" => {
            absent(fields, &["side", "type", "price", "quantity", "triggerPrice"])?;
            absent(fields, &["activatedPrice", "callbackRate", "visibleQuantity"])?;
            let position = position(fields.get("positionSide"));
            let legs = closing(&symbol, position, children(fields)?)?;
            (legs, Contingency::OneCancelsOther)
        }
        "BRACKET" => (bracket(fields)?, Contingency::OneTriggersOneCancelsOther),
        _ => return Err(missing("algoType", "is none that is let through")),
    };
    for order in &orders {
        check_perpetual(order, "reduceOnly", "positionSide")?;
    }
    Ok(OrderGroup { orders, contingency, list_client_order_id: None, test: false })
}

/// The parts that every outermost order has.
fn root(fields: &Fields<'_>, kind: OrderKind) -> Result<Order, Refusal> {
    Ok(Order {
        symbol: fields.needed_text("symbol")?,
        side: side(fields.needed("side")?)?,
        kind,
        quantity: Some(fields.needed_amount("quantity")?),
        quote_quantity: None,
        price: fields.amount("price")?,
        stop_price: None,
        trailing_delta_bps: None,
        iceberg_quantity: fields.amount_or_zero("visibleQuantity")?,
        time_in_force: None,
        client_order_id: fields.text("clientAlgoOrderId"),
        reduce_only: is_true(fields.get("reduceOnly")),
        position_side: position(fields.get("positionSide")),
        close_position: false,
    })
}

/// LIMIT needs a price, MARKET has none.
fn check_price(order: &Order, limit: bool) -> Result<(), Refusal> {
    match (limit, order.price) {
        (true, None) => Err(missing("price", "is needed for a LIMIT order")),
        (false, Some(_)) => {
            Err(missing("price", "does not belong to a MARKET order; leave it out"))
        }
        _ => Ok(()),
    }
}

fn is_limit(fields: &Fields<'_>) -> Result<bool, Refusal> {
    Ok(fields.needed("type")? == "LIMIT")
}

fn stop(fields: &Fields<'_>) -> Result<Order, Refusal> {
    absent(fields, &["activatedPrice", "callbackRate", "childOrders"])?;
    let limit = is_limit(fields)?;
    let mut order = root(fields, stop_kind(limit))?;
    check_price(&order, limit)?;
    order.stop_price = Some(fields.needed_amount("triggerPrice")?);
    Ok(order)
}

const fn stop_kind(limit: bool) -> OrderKind {
    if limit { OrderKind::StopLossLimit } else { OrderKind::StopLoss }
}

fn trailing(fields: &Fields<'_>) -> Result<Order, Refusal> {
    absent(fields, &["triggerPrice", "childOrders"])?;
    if is_limit(fields)? {
        return Err(missing("type", "of a trailing stop is MARKET"));
    }
    let mut order = root(fields, OrderKind::StopLoss)?;
    check_price(&order, false)?;
    let distance = fields.ratio("callbackRate")?;
    order.trailing_delta_bps =
        Some(distance.ok_or_else(|| missing("callbackRate", "is needed for a trailing stop"))?);
    order.stop_price = fields.amount("activatedPrice")?;
    Ok(order)
}

/// A limit order and a stop of the same quantity.
fn oco(fields: &Fields<'_>) -> Result<Vec<Order>, Refusal> {
    absent(fields, &["triggerPrice", "activatedPrice", "callbackRate"])?;
    let limit = is_limit(fields)?;
    let first = root(fields, if limit { OrderKind::Limit } else { OrderKind::Market })?;
    check_price(&first, limit)?;
    let [child] = children(fields)? else {
        return Err(missing("childOrders", "of an OCO is one STOP order"));
    };
    let child = Child::of(child, &first.symbol)?;
    if child.text("algoType") != Some("STOP") {
        return Err(missing("childOrders", "of an OCO is one STOP order"));
    }
    let limit = match child.text("type") {
        Some("LIMIT") => true,
        Some("MARKET") => false,
        _ => return Err(missing("childOrders", "needs the type LIMIT or MARKET")),
    };
    let second = Order {
        kind: stop_kind(limit),
        side: child.side()?,
        price: child.amount("price")?,
        stop_price: Some(child.trigger()?),
        reduce_only: child.is_true("reduceOnly"),
        client_order_id: None,
        ..first.clone()
    };
    check_price(&second, limit)?;
    Ok(vec![first, second])
}

/// An order, and what closes its position once it has filled.
fn bracket(fields: &Fields<'_>) -> Result<Vec<Order>, Refusal> {
    absent(fields, &["triggerPrice", "activatedPrice", "callbackRate"])?;
    let limit = is_limit(fields)?;
    let first = root(fields, if limit { OrderKind::Limit } else { OrderKind::Market })?;
    check_price(&first, limit)?;
    let [attached] = children(fields)? else {
        return Err(missing("childOrders", "of a BRACKET is one POSITIONAL_TP_SL"));
    };
    let attached = Child::of(attached, &first.symbol)?;
    if attached.text("algoType") != Some("POSITIONAL_TP_SL") || attached.text("side").is_some() {
        return Err(missing("childOrders", "of a BRACKET is one POSITIONAL_TP_SL"));
    }
    let Some(Json::List(legs)) = attached.object.get("childOrders") else {
        return Err(missing("childOrders", "of a BRACKET holds the orders that close it"));
    };
    let closing = closing(&first.symbol, first.position_side, legs)?;
    let opposite = closing.iter().all(|order| order.side != first.side);
    if !opposite {
        return Err(missing("childOrders", "must close on the side opposite to the order"));
    }
    Ok([vec![first], closing].concat())
}

/// Take-profit and stop-loss, one of each at most: each closes the position.
fn closing(
    symbol: &str,
    position_side: Option<PositionSide>,
    legs: &[Json],
) -> Result<Vec<Order>, Refusal> {
    let mut orders: Vec<Order> = Vec::new();
    for leg in legs {
        let leg = Child::of(leg, symbol)?;
        let kind = match leg.text("algoType") {
            Some("TAKE_PROFIT") => OrderKind::TakeProfit,
            Some("STOP_LOSS") => OrderKind::StopLoss,
            _ => return Err(missing("childOrders", "holds neither TAKE_PROFIT nor STOP_LOSS")),
        };
        if leg.text("type") != Some("CLOSE_POSITION") || !leg.is_true("reduceOnly") {
            return Err(missing("childOrders", "needs CLOSE_POSITION and reduceOnly to close"));
        }
        if leg.object.get("price").is_some() || leg.object.get("childOrders").is_some() {
            return Err(missing("childOrders", "has a part that a closing order has not"));
        }
        if orders.iter().any(|order| order.kind == kind) {
            return Err(Refusal::of(RefusalCode::Duplicate, "childOrders", "two of one kind"));
        }
        orders.push(Order {
            symbol: symbol.to_owned(),
            side: leg.side()?,
            kind,
            quantity: None,
            quote_quantity: None,
            price: None,
            stop_price: Some(leg.trigger()?),
            trailing_delta_bps: None,
            iceberg_quantity: None,
            time_in_force: None,
            client_order_id: None,
            // The venue closes; it holds a spot position to nothing, which has
            // no reduce-only.
            reduce_only: form::is_perpetual(symbol),
            position_side,
            close_position: true,
        });
    }
    Ok(orders)
}

fn children<'a>(fields: &Fields<'a>) -> Result<&'a [Json], Refusal> {
    match fields.source.params.structure("childOrders") {
        Some(Json::List(children)) => Ok(children),
        _ => Err(missing("childOrders", "is needed")),
    }
}

/// An attached order, whose names are in a closed list too.
struct Child<'a> {
    object: &'a Object,
}

impl<'a> Child<'a> {
    fn of(json: &'a Json, symbol: &str) -> Result<Self, Refusal> {
        let Json::Object(object) = json else {
            return Err(missing("childOrders", "holds something else than orders"));
        };
        for (name, value) in object.iter() {
            let form = match name {
                "algoType" | "type" | "side" => Form::Text,
                "symbol" => Form::Symbol,
                "triggerPrice" | "price" => Form::Amount,
                "reduceOnly" => Form::Boolean,
                "childOrders" => continue,
                _ => {
                    return Err(Refusal::of(
                        RefusalCode::Unlisted,
                        &format!("childOrders.{name}"),
                        "is not in the list for an attached order; leave it out",
                    )
                    .not_served());
                }
            };
            form::check_value(name, form, value)?;
        }
        if object.get("symbol").and_then(Json::scalar).is_some_and(|own| own != symbol) {
            return Err(Refusal::of(
                RefusalCode::Duplicate,
                "symbol",
                "of an attached order is another market",
            ));
        }
        Ok(Self { object })
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.object.get(name).and_then(Json::scalar)
    }

    fn is_true(&self, name: &str) -> bool {
        is_true(self.text(name))
    }

    fn side(&self) -> Result<Side, Refusal> {
        side(self.text("side").unwrap_or_default())
    }

    fn amount(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        self.text(name).map(|value| form::amount(name, value)).transpose()
    }

    fn trigger(&self) -> Result<Decimal, Refusal> {
        self.amount("triggerPrice")?
            .ok_or_else(|| missing("triggerPrice", "is needed in each attached order"))
    }
}

/// Parts that this shape has not: the venue might not read them.
fn absent(fields: &Fields<'_>, names: &[&str]) -> Result<(), Refusal> {
    match names.iter().find(|name| fields.has(name)) {
        Some(name) => {
            Err(missing(name, "does not belong to an algo order of this type; leave it out"))
        }
        None => Ok(()),
    }
}

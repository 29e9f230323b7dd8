//! One order: as a request of its own, as a replacement, as a leg.

use super::{Fields, missing};
use crate::limits;
use crate::model::{Contingency, Order, OrderGroup, OrderKind, Side, TimeInForce};
use crate::venue::binance::{Refusal, RefusalCode};

/// A single order as a group.
pub(super) fn single(fields: &Fields<'_>, test: bool) -> Result<OrderGroup, Refusal> {
    Ok(OrderGroup {
        orders: vec![of(fields)?],
        contingency: Contingency::Single,
        list_client_order_id: None,
        test,
    })
}

/// The order that the unprefixed names describe.
pub(super) fn of(fields: &Fields<'_>) -> Result<Order, Refusal> {
    let order = Order {
        symbol: fields.market()?,
        side: side(fields, "side")?,
        kind: kind(fields, "type")?,
        quantity: fields.amount("quantity")?,
        quote_quantity: fields.amount("quoteOrderQty")?,
        price: fields.amount("price")?,
        stop_price: fields.amount("stopPrice")?,
        trailing_delta_bps: trailing(fields, "trailingDelta")?,
        iceberg_quantity: fields.amount("icebergQty")?,
        time_in_force: time_in_force(fields, "timeInForce")?,
        client_order_id: fields.text("newClientOrderId"),
        reduce_only: false,
        position_side: None,
        close_position: false,
    };
    check_parts(
        &order,
        &Names {
            price: "price",
            stop_price: "stopPrice",
            trailing: "trailingDelta",
            time_in_force: "timeInForce",
        },
    )?;
    check_quantity(&order)?;
    Ok(order)
}

/// The names by which a leg's parts go.
pub(super) struct Names<'n> {
    pub(super) price: &'n str,
    pub(super) stop_price: &'n str,
    pub(super) trailing: &'n str,
    pub(super) time_in_force: &'n str,
}

/// Exactly one quantity; a quote quantity only on a market order.
fn check_quantity(order: &Order) -> Result<(), Refusal> {
    match (order.quantity, order.quote_quantity) {
        (None, None) => Err(missing(
            "quantity",
            "is needed (a MARKET order may have `quoteOrderQty` in its place)",
        )),
        (Some(_), Some(_)) => Err(Refusal::of(
            RefusalCode::Duplicate,
            "quoteOrderQty",
            "was sent beside `quantity`; send one of them",
        )),
        (None, Some(_)) if order.kind != OrderKind::Market => Err(Refusal::of(
            RefusalCode::Malformed,
            "quoteOrderQty",
            "is for MARKET orders only; send `quantity`",
        )),
        _ => Ok(()),
    }
}

/// What each type needs, and what it cannot have: a part that the venue would
/// not read must not be part of a judgement.
pub(super) fn check_parts(order: &Order, names: &Names<'_>) -> Result<(), Refusal> {
    use OrderKind::{
        Limit, LimitMaker, Market, StopLoss, StopLossLimit, TakeProfit, TakeProfitLimit,
    };
    let priced = matches!(order.kind, Limit | LimitMaker | StopLossLimit | TakeProfitLimit);
    let triggered = matches!(order.kind, StopLoss | StopLossLimit | TakeProfit | TakeProfitLimit);
    if priced && order.price.is_none() {
        return Err(needs(names.price, order.kind));
    }
    if !priced && order.price.is_some() {
        return Err(not_for(names.price, order.kind));
    }
    if triggered && order.stop_price.is_none() && order.trailing_delta_bps.is_none() {
        return Err(needs(names.stop_price, order.kind));
    }
    if !triggered && order.stop_price.is_some() {
        return Err(not_for(names.stop_price, order.kind));
    }
    if !triggered && order.trailing_delta_bps.is_some() {
        return Err(not_for(names.trailing, order.kind));
    }
    // The signed text could be cut inside `LIMIT_MAKER`: a LIMIT order, which may
    // take, needs a time in force, so a maker order never carries one.
    if order.time_in_force.is_some() && (!priced || order.kind == LimitMaker) {
        return Err(not_for(names.time_in_force, order.kind));
    }
    if order.iceberg_quantity.is_some() && matches!(order.kind, Market | StopLoss | TakeProfit) {
        return Err(not_for("icebergQty", order.kind));
    }
    Ok(())
}

fn needs(name: &str, kind: OrderKind) -> Refusal {
    missing(name, &format!("is needed for a {} order", kind.name()))
}

fn not_for(name: &str, kind: OrderKind) -> Refusal {
    kept_apart(name, kind.name())
}

/// A part that a type does not have.
pub(super) fn kept_apart(name: &str, kind: &str) -> Refusal {
    Refusal::of(
        RefusalCode::Malformed,
        name,
        format!("does not belong to a {kind} order; leave it out"),
    )
}

pub(super) fn side(fields: &Fields<'_>, name: &str) -> Result<Side, Refusal> {
    match fields.needed(name)? {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(missing(name, "is neither BUY nor SELL")),
    }
}

pub(super) fn kind(fields: &Fields<'_>, name: &str) -> Result<OrderKind, Refusal> {
    OrderKind::from_name(fields.needed(name)?)
        .ok_or_else(|| missing(name, "is no order type of spot"))
}

pub(super) fn time_in_force(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<TimeInForce>, Refusal> {
    Ok(match fields.get(name) {
        None => None,
        Some("GTC") => Some(TimeInForce::GoodTillCancel),
        Some("IOC") => Some(TimeInForce::ImmediateOrCancel),
        Some("FOK") => Some(TimeInForce::FillOrKill),
        Some(_) => return Err(missing(name, "is none of GTC, IOC, FOK")),
    })
}

/// A trailing distance in bps.
pub(super) fn trailing(fields: &Fields<'_>, name: &str) -> Result<Option<u32>, Refusal> {
    fields
        .integer(name)?
        .map(|value| {
            u32::try_from(value)
                .ok()
                .filter(|bps| (1..=limits::TRAILING_DELTA_BPS).contains(bps))
                .ok_or_else(|| missing(name, "is no distance in basis points"))
        })
        .transpose()
}

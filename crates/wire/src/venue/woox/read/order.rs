//! One ordinary order, in either version's names.

use super::form::is_perpetual;
use super::{Fields, missing};
use crate::model::{Contingency, Order, OrderGroup, OrderKind, PositionSide, Side, TimeInForce};
use crate::venue::woox::{Refusal, RefusalCode, Scheme};

/// The names by which an order's parts go.
struct Names {
    kind: &'static str,
    price: &'static str,
    quantity: &'static str,
    amount: &'static str,
    visible: &'static str,
    reduce_only: &'static str,
    position: &'static str,
    margin: &'static str,
    id: &'static str,
}

const V1: Names = Names {
    kind: "order_type",
    price: "order_price",
    quantity: "order_quantity",
    amount: "order_amount",
    visible: "visible_quantity",
    reduce_only: "reduce_only",
    position: "position_side",
    margin: "margin_mode",
    id: "client_order_id",
};

const V3: Names = Names {
    kind: "type",
    price: "price",
    quantity: "quantity",
    amount: "amount",
    visible: "visibleQuantity",
    reduce_only: "reduceOnly",
    position: "positionSide",
    margin: "marginMode",
    id: "clientOrderId",
};

/// A single order as a group.
pub(super) fn single(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let names = match fields.scheme() {
        Scheme::V3 => &V3,
        Scheme::V1 | Scheme::Stream => &V1,
    };
    let (kind, time_in_force) = kind(fields.needed(names.kind)?)
        .ok_or_else(|| missing(names.kind, "is no order type that is let through"))?;
    let order = Order {
        symbol: fields.needed_text("symbol")?,
        side: side(fields.needed("side")?)?,
        kind,
        quantity: fields.amount(names.quantity)?,
        quote_quantity: fields.amount(names.amount)?,
        price: fields.amount(names.price)?,
        stop_price: None,
        trailing_delta_bps: None,
        iceberg_quantity: fields.amount_or_zero(names.visible)?,
        time_in_force,
        client_order_id: fields.text(names.id),
        reduce_only: is_true(fields.get(names.reduce_only)),
        position_side: position(fields.get(names.position)),
        close_position: false,
    };
    check_parts(&order, names)?;
    check_quantity(&order, names)?;
    check_perpetual(&order, names.reduce_only, names.position)?;
    check_margin(&order.symbol, fields.get(names.margin), names.margin)?;
    Ok(OrderGroup {
        orders: vec![order],
        contingency: Contingency::Single,
        list_client_order_id: None,
        test: false,
    })
}

/// The kinds of the venue: IOC and FOK are limit orders that do not rest,
/// POST_ONLY is one that never takes.
fn kind(word: &str) -> Option<(OrderKind, Option<TimeInForce>)> {
    Some(match word {
        "LIMIT" => (OrderKind::Limit, None),
        "MARKET" => (OrderKind::Market, None),
        "IOC" => (OrderKind::Limit, Some(TimeInForce::ImmediateOrCancel)),
        "FOK" => (OrderKind::Limit, Some(TimeInForce::FillOrKill)),
        "POST_ONLY" => (OrderKind::LimitMaker, None),
        "ASK" => (OrderKind::Ask, None),
        "BID" => (OrderKind::Bid, None),
        _ => return None,
    })
}

pub(super) fn side(word: &str) -> Result<Side, Refusal> {
    match word {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(missing("side", "is neither BUY nor SELL")),
    }
}

pub(super) fn is_true(word: Option<&str>) -> bool {
    word == Some("true")
}

pub(super) fn position(word: Option<&str>) -> Option<PositionSide> {
    match word? {
        "BOTH" => Some(PositionSide::Both),
        "LONG" => Some(PositionSide::Long),
        "SHORT" => Some(PositionSide::Short),
        _ => None,
    }
}

/// What each type needs, and what it cannot have: the venue ignores a price
/// where none belongs, and a part that it would not read must not be part of a
/// judgement.
fn check_parts(order: &Order, names: &Names) -> Result<(), Refusal> {
    let priced = matches!(order.kind, OrderKind::Limit | OrderKind::LimitMaker);
    let rests = order.time_in_force.is_none() && order.kind != OrderKind::Market;
    if priced && order.price.is_none() {
        return Err(missing(names.price, &format!("is needed for a {} order", order.kind.name())));
    }
    if !priced && order.price.is_some() {
        return Err(not_for(names.price, order.kind));
    }
    if !rests && order.iceberg_quantity.is_some() {
        return Err(Refusal::of(
            RefusalCode::Malformed,
            names.visible,
            "does not belong to an order that never rests; leave it out",
        ));
    }
    if order.iceberg_quantity > order.quantity && order.quantity.is_some() {
        return Err(missing(names.visible, "is above the quantity"));
    }
    Ok(())
}

/// Exactly one quantity; one in quote only where the venue takes it.
fn check_quantity(order: &Order, names: &Names) -> Result<(), Refusal> {
    match (order.quantity, order.quote_quantity) {
        (None, None) => Err(missing(
            names.quantity,
            &format!("is needed (a MARKET, ASK or BID order may have `{}`)", names.amount),
        )),
        (Some(_), Some(_)) => Err(Refusal::of(
            RefusalCode::Duplicate,
            names.amount,
            format!("was sent beside `{}`; send one of them", names.quantity),
        )),
        (None, Some(_)) if !order.kind.takes_any_price() => Err(not_for(names.amount, order.kind)),
        _ => Ok(()),
    }
}

/// The venue applies these to perpetual contracts only: elsewhere they would be
/// a promise that nobody keeps.
pub(super) fn check_perpetual(
    order: &Order,
    reduce_only: &str,
    position: &str,
) -> Result<(), Refusal> {
    if is_perpetual(&order.symbol) {
        return Ok(());
    }
    let name = match (order.reduce_only, order.position_side) {
        (true, _) => reduce_only,
        (false, Some(_)) => position,
        (false, None) => return Ok(()),
    };
    Err(Refusal::of(
        RefusalCode::Malformed,
        name,
        "belongs to perpetual contracts; the venue would not apply it here: leave it out",
    ))
}

/// The margin mode says which collateral stands behind a position, not how
/// large it is; the venue has it for perpetual contracts.
pub(super) fn check_margin(symbol: &str, mode: Option<&str>, name: &str) -> Result<(), Refusal> {
    if mode == Some("ISOLATED") && !is_perpetual(symbol) {
        return Err(missing(name, "ISOLATED belongs to perpetual contracts; leave it out"));
    }
    Ok(())
}

fn not_for(name: &str, kind: OrderKind) -> Refusal {
    Refusal::of(
        RefusalCode::Malformed,
        name,
        format!("does not belong to a {} order; leave it out", kind.name()),
    )
}

//! Order lists: which legs, with which quantity.

use super::order::{Names, check_parts, kind, side, time_in_force, trailing};
use super::{Fields, missing};
use crate::model::{Contingency, Decimal, Order, OrderGroup, OrderKind, Side};
use crate::venue::binance::{Refusal, RefusalCode};

/// The legacy pair: a maker at `price` and a stop at `stopPrice`, both with the
/// one `quantity`.
pub(super) fn legacy_oco(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let symbol = fields.market()?;
    let side = side(fields, "side")?;
    let quantity = Some(fields.needed_amount("quantity")?);
    let limit_price = fields.amount("stopLimitPrice")?;
    let lasting = time_in_force(fields, "stopLimitTimeInForce")?;
    if limit_price.is_some() && lasting.is_none() {
        return Err(missing("stopLimitTimeInForce", "is needed beside `stopLimitPrice`"));
    }
    let maker = Order {
        symbol: symbol.clone(),
        side,
        kind: OrderKind::LimitMaker,
        quantity,
        quote_quantity: None,
        price: Some(fields.needed_amount("price")?),
        stop_price: None,
        trailing_delta_bps: None,
        iceberg_quantity: fields.amount("limitIcebergQty")?,
        time_in_force: None,
        client_order_id: fields.text("limitClientOrderId"),
        reduce_only: false,
        position_side: None,
        close_position: false,
    };
    let stop = Order {
        symbol,
        side,
        kind: if limit_price.is_some() { OrderKind::StopLossLimit } else { OrderKind::StopLoss },
        quantity,
        quote_quantity: None,
        price: limit_price,
        stop_price: Some(fields.needed_amount("stopPrice")?),
        trailing_delta_bps: trailing(fields, "trailingDelta")?,
        iceberg_quantity: fields.amount("stopIcebergQty")?,
        time_in_force: lasting,
        client_order_id: fields.text("stopClientOrderId"),
        reduce_only: false,
        position_side: None,
        close_position: false,
    };
    group(fields, vec![maker, stop], Contingency::OneCancelsOther)
}

/// Above and below, both with the one `quantity`.
pub(super) fn oco(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let side = side(fields, "side")?;
    let quantity = fields.needed_amount("quantity")?;
    let legs = vec![leg(fields, "above", side, quantity)?, leg(fields, "below", side, quantity)?];
    group(fields, legs, Contingency::OneCancelsOther)
}

/// A working order, and one that goes live when it is filled.
pub(super) fn oto(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let legs = vec![
        working(fields)?,
        leg(
            fields,
            "pending",
            side(fields, "pendingSide")?,
            fields.needed_amount("pendingQuantity")?,
        )?,
    ];
    group(fields, legs, Contingency::OneTriggersOther)
}

/// A working order, and a pair that goes live when it is filled. Without
/// `pendingBelowType` the venue places the above leg alone.
pub(super) fn otoco(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    let pending = side(fields, "pendingSide")?;
    let quantity = fields.needed_amount("pendingQuantity")?;
    let mut legs = vec![working(fields)?, leg(fields, "pendingAbove", pending, quantity)?];
    if fields.has("pendingBelowType") {
        legs.push(leg(fields, "pendingBelow", pending, quantity)?);
    } else if let Some((name, _)) =
        fields.params.iter().find(|(name, _)| name.starts_with("pendingBelow"))
    {
        return Err(missing("pendingBelowType", &format!("is needed beside `{name}`")));
    }
    group(fields, legs, Contingency::OneTriggersOneCancelsOther)
}

fn working(fields: &Fields<'_>) -> Result<Order, Refusal> {
    let quantity = fields.needed_amount("workingQuantity")?;
    leg(fields, "working", side(fields, "workingSide")?, quantity)
}

/// The leg whose parameters carry this prefix.
fn leg(fields: &Fields<'_>, prefix: &str, side: Side, quantity: Decimal) -> Result<Order, Refusal> {
    let name = |part: &str| format!("{prefix}{part}");
    let (price, stop_price) = (name("Price"), name("StopPrice"));
    let (trailing_delta, lasting) = (name("TrailingDelta"), name("TimeInForce"));
    let order = Order {
        symbol: fields.market()?,
        side,
        kind: kind(fields, &name("Type"))?,
        quantity: Some(quantity),
        quote_quantity: None,
        price: fields.amount(&price)?,
        stop_price: fields.amount(&stop_price)?,
        trailing_delta_bps: trailing(fields, &trailing_delta)?,
        iceberg_quantity: fields.amount(&name("IcebergQty"))?,
        time_in_force: time_in_force(fields, &lasting)?,
        client_order_id: fields.text(&name("ClientOrderId")),
        reduce_only: false,
        position_side: None,
        close_position: false,
    };
    check_parts(
        &order,
        &Names {
            price: &price,
            stop_price: &stop_price,
            trailing: &trailing_delta,
            time_in_force: &lasting,
        },
    )?;
    Ok(order)
}

fn group(
    fields: &Fields<'_>,
    orders: Vec<Order>,
    contingency: Contingency,
) -> Result<OrderGroup, Refusal> {
    let mut ids: Vec<&str> =
        orders.iter().filter_map(|order| order.client_order_id.as_deref()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Refusal::new(
            RefusalCode::Duplicate,
            "two legs have the same client order id; give each its own",
        ));
    }
    Ok(OrderGroup {
        orders,
        contingency,
        list_client_order_id: fields.text("listClientOrderId"),
        test: false,
    })
}

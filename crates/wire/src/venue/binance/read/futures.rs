//! Orders for USD-M futures: one as a request of its own, or one of a batch.
//!
//! What each type needs is the vendor's own table (see `listed/futures.rs`). A
//! part that the venue would not read must not be part of a judgement, so that
//! it is refused.

use super::order::{kept_apart, side};
use super::{Fields, missing};
use crate::limits;
use crate::model::{
    Contingency, Decimal, Modification, Operation, Order, OrderGroup, OrderKind, PositionSide,
    TimeInForce,
};
use crate::venue::binance::{Refusal, RefusalCode};

/// The names of the parts whose spelling differs between the two endpoints.
struct Names {
    id: &'static str,
    trigger: &'static str,
    activation: &'static str,
}

const PLAIN: Names =
    Names { id: "newClientOrderId", trigger: "stopPrice", activation: "activationPrice" };
const CONDITIONAL: Names =
    Names { id: "clientAlgoId", trigger: "triggerPrice", activation: "activatePrice" };

pub(super) fn single(fields: &Fields<'_>, test: bool) -> Result<OrderGroup, Refusal> {
    Ok(alone(order(fields, &PLAIN)?, test))
}

pub(super) fn conditional(fields: &Fields<'_>) -> Result<OrderGroup, Refusal> {
    Ok(alone(order(fields, &CONDITIONAL)?, false))
}

/// One element of a batch.
pub(super) fn of_batch(fields: &Fields<'_>) -> Result<Order, Refusal> {
    order(fields, &PLAIN)
}

fn alone(order: Order, test: bool) -> OrderGroup {
    OrderGroup {
        orders: vec![order],
        contingency: Contingency::Single,
        list_client_order_id: None,
        test,
    }
}

/// What a type is, and which parts it has.
struct Type {
    name: &'static str,
    kind: OrderKind,
    priced: bool,
    triggered: bool,
    trailing: bool,
}

const TYPES: [Type; 7] = [
    Type::of("LIMIT", OrderKind::Limit, true, false),
    Type::of("MARKET", OrderKind::Market, false, false),
    Type::of("STOP", OrderKind::StopLossLimit, true, true),
    Type::of("STOP_MARKET", OrderKind::StopLoss, false, true),
    Type::of("TAKE_PROFIT", OrderKind::TakeProfitLimit, true, true),
    Type::of("TAKE_PROFIT_MARKET", OrderKind::TakeProfit, false, true),
    Type { trailing: true, ..Type::of("TRAILING_STOP_MARKET", OrderKind::StopLoss, false, false) },
];

impl Type {
    const fn of(name: &'static str, kind: OrderKind, priced: bool, triggered: bool) -> Self {
        Self { name, kind, priced, triggered, trailing: false }
    }
}

fn order(fields: &Fields<'_>, names: &Names) -> Result<Order, Refusal> {
    let wanted = fields.needed("type")?;
    let kind = TYPES
        .iter()
        .find(|kind| kind.name == wanted)
        .ok_or_else(|| missing("type", "is no order type of futures"))?;
    let lasting = time_in_force(fields, kind)?;
    let post_only = lasting == Some(TimeInForce::PostOnly) && kind.kind == OrderKind::Limit;
    let close_position = flag(fields, "closePosition");
    let reduce_only = flag(fields, "reduceOnly");
    let trailing = trailing(fields, kind)?;
    let trigger = part(fields, names.trigger, kind.triggered, true, kind.name)?;
    let activation = part(fields, names.activation, kind.trailing, false, kind.name)?;
    let order = Order {
        symbol: fields.market()?,
        side: side(fields, "side")?,
        kind: if post_only { OrderKind::LimitMaker } else { kind.kind },
        quantity: fields.amount("quantity")?,
        quote_quantity: None,
        price: part(fields, "price", kind.priced, true, kind.name)?,
        stop_price: trigger.or(activation),
        trailing_delta_bps: trailing,
        iceberg_quantity: None,
        time_in_force: lasting,
        client_order_id: fields.text(names.id),
        reduce_only,
        close_position,
        position_side: position_side(fields)?,
    };
    check_size(fields, &order, kind)?;
    Ok(order)
}

/// A quantity, or the whole position; in hedge mode the side alone says which
/// orders reduce.
fn check_size(fields: &Fields<'_>, order: &Order, kind: &Type) -> Result<(), Refusal> {
    let misplaced =
        |name: &str, why: &str| Err(Refusal::of(RefusalCode::Malformed, name, why.to_owned()));
    if order.close_position {
        if !matches!(kind.name, "STOP_MARKET" | "TAKE_PROFIT_MARKET") {
            return misplaced("closePosition", "is for STOP_MARKET and TAKE_PROFIT_MARKET only");
        }
        if order.quantity.is_some() || fields.has("reduceOnly") {
            return misplaced(
                "closePosition",
                "stands alone: the venue takes neither `quantity` nor `reduceOnly` beside it",
            );
        }
        // In hedge mode it must be the side that closes.
        let hedged = matches!(order.position_side, Some(PositionSide::Long | PositionSide::Short));
        let closes = Order { close_position: false, ..order.clone() }.is_reducing();
        if hedged && !closes {
            return misplaced("positionSide", "is not closed by an order of this side");
        }
        return Ok(());
    }
    if order.quantity.is_none() {
        return Err(missing("quantity", "is needed"));
    }
    if fields.has("reduceOnly")
        && matches!(order.position_side, Some(PositionSide::Long | PositionSide::Short))
    {
        return misplaced("reduceOnly", "is not taken in hedge mode: leave it out");
    }
    Ok(())
}

/// A part that a type needs, may have, or cannot have.
fn part(
    fields: &Fields<'_>,
    name: &str,
    belongs: bool,
    needed: bool,
    kind: &str,
) -> Result<Option<Decimal>, Refusal> {
    let found = fields.amount(name)?;
    match (found.is_some(), belongs) {
        (true, false) => Err(kept_apart(name, kind)),
        (false, true) if needed => Err(missing(name, &format!("is needed for a {kind} order"))),
        _ => Ok(found),
    }
}

/// `callbackRate` is in per cent (`1` is 1 %): kept in whole basis points.
fn trailing(fields: &Fields<'_>, kind: &Type) -> Result<Option<u32>, Refusal> {
    const NAME: &str = "callbackRate";
    let Some(rate) = part(fields, NAME, kind.trailing, true, kind.name)? else {
        return Ok(None);
    };
    let bps = rate.checked_mul(Decimal::ONE_HUNDRED).map(|bps| bps.normalize());
    bps.filter(|bps| bps.scale() == 0)
        .and_then(|bps| u32::try_from(bps).ok())
        .filter(|bps| (1..=limits::TRAILING_DELTA_BPS).contains(bps))
        .map(Some)
        .ok_or_else(|| missing(NAME, "is no distance in hundredths of a per cent"))
}

fn time_in_force(fields: &Fields<'_>, kind: &Type) -> Result<Option<TimeInForce>, Refusal> {
    const NAME: &str = "timeInForce";
    let lasting = match fields.get(NAME) {
        None => None,
        Some("GTC") => Some(TimeInForce::GoodTillCancel),
        Some("IOC") => Some(TimeInForce::ImmediateOrCancel),
        Some("FOK") => Some(TimeInForce::FillOrKill),
        Some("GTX") => Some(TimeInForce::PostOnly),
        Some("GTD") => Some(TimeInForce::GoodTillDate),
        Some(_) => return Err(missing(NAME, "is none of GTC, IOC, FOK, GTX, GTD")),
    };
    if lasting.is_none() && kind.kind == OrderKind::Limit {
        return Err(missing(NAME, "is needed for a LIMIT order"));
    }
    // The vendor's library sends it with every order; without a price it says
    // nothing, and python clients send GTC with a stop.
    if matches!(lasting, Some(TimeInForce::PostOnly | TimeInForce::GoodTillDate)) && !kind.priced {
        return Err(kept_apart(NAME, kind.name));
    }
    if (lasting == Some(TimeInForce::GoodTillDate)) != fields.has("goodTillDate") {
        return Err(missing("goodTillDate", "belongs to `timeInForce=GTD`, and GTD needs it"));
    }
    Ok(lasting)
}

fn flag(fields: &Fields<'_>, name: &str) -> bool {
    matches!(fields.get(name), Some("true" | "TRUE"))
}

fn position_side(fields: &Fields<'_>) -> Result<Option<PositionSide>, Refusal> {
    Ok(match fields.get("positionSide") {
        None => None,
        Some("BOTH") => Some(PositionSide::Both),
        Some("LONG") => Some(PositionSide::Long),
        Some("SHORT") => Some(PositionSide::Short),
        Some(_) => return Err(missing("positionSide", "is none of BOTH, LONG, SHORT")),
    })
}

/// New price and quantity for one order.
///
/// The side, which the venue asks for again, is the order's own: held to its
/// form, and not part of the change.
pub(super) fn amendment(fields: &Fields<'_>) -> Result<Modification, Refusal> {
    Ok(Modification {
        order: fields.reference("orderId", "origClientOrderId")?,
        new_quantity: Some(fields.needed_amount("quantity")?),
        new_price: Some(fields.needed_amount("price")?),
        new_stop_price: None,
        new_trailing_delta_bps: None,
    })
}

/// The market is named by some clients; the venue goes by the id alone.
pub(super) fn cancel_conditional(fields: &Fields<'_>) -> Result<Operation, Refusal> {
    let order_id = fields.integer("algoId")?;
    let client_order_id = fields.text("clientAlgoId");
    match (&order_id, &client_order_id) {
        (None, None) => Err(missing("algoId", "or `clientAlgoId` is needed")),
        (Some(_), Some(_)) => Err(Refusal::of(
            RefusalCode::Duplicate,
            "clientAlgoId",
            "names an order beside `algoId`; send one of them",
        )),
        _ => Ok(Operation::CancelConditional {
            product: fields.product,
            symbol: fields.get("symbol").map(|symbol| fields.product.market(symbol)),
            order_id,
            client_order_id,
        }),
    }
}

pub(super) fn leverage(fields: &Fields<'_>) -> Result<Operation, Refusal> {
    let leverage = fields.integer("leverage")?.and_then(|value| u32::try_from(value).ok());
    let leverage = leverage
        .filter(|leverage| (1..=limits::LEVERAGE).contains(leverage))
        .ok_or_else(|| missing("leverage", "is no leverage"))?;
    Ok(Operation::SetLeverage { symbol: fields.market()?, leverage })
}

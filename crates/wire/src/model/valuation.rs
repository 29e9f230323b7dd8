//! What orders are worth: the one place where quantity, price and reference
//! meet.
//!
//! * A quantity without a price (market, stop without limit, trailing) is
//!   valued at reference × (1 + collar): the most that may be paid.
//! * A quote quantity counts as it is; its base quantity is at most
//!   quote ÷ (reference × (1 − collar)).
//! * A limit buy is valued at its price; a limit sell at its price or the
//!   reference, whichever is larger, since it fills at what the book pays.
//! * A stop is valued by its trigger and its limit, whichever is larger; without
//!   a limit its trigger is widened by the collar.
//! * A trailing order is valued like a market order by the reference.
//! * One-cancels-other counts its larger leg; one-triggers-other the sum of
//!   what can be live together: the working order and the larger pending leg.
//!
//! Everything is checked decimal arithmetic: an overflow or a missing price is
//! an error, and an error is a deny.

use super::{Contingency, Decimal, Order, OrderGroup, OrderKind, Side};

/// Hundredths of a per cent in one.
const BPS: u32 = 10_000;

/// The price that orders are measured against, and how far from it they may
/// be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collar {
    /// Quote per base; above zero.
    pub reference: Decimal,
    /// Width on either side, bps; below 10000.
    pub width_bps: u32,
}

/// Why a value cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValuationError {
    /// The order needs a reference price and there is none.
    NoReference,
    /// The numbers are too large to be kept exactly, or the collar is no
    /// collar.
    Overflow,
    /// The order has no quantity.
    NoQuantity,
}

impl std::fmt::Display for ValuationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoReference => "no fresh reference price to value the order with",
            Self::Overflow => "the order is too large to be valued exactly",
            Self::NoQuantity => "the order has no quantity",
        })
    }
}

impl std::error::Error for ValuationError {}

impl Collar {
    /// The highest price inside.
    pub fn above(&self) -> Result<Decimal, ValuationError> {
        widen(self.reference, self.width_bps, true)
    }

    /// The lowest price inside.
    pub fn below(&self) -> Result<Decimal, ValuationError> {
        widen(self.reference, self.width_bps, false)
    }
}

fn widen(price: Decimal, bps: u32, up: bool) -> Result<Decimal, ValuationError> {
    let factor =
        if up { BPS.checked_add(bps) } else { BPS.checked_sub(bps).filter(|factor| *factor > 0) };
    factor
        .and_then(|factor| price.checked_mul(Decimal::from(factor)))
        .and_then(|scaled| scaled.checked_div(Decimal::from(BPS)))
        .ok_or(ValuationError::Overflow)
}

/// What one order counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderValue {
    /// The base quantity at most, asset units.
    pub base: Decimal,
    /// The quote notional at most, asset units.
    pub notional: Decimal,
}

/// What the orders of one request count for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupValue {
    /// The quote notional that can be live together, asset units.
    pub notional: Decimal,
    /// Base that can be bought at most, asset units.
    pub bought: Decimal,
    /// Base that can be sold at most, asset units.
    pub sold: Decimal,
    /// Each leg, in the order of the request.
    pub legs: Vec<OrderValue>,
}

/// Values one order. `collar` is `None` where there is no fresh price: then
/// only an order whose own prices suffice has a value.
///
/// # Errors
/// A missing reference, an overflow, an order without quantity.
pub fn order_value(order: &Order, collar: Option<&Collar>) -> Result<OrderValue, ValuationError> {
    if let Some(quote) = order.quote_quantity {
        let collar = collar.ok_or(ValuationError::NoReference)?;
        let base = quote.checked_div(collar.below()?).ok_or(ValuationError::Overflow)?;
        return Ok(OrderValue { base, notional: quote });
    }
    let base = order.quantity.ok_or(ValuationError::NoQuantity)?;
    let notional =
        base.checked_mul(price_at_most(order, collar)?).ok_or(ValuationError::Overflow)?;
    Ok(OrderValue { base, notional })
}

/// The price at which an order is valued.
fn price_at_most(order: &Order, collar: Option<&Collar>) -> Result<Decimal, ValuationError> {
    let widened_reference = || collar.ok_or(ValuationError::NoReference)?.above();
    let own = match (order.price, order.stop_price) {
        (Some(price), Some(trigger)) => Some(price.max(trigger)),
        (Some(price), None) => Some(price),
        (None, Some(trigger)) => {
            let bps = collar.ok_or(ValuationError::NoReference)?.width_bps;
            Some(widen(trigger, bps, true)?)
        }
        (None, None) => None,
    };
    match own {
        Some(own) if order.trailing_delta_bps.is_some() => Ok(own.max(widened_reference()?)),
        Some(own) if order.side == Side::Sell => {
            Ok(collar.map_or(own, |collar| own.max(collar.reference)))
        }
        Some(own) => Ok(own),
        None => widened_reference(),
    }
}

/// Values the orders of one request.
///
/// # Errors
/// As [`order_value`].
pub fn group_value(
    group: &OrderGroup,
    collar: Option<&Collar>,
) -> Result<GroupValue, ValuationError> {
    let legs = group
        .orders
        .iter()
        .map(|order| order_value(order, collar))
        .collect::<Result<Vec<_>, _>>()?;
    let sized = || group.orders.iter().zip(&legs);
    let of_side = |side: Side| {
        combine(
            group.contingency,
            sized().map(
                |(order, value)| {
                    if order.side == side { value.base } else { Decimal::ZERO }
                },
            ),
        )
    };
    Ok(GroupValue {
        notional: combine(group.contingency, legs.iter().map(|value| value.notional))?,
        bought: of_side(Side::Buy)?,
        sold: of_side(Side::Sell)?,
        legs,
    })
}

/// What of these can be live together.
fn combine(
    contingency: Contingency,
    mut values: impl Iterator<Item = Decimal>,
) -> Result<Decimal, ValuationError> {
    let mut first = Decimal::ZERO;
    let rest_is_pair = match contingency {
        Contingency::OneCancelsOther => true,
        Contingency::OneTriggersOneCancelsOther => {
            first = values.next().unwrap_or_default();
            true
        }
        Contingency::Single | Contingency::OneTriggersOther | Contingency::Batch => false,
    };
    let rest = if rest_is_pair {
        values.max().unwrap_or_default()
    } else {
        values.try_fold(Decimal::ZERO, Decimal::checked_add).ok_or(ValuationError::Overflow)?
    };
    first.checked_add(rest).ok_or(ValuationError::Overflow)
}

/// A price on the wrong side of the collar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollarBreach {
    /// The order's price, quote per base.
    pub price: Decimal,
    /// The last price that would pass, quote per base.
    pub bound: Decimal,
}

/// Whether the order could trade at a worse price than the collar allows: a buy
/// above it, a sell below it. An order on the other side rests far from the
/// market and harms nobody.
///
/// A limit behind a trigger is measured against the price at which it goes
/// live: the trigger, and for a take-profit the reference where that is
/// stricter (a take-profit on the wrong side of the market goes live at once).
/// An order without a limit ([`OrderKind::takes_any_price`]) has no price to
/// test and gives `None`: whether such orders may pass is the caller's rule.
///
/// # Errors
/// [`ValuationError::Overflow`].
pub fn collar_breach(
    order: &Order,
    collar: &Collar,
) -> Result<Option<CollarBreach>, ValuationError> {
    let Some(price) = order.price else {
        return Ok(None);
    };
    let live_at = live_at(order, collar.reference);
    let buys = order.side == Side::Buy;
    let bound = widen(live_at, collar.width_bps, buys)?;
    let outside = if buys { price > bound } else { price < bound };
    Ok(outside.then_some(CollarBreach { price, bound }))
}

/// The market price when the order goes live, the stricter one where it could
/// be two.
fn live_at(order: &Order, reference: Decimal) -> Decimal {
    let stricter = |a: Decimal, b: Decimal| match order.side {
        Side::Buy => a.min(b),
        Side::Sell => a.max(b),
    };
    match (order.kind, order.stop_price) {
        (_, Some(trigger)) if order.trailing_delta_bps.is_some() => stricter(trigger, reference),
        (OrderKind::StopLossLimit | OrderKind::StopLoss, Some(trigger)) => trigger,
        (_, Some(trigger)) => stricter(trigger, reference),
        (_, None) => reference,
    }
}

#[cfg(test)]
mod tests;

//! What the orders of a request are worth, and how far beyond the reference
//! price they reach.

use wire::model::{Contingency, Decimal, Order, OrderKind, Side};

use crate::facts::Reference;
use crate::money;

/// The prices that a valuation may use; none where none is fresh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    pub(crate) reference: Option<Reference>,
    pub(crate) collar_bps: u32,
    /// USD for one unit of the quote asset.
    pub(crate) usd_per_quote: Option<Decimal>,
}

/// What the orders of one request count as, micro-USD; none where a price is
/// missing or a number does not fit.
///
/// One-cancels-other counts its larger leg, the others the sum of what can be
/// live together: the pending pair of a one-triggers-one-cancels-other counts
/// its larger leg beside the working order.
pub(crate) fn micro_usd(
    orders: &[Order],
    contingency: Contingency,
    prices: &Prices,
) -> Option<u64> {
    let usd = prices.usd_per_quote?;
    let mut total = Decimal::ZERO;
    let mut larger = Decimal::ZERO;
    for (index, order) in orders.iter().enumerate() {
        let quote = quote_value(order, prices)?;
        let alternative = match contingency {
            Contingency::Single | Contingency::OneTriggersOther => false,
            Contingency::OneCancelsOther => true,
            Contingency::OneTriggersOneCancelsOther => index > 0,
        };
        if alternative {
            larger = larger.max(quote);
        } else {
            total = total.checked_add(quote)?;
        }
    }
    let quote = total.checked_add(larger)?;
    // The usual case, a dollar quote, needs no multiplication.
    let worth = if usd == Decimal::ONE { quote } else { quote.checked_mul(usd)? };
    u64::try_from(money::millionths_up(worth)?).ok()
}

/// What one order is worth in quote units.
fn quote_value(order: &Order, prices: &Prices) -> Option<Decimal> {
    if let Some(quote) = order.quote_quantity {
        // A quantity of each kind is two readings of one order.
        return order.quantity.is_none().then_some(quote);
    }
    order.quantity?.checked_mul(price_for_value(order, prices)?)
}

fn price_for_value(order: &Order, prices: &Prices) -> Option<Decimal> {
    let widened = |price: Decimal| money::with_bps(price, prices.collar_bps);
    let reference = prices.reference;
    if order.kind == OrderKind::Market {
        let reference = reference?;
        return widened(reference.mid.max(reference.ask));
    }
    // A sell below the market fills at the market, not at its limit.
    let market_side = match (order.side, reference) {
        (Side::Sell, Some(reference)) if trigger(order).is_none() => reference.bid,
        _ => Decimal::ZERO,
    };
    let trailing = match (order.trailing_delta_bps, reference) {
        (None, _) => Decimal::ZERO,
        (Some(_), Some(reference)) => widened(reference.mid)?,
        (Some(_), None) => return None,
    };
    let stop = match order.stop_price {
        Some(stop) if order.kind.takes_any_price() => widened(stop)?,
        Some(stop) => stop,
        None => Decimal::ZERO,
    };
    let limit = order.price.unwrap_or(Decimal::ZERO);
    let price = limit.max(stop).max(trailing).max(market_side);
    let priced = order.price.is_some() || order.stop_price.is_some();
    (priced || order.trailing_delta_bps.is_some()).then_some(price)
}

fn trigger(order: &Order) -> Option<Decimal> {
    order.stop_price
}

/// How far the worst of the orders lies on the losing side of the reference,
/// bps, rounded up; 0 on the other side and for orders without a price.
///
/// An order with a trigger is measured from its trigger: it comes to life
/// only when the market is there.
pub(crate) fn beyond_bps(orders: &[Order], reference: Option<Decimal>) -> Option<i64> {
    let mut worst = 0;
    for order in orders {
        let Some(price) = order.price else { continue };
        let base = match trigger(order).or(reference) {
            Some(base) if base > Decimal::ZERO => base,
            _ => return None,
        };
        let loss = match order.side {
            Side::Buy => price.checked_sub(base)?,
            Side::Sell => base.checked_sub(price)?,
        };
        if loss <= Decimal::ZERO {
            continue;
        }
        let bps = loss.checked_mul(Decimal::from(10_000))?.checked_div(base)?.ceil();
        worst = worst.max(i64::try_from(bps).ok()?);
    }
    Some(worst)
}

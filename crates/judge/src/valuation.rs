//! What the orders of a request are worth in USD, and how far beyond the
//! reference price they reach. What an order is worth in its quote asset is
//! [`wire::model::valuation`]'s to say.

use wire::model::valuation::{self, Collar};
use wire::model::{Decimal, Operation, Order, OrderKind, Side};

use crate::money;

/// The prices that a valuation may use; none where none is fresh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    pub(crate) collar: Option<Collar>,
    /// USD for one unit of the quote asset.
    pub(crate) usd_per_quote: Option<Decimal>,
}

/// What the orders of one request count as, micro-USD; none where a price is
/// missing or a number does not fit.
pub(crate) fn micro_usd(operation: &Operation, prices: &Prices) -> Option<u64> {
    let quote = match operation {
        Operation::Place(group) => match group.orders.as_slice() {
            [order] => quote_value(order, prices)?,
            _ => valuation::group_value(group, prices.collar.as_ref()).ok()?.notional,
        },
        Operation::CancelReplace(both) => quote_value(&both.place, prices)?,
        _ => return None,
    };
    in_micro_usd(quote, prices)
}

/// What one order by itself counts as, micro-USD; none where a price is missing
/// or a number does not fit.
pub(crate) fn order_micro_usd(order: &Order, prices: &Prices) -> Option<u64> {
    in_micro_usd(quote_value(order, prices)?, prices)
}

fn in_micro_usd(quote: Decimal, prices: &Prices) -> Option<u64> {
    let usd = prices.usd_per_quote?;
    // The usual case, a dollar quote, needs no multiplication.
    let worth = if usd == Decimal::ONE { quote } else { quote.checked_mul(usd)? };
    u64::try_from(money::millionths_up(worth)?).ok()
}

/// What one order is worth in quote units. A quote quantity needs no price to
/// be worth what it says.
fn quote_value(order: &Order, prices: &Prices) -> Option<Decimal> {
    match (order.quote_quantity, order.quantity) {
        (Some(quote), None) => Some(quote),
        // A quantity of each kind is two readings of one order.
        (Some(_), Some(_)) => None,
        (None, _) => Some(valuation::order_value(order, prices.collar.as_ref()).ok()?.notional),
    }
}

/// How far the worst of the orders lies on the losing side of the price at
/// which it goes live, bps, rounded up; 0 on the other side and for orders
/// without a price. None without a reference, or where a number does not fit.
///
/// The same measure as [`valuation::collar_breach`], as a distance, so that a
/// policy can compare it; a test holds the two together.
pub(crate) fn beyond_bps(orders: &[Order], reference: Option<Decimal>) -> Option<i64> {
    let mut worst = 0;
    for order in orders {
        let Some(price) = order.price else { continue };
        let base = live_at(order, reference?);
        if base <= Decimal::ZERO {
            return None;
        }
        let loss = match order.side {
            Side::Buy => price.checked_sub(base)?,
            Side::Sell => base.checked_sub(price)?,
        };
        if loss > Decimal::ZERO {
            let bps = loss.checked_mul(Decimal::from(10_000))?.checked_div(base)?.ceil();
            worst = worst.max(i64::try_from(bps).ok()?);
        }
    }
    Some(worst)
}

/// The market's price when the order goes live; the stricter one where it
/// could be two.
fn live_at(order: &Order, reference: Decimal) -> Decimal {
    let Some(trigger) = order.stop_price else { return reference };
    let stops = matches!(order.kind, OrderKind::StopLoss | OrderKind::StopLossLimit);
    match order.side {
        _ if stops && order.trailing_delta_bps.is_none() => trigger,
        Side::Buy => trigger.min(reference),
        Side::Sell => trigger.max(reference),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::model::TimeInForce;

    use super::*;

    prop_compose! {
        fn orders()(
            buys in any::<bool>(),
            kind in prop::sample::select(vec![
                OrderKind::Limit, OrderKind::LimitMaker, OrderKind::StopLossLimit,
                OrderKind::TakeProfitLimit, OrderKind::Market,
            ]),
            price in 1u32..30_000, stop in prop::option::of(1u32..30_000),
            trailing in prop::option::of(1u32..2_000),
        ) -> Order {
            Order {
                symbol: "BTCUSDT".to_owned(),
                side: if buys { Side::Buy } else { Side::Sell },
                kind,
                quantity: Some(Decimal::ONE),
                quote_quantity: None,
                price: (kind != OrderKind::Market).then(|| Decimal::from(price)),
                stop_price: stop.map(Decimal::from),
                trailing_delta_bps: trailing,
                iceberg_quantity: None,
                time_in_force: Some(TimeInForce::GoodTillCancel),
                client_order_id: None,
                reduce_only: false,
                position_side: None,
                close_position: false,
            }
        }
    }

    proptest! {
        #[test]
        fn the_distance_agrees_with_the_breach(
            order in orders(), reference in 1u32..30_000, width_bps in 0u32..9_999
        ) {
            let collar = Collar { reference: Decimal::from(reference), width_bps };
            let breach = valuation::collar_breach(&order, &collar).unwrap();
            let beyond = beyond_bps(std::slice::from_ref(&order), Some(collar.reference)).unwrap();
            prop_assert_eq!(breach.is_some(), beyond > i64::from(width_bps));
        }
    }
}

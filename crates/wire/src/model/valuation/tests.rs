#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn order(side: Side, kind: OrderKind, quantity: &str, price: Option<&str>) -> Order {
    Order {
        symbol: "BTCUSDT".to_owned(),
        side,
        kind,
        quantity: Some(number(quantity)),
        quote_quantity: None,
        price: price.map(number),
        stop_price: None,
        trailing_delta_bps: None,
        iceberg_quantity: None,
        time_in_force: None,
        client_order_id: None,
        reduce_only: false,
        position_side: None,
        close_position: false,
    }
}

fn stop(side: Side, kind: OrderKind, trigger: &str, price: Option<&str>) -> Order {
    Order { stop_price: Some(number(trigger)), ..order(side, kind, "1", price) }
}

fn collar() -> Collar {
    Collar { reference: number("100"), width_bps: 200 }
}

fn notional(order: &Order) -> Decimal {
    order_value(order, Some(&collar())).unwrap().notional
}

#[test]
fn each_kind_is_valued_at_the_most_it_can_cost() {
    use OrderKind::{Limit, Market, StopLoss, StopLossLimit, TakeProfitLimit};
    use Side::{Buy, Sell};
    for (order, expected) in [
        (order(Buy, Market, "2", None), "204"),
        (order(Sell, Market, "2", None), "204"),
        (order(Buy, Limit, "2", Some("90")), "180"),
        (order(Sell, Limit, "2", Some("110")), "220"),
        // A sell far below the market fills at the market.
        (order(Sell, Limit, "2", Some("1")), "200"),
        (stop(Sell, StopLoss, "90", None), "100"),
        (stop(Buy, StopLoss, "110", None), "112.2"),
        (stop(Buy, StopLossLimit, "110", Some("112")), "112"),
        (stop(Sell, StopLossLimit, "90", Some("80")), "100"),
        (stop(Buy, TakeProfitLimit, "95", Some("94")), "95"),
    ] {
        assert_eq!(notional(&order), number(expected), "{order:?}");
    }
}

#[test]
fn a_trailing_order_is_valued_by_the_reference() {
    let mut trailing = order(Side::Sell, OrderKind::StopLoss, "2", None);
    trailing.trailing_delta_bps = Some(50);
    assert_eq!(notional(&trailing), number("204"));
    trailing.stop_price = Some(number("300"));
    assert_eq!(notional(&trailing), number("612"));
}

#[test]
fn a_quote_quantity_counts_as_it_is() {
    let mut market = order(Side::Buy, OrderKind::Market, "1", None);
    market.quantity = None;
    market.quote_quantity = Some(number("980"));
    let value = order_value(&market, Some(&collar())).unwrap();
    assert_eq!(value.notional, number("980"));
    assert_eq!(value.base, number("10"));
    assert_eq!(order_value(&market, None), Err(ValuationError::NoReference));
}

#[test]
fn without_a_reference_only_priced_orders_have_a_value() {
    let limit = order(Side::Buy, OrderKind::Limit, "2", Some("90"));
    assert_eq!(order_value(&limit, None).unwrap().notional, number("180"));
    let market = order(Side::Buy, OrderKind::Market, "2", None);
    assert_eq!(order_value(&market, None), Err(ValuationError::NoReference));
}

#[test]
fn overflow_is_an_error() {
    let huge = order(Side::Buy, OrderKind::Limit, "79228162514264337593543950335", Some("2"));
    assert_eq!(order_value(&huge, None), Err(ValuationError::Overflow));
    let whole = Collar { reference: number("1"), width_bps: BPS };
    assert_eq!(whole.below(), Err(ValuationError::Overflow));
}

#[test]
fn a_pair_counts_its_larger_leg_and_a_trigger_the_sum() {
    let group = |contingency, orders: &[Order]| OrderGroup {
        orders: orders.to_vec(),
        contingency,
        list_client_order_id: None,
        test: false,
    };
    let high = order(Side::Sell, OrderKind::LimitMaker, "1", Some("120"));
    let low = stop(Side::Sell, OrderKind::StopLossLimit, "90", Some("89"));
    let buy = order(Side::Buy, OrderKind::Limit, "1", Some("99"));
    let value = |contingency, orders: &[Order]| {
        group_value(&group(contingency, orders), Some(&collar())).unwrap()
    };
    let pair = value(Contingency::OneCancelsOther, &[high.clone(), low.clone()]);
    assert_eq!(pair.notional, number("120"));
    assert_eq!((pair.bought, pair.sold), (number("0"), number("1")));
    let two = value(Contingency::OneTriggersOther, &[buy.clone(), high.clone()]);
    assert_eq!(two.notional, number("219"));
    let three = value(Contingency::OneTriggersOneCancelsOther, &[buy, high, low]);
    assert_eq!(three.notional, number("219"));
    assert_eq!((three.bought, three.sold), (number("1"), number("1")));
    assert_eq!(three.legs.len(), 3);
}

#[test]
fn the_collar_stops_bad_prices_and_only_those() {
    use OrderKind::{Limit, Market, StopLossLimit, TakeProfitLimit};
    use Side::{Buy, Sell};
    let outside = |order: &Order| collar_breach(order, &collar()).unwrap().is_some();
    for (order, expected) in [
        (order(Buy, Limit, "1", Some("102")), false),
        (order(Buy, Limit, "1", Some("102.01")), true),
        (order(Buy, Limit, "1", Some("1")), false),
        (order(Sell, Limit, "1", Some("98")), false),
        (order(Sell, Limit, "1", Some("97.99")), true),
        (order(Sell, Limit, "1", Some("1000")), false),
        (order(Buy, Market, "1", None), false),
        // A real stop far below, and one that would sell the book to a friend.
        (stop(Sell, StopLossLimit, "50", Some("49.5")), false),
        (stop(Sell, StopLossLimit, "99.9", Some("1")), true),
        (stop(Buy, StopLossLimit, "150", Some("152")), false),
        (stop(Buy, StopLossLimit, "101", Some("500")), true),
        // A take-profit that is already due goes live at the market.
        (stop(Sell, TakeProfitLimit, "1", Some("1")), true),
        (stop(Sell, TakeProfitLimit, "150", Some("149")), false),
        (stop(Buy, TakeProfitLimit, "500", Some("500")), true),
    ] {
        assert_eq!(outside(&order), expected, "{order:?}");
    }
}

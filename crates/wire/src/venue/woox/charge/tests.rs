use super::*;
use crate::model::Decimal;

fn charges(text: &str) -> Result<Vec<OrderCharge<'static>>, Refusal> {
    orders_in(&Text::parse(text.as_bytes()).unwrap())
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn an_order_of_version_1_is_charged() {
    let found = charges(
        "client_order_id=7&order_price=9000&order_quantity=0.11&order_type=POST_ONLY&side=BUY\
         &symbol=SPOT_BTC_USDT|1795189989000",
    )
    .unwrap();
    let [charge] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((charge.market.as_ref(), charge.base), ("SPOT_BTC_USDT", Some(decimal("0.11"))));
    assert!(charge.maker_only && charge.has_client_order_id);
    let found =
        charges("order_amount=25.5&order_type=MARKET&side=BUY&symbol=SPOT_BTC_USDT|1795189989000")
            .unwrap();
    let [charge] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((charge.base, charge.quote), (None, Some(decimal("25.5"))));
    assert!(!charge.maker_only && !charge.has_client_order_id);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    for text in [
        // Both quantities, a broken one, no market of this venue.
        "order_amount=1&order_quantity=1&order_type=MARKET&side=BUY&symbol=SPOT_B_U|1795189989000",
        "order_quantity=1e3&order_type=MARKET&side=BUY&symbol=SPOT_B_U|1795189989000",
        "order_quantity=1&order_type=MARKET&side=BUY&symbol=BTCUSDT|1795189989000",
        // Half an order: whoever completes it is not seen here.
        "order_quantity=1&symbol=SPOT_B_U|1795189989000",
        // Spelled in another case.
        "Order_Quantity=9&order_quantity2=1&order_type=MARKET&side=BUY&symbol=SPOT_B_U|1795189989000",
        "client_Order_Id=1&order_quantity=1&order_type=MARKET&side=BUY&symbol=SPOT_B_U|1795189989000",
        // Version 3: without a quantity, of an endpoint that is not read, with a
        // parameter that is not listed, closing a whole position.
        "1795189989000POST/v3/trade/order{\"side\":\"BUY\",\"symbol\":\"SPOT_B_U\",\"type\":\"MARKET\"}",
        "1795189989000POST/v3/algo/order{\"quantity\":\"1\"}",
        "1795189989000POST/v3/trade/order{\"evil\":\"1\",\"quantity\":\"1\",\"side\":\"BUY\",\
         \"symbol\":\"SPOT_B_U\",\"type\":\"MARKET\"}",
        "1795189989000POST/v3/trade/algoOrder{\"algoType\":\"POSITIONAL_TP_SL\",\"childOrders\":\
         [{\"algoType\":\"STOP_LOSS\",\"reduceOnly\":true,\"side\":\"SELL\",\"triggerPrice\":\"5\",\
         \"type\":\"CLOSE_POSITION\"}],\"symbol\":\"PERP_B_U\"}",
        // The id in the path and beside it.
        "1795189989000PUT/v3/order/13{\"oid\":\"14\",\"quantity\":\"1\"}",
    ] {
        assert!(charges(text).is_err(), "{text}");
    }
}

#[test]
fn what_places_nothing_charges_nothing() {
    for text in [
        "|1795189989000",
        "symbol=SPOT_BTC_USDT|1795189989000",
        // A read of orders by their type and side: an order has a quantity.
        "order_type=MARKET&side=BUY&symbol=SPOT_B_U|1795189989000",
        "order_id=5&symbol=SPOT_BTC_USDT|1795189989000",
        "1795189989000GET/v3/asset/balances",
        "1795189989000DELETE/v3/trade/order?orderId=5&symbol=SPOT_BTC_USDT",
        "1795189989000POST/v3/asset/transfer{}",
        // A new price for a quantity that was charged before.
        "1795189989000PUT/v3/trade/order{\"orderId\":5,\"price\":\"9\"}",
    ] {
        assert_eq!(charges(text), Ok(Vec::new()), "{text}");
    }
}

#[test]
fn a_larger_quantity_is_charged_in_whatever_market() {
    let found =
        charges("1795189989000PUT/v3/trade/order{\"orderId\":5,\"quantity\":\"3\"}").unwrap();
    let [charge] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((charge.market.as_ref(), charge.base), ("", Some(decimal("3"))));
}

#[test]
fn both_legs_of_a_pair_are_charged() {
    let found = charges(
        "1795189989000POST/v3/trade/algoOrder{\"algoType\":\"OCO\",\"childOrders\":[{\"algoType\":\
         \"STOP\",\"side\":\"BUY\",\"triggerPrice\":\"1600\",\"type\":\"MARKET\"}],\
         \"clientAlgoOrderId\":\"8\",\"price\":\"1000\",\"quantity\":\"1\",\"side\":\"BUY\",\
         \"symbol\":\"PERP_ETH_USDT\",\"type\":\"LIMIT\"}",
    )
    .unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|c| c.base == Some(Decimal::ONE) && c.has_client_order_id));
}

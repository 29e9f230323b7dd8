//! Orders, balances and fees.

use crate::client::{Client, dec, options, start};

#[test]
fn a_resting_order_locks_and_a_cancel_unlocks() {
    let (_venue, client) = start(options());
    let placed = client.limit("BUY", "0.5", "50000", "&newClientOrderId=mine-1");
    assert_eq!(placed.status, 200, "{placed:?}");
    assert_eq!(placed.text("status"), "NEW");
    assert_eq!(placed.header("x-mbx-order-count-10s"), Some("1"));
    assert_eq!(client.balance("USDT"), (dec("975000"), dec("25000")));
    let open = client.send("GET", "/api/v3/openOrders", "symbol=BTCUSDT");
    assert_eq!(open.body.as_array().unwrap().len(), 1);
    let canceled =
        client.send("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine-1");
    assert_eq!(canceled.text("status"), "CANCELED");
    assert_eq!(client.balance("USDT"), (dec("1000000"), dec("0")));
    let again = client.send("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine-1");
    assert_eq!((again.status, again.code()), (400, -2011));
}

#[test]
fn a_market_order_trades_with_fee_from_what_it_receives() {
    let (_venue, client) = start(options());
    let bought = client.send_form(
        "POST",
        "/api/v3/order",
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1",
    );
    assert_eq!(bought.text("status"), "FILLED", "{bought:?}");
    let cost = bought.decimal("cummulativeQuoteQty");
    assert_eq!(bought.body["fills"][0]["commissionAsset"], "BTC");
    assert_eq!(client.balance("BTC").0, dec("20.0999"));
    assert_eq!(client.balance("USDT"), (dec("1000000") - cost, dec("0")));
    let trades = client.send("GET", "/api/v3/myTrades", "symbol=BTCUSDT");
    assert_eq!(trades.body[0]["orderId"], bought.body["orderId"]);
    assert_eq!(trades.body[0]["isMaker"], false);
}

#[test]
fn price_time_priority_between_accounts() {
    let mut options = options();
    options.market_maker.levels = 0;
    let (venue, first) = start(options);
    let second = Client::new(venue.addr(), "other", "othersecret");
    let early = first.limit("SELL", "1", "60000", "&newClientOrderId=early");
    let late = first.limit("SELL", "1", "60000", "&newClientOrderId=late");
    let better = first.limit("SELL", "1", "59000", "&newClientOrderId=better");
    assert!([&early, &late, &better].iter().all(|order| order.status == 200));
    let bought = second.limit("BUY", "1.5", "61000", "");
    assert_eq!(bought.text("status"), "FILLED");
    let price = |index: usize| bought.body["fills"][index]["price"].as_str().unwrap().to_owned();
    assert_eq!(price(0), "59000.00000000");
    assert_eq!(price(1), "60000.00000000");
    let status = |id: &str| {
        let params = format!("symbol=BTCUSDT&origClientOrderId={id}");
        first.send("GET", "/api/v3/order", &params).text("status").to_owned()
    };
    assert_eq!(status("better"), "FILLED");
    assert_eq!(status("early"), "PARTIALLY_FILLED");
    assert_eq!(status("late"), "NEW");
    // What the limit price would have cost more came back.
    let (free, locked) = second.balance("USDT");
    assert_eq!((free, locked), (dec("911000"), dec("0")));
}

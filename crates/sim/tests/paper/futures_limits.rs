//! Weight and order counts of the futures, apart from those of spot.

use crate::client::{Client, options, start};

fn at_a_minutes_start(venue: &sim::binance::PaperVenue, client: &mut Client) {
    let ahead_ms = 60_000 - client.now_ms() % 60_000;
    venue.set_skew_ms(ahead_ms);
    client.ahead_ms = ahead_ms;
}

#[test]
fn weight_is_counted_apart_and_abuse_is_banned() {
    let mut options = options();
    options.limits.futures_weight_per_minute = 20;
    options.limits.refusals_until_ban = 2;
    let (venue, mut client) = start(options);
    at_a_minutes_start(&venue, &mut client);
    let first = client.send("GET", "/fapi/v3/account", "");
    assert_eq!(first.header("x-mbx-used-weight-1m"), Some("5"));
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let answer = client.send("GET", "/fapi/v3/account", "");
        if answer.status != 200 {
            assert_eq!(answer.code(), -1003);
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429, 418, 418]);
    assert_eq!(client.send("GET", "/api/v3/account", "").status, 200, "spot goes on");
    let all = client.get("/api/v3/openOrders");
    assert_ne!(all.status, 418);
}

#[test]
fn orders_are_counted_a_minute() {
    let mut options = options();
    options.limits.futures_orders_per_10s = 2;
    let (venue, mut client) = start(options);
    at_a_minutes_start(&venue, &mut client);
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";
    for count in ["1", "2"] {
        let placed = client.send("POST", "/fapi/v1/order", order);
        assert_eq!(placed.header("x-mbx-order-count-10s"), Some(count));
    }
    let over = client.send("POST", "/fapi/v1/order", order);
    assert_eq!((over.status, over.code()), (429, -1015));
    assert!(over.header("retry-after").is_some());
    assert_eq!(venue.futures_orders(0).len(), 2);
    let counts = client.send("GET", "/fapi/v1/rateLimit/order", "");
    assert_eq!((&counts.body[0]["count"], &counts.body[1]["count"]), (&2.into(), &2.into()));
    assert_eq!(client.limit("BUY", "0.01", "50000", "").status, 200, "spot counts its own");
}

#[test]
fn asking_for_all_symbols_weighs_more() {
    let (venue, mut client) = start(options());
    at_a_minutes_start(&venue, &mut client);
    let one = client.send("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT");
    let all = client.send("GET", "/fapi/v1/openOrders", "");
    assert_eq!(one.header("x-mbx-used-weight-1m"), Some("1"));
    assert_eq!(all.header("x-mbx-used-weight-1m"), Some("41"));
}

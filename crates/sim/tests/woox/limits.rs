//! Rate limits, in the venue's shape.

use serde_json::json;

use crate::client::{options, start};

#[test]
fn the_sixth_order_of_a_symbol_in_a_second_is_429() {
    let mut options = options();
    options.limits.scale = 1;
    let (venue, client) = start(options);
    let order = |symbol: &str, price: &str| {
        let order = json!({
            "symbol": symbol, "side": "BUY", "type": "LIMIT", "price": price, "quantity": "0.1",
        });
        let answer = client.v3("POST", "/v3/trade/order", &order);
        (answer.status, answer.code(), answer.body["message"].as_str().map(str::to_owned))
    };
    let refused = (429, -1003, Some("Rate limit exceed.".to_owned()));
    // Twelve in a row cross at most one boundary of seconds.
    let answers: Vec<_> = (0..12).map(|_| order("SPOT_BTC_USDT", "50000")).collect();
    let refusals = answers.iter().filter(|answer| **answer == refused).count();
    assert!((2..=7).contains(&refusals), "{answers:?}");
    assert_eq!(order("SPOT_ETH_USDT", "2000").0, 200, "counted for each symbol");
    let placed = venue.orders(0).len();
    assert_eq!(placed, 12 - refusals + 1, "a refused order is not placed");
    venue.forget_rates();
    assert_eq!(order("SPOT_BTC_USDT", "50000").0, 200);
}

#[test]
fn limits_are_counted_by_key() {
    let mut options = options();
    options.limits.scale = 1;
    let (venue, client) = start(options);
    let other = crate::client::Client::new(venue.addr(), "other", "othersecret");
    let ask = |client: &crate::client::Client| {
        client.v3("GET", "/v3/account/credentials", &json!({})).status
    };
    let answers: Vec<u16> = (0..21).map(|_| ask(&client)).collect();
    assert!(answers.contains(&429));
    assert_eq!(ask(&other), 200);
}

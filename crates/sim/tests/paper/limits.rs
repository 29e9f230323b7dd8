//! Order counts, request weight, bans, and signatures sent again.

use sim::binance::PaperVenue;

use crate::client::{Client, SECRET, dec, options, sign, start};

#[test]
fn unfilled_orders_are_counted_and_fills_give_back() {
    let mut options = options();
    options.limits.orders_per_10s = 3;
    options.limits.orders_per_day = 1000;
    let (venue, mut client) = start(options);
    at_a_minutes_start(&venue, &mut client);
    for _ in 0..3 {
        assert_eq!(client.limit("BUY", "0.01", "50000", "").status, 200);
    }
    let over = client.limit("BUY", "0.01", "50000", "");
    assert_eq!((over.status, over.code()), (429, -1015));
    assert_eq!(over.text("msg"), "Too many new orders; current limit is 3 orders per 10 SECOND.");
    // A first fill as maker gives back five.
    let order = venue.orders(0)[0].id;
    assert!(venue.fill_resting(order, dec("0.004")));
    let counts = client.send("GET", "/api/v3/rateLimit/order", "");
    assert_eq!(counts.body[0]["count"], 0);
    // A fill as taker gives back what the order cost.
    for _ in 0..5 {
        let bought = client.send(
            "POST",
            "/api/v3/order",
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001",
        );
        assert_eq!(bought.status, 200);
    }
}

/// Sets the venue's clock, and the client's, to the start of a minute.
fn at_a_minutes_start(venue: &PaperVenue, client: &mut Client) {
    let ahead_ms = 60_000 - client.now_ms() % 60_000;
    venue.set_skew_ms(ahead_ms);
    client.ahead_ms = ahead_ms;
}

#[test]
fn a_filled_orders_client_id_can_be_used_again() {
    let (venue, client) = start(options());
    let order = "&newClientOrderId=again";
    assert_eq!(client.limit("BUY", "0.01", "50000", order).status, 200);
    let open = client.limit("BUY", "0.01", "50000", order);
    assert_eq!((open.status, open.code()), (400, -2010));
    assert_eq!(open.text("msg"), "Duplicate order sent.");
    let id = venue.orders(0)[0].id;
    assert!(venue.fill_resting(id, dec("0.01")));
    assert_eq!(client.limit("BUY", "0.01", "50000", order).status, 200);
    let newest = client.send("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=again");
    assert_eq!(newest.text("status"), "NEW");
}

#[test]
fn the_venue_does_not_refuse_a_signature_sent_again() {
    let mut options = options();
    options.limits.orders_per_10s = 20;
    options.limits.fills_release_count = false;
    let (venue, mut client) = start(options);
    at_a_minutes_start(&venue, &mut client);
    let payload = format!(
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newClientOrderId=same&timestamp={}",
        client.now_ms()
    );
    let target = format!("/api/v3/order?{payload}&signature={}", sign(SECRET, &payload));
    let statuses: Vec<u16> =
        (0..30).map(|_| client.raw("POST", &target, "").unwrap().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 10);
    assert_eq!(venue.orders(0).len(), 20);
}

#[test]
fn weight_runs_out_and_abuse_is_banned() {
    let mut options = options();
    options.limits.weight_per_minute = 50;
    options.limits.refusals_until_ban = 2;
    let (venue, mut client) = start(options);
    at_a_minutes_start(&venue, &mut client);
    let first = client.get("/api/v3/exchangeInfo");
    assert_eq!(first.header("x-mbx-used-weight-1m"), Some("20"));
    let mut statuses = Vec::new();
    while statuses.len() < 6 {
        let answer = client.get("/api/v3/exchangeInfo");
        if answer.status != 200 {
            assert_eq!(answer.code(), -1003);
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
        }
        statuses.push(answer.status);
    }
    assert!(statuses.contains(&429) && statuses.last() == Some(&418), "{statuses:?}");
    venue.forget_weights();
    assert_eq!(client.get("/api/v3/exchangeInfo").status, 200);
}

#[test]
fn records_are_bounded_and_counted() {
    let mut options = options();
    options.keep.records = 3;
    let (venue, client) = start(options);
    for _ in 0..5 {
        client.get("/api/v3/ping");
    }
    let numbers: Vec<u64> = venue.requests().iter().map(|request| request.number).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(venue.request_count(), 5);
    let large = "a=".to_owned() + &"1".repeat(300_000);
    let refused = client.raw("POST", "/api/v3/order", &large);
    assert!(refused.is_none_or(|answer| answer.status == 413));
}

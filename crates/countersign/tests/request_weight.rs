//! One bot floods the venue; the others go on, the address is not banned, and
//! the account's orders are not used up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod stack;

use stack::client::Client;
use stack::{Bot, Stack, Unseal};

const ORDER: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.002"),
    ("price", "59500"),
];

#[test]
fn one_bot_floods_and_anothers_cancels_all_pass() {
    let mut stack = Stack::configured_with(|options| {
        // What the venue really allows.
        options.limits.weight_per_minute = 6000;
    });
    let poller = stack.add_bot("poller", &["--preset", "read-only"]);
    let many = ["--max-orders-per-second", "1000"];
    let maker = ["--preset", "market-maker", "--market", "BTCUSDT"];
    let maker = stack.add_bot("maker", &[&maker[..], &many].concat());
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    // The markets, and with them the limit, are asked for at the start too.
    let mut market_maker = Client::new(&stack.bot_url, &maker);
    stack.wait_for("an order", || {
        (market_maker.signed("POST", "/api/v3/order", &ORDER).status == 200).then_some(())
    });

    let (mut read, mut waits, mut cancelled) = (0, 0, 0);
    let mut flood = Client::new(&stack.bot_url, &poller);
    let stranger = Bot { secret: "s".repeat(64), ..maker.clone() };
    let mut thief = Client::new(&stack.bot_url, &stranger);
    for round in 0..600 {
        // Weight 80 each: 48,000 in all, of 6,000 a minute.
        let answer = flood.signed("GET", "/api/v3/openOrders", &[]);
        match answer.status {
            200 => read += 1,
            429 => {
                waits += 1;
                assert_eq!(answer.code(), -1003, "{}", answer.text);
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=60).contains(&wait), "{wait}");
            }
            other => panic!("{other} {}", answer.text),
        }
        // Somebody who knows a key and not its secret takes nothing away.
        assert_eq!(thief.signed("GET", "/api/v3/openOrders", &[]).code(), -1022);
        if round % 20 == 0 {
            let id = market_maker.post("/api/v3/order", &ORDER).ok().json["orderId"].to_string();
            let by_id = [("symbol", "BTCUSDT"), ("orderId", id.as_str())];
            market_maker.delete("/api/v3/order", &by_id).ok();
            cancelled += 1;
        }
    }
    assert_eq!(cancelled, 30);
    assert!(waits > 300, "{waits}");
    assert!((20..=110).contains(&read), "{read}");
    for request in stack.venue.requests() {
        assert!(!matches!(request.status, 418 | 429), "{request:?}");
    }
    // Frames and public data draw on the same.
    let depth = flood.try_send("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5000", None).unwrap();
    assert!(matches!(depth.status, 200 | 429), "{}", depth.text);
    stack.verify();
}

#[test]
fn one_bot_fires_orders_and_the_other_places_its_own() {
    let mut stack = Stack::configured_with(|options| {
        // What the venue really allows, and every order stays open.
        options.limits.orders_per_10s = 50;
    });
    let plain = ["--preset", "market-maker", "--market", "BTCUSDT"];
    let fast = ["--max-orders-per-second", "1000", "--max-open-orders", "1000"];
    let bots: Vec<Bot> = ["fires", "places"]
        .iter()
        .map(|name| stack.add_bot(name, &[&plain[..], &fast].concat()))
        .collect();
    stack.serve();
    let mut fires = Client::new(&stack.bot_url, &bots[0]);
    let mut places = Client::new(&stack.bot_url, &bots[1]);
    stack.wait_for("an order", || {
        (places.signed("POST", "/api/v3/order", &ORDER).status == 200).then_some(())
    });

    let (mut fired, mut waits) = (0, 0);
    for round in 0..300 {
        let price = format!("{}", 59_000 + round);
        let mut order = ORDER;
        order[5].1 = &price;
        let answer = fires.signed("POST", "/api/v3/order", &order);
        match answer.status {
            200 => fired += 1,
            429 => {
                waits += 1;
                assert_eq!(answer.code(), -1015, "{}", answer.text);
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=10).contains(&wait), "{wait}");
            }
            other => panic!("{other} {}", answer.text),
        }
        if round % 30 == 29 {
            places.post("/api/v3/order", &ORDER).ok();
        }
    }
    assert!(fired >= 25, "{fired}");
    assert!(waits > 100, "{waits}");
    for request in stack.venue.requests() {
        assert!(!matches!(request.status, 418 | 429), "{request:?}");
    }
    stack.verify();
}

#[test]
fn two_egress_addresses_have_twice_the_weight() {
    let mut stack = Stack::configured_with(|options| options.limits.weight_per_minute = 2000);
    let reader = stack.add_bot("reader", &["--preset", "read-only"]);
    stack.add_bot("maker", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.set_venue("binance", "egress", r#"["127.0.0.2", "127.0.0.3"]"#);
    stack.serve();
    let mut client = Client::new(&stack.bot_url, &reader);
    stack.wait_for("a read", || {
        (client.signed("GET", "/api/v3/account", &[]).status == 200).then_some(())
    });
    // The limit is learned with the markets; from then on it is kept.
    stack.wait_for("the markets", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });

    let before = stack.venue.requests().len();
    // Weight 80 each: one address takes 17 of them in a minute.
    let read = (0..60)
        .filter(|_| match client.signed("GET", "/api/v3/openOrders", &[]).status {
            200 => true,
            429 => false,
            other => panic!("{other}"),
        })
        .count();
    assert!(read > 20, "{read}");
    let seen = stack.venue.requests();
    for request in &seen {
        assert!(!matches!(request.status, 418 | 429), "{request:?}");
    }
    for address in ["127.0.0.2", "127.0.0.3"] {
        let reads = seen[before..]
            .iter()
            .filter(|one| one.path == "/api/v3/openOrders")
            .filter(|one| one.client.ip().to_string() == address);
        assert!(reads.count() > 8, "{address}");
    }
    assert!(seen[before..].iter().all(|one| one.client.ip().to_string() != "127.0.0.1"));
    stack.verify();
}

//! What fails how, as the design's table says: here a signer that hangs without
//! dying, and a clock that is an hour off.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod stack;

use stack::client::Client;
use stack::{Stack, Unseal};

const ORDER: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.002"),
    ("price", "59500"),
];

/// Signer gone: everything is denied, nothing is sent, and it is replaced.
#[test]
fn a_signer_that_hangs_is_replaced() {
    let (stack, bot) = Stack::serving("mm-1");
    let mut client = Client::new(&stack.bot_url, &bot);
    let id = client.post("/api/v3/order", &ORDER).ok().json["orderId"].to_string();
    let hung = stack.child("signer").expect("a signer");
    stack::signal(hung, "STOP");
    stack.wait_for("every thread to stop", || stack::is_stopped(hung).then_some(()));
    let before = stack.venue.requests().len();
    let denied = client.signed("POST", "/api/v3/order", &ORDER);
    assert_eq!((denied.status, denied.code()), (503, -1008), "{}", denied.text);
    let orders = stack.venue.requests().split_off(before);
    assert!(!orders.iter().any(|one| one.method == "POST"), "{orders:?}");
    // Nobody helps it.
    let fresh = stack.wait_for("a new signer", || stack.child("signer").filter(|new| *new != hung));
    assert!(!stack::is_running(hung) && stack::is_running(fresh));
    stack.wait_for("a cancel", || {
        let cancel = [("symbol", "BTCUSDT"), ("orderId", id.as_str())];
        (client.signed("DELETE", "/api/v3/order", &cancel).status == 200).then_some(())
    });
    client.post("/api/v3/order", &ORDER).ok();
    let said = stack.said();
    assert!(said.contains("is gone: it does not answer"), "{said}");
    assert!(said.contains("signer is back"), "{said}");
    stack.verify();
}

/// A clock that stays off denies everything, as the venue would, until it is sane.
///
/// The host's clock cannot be set here, so the venue's is: an hour ahead is what
/// the gateway measures where the host's was set back an hour.
#[test]
fn a_clock_that_is_an_hour_off_is_named_and_mends_itself() {
    let (mut stack, bot) = Stack::serving("mm-1");
    let mut client = Client::new(&stack.bot_url, &bot);
    let id = client.post("/api/v3/order", &ORDER).ok().json["orderId"].to_string();
    stack.stop();
    stack.venue.set_skew_ms(3_600_000);
    stack.serve();
    stack.wait_for("the clock's state", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["clock"]["offset_ms"].as_i64() > Some(3_590_000)).then_some(())
    });
    // Bots follow the venue's clock.
    let mut client = Client::new(&stack.bot_url, &bot).ahead(3_600_000);
    // What may have been signed before the start is not new for sure.
    let denied = stack.wait_for("a verdict", || {
        Some(client.signed("POST", "/api/v3/order", &ORDER)).filter(|one| one.code() != -1008)
    });
    assert_eq!(denied.code(), -2010, "{}", denied.text);
    assert!(denied.text.contains("clock is off by"), "{}", denied.text);
    let before = stack.venue.requests().len();
    // The signer writes no time that is more than a second from its own, and the
    // venue would take no other: so here nothing is let through, and it says why.
    let symbol = ("symbol", "BTCUSDT");
    let read = client.signed("GET", "/api/v3/openOrders", &[symbol]);
    let cancel = client.signed("DELETE", "/api/v3/order", &[symbol, ("orderId", &id)]);
    for (answer, code) in [(read, -1008), (cancel, -2011)] {
        assert_eq!(answer.code(), code, "{}", answer.text);
        assert!(answer.text.contains("clock is off by 3"), "{}", answer.text);
    }
    let private = |one: &sim::record::Recorded| one.header("x-mbx-apikey").is_some();
    let seen = stack.venue.requests().split_off(before);
    assert!(!seen.iter().any(private), "{seen:?}");
    // Sane again, and nobody has to restart anything.
    stack.venue.set_skew_ms(0);
    let mut client = Client::new(&stack.bot_url, &bot);
    stack.wait_for("an order", || {
        (client.signed("POST", "/api/v3/order", &ORDER).status == 200).then_some(())
    });
    stack.verify();
}

//! The configuration changes under load: no request is lost, and none is
//! judged by a mix of two policies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod stack;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stack::client::Client;
use stack::{Stack, Unseal};

/// Reloads; `COUNTERSIGN_FULL=1` for the full size.
fn reloads() -> usize {
    if std::env::var_os("COUNTERSIGN_FULL").is_some() { 100 } else { 10 }
}

/// Worth 151 USD, half a percent beyond the reference price: the one policy
/// refuses it for what it is worth alone, the other for its price alone. A mix
/// would refuse it for both, or for neither.
const ORDER: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.0025"),
    ("price", "60300"),
];
const POLICIES: [[(&str, &str); 2]; 2] = [
    [("max_order_notional", "\"100\""), ("collar_bps", "200")],
    [("max_order_notional", "\"1000\""), ("collar_bps", "1")],
];

#[test]
fn no_request_is_lost_or_judged_by_a_mix_of_two_policies() {
    let mut stack = Stack::configured();
    let maker = ["--preset", "market-maker", "--market", "BTCUSDT"];
    let bot = stack.add_bot("mm-1", &[&maker[..], &["--max-orders-per-second", "100000"]].concat());
    stack.set_bot("mm-1", &POLICIES[0]);
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    let (stop, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let (by_worth, by_price) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = Client::new(&stack.bot_url, &bot);
                while !stop.load(Ordering::Relaxed) {
                    // An error here is a lost request.
                    let answer = client.post("/api/v3/order", &ORDER);
                    let answer = answer.refused(-2010);
                    let worth = answer.text.contains("max_order_notional");
                    let price = answer.text.contains("collar_bps");
                    assert!(worth != price, "{}", answer.text);
                    let counted = if worth { &by_worth } else { &by_price };
                    counted.fetch_add(1, Ordering::Relaxed);
                    asked.fetch_add(1, Ordering::Relaxed);
                    // Texts of one bot differ by the millisecond.
                    std::thread::sleep(std::time::Duration::from_millis(3));
                }
            });
        }
        for round in 1..=reloads() {
            stack.set_bot("mm-1", &POLICIES[round % 2]);
            stack.must(&["reload"], Unseal::No, "");
            let before = asked.load(Ordering::Relaxed);
            stack.wait_for("requests under this policy", || {
                (asked.load(Ordering::Relaxed) > before + 20).then_some(())
            });
        }
        // What does not read is refused whole, and what was there goes on.
        let whole = std::fs::read_to_string(&stack.config).unwrap();
        std::fs::write(&stack.config, whole.replace("market-maker", "money-maker")).unwrap();
        let (code, _, said) = stack.run(&["reload"], Unseal::No, "");
        assert_eq!(code, 1, "{said}");
        std::fs::write(&stack.config, whole).unwrap();
        let before = asked.load(Ordering::Relaxed);
        stack.wait_for("requests after a refused reload", || {
            (asked.load(Ordering::Relaxed) > before + 20).then_some(())
        });
        stop.store(true, Ordering::Relaxed);
    });
    assert!(by_worth.load(Ordering::Relaxed) > 100);
    assert!(by_price.load(Ordering::Relaxed) > 100);
    stack.verify();
}

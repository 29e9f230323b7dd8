//! Outcomes that nobody knows: a venue that breaks off, is late, or fails.

use sim::binance::{Fault, FaultKind};

use crate::bench::{ACCOUNT, Bench, Case, MARKET, ORDER, buy};

#[test]
fn an_unknown_outcome_stays_reserved_until_the_venue_says() {
    let mut bench = Bench::start(&[
        ("one", "market-maker", &[("max_open_orders", "1")]),
        ("mm", "market-maker", &[]),
    ]);
    bench.run(CASES);
}

const CASES: &[Case] = &[
    ("executed, and the answer is lost", executed),
    ("not executed, and the connection breaks", not_executed),
    ("the venue fails after executing", fails_after),
    ("the venue fails before executing", fails_before),
    ("a cancel whose answer is lost", lost_cancel),
    ("a read is asked again by itself", repeated_read),
    ("a late answer is an answer", late),
];

fn fault(bench: &Bench, kind: FaultKind, method: &str) {
    bench.stack.venue.inject(Fault::next(kind).on(method, ORDER));
}

/// An order of `one` whose outcome is unknown; its id and verdict.
fn unknown_order(bench: &mut Bench, kind: FaultKind) -> (String, u64) {
    let (id, mark) = (bench.id(), bench.mark());
    fault(bench, kind, "POST");
    buy(&mut bench.client("one"), &id, "0.001", "59900").refused(-1007);
    assert_eq!(bench.sent(mark, "POST", ORDER).len(), 1, "an order is never sent again");
    let (verdict, _) = bench.verdict_about(&id).expect("a verdict");
    assert_eq!(bench.outcomes(verdict), ["unknown"]);
    // What may be there counts as there.
    let next = bench.id();
    let answer = buy(&mut bench.client("one"), &next, "0.001", "59900");
    bench.denied(answer, &next, -2010, "max_open_orders");
    (id, verdict)
}

fn was_executed(bench: &mut Bench, kind: FaultKind) {
    let (id, verdict) = unknown_order(bench, kind);
    assert_eq!(bench.at_venue(&id), Some("NEW"));
    // Found when the venue is asked for it, or in the account's next snapshot;
    // either way it goes on counting.
    bench.stack.wait_for("the order to be known", || {
        let found = bench.outcomes(verdict).iter().any(|outcome| outcome == "found");
        let entries = bench.stack.entries(verdict);
        let seen = entries.iter().any(|(_, entry)| entry["kind"] == "snapshot");
        (found || seen).then_some(())
    });
    let next = bench.id();
    let answer = buy(&mut bench.client("one"), &next, "0.001", "59900");
    bench.denied(answer, &next, -2010, "max_open_orders");
    bench.clear("one", &id);
    let free = bench.resting("one");
    bench.clear("one", &free);
}

fn was_not_executed(bench: &mut Bench, kind: FaultKind) {
    let (id, verdict) = unknown_order(bench, kind);
    assert_eq!(bench.at_venue(&id), None);
    bench.stack.wait_for("the order to be known not to be there", || {
        bench.outcomes(verdict).iter().any(|outcome| outcome == "released").then_some(())
    });
    let free = bench.resting("one");
    bench.clear("one", &free);
}

fn executed(bench: &mut Bench) {
    was_executed(bench, FaultKind::DropConnectionAfterAccept);
}

fn not_executed(bench: &mut Bench) {
    was_not_executed(bench, FaultKind::Close);
}

fn fails_after(bench: &mut Bench) {
    was_executed(bench, FaultKind::Http5xxExecuted);
}

fn fails_before(bench: &mut Bench) {
    was_not_executed(bench, FaultKind::Http5xx);
}

fn lost_cancel(bench: &mut Bench) {
    let (id, mark) = (bench.resting("mm"), bench.mark());
    fault(bench, FaultKind::DropConnectionAfterAccept, "DELETE");
    bench.cancel("mm", &id).refused(-1007);
    assert_eq!(bench.sent(mark, "DELETE", ORDER).len(), 1, "a cancel is never sent again");
    assert_eq!(bench.at_venue(&id), Some("CANCELED"));
    bench.cancel("mm", &id).refused(-2011);
}

fn repeated_read(bench: &mut Bench) {
    let mut client = bench.client("mm");
    for _ in 0..3 {
        client.get(ACCOUNT, &[]).ok();
    }
    bench.stack.venue.inject(Fault::next(FaultKind::Close).on("GET", "/api/v3/openOrders"));
    let answer = client.get("/api/v3/openOrders", &[("symbol", MARKET)]);
    assert!(answer.status == 200 || answer.code() == -1007, "{}", answer.text);
    client.get("/api/v3/openOrders", &[("symbol", MARKET)]).ok();
}

fn late(bench: &mut Bench) {
    let id = bench.id();
    fault(bench, FaultKind::DelayMs(1_500), "POST");
    buy(&mut bench.client("mm"), &id, "0.001", "59900").ok();
    bench.clear("mm", &id);
}

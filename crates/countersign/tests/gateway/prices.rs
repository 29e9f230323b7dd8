//! Without a fresh price nothing is ordered, and everything is cancelled.

use sim::binance::{Fault, FaultKind};

use crate::bench::{ACCOUNT, Bench, Case, buy};

#[test]
fn without_a_fresh_price_orders_wait_and_cancels_pass() {
    let mut bench = Bench::start(&[("mm", "market-maker", &[("reference_max_age_ms", "2500")])]);
    bench.run(CASES);
}

const CASES: &[Case] = &[("the venue gives no prices for a while", no_price)];

fn no_price(bench: &mut Bench) {
    let resting = bench.resting("mm");
    bench
        .stack
        .venue
        .inject(Fault::next(FaultKind::Http5xx).on("GET", "/api/v3/ticker/bookTicker").times(8));
    let mut client = bench.client("mm");
    let denied = bench.stack.wait_for("an order without a price", || {
        let id = bench.id();
        let answer = buy(&mut client, &id, "0.001", "59900");
        if answer.status == 200 {
            bench.clear("mm", &id);
            return None;
        }
        Some((id, answer))
    });
    bench.denied(denied.1, &denied.0, -2010, "reference_max_age_ms");
    bench.clear("mm", &resting);
    client.get(ACCOUNT, &[]).ok();
    let back = bench.stack.wait_for("a price again", || {
        let id = bench.id();
        (buy(&mut client, &id, "0.001", "59900").status == 200).then_some(id)
    });
    bench.clear("mm", &back);
}

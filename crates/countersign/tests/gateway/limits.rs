//! Limits over time and number.

use crate::bench::{Bench, Case, buy};
use crate::stack::client::now_ms;

#[test]
fn limits_over_time_and_number_hold() {
    let minute = now_ms() / 60_000 % 1440;
    let clock = |minute: u64| format!("{:02}:{:02}", minute % 1440 / 60, minute % 60);
    // An hour that began two hours from now, and one that has begun.
    let closed = format!("\"{}-{}\"", clock(minute + 120), clock(minute + 180));
    let open = format!("\"{}-{}\"", clock(minute + 1380), clock(minute + 60));
    // The table of bots lives as long as the test.
    let closed: &'static str = closed.leak();
    let open: &'static str = open.leak();
    let hours = |value: &'static str| -> &'static [(&'static str, &'static str)] {
        vec![("hours", value)].leak()
    };
    let mut bench = Bench::start(&[
        ("asleep", "market-maker", hours(closed)),
        ("awake", "market-maker", hours(open)),
        ("few", "market-maker", &[("max_open_orders", "2")]),
        ("slow", "market-maker", &[("max_orders_per_minute", "2")]),
        ("burst", "market-maker", &[("max_orders_per_second", "3")]),
        ("small", "market-maker", &[("max_notional_per_hour", "\"100\"")]),
    ]);
    bench.run(CASES);
}

const CASES: &[Case] = &[
    ("outside its hours a bot places nothing, and cancels", hours),
    ("open orders are counted, and free again when cancelled", open_orders),
    ("orders in a minute", per_minute),
    ("orders in a second", per_second),
    ("notional in an hour", notional),
];

fn hours(bench: &mut Bench) {
    let id = bench.id();
    let answer = buy(&mut bench.client("asleep"), &id, "0.001", "59900");
    bench.denied(answer, &id, -2010, "hours");
    let id = bench.resting("awake");
    bench.clear("awake", &id);
}

fn open_orders(bench: &mut Bench) {
    let (first, second) = (bench.resting("few"), bench.resting("few"));
    let id = bench.id();
    let answer = buy(&mut bench.client("few"), &id, "0.001", "59900");
    bench.denied(answer, &id, -2010, "max_open_orders");
    bench.clear("few", &first);
    let third = bench.resting("few");
    for id in [second, third] {
        bench.clear("few", &id);
    }
}

fn per_minute(bench: &mut Bench) {
    for _ in 0..2 {
        let id = bench.resting("slow");
        bench.clear("slow", &id);
    }
    let id = bench.id();
    let answer = buy(&mut bench.client("slow"), &id, "0.001", "59900");
    bench.denied(answer, &id, -2010, "max_orders_per_minute");
}

fn per_second(bench: &mut Bench) {
    let mut client = bench.client("burst");
    let ids: Vec<String> = (0..12).map(|_| bench.id()).collect();
    let answers: Vec<_> = ids.iter().map(|id| buy(&mut client, id, "0.001", "59900")).collect();
    let denied: Vec<_> =
        ids.iter().zip(answers).filter(|(_, answer)| answer.status != 200).collect();
    // On a slow machine twelve orders may take some seconds; three of every
    // four are too many even over three of them.
    assert!(!denied.is_empty(), "twelve orders in a row passed");
    for (id, answer) in denied {
        bench.denied(answer, id, -2010, "max_orders_per_second");
    }
    for id in ids.iter().filter(|id| bench.at_venue(id).is_some()) {
        bench.clear("burst", id);
    }
}

fn notional(bench: &mut Bench) {
    let first = bench.resting("small");
    let id = bench.id();
    let answer = buy(&mut bench.client("small"), &id, "0.001", "59900");
    bench.denied(answer, &id, -2010, "max_notional_per_hour");
    // What rests and is cancelled was never traded.
    bench.clear("small", &first);
    let again = bench.resting("small");
    bench.clear("small", &again);
    // What is filled counts for the hour.
    let id = bench.id();
    buy(&mut bench.client("small"), &id, "0.001", "60100").ok();
    assert_eq!(bench.at_venue(&id), Some("FILLED"));
    let id = bench.id();
    let answer = buy(&mut bench.client("small"), &id, "0.001", "59900");
    bench.denied(answer, &id, -2010, "max_notional_per_hour");
}

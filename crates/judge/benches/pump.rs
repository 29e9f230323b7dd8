//! What the pump detector costs per trade, in ns: `cargo bench -p
//! countersign-judge --bench pump`.
//!
//! A quiet market and a crowd that buys; no assertion, because machines differ.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use judge::detect::pump::{MarketTrade, Parameters, PumpDetector, Taker};

const TRADES: u32 = 1_000_000;
const START_MS: u64 = 1_700_000_000_000;

fn main() {
    println!("{} bytes of state", size_of::<PumpDetector>());
    show("a trade in 10 s, both sides", 10_000, 2);
    show("a buy in 50 ms, in rush orders of 5", 50, 5);
}

fn show(what: &str, step_ms: u64, fills: u32) {
    let trades: Vec<MarketTrade> = (0..TRADES)
        .map(|number| MarketTrade {
            at_ms: START_MS + u64::from(number / fills) * step_ms,
            taker: if fills == 2 && number % 3 == 0 { Taker::Seller } else { Taker::Buyer },
            price: 1e-5 * (1.0 + f64::from(number % 100) * 0.001),
            amount: 100.0,
        })
        .collect();
    let mut detector = PumpDetector::new(Parameters::default());
    let start = Instant::now();
    let alerts = trades.iter().filter(|trade| detector.trade(black_box(trade)).is_some()).count();
    let nanos = start.elapsed().as_secs_f64() * 1e9 / f64::from(TRADES);
    println!("{nanos:>8.1} ns  {what} ({alerts} alerts)");
}

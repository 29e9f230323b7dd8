//! What one order costs in the signer, without the hop: `cargo test --release
//! -p countersign-vault what_an_order_costs -- --nocapture`. Under
//! `valgrind --tool=callgrind --toggle-collect='*Core::answer'` (or
//! `*one_frame`) the same test counts instructions.

use std::time::Instant;

use super::*;
use crate::protocol::LENGTH_BYTES;
use crate::protocol::{decode_asks, encode_answers, encode_asks};

const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&\
                     price=50000.00&newClientOrderId=x-abc123&recvWindow=5000&\
                     timestamp=1700000000000";
/// Within the ceiling of one hour.
const ORDERS: usize = 500;
/// More where it is built to be measured.
const BATCHES: usize = if cfg!(debug_assertions) { 2 } else { 40 };

/// From a frame's bytes to the answer's, as a connection's thread does it.
#[inline(never)]
fn one_frame(core: &Mutex<Core>, frame: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let asks = decode_asks(frame).unwrap();
    let mut slow = slow::Slow::default();
    let answers = core.lock().unwrap().answer(&asks, ConnectionKind::Gateway, &mut slow);
    encode_answers(&answers, out).unwrap();
}

#[test]
fn what_an_order_costs() {
    let bench = Bench::new();
    let ask = Ask::Sign(bench.want(TRADE, Effect::Order, ORDER));
    let mut frame = Vec::new();
    encode_asks(&[ask], &mut frame).unwrap();
    let content = frame.get(LENGTH_BYTES..).unwrap();
    let mut out = Vec::new();
    let mut samples = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let (before, started) = (work(&bench), Instant::now());
        for _ in 0..ORDERS {
            one_frame(&bench.core, content, &mut out);
        }
        let whole = started.elapsed().as_nanos() / ORDERS as u128;
        samples.push((whole, u128::from(work(&bench) - before) / ORDERS as u128));
        // Time stands still, or the deadline of the ask would pass.
        bench.core.lock().unwrap().forget_orders_for_test();
    }
    samples.sort_unstable();
    let (whole, answer) = samples[BATCHES / 2];
    println!("an order: {answer} ns to decide, record and sign; {whole} ns with its frames");
    let signed = bench.core.lock().unwrap().status().signed;
    assert_eq!(signed, (ORDERS * BATCHES) as u64, "every one was signed");
}

fn work(bench: &Bench) -> u64 {
    bench.core.lock().unwrap().status().work_ns
}

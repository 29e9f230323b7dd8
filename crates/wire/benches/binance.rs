//! What reading one LIMIT order costs: `cargo bench -p countersign-wire`.
//!
//! Prints nanoseconds a phase, the fastest and the median of many rounds; it asserts
//! nothing.
#![expect(clippy::unwrap_used, reason = "bench code")]

use std::hint::black_box;
use std::time::Instant;

use wire::venue::binance::{
    ParamText, Products, RawRequest, endpoints, orders_in, read, receive, text_to_sign,
};

/// A limit order as ccxt sends it.
const BODY: &str = "timestamp=1795189990931&symbol=BTCUSDT&side=BUY\
    &newClientOrderId=x-TKT5PX2F96fb68e81c4c4d07bfde9b&newOrderRespType=FULL&type=LIMIT\
    &quantity=0.00001&price=30000.1&timeInForce=GTC&recvWindow=10000\
    &signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";

fn measure(name: &str, mut work: impl FnMut()) {
    const ROUNDS: usize = 101;
    const TIMES: u32 = 2000;
    let mut rounds: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..TIMES {
                work();
            }
            start.elapsed().as_nanos() / u128::from(TIMES)
        })
        .collect();
    rounds.sort_unstable();
    let (fastest, median) = (rounds.first().unwrap(), rounds.get(ROUNDS / 2).unwrap());
    println!("{name:<20} {fastest:>6} ns fastest {median:>6} ns median");
}

fn main() {
    let raw = RawRequest {
        method: "POST",
        path: "/api/v3/order",
        query: None,
        body: BODY.as_bytes(),
        content_type: Some("application/x-www-form-urlencoded"),
    };
    let received = receive(&raw).unwrap();
    let intent = read(&received).unwrap();
    let text = text_to_sign(&received, &intent, &[]).unwrap();
    let canonical = text.canonical();
    measure("receive", || drop(black_box(receive(black_box(&raw)))));
    measure("read", || drop(black_box(read(black_box(&received)))));
    measure("text_to_sign", || drop(black_box(text_to_sign(&received, &intent, &[]))));
    measure("canonical", || drop(black_box(text.canonical())));
    measure("all of them", || {
        let received = receive(black_box(&raw)).unwrap();
        let intent = read(&received).unwrap();
        drop(black_box(text_to_sign(&received, &intent, &[]).unwrap().canonical()));
    });
    measure("signer: parse", || {
        drop(black_box(ParamText::parse_canonical(black_box(canonical.as_bytes()))));
    });
    let products = Products::of(endpoints::find_rest("POST", "/api/v3/order").unwrap());
    measure("signer: orders_in", || {
        drop(black_box(orders_in(black_box(&text), black_box(products))))
    });
}

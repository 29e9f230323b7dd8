//! Faults on demand.

use crate::client::{options, start};
use sim::binance::{Fault, FaultKind};

const ORDER: (&str, &str) = ("POST", "/api/v3/order");

#[test]
fn an_executed_order_can_lose_its_answer() {
    let (venue, client) = start(options());
    let params = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";
    let signed = |number: u32| {
        let payload = format!("{params}&newClientOrderId=n-{number}&timestamp={}", client.now_ms());
        let signature = crate::client::sign(&client.secret, &payload);
        format!("/api/v3/order?{payload}&signature={signature}")
    };
    venue.inject(Fault::next(FaultKind::DropConnectionAfterAccept).on(ORDER.0, ORDER.1));
    assert_eq!(client.get("/api/v3/ping").status, 200, "another path is not meant");
    assert!(client.raw("POST", &signed(1), "").is_none());
    assert_eq!(venue.orders(0).len(), 1);
    let lost = venue.requests().into_iter().next_back().unwrap();
    assert!(lost.answer_withheld && lost.status == 200);

    venue.inject(Fault::next(FaultKind::Http5xxExecuted).on(ORDER.0, ORDER.1));
    let unknown = client.raw("POST", &signed(2), "").unwrap();
    assert_eq!((unknown.status, unknown.code()), (503, -1007));
    assert_eq!(venue.orders(0).len(), 2);

    for kind in [FaultKind::Http5xx, FaultKind::Close] {
        venue.inject(Fault::next(kind).on(ORDER.0, ORDER.1));
        let answer = client.raw("POST", &signed(3), "");
        assert!(answer.is_none_or(|answer| answer.code() == -1007));
    }
    assert_eq!(venue.orders(0).len(), 2);
    assert_eq!(client.raw("POST", &signed(4), "").unwrap().status, 200);
}

#[test]
fn faults_count_down() {
    let (venue, client) = start(options());
    venue.inject(Fault::next(FaultKind::Http5xx).times(2));
    let statuses: Vec<u16> = (0..3).map(|_| client.get("/api/v3/ping").status).collect();
    assert_eq!(statuses, [503, 503, 200]);
    venue.inject(Fault::next(FaultKind::DelayMs(30)));
    let started = std::time::Instant::now();
    assert_eq!(client.get("/api/v3/ping").status, 200);
    assert!(started.elapsed().as_millis() >= 30);
}

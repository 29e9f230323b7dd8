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

const READ: (&str, &str) = ("GET", "/api/v3/exchangeInfo");

/// The bytes of an answer, and how reading them ended.
fn bytes(client: &crate::client::Client, patience_ms: u64) -> (Vec<u8>, std::io::Result<()>) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(client.address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(patience_ms))).unwrap();
    write!(stream, "GET {} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", READ.1).unwrap();
    let (mut all, mut chunk) = (Vec::new(), [0; 65536]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return (all, Ok(())),
            Ok(read) => all.extend_from_slice(&chunk[..read]),
            Err(error) => return (all, Err(error)),
        }
    }
}

fn body_length(all: &[u8]) -> usize {
    let text = String::from_utf8_lossy(all);
    let head = text.split("\r\n\r\n").next().unwrap();
    all.len() - head.len() - 4
}

fn claimed_length(all: &[u8]) -> usize {
    let text = String::from_utf8_lossy(all).to_lowercase();
    let line = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_stall_never_answers() {
    let (venue, client) = start(options());
    venue.inject(Fault::next(FaultKind::StallBefore).on(READ.0, READ.1));
    let (all, end) = bytes(&client, 300);
    assert!(all.is_empty() && end.is_err());
    assert_eq!(client.get("/api/v3/ping").status, 200, "others are served");
}

#[test]
fn a_reset_is_a_reset() {
    let (venue, client) = start(options());
    for kind in [FaultKind::ResetBefore, FaultKind::ResetAfter] {
        venue.inject(Fault::next(kind).on(READ.0, READ.1));
        let (all, end) = bytes(&client, 10_000);
        assert!(all.is_empty());
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "{kind:?}");
    }
    let executed: Vec<u16> = venue.requests().iter().map(|request| request.status).collect();
    assert_eq!(executed, [0, 200]);
    assert!(venue.requests().iter().all(|request| request.answer_withheld));
}

#[test]
fn answers_can_be_huge_slow_and_lie() {
    let (venue, client) = start(options());
    let (honest, _) = bytes(&client, 10_000);
    let length = claimed_length(&honest);
    assert_eq!(body_length(&honest), length);
    venue.inject(Fault::next(FaultKind::HugeAnswer(30_000_000)));
    let (huge, end) = bytes(&client, 60_000);
    assert!(end.is_ok() && huge.len() > 30_000_000);
    venue.inject(Fault::next(FaultKind::LongContentLength(1000)));
    let (long, _) = bytes(&client, 10_000);
    assert_eq!(claimed_length(&long), claimed_length(&long).max(body_length(&long) + 1000));
    assert_eq!(body_length(&long).abs_diff(length), 0, "the answer itself is whole");
    venue.inject(Fault::next(FaultKind::ShortContentLength(10)));
    let (short, _) = bytes(&client, 10_000);
    assert_eq!(claimed_length(&short), length - 10);
    assert!(
        serde_json::from_slice::<serde_json::Value>(&short[short.len() - length + 10..]).is_err()
    );
    venue.inject(Fault::next(FaultKind::Slow { bytes: 5000, pause_ms: 30 }));
    let started = std::time::Instant::now();
    let (slow, _) = bytes(&client, 60_000);
    assert!(started.elapsed().as_millis() >= 30 * (length as u128 / 5000));
    assert!(slow.len() >= length);
    venue.inject(Fault::next(FaultKind::NotJson));
    let (html, _) = bytes(&client, 10_000);
    assert!(String::from_utf8_lossy(&html).contains("text/html"));
}

#[test]
fn a_seeded_plan_can_be_replayed() {
    let plan = sim::binance::FaultPlan {
        seed: 42,
        requests_per_mille: 300,
        requests: vec![FaultKind::Http5xx, FaultKind::Http5xxExecuted, FaultKind::Close],
        events_per_mille: 0,
        events: vec![],
    };
    let run = || {
        let mut options = options();
        options.faults = Some(plan.clone());
        let (venue, client) = start(options);
        for _ in 0..60 {
            let _ = client.raw("GET", "/api/v3/ping", "");
        }
        venue.requests().iter().map(|request| request.fault).collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first, run());
    assert!(first.iter().flatten().count() >= 8, "{first:?}");
    let planned: Vec<_> = (1..=60).map(|number| plan.request(number)).collect();
    assert_eq!(first, planned);
}

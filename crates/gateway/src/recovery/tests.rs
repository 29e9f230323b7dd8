use super::*;
use judge::{AccountSetup, PolicySet};
use std::sync::Arc;
use wire::model::OrderReference;

const ALLOWED: &str = r#"{"v":1,"kind":"verdict","at_ns":1,"now_ns":1700000000000000000,
    "bot":"mm-1","account":"main","endpoint":"POST /api/v3/order","class":"place",
    "intent":{"operation":"place","contingency":"single","test":false,"orders":[{
    "symbol":"BTCUSDT","side":"buy","type":"LIMIT","quantity":"0.10","price":"50000"}]},
    "outcome":"allow","reasons":[],"inputs":{"order_micro_usd":5000000000,
    "added_micro_usd":5000000000},"client_order_ids":["cs-a"],"reservation":7}"#;

fn judges() -> BTreeMap<String, Judge> {
    let bot = r#"account = "main"
        preset = "market-maker"
        markets = ["BTCUSDT"]
        max_order_notional = "10000""#;
    let mut policy: judge::BotPolicy = toml::from_str(bot).unwrap();
    policy.name = "mm-1".to_owned();
    let policies = Arc::new(PolicySet::compile(&[policy], "").unwrap());
    BTreeMap::from([("main".to_owned(), Judge::new(policies, AccountSetup::named("main")))])
}

fn restore_from(entries: &[&str]) -> (BTreeMap<String, Judge>, Restoration) {
    let directory = tempfile::tempdir().unwrap();
    let options = audit::Options::new("log.test");
    let (mut log, _) = audit::Log::open(directory.path(), &options).unwrap();
    for entry in entries {
        log.append(entry.as_bytes()).unwrap();
    }
    drop(log);
    let mut restoring = Restoring::new(judges());
    restoring.read(directory.path()).unwrap();
    restoring.finish()
}

/// A gateway that follows another reads most of the log while that one still
/// writes it.
#[test]
fn what_is_written_after_the_first_reading_is_read_by_the_second() {
    let directory = tempfile::tempdir().unwrap();
    let options = audit::Options::new("log.test");
    let (mut log, _) = audit::Log::open(directory.path(), &options).unwrap();
    log.append(ALLOWED.as_bytes()).unwrap();
    let mut restoring = Restoring::new(judges());
    restoring.read(directory.path()).unwrap();
    let settle = r#"{"v":1,"kind":"settle","now_ns":1700000000100000000,"account":"main",
        "outcome":"rejected","http":400,"reservation":7}"#;
    log.append(settle.as_bytes()).unwrap();
    drop(log);
    restoring.read(directory.path()).unwrap();
    let (_, done) = restoring.finish();
    assert_eq!(done, Restoration { entries: 2, requests: 1, unknown: 0 });
}

fn order(order_id: Option<u64>, client: &str) -> OrderReference {
    OrderReference {
        symbol: "BTCUSDT".to_owned(),
        order_id,
        client_order_id: Some(client.to_owned()),
    }
}

#[test]
fn an_order_without_a_settlement_is_unknown_and_its_bots() {
    let (judges, done) = restore_from(&[ALLOWED]);
    assert_eq!(done, Restoration { entries: 1, requests: 1, unknown: 1 });
    let unsettled = judges["main"].unsettled();
    assert_eq!(unsettled.len(), 1);
    assert_eq!(unsettled[0].reservation, Some(ReservationId(7)));
    assert_eq!(judges["main"].owner(&order(None, "cs-a")), Some("mm-1"));
}

#[test]
fn an_acknowledged_order_has_its_owner_and_id() {
    let settle = r#"{"v":1,"kind":"settle","at_ns":2,"now_ns":1700000000100000000,"verdict":0,
        "account":"main","outcome":"acknowledged","http":200,"reservation":7,"orders":[{
        "symbol":"BTCUSDT","order_id":12,"client_order_id":"cs-a","status":"open"}]}"#;
    let (judges, done) = restore_from(&[ALLOWED, settle]);
    assert_eq!(done.unknown, 0);
    assert!(judges["main"].unsettled().is_empty());
    let by_id =
        OrderReference { symbol: "BTCUSDT".to_owned(), order_id: Some(12), client_order_id: None };
    assert_eq!(judges["main"].owner(&by_id), Some("mm-1"));
}

#[test]
fn a_rejected_order_holds_nothing() {
    let settle = r#"{"v":1,"kind":"settle","now_ns":1700000000100000000,"account":"main",
        "outcome":"rejected","http":400,"reservation":7}"#;
    let (mut judges, done) = restore_from(&[ALLOWED, settle]);
    assert_eq!((done.requests, done.unknown), (1, 0));
    let judge = judges.get_mut("main").unwrap();
    let usage = judge.usage("mm-1", UnixNanos(1_700_000_001_000_000_000)).unwrap();
    assert_eq!((usage.held_micro_usd, usage.open_orders), (0, 0));
}

#[test]
fn denied_requests_and_reads_hold_nothing() {
    let denied = ALLOWED.replace("\"allow\"", "\"deny\"");
    let read = r#"{"v":1,"kind":"verdict","outcome":"allow","account":"main","bot":"mm-1",
        "intent":{"operation":"read"}}"#;
    let (_, done) = restore_from(&[&denied, read, "not json \"reservation\":"]);
    assert_eq!(done, Restoration { entries: 3, requests: 0, unknown: 0 });
}

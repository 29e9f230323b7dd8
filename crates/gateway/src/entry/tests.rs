use super::*;
use judge::{DenyKind, OrderStatus, OrderUpdate};
use wire::model::{
    Contingency, Decimal, Operation, Order, OrderGroup, OrderKind, Side, TimeInForce, Venue,
};

fn intent(symbol: &str) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "POST /api/v3/order",
        class: Class::Place,
        operation: Operation::Place(OrderGroup {
            orders: vec![Order {
                symbol: symbol.to_owned(),
                side: Side::Buy,
                kind: OrderKind::Limit,
                quantity: Some(Decimal::new(10, 2)),
                quote_quantity: None,
                price: Some(Decimal::new(50_000, 0)),
                stop_price: None,
                trailing_delta_bps: None,
                iceberg_quantity: None,
                time_in_force: Some(TimeInForce::GoodTillCancel),
                client_order_id: None,
                reduce_only: false,
                position_side: None,
                close_position: false,
            }],
            contingency: Contingency::Single,
            list_client_order_id: None,
            test: false,
        }),
    }
}

fn entry<'a>(intent: &'a Intent, reasons: &'a [Reason], ids: &'a [String]) -> VerdictEntry<'a> {
    VerdictEntry {
        venue: "binance",
        at_ns: 5,
        now: UnixNanos(6),
        bot: Some("mm-1"),
        account: "main",
        endpoint: "POST /api/v3/order",
        class: Class::Place,
        security: "signed",
        intent: Some(intent),
        outcome: "deny",
        reasons,
        approved: &[],
        approval: None,
        alarm: None,
        around: None,
        relaxed: &[],
        inputs: None,
        reference: Some(Reference {
            bid: Decimal::ONE,
            ask: Decimal::TWO,
            mid: Decimal::new(15, 1),
            at: UnixNanos(4),
        }),
        quote_in_usd: None,
        halt: HaltLevel::None,
        log: LogState::Ok,
        clock: ClockState::Sane,
        offset_ms: -3,
        client_order_ids: ids,
        reservation: Some(9),
        text_digest: Some([0xab; 32]),
        key: Some("main-trade"),
        peer: Some("127.0.0.1".parse().unwrap()),
        request: 77,
    }
}

#[test]
fn a_verdict_is_json_that_others_read() {
    let intent = intent("BTC\"\\\u{1}USDT");
    let reasons = [Reason::plain("max_order_notional", DenyKind::Limit, "too \"large\"\n")];
    let mut out = Vec::new();
    entry(&intent, &reasons, &["cs-1".to_owned()]).write(&mut out);
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["v"], 1);
    assert_eq!(value["kind"], "verdict");
    assert_eq!(value["intent"]["orders"][0]["quantity"], "0.10");
    assert_eq!(value["intent"]["orders"][0]["symbol"], "BTC\"\\\u{1}USDT");
    assert_eq!(value["reasons"][0]["detail"], "too \"large\"\n");
    assert_eq!(value["inputs"]["reference"]["mid"], "1.5");
    assert_eq!(value["inputs"]["offset_ms"], -3);
    assert_eq!(value["client_order_ids"][0], "cs-1");
    assert_eq!(value["text_sha256"], "ab".repeat(32));
    assert_eq!(value["peer"], "127.0.0.1");
    assert_eq!(value["request_id"], 77);
}

#[test]
fn numbers_keep_every_digit() {
    let out = plain("start", u64::MAX, |json| {
        json.number("zero", 0);
        json.signed("least", i64::MIN);
    });
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\"at_ns\":18446744073709551615"), "{text}");
    assert!(text.ends_with("\"zero\":0,\"least\":-9223372036854775808}"), "{text}");
}

#[test]
fn a_settlement_reads_back_as_the_event_it_made() {
    let update = OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(12),
        client_order_id: "cs-1".to_owned(),
        new_client_order_id: None,
        order_list_id: Some(3),
        status: OrderStatus::Open,
        quantity: Some(Decimal::ONE),
        executed_quantity: Some(Decimal::ZERO),
        executed_quote: None,
    };
    let outcomes = [
        SettleOutcome::Acknowledged,
        SettleOutcome::Rejected,
        SettleOutcome::Unknown,
        SettleOutcome::Unsigned,
        SettleOutcome::Released,
    ];
    for outcome in outcomes {
        let orders = [update.clone()];
        let mut out = Vec::new();
        SettleEntry {
            at_ns: 1,
            now_ns: 2,
            verdict: 3,
            account: "main",
            outcome,
            http: Some(200),
            code: None,
            detail: None,
            signed_digest: Some([1; 32]),
            signed_sequence: Some(4),
            reservation: Some(8),
            orders: &orders,
        }
        .write(&mut out);
        assert_eq!(
            read_event(&out),
            settle::events(outcome.name(), Some(8), orders.to_vec()),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_damaged_settlement_makes_no_event() {
    for text in ["", "{}", "{\"outcome\":\"danced\",\"reservation\":1}", "[1]"] {
        assert!(read_event(text.as_bytes()).is_empty(), "{text}");
    }
}

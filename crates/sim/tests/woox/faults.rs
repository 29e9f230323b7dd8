//! Faults on demand and by chance.

use serde_json::json;
use sim::woox::{Fault, FaultKind, FaultPlan};

use crate::client::{Client, options, start};

fn place(client: &Client) -> Option<u16> {
    let order = json!({
        "symbol": "SPOT_BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000",
        "quantity": "0.01",
    });
    client.try_v3("POST", "/v3/trade/order", &order).map(|answer| answer.status)
}

#[test]
fn an_order_may_be_there_although_nobody_said_so() {
    let (venue, client) = start(options());
    let faults = [
        (FaultKind::Close, None, 0),
        (FaultKind::Http5xx, Some(500), 0),
        (FaultKind::DropConnectionAfterAccept, None, 1),
        (FaultKind::Http5xxExecuted, Some(500), 1),
        (FaultKind::DelayMs(50), Some(200), 1),
        (FaultKind::ResetAfter, None, 1),
        (FaultKind::NotJson, Some(200), 1),
    ];
    let mut orders = 0;
    for (kind, status, placed) in faults {
        venue.inject(Fault::next(kind).on("POST", "/v3/trade/order"));
        assert_eq!(client.v3("GET", "/v3/account/info", &json!({})).status, 200);
        assert_eq!(place(&client), status, "{kind:?}");
        orders += placed;
        assert_eq!(venue.orders(0).len(), orders, "{kind:?}");
    }
    let kept = venue.requests();
    assert!(kept.iter().any(|request| request.answer_withheld && request.status == 200));
}

#[test]
fn a_plan_is_the_same_under_the_same_seed() {
    let run = |seed: u64| -> Vec<Option<u16>> {
        let mut options = options();
        options.faults = Some(FaultPlan {
            seed,
            requests_per_mille: 400,
            requests: vec![FaultKind::DropConnectionAfterAccept, FaultKind::Http5xx],
            events_per_mille: 0,
            events: vec![],
        });
        let (_venue, client) = start(options);
        (0..30).map(|_| place(&client)).collect()
    };
    let first = run(7);
    assert_eq!(first, run(7));
    assert_ne!(first, run(8));
    assert!(first.contains(&None) && first.contains(&Some(500)) && first.contains(&Some(200)));
}

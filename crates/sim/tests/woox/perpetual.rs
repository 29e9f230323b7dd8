//! Perpetuals: positions, margin, reduce-only, position mode, funding.

use serde_json::{Value, json};
use sim::woox::PaperOptions;

use crate::client::{Client, dec, options, start};

const PERP: &str = "PERP_BTC_USDT";

/// Fees of zero, so that sums are round.
fn free() -> PaperOptions {
    let mut options = options();
    options.fees.perp_maker_bps = dec("0");
    options.fees.perp_taker_bps = dec("0");
    options
}

fn order(client: &Client, side: &str, quantity: &str, more: &Value) -> (u16, i64) {
    let mut order = json!({ "symbol": PERP, "side": side, "type": "MARKET", "quantity": quantity });
    for (name, value) in more.as_object().unwrap() {
        order[name.as_str()] = value.clone();
    }
    let answer = client.v3("POST", "/v3/trade/order", &order);
    (answer.status, answer.code())
}

fn position(client: &Client) -> Value {
    let answer = client.v3("GET", "/v3/futures/positions", &json!({ "symbol": PERP }));
    answer.data()["positions"][0].clone()
}

#[test]
fn positions_open_flip_and_realise_profit() {
    let (venue, client) = start(free());
    client.limit(PERP, "BUY", "1", "59000");
    venue.set_price(PERP, dec("58000"));
    assert_eq!(
        (position(&client)["holding"].as_str(), position(&client)["averageOpenPrice"].as_str()),
        (Some("1"), Some("59000"))
    );
    assert_eq!(client.balance("USDT").0, dec("1000000"), "opening costs nothing but fees");
    client.limit(PERP, "SELL", "3", "60000");
    venue.set_price(PERP, dec("61000"));
    let held = position(&client);
    assert_eq!(
        (held["holding"].as_str(), held["averageOpenPrice"].as_str()),
        (Some("-2"), Some("60000"))
    );
    assert_eq!(client.balance("USDT").0, dec("1001000"));
    let v1 = client.v1("GET", &format!("/v1/position/{PERP}"), &json!({}));
    assert_eq!((v1.body["holding"].as_i64(), v1.body["success"].as_bool()), (Some(-2), Some(true)));
    // Unrealised loss is not available: 2 short, 1000 against it, and margin.
    assert_eq!(client.balance("USDT").1, dec("986800"));
}

#[test]
fn fees_are_taken_in_usdt() {
    let (venue, client) = start(options());
    let id = client.limit(PERP, "BUY", "1", "59000");
    venue.fill_resting(id, dec("1"));
    // Two basis points of 59000.
    assert_eq!(client.balance("USDT").0, dec("999988.2"));
    assert_eq!(client.order(id)["feeAsset"], "USDT");
}

#[test]
fn reduce_only_is_enforced() {
    let (venue, client) = start(free());
    let reduce = json!({ "reduceOnly": true });
    assert_eq!(order(&client, "SELL", "1", &reduce), (400, 302_138), "nothing to reduce");
    assert_eq!(order(&client, "BUY", "1", &json!({})), (200, 0));
    assert_eq!(order(&client, "BUY", "1", &reduce), (400, 302_138), "it would add");
    assert_eq!(order(&client, "SELL", "1.0001", &reduce), (400, 302_138), "more than there is");
    let limit = json!({ "reduceOnly": true, "type": "LIMIT", "price": "70000" });
    assert_eq!(order(&client, "SELL", "0.6", &limit), (200, 0));
    assert_eq!(order(&client, "SELL", "0.5", &reduce), (400, 302_138), "the other would take it");
    assert_eq!(order(&client, "SELL", "0.4", &reduce), (200, 0));
    assert_eq!(position(&client)["holding"], "0.6");
    // What reduces without the flag leaves the reduce-only order too large; it
    // never turns the position.
    assert_eq!(order(&client, "SELL", "0.4", &json!({})), (200, 0));
    venue.set_price(PERP, dec("71000"));
    assert_eq!(position(&client)["holding"], "0");
    assert!(venue.positions(0).is_empty());
    assert!(venue.orders(0).iter().all(|order| order.status != "NEW"));
}

#[test]
fn margin_bounds_what_is_opened() {
    let (_venue, client) = start(free());
    // A million of collateral at ten times leverage: about 166 BTC.
    assert_eq!(order(&client, "BUY", "170", &json!({})), (400, 302_170));
    let set = |leverage: i64| {
        client.v3(
            "PUT",
            "/v3/futures/leverage",
            &json!({ "symbol": PERP, "leverage": leverage, "marginMode": "CROSS" }),
        )
    };
    assert_eq!(set(0).code(), 302_306);
    assert_eq!(set(20).status, 200);
    let told =
        client.v3("GET", "/v3/futures/leverage", &json!({ "symbol": PERP, "marginMode": "CROSS" }));
    assert_eq!(told.data()["details"], json!([{ "positionSide": "BOTH", "leverage": 20 }]));
    let limit = json!({ "type": "LIMIT", "price": "50000" });
    assert_eq!(order(&client, "BUY", "300", &limit), (200, 0));
    assert_eq!(
        order(&client, "BUY", "200", &limit),
        (400, 302_170),
        "the first one's margin counts"
    );
    assert_eq!(set(1).code(), 302_305);
    assert_eq!(client.balance("USDT"), (dec("1000000"), dec("250000")));
}

#[test]
fn hedge_mode_keeps_two_positions() {
    let (venue, client) = start(free());
    let mode =
        |mode: &str| client.v3("PUT", "/v3/futures/positionMode", &json!({ "positionMode": mode }));
    assert_eq!(mode("SIDEWAYS").code(), -1005);
    assert_eq!(mode("HEDGE_MODE").status, 200);
    assert_eq!(order(&client, "BUY", "1", &json!({})), (400, 302_186));
    let (long, short) = (json!({ "positionSide": "LONG" }), json!({ "positionSide": "SHORT" }));
    assert_eq!(order(&client, "SELL", "1", &long), (400, 302_125), "nothing to close");
    assert_eq!(order(&client, "BUY", "2", &long), (200, 0));
    assert_eq!(order(&client, "SELL", "1", &short), (200, 0));
    let held = venue.positions(0);
    assert_eq!(
        held.iter().map(|p| (p.side, p.holding)).collect::<Vec<_>>(),
        [("LONG", dec("2")), ("SHORT", dec("-1"))]
    );
    assert_eq!(mode("ONE_WAY").code(), 302_308);
    assert_eq!(order(&client, "SELL", "2", &long), (200, 0));
    assert_eq!(order(&client, "BUY", "1", &short), (200, 0));
    assert_eq!(mode("ONE_WAY").status, 200);
    let info = client.v3("GET", "/v3/account/info", &json!({}));
    assert_eq!(info.data()["positionMode"], "ONE_WAY");
}

#[test]
fn funding_is_paid_on_schedule() {
    let mut options = free();
    options.funding.interval_ms = 3_600_000;
    let (venue, client) = start(options);
    let other = Client::new(venue.addr(), "other", "othersecret");
    assert_eq!(order(&client, "BUY", "1", &json!({})), (200, 0));
    assert_eq!(order(&other, "SELL", "2", &json!({})), (200, 0));
    assert!(venue.set_funding_rate(PERP, dec("0.001")));
    let mark = dec("60000");
    let (long, short) = (client.balance("USDT").0, other.balance("USDT").0);
    // Past the next full hour, within the window of nobody: no request is sent.
    let next = client.get(&format!("/v3/public/fundingRate?symbol={PERP}"));
    let next = next.data()["rows"][0]["nextFundingTime"].as_i64().unwrap();
    venue.set_skew_ms(next - venue.now_ms() + 1);
    for _ in 0..100 {
        if venue.holding(0, "USDT") != long {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(venue.holding(0, "USDT"), long - mark * dec("0.001"));
    assert_eq!(venue.holding(1, "USDT"), short + dec("2") * mark * dec("0.001"));
    let mut late = Client::new(venue.addr(), &client.key, &client.secret);
    late.ahead_ms = venue.now_ms() - client.now_ms();
    let paid = late.v3("GET", "/v3/futures/fundingFee/history", &json!({}));
    let row = &paid.data()["rows"][0];
    assert_eq!(
        (row["fundingFee"].as_str(), row["paymentType"].as_str()),
        (Some("60"), Some("Pay"))
    );
    let past = late.get(&format!("/v3/public/fundingRateHistory?symbol={PERP}"));
    assert_eq!(past.data()["rows"][0]["fundingRate"], "0.001");
}

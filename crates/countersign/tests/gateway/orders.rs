//! Orders: what passes, as what it reaches the venue, and whose it is.

use crate::bench::{ACCOUNT, Bench, Case, MARKET, OPEN_ORDERS, ORDER, buy, limit, place};
use crate::stack::client::signature;
use crate::stack::{REAL_TRADE_KEY, REAL_TRADE_SECRET};

#[test]
fn orders_reach_the_venue_under_the_real_key_and_belong_to_their_bots() {
    let mut bench = Bench::start(&[
        ("mm", "market-maker", &[]),
        ("other", "market-maker", &[]),
        ("boss", "market-maker", &[("cancel", "\"account\"")]),
        ("reader", "read-only", &[]),
        ("watched", "market-maker", &[("mode", "\"observe\"")]),
    ]);
    bench.run(CASES);
}

const CASES: &[Case] = &[
    ("an order reaches the venue with the real key", real_key),
    ("an order without a client order id gets one", generated_id),
    ("a test order is judged and placed nowhere", test_order),
    ("over the order limit", over_limit),
    ("outside the collar", outside_collar),
    ("an order at any price", market_order),
    ("another market", other_market),
    ("observe lets an order over the limit through, and says so", observed),
    ("observe does not let a withdrawal through", observed_withdrawal),
    ("read-only reads and does not place", read_only),
    ("another bot's order cannot be cancelled", foreign_cancel),
    ("a cancel-all that touches another bot's order", foreign_cancel_all),
    ("reads show the account", reads),
];

fn real_key(bench: &mut Bench) {
    let (id, mark) = (bench.id(), bench.mark());
    let mut client = bench.client("mm");
    let answer = buy(&mut client, &id, "0.001", "59900").ok();
    assert_eq!(answer.json["clientOrderId"], id.as_str());
    assert!(!answer.text.contains(REAL_TRADE_KEY));
    let sent = bench.sent(mark, "POST", ORDER);
    assert_eq!(sent.len(), 1);
    let request = &sent[0];
    assert_eq!(request.header("x-mbx-apikey"), Some(REAL_TRADE_KEY));
    assert_eq!(request.query, "");
    let text = String::from_utf8(request.body.clone()).unwrap();
    let (text, found) = text.rsplit_once("&signature=").unwrap();
    assert_eq!(found, signature(REAL_TRADE_SECRET, text));
    let parameters: Vec<(&str, &str)> =
        text.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    assert_eq!(parameters[..7], limit(MARKET, "BUY", &id, "0.001", "59900"));
    let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
    assert_eq!(names[7..], ["recvWindow", "timestamp"]);
    let window: f64 = parameters[7].1.parse().unwrap();
    assert!(window <= 2000.0, "{text}");
    // Nothing of the bot's own credentials leaves.
    let whole = format!("{request:?}");
    assert!(!whole.contains(&client.bot.api_key) && !whole.contains(&client.bot.secret));
    bench.clear("mm", &id);
}

fn generated_id(bench: &mut Bench) {
    let mark = bench.mark();
    let whole = limit(MARKET, "BUY", "", "0.001", "59900");
    let answer = bench.client("mm").post(ORDER, &whole[..6]).ok();
    let id = answer.json["clientOrderId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("cs-"), "{id}");
    let sent = bench.sent(mark, "POST", ORDER);
    assert!(String::from_utf8_lossy(&sent[0].body).contains(&format!("newClientOrderId={id}")));
    bench.clear("mm", &id);
}

fn test_order(bench: &mut Bench) {
    let id = bench.id();
    let path = "/api/v3/order/test";
    bench.client("mm").post(path, &limit(MARKET, "BUY", &id, "0.001", "59900")).ok();
    assert_eq!(bench.at_venue(&id), None);
    bench.client("mm").post(path, &limit(MARKET, "BUY", &id, "0.1", "59900")).refused(-2010);
}

fn over_limit(bench: &mut Bench) {
    let id = bench.id();
    let answer = buy(&mut bench.client("mm"), &id, "0.02", "59900");
    bench.denied(answer, &id, -2010, "max_order_notional");
}

fn outside_collar(bench: &mut Bench) {
    for (side, price) in [("BUY", "63000"), ("SELL", "57000")] {
        let id = bench.id();
        let answer = place(&mut bench.client("mm"), MARKET, side, &id, "0.001", price);
        bench.denied(answer, &id, -2010, "collar_bps");
    }
    // On the side where nothing is lost there is no collar.
    let id = bench.id();
    buy(&mut bench.client("mm"), &id, "0.001", "50000").ok();
    bench.clear("mm", &id);
}

fn market_order(bench: &mut Bench) {
    let id = bench.id();
    let parameters = [
        ("symbol", MARKET),
        ("side", "BUY"),
        ("type", "MARKET"),
        ("quantity", "0.001"),
        ("newClientOrderId", &id),
    ];
    let answer = bench.client("mm").post(ORDER, &parameters);
    let code = answer.code();
    assert!([-1002, -2010].contains(&code), "{}", answer.text);
    bench.denied(answer, &id, code, "market_orders");
}

fn other_market(bench: &mut Bench) {
    for market in ["ETHUSDT", "BNBUSDT"] {
        let id = bench.id();
        let answer = place(&mut bench.client("mm"), market, "BUY", &id, "0.01", "500");
        bench.denied(answer, &id, -1002, "markets");
    }
}

fn observed(bench: &mut Bench) {
    let id = bench.id();
    buy(&mut bench.client("watched"), &id, "0.02", "59900").ok();
    let (_, entry) = bench.verdict_about(&id).expect("a verdict");
    assert_eq!(entry["outcome"], "allow", "{entry}");
    assert_eq!(entry["relaxed"][0]["code"], "max_order_notional", "{entry}");
    bench.clear("watched", &id);
}

fn observed_withdrawal(bench: &mut Bench) {
    bench
        .client("watched")
        .post(
            "/sapi/v1/capital/withdraw/apply",
            &[("coin", "USDT"), ("network", "ETH"), ("address", "0xabc"), ("amount", "100")],
        )
        .refused(-1002);
    assert!(bench.stack.venue.withdrawals(0).is_empty());
}

fn read_only(bench: &mut Bench) {
    let mut client = bench.client("reader");
    client.get(ACCOUNT, &[]).ok();
    client.get(OPEN_ORDERS, &[("symbol", MARKET)]).ok();
    let id = bench.id();
    let answer = buy(&mut client, &id, "0.001", "59900");
    bench.denied(answer, &id, -1002, "not_permitted");
    let own = bench.resting("mm");
    assert!(bench.cancel("reader", &own).status >= 400);
    assert_eq!(bench.at_venue(&own), Some("NEW"));
    bench.clear("mm", &own);
}

fn foreign_cancel(bench: &mut Bench) {
    let id = bench.resting("mm");
    bench.cancel("other", &id).refused(-2011);
    assert_eq!(bench.at_venue(&id), Some("NEW"));
    // By the venue's number too.
    let mut other = bench.client("other");
    let order = bench.client("mm").get(ORDER, &[("symbol", MARKET), ("origClientOrderId", &id)]);
    let number = order.ok().json["orderId"].to_string();
    other.delete(ORDER, &[("symbol", MARKET), ("orderId", &number)]).refused(-2011);
    assert_eq!(bench.at_venue(&id), Some("NEW"));
    bench.clear("mm", &id);
}

fn foreign_cancel_all(bench: &mut Bench) {
    let ids = [bench.resting("mm"), bench.resting("other")];
    bench.client("mm").delete(OPEN_ORDERS, &[("symbol", MARKET)]).refused(-2011);
    for id in &ids {
        assert_eq!(bench.at_venue(id), Some("NEW"));
    }
    bench.client("boss").delete(OPEN_ORDERS, &[("symbol", MARKET)]).ok();
    for id in &ids {
        assert_eq!(bench.at_venue(id), Some("CANCELED"));
    }
    // With its own alone in the market, a bot needs no more than its own.
    let id = bench.resting("mm");
    bench.client("mm").delete(OPEN_ORDERS, &[("symbol", MARKET)]).ok();
    assert_eq!(bench.at_venue(&id), Some("CANCELED"));
}

fn reads(bench: &mut Bench) {
    let id = bench.resting("mm");
    let mut client = bench.client("mm");
    let account = client.get(ACCOUNT, &[]).ok();
    assert!(account.json["balances"].as_array().is_some_and(|list| !list.is_empty()));
    let open = client.get(OPEN_ORDERS, &[("symbol", MARKET)]).ok();
    assert_eq!(open.json[0]["clientOrderId"], id.as_str());
    client.get("/api/v3/myTrades", &[("symbol", MARKET), ("limit", "5")]).ok();
    bench.clear("mm", &id);
}

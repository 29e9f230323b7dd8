//! What no bot may do, whatever its limits; and what needs no key at all.

use crate::bench::{Bench, Case, MARKET, ORDER, limit};
use crate::stack::client::{now_ms, signature};

#[test]
fn what_no_bot_may_do_never_leaves() {
    let mut bench = Bench::start(&[("mm", "market-maker", &[]), ("taker", "taker", &[])]);
    bench.run(CASES);
}

const CASES: &[Case] = &[
    ("value does not leave", value_out),
    ("unknown endpoints", unknown),
    ("a parameter twice", twice),
    ("an unlisted parameter", unlisted),
    ("parameters in query and body", two_places),
    ("a parameter that makes an order a loan", loan),
    ("market data passes without a key", market_data),
];

fn value_out(bench: &mut Bench) {
    let mark = bench.mark();
    let endpoints: &[(&str, &[(&str, &str)])] = &[
        (
            "/sapi/v1/capital/withdraw/apply",
            &[("coin", "USDT"), ("network", "ETH"), ("address", "0xabc"), ("amount", "100")],
        ),
        (
            "/sapi/v1/asset/transfer",
            &[("type", "MAIN_UMFUTURE"), ("asset", "USDT"), ("amount", "100")],
        ),
        ("/sapi/v1/asset/dust", &[("asset", "BTC")]),
        (
            "/sapi/v1/convert/getQuote",
            &[("fromAsset", "USDT"), ("toAsset", "BTC"), ("fromAmount", "100")],
        ),
        ("/sapi/v1/convert/acceptQuote", &[("quoteId", "1")]),
        (
            "/sapi/v1/margin/borrow-repay",
            &[("asset", "USDT"), ("amount", "100"), ("type", "BORROW")],
        ),
    ];
    for bot in ["mm", "taker"] {
        for (path, parameters) in endpoints {
            bench.client(bot).post(path, parameters).refused(-1002);
            assert!(bench.sent(mark, "POST", path).is_empty(), "{path} reached the venue");
        }
    }
    assert!(bench.stack.venue.withdrawals(0).is_empty());
    let denied: Vec<_> = bench
        .stack
        .entries(0)
        .into_iter()
        .filter(|(_, entry)| {
            entry["kind"] == "verdict" && entry["outcome"] == "deny" && entry["bot"] == "mm"
        })
        .map(|(_, entry)| entry["endpoint"].as_str().unwrap_or_default().to_owned())
        .collect();
    let asked: Vec<_> = endpoints.iter().map(|(path, _)| format!("POST {path}")).collect();
    assert_eq!(denied, asked, "every denial has its entry");
}

fn unknown(bench: &mut Bench) {
    let mark = bench.mark();
    for (method, path) in [
        ("POST", "/api/v3/nope"),
        ("GET", "/api/v3/nope"),
        ("POST", "/sapi/v1/nope"),
        ("DELETE", "/api/v3/account"),
        ("GET", "/api/v3//account"),
        ("GET", "/api/v3/%61ccount"),
        ("GET", "/api/v3/account/"),
    ] {
        let answer = bench.client("mm").signed(method, path, &[]);
        assert!(answer.status >= 400 && answer.code() < 0, "{method} {path}: {}", answer.text);
        assert!(bench.sent(mark, method, path).is_empty(), "{method} {path} reached the venue");
    }
}

fn twice(bench: &mut Bench) {
    let mark = bench.mark();
    let id = bench.id();
    let client = &mut bench.client("mm");
    for (extra, at) in [("quantity=0.5", 0), ("quantity=0.5", 4), ("quantity=0.001", 7)] {
        let mut parts: Vec<String> = limit(MARKET, "BUY", &id, "0.001", "59900")
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        parts.insert(at, extra.to_owned());
        parts.push(format!("timestamp={}", now_ms()));
        let text = client.sign_text(&parts.join("&"));
        client.send_text("POST", ORDER, &text).refused(-1101);
    }
    assert!(bench.sent(mark, "POST", ORDER).is_empty());
}

fn unlisted(bench: &mut Bench) {
    let (id, mark) = (bench.id(), bench.mark());
    let mut parameters = limit(MARKET, "BUY", &id, "0.001", "59900").to_vec();
    parameters.push(("goodTillMoon", "1"));
    let answer = bench.client("mm").post(ORDER, &parameters).refused(-1104);
    assert!(answer.text.contains("goodTillMoon"), "{}", answer.text);
    assert!(bench.sent(mark, "POST", ORDER).is_empty());
}

fn two_places(bench: &mut Bench) {
    let mark = bench.mark();
    let mut client = bench.client("mm");
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    let body = format!("quantity=0.001&price=59900&timestamp={}", now_ms());
    let signature = signature(&client.bot.secret, &format!("{query}{body}"));
    let text = format!("{body}&signature={signature}");
    client.send_text("POST", &format!("{ORDER}?{query}"), &text).refused(-1101);
    assert!(bench.sent(mark, "POST", ORDER).is_empty());
}

fn loan(bench: &mut Bench) {
    let (id, mark) = (bench.id(), bench.mark());
    let mut parameters = limit(MARKET, "BUY", &id, "0.001", "59900").to_vec();
    parameters.push(("sideEffectType", "AUTO_BORROW_REPAY"));
    let answer = bench.client("mm").post(ORDER, &parameters);
    assert!([-1002, -1104].contains(&answer.code()), "{}", answer.text);
    assert!(bench.sent(mark, "POST", ORDER).is_empty());
}

fn market_data(bench: &mut Bench) {
    let mark = bench.mark();
    let mut client = bench.client("mm");
    for (path, query) in [
        ("/api/v3/ping", ""),
        ("/api/v3/time", ""),
        ("/api/v3/ticker/price", "symbol=BTCUSDT"),
        ("/api/v3/depth", "symbol=BTCUSDT&limit=5"),
        ("/api/v3/exchangeInfo", ""),
        ("/fapi/v1/exchangeInfo", ""),
    ] {
        client.try_send("GET", path, query, None).expect("an answer").ok();
        let sent = bench.sent(mark, "GET", path);
        let request = sent.iter().find(|request| request.query == query).expect("a request");
        assert_eq!(request.header("x-mbx-apikey"), None, "{path}");
    }
    // A key that some clients send along does not go on.
    let key = client.bot.api_key.clone();
    let mark = bench.mark();
    client.try_send("GET", "/api/v3/depth", "symbol=BTCUSDT", Some(&key)).expect("an answer").ok();
    assert_eq!(bench.sent(mark, "GET", "/api/v3/depth")[0].header("x-mbx-apikey"), None);
}

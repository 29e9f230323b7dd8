//! What a scraper is told after real requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

mod stack;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use stack::client::Client;
use stack::{Bot, REAL_READ_KEY, REAL_TRADE_KEY, Stack, Unseal};

const NAMES: &str = include_str!("../../../docs/metrics.md");

/// A scrape: status, and the whole text.
fn ask(port: u16, target: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: metrics\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Every sample by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn a_scraper_is_told_what_happened_and_nothing_secret() {
    let mut stack = Stack::configured();
    let port = Stack::free_port();
    stack.configure(&format!("[metrics]\nlisten = \"127.0.0.1:{port}\""));
    let bot = stack.add_bot("mm-1", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    let mut client = Client::new(&stack.bot_url, &bot);
    let mut order = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.002"),
        ("price", "59500"),
    ];
    for _ in 0..3 {
        client.post("/api/v3/order", &order).ok();
    }
    order[4].1 = "2";
    client.post("/api/v3/order", &order).refused(-2010);
    client.post("/sapi/v1/capital/withdraw/apply", &[("coin", "BTC")]);
    let stranger = Bot { secret: "s".repeat(64), ..bot.clone() };
    Client::new(&stack.bot_url, &stranger).get("/api/v3/account", &[]).refused(-1022);
    // The venue refuses: no such order.
    client.get("/api/v3/order", &[("symbol", "BTCUSDT"), ("orderId", "99")]);

    let (status, text) = ask(port, "/metrics");
    assert_eq!(status, 200);
    let told = samples(&text);
    let value = |name: &str| *told.get(name).unwrap_or_else(|| panic!("no `{name}` in\n{text}"));
    assert_eq!(value("countersign_verdicts_total{verdict=\"allow\"}"), 4.0);
    assert_eq!(value("countersign_verdicts_total{verdict=\"limit\"}"), 1.0);
    assert_eq!(value("countersign_requests_total{ending=\"answered\"}"), 3.0);
    assert_eq!(value("countersign_requests_total{ending=\"rejected\"}"), 1.0);
    assert_eq!(value("countersign_bot_requests_total{bot=\"mm-1\",ending=\"answered\"}"), 3.0);
    assert_eq!(value("countersign_venue_answers_total{status=\"2xx\"}"), 3.0);
    assert_eq!(value("countersign_venue_answers_total{status=\"4xx\"}"), 1.0);
    assert!(value("countersign_requests_total{ending=\"unauthenticated\"}") >= 1.0);
    assert_eq!(value("countersign_signer_up"), 1.0);
    assert_eq!(value("countersign_bots"), 1.0);
    assert_eq!(value("countersign_clock_sane"), 1.0);
    assert_eq!(value("countersign_unknown_outcomes{account=\"main\"}"), 0.0);
    assert!(value("countersign_log_entries_total") >= 8.0);
    assert!(value("countersign_memory_resident_bytes") > 1e6);
    assert!(value("countersign_prices_age_seconds") < 30.0);
    // Only the first request of sixteen is timed for sure.
    assert!(value("countersign_phase_seconds_count{phase=\"accept\"}") >= 1.0, "{text}");

    // INVARIANT (key custody): names of keys are not told either.
    for secret in [&bot.api_key, &bot.secret, REAL_TRADE_KEY, REAL_READ_KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    // Each metric has its line in the documentation, and the other way round.
    let described: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in &described {
        assert!(NAMES.contains(&format!("`{name}`")), "docs/metrics.md lacks `{name}`:\n{text}");
    }
    let rows = ["` | counter |", "` | gauge |", "` | histogram |"];
    let documented: usize = rows.iter().map(|row| NAMES.matches(row).count()).sum();
    assert_eq!(documented, described.len(), "docs/metrics.md has metrics that are not told");

    assert_eq!(ask(port, "/").0, 404);
    assert_eq!(ask(port, "/metrics/x").0, 404);
}

//! What the processes write on standard error as JSON: a line for everything
//! that happens, whoever says it, and nothing secret.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod stack;

use serde_json::Value;
use stack::client::Client;
use stack::{REAL_READ_KEY, REAL_TRADE_KEY, REAL_TRADE_SECRET, Stack, signal};

/// A log line's fields that are always there.
const FIELDS: [&str; 4] = ["timestamp", "level", "message", "target"];

fn lines(stack: &Stack) -> Vec<Value> {
    let said = stack.said();
    let mut lines: Vec<&str> = said.split('\n').collect();
    // The last one may not be whole yet.
    lines.pop();
    let read = |line: &&str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    lines.iter().map(read).collect()
}

#[test]
fn every_line_is_json_and_none_is_secret() {
    let mut stack = Stack::configured();
    let bot = stack.add_bot("mm-1", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.serve_with(&["--log-format", "json", "--log-level", "debug"]);
    let mut client = Client::new(&stack.bot_url, &bot);
    client.get("/api/v3/account", &[]).ok();
    let signed = client.sign(&[("symbol", "BTCUSDT")]);
    let forged = signed.replace("BTCUSDT", "ETHUSDT");
    client.send_text("GET", "/api/v3/openOrders", &forged).refused(-1022);
    client.post("/sapi/v1/capital/withdraw/apply", &[("coin", "BTC")]);
    signal(stack.process("gateway"), "KILL");
    let is_back = |line: &Value| {
        line["message"].as_str().is_some_and(|text| text.starts_with("gateway is back"))
    };
    stack.wait_for("the gateway", || lines(&stack).iter().any(is_back).then_some(()));
    stack.stop();

    let lines = lines(&stack);
    for line in &lines {
        assert!(FIELDS.iter().all(|field| line[field].is_string()), "{line}");
    }
    let requests: Vec<(&str, &str, u64)> = lines
        .iter()
        .filter(|line| line["message"] == "request ended" && line["bot"] == "mm-1")
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap();
            (text("phase"), text("ending"), line["status"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(requests[..2], [("settle", "answered", 200), ("judge", "denied", 401)]);
    let unknown = |line: &&Value| line["ending"] == "unauthenticated";
    let unknown = lines.iter().find(unknown).unwrap();
    assert_eq!((&unknown["phase"], &unknown["bot"]), (&"authenticate".into(), &Value::Null));
    let says = |target: &str| {
        let begins = |line: &&Value| line["target"].as_str().unwrap().starts_with(target);
        lines.iter().filter(begins).count()
    };
    assert!(says("supervisor") >= 2 && says("gateway") >= 3, "{lines:?}");

    let said = stack.said();
    let signature = signed.rsplit('=').next().unwrap();
    let secrets = [&bot.secret, &bot.api_key, signature];
    for secret in secrets.into_iter().chain([REAL_TRADE_KEY, REAL_TRADE_SECRET, REAL_READ_KEY]) {
        assert!(!said.contains(secret), "{secret} is in a log line");
    }
}

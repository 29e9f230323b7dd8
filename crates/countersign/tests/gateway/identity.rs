//! Who asks: signatures, times, addresses, repeats.

use std::net::Ipv4Addr;

use crate::bench::{ACCOUNT, Bench, Case, MARKET, OPEN_ORDERS, ORDER, buy, limit};
use crate::stack::client::{Client, now_ms};

/// Wrong signatures in the flood.
const FLOOD: usize = 500;

#[test]
fn only_the_bot_itself_now_and_once() {
    let mut bench = Bench::start(&[("mm", "market-maker", &[])]);
    bench.run(CASES);
}

const CASES: &[Case] = &[
    ("the same read again", read_again),
    ("the same order again", order_again),
    ("a read's text as a cancel", read_as_cancel),
    ("a cancel's text as a read", cancel_as_read),
    ("an old timestamp", stale),
    ("a timestamp ahead", ahead),
    ("a wrong signature", wrong_signature),
    ("unknown and missing keys", unknown_key),
    ("another address", other_address),
    ("the virtual key at the venue itself", at_the_venue),
    ("a flood of wrong signatures", flood),
];

fn read_again(bench: &mut Bench) {
    let mut client = bench.client("mm");
    let text = client.sign(&[]);
    for _ in 0..3 {
        client.send_text("GET", ACCOUNT, &text).ok();
    }
}

fn order_again(bench: &mut Bench) {
    let (id, mark) = (bench.id(), bench.mark());
    let mut client = bench.client("mm");
    let text = client.sign(&limit(MARKET, "BUY", &id, "0.001", "59900"));
    client.send_text("POST", ORDER, &text).ok();
    client.send_text("POST", ORDER, &text).refused(-1022);
    // From another connection too.
    bench.client("mm").send_text("POST", ORDER, &text).refused(-1022);
    assert_eq!(bench.sent(mark, "POST", ORDER).len(), 1);
    let cancel = client.sign(&[("symbol", MARKET), ("origClientOrderId", &id)]);
    client.send_text("DELETE", ORDER, &cancel).ok();
    client.send_text("DELETE", ORDER, &cancel).refused(-1022);
}

fn read_as_cancel(bench: &mut Bench) {
    let id = bench.resting("mm");
    let mut client = bench.client("mm");
    let text = client.sign(&[("symbol", MARKET)]);
    client.send_text("GET", OPEN_ORDERS, &text).ok();
    client.send_text("DELETE", OPEN_ORDERS, &text).refused(-1022);
    assert_eq!(bench.at_venue(&id), Some("NEW"));
    let text = client.sign(&[("symbol", MARKET), ("origClientOrderId", &id)]);
    client.send_text("GET", ORDER, &text).ok();
    client.send_text("DELETE", ORDER, &text).refused(-1022);
    assert_eq!(bench.at_venue(&id), Some("NEW"));
    bench.clear("mm", &id);
}

fn cancel_as_read(bench: &mut Bench) {
    let id = bench.resting("mm");
    let mut client = bench.client("mm");
    let text = client.sign(&[("symbol", MARKET), ("origClientOrderId", &id)]);
    client.send_text("DELETE", ORDER, &text).ok();
    client.send_text("GET", ORDER, &text).refused(-1022);
}

fn stale(bench: &mut Bench) {
    let mut client = bench.client("mm");
    let text = client.sign_at(&[], now_ms() - 10_000);
    client.send_text("GET", ACCOUNT, &text).refused(-1021);
}

fn ahead(bench: &mut Bench) {
    let mut client = bench.client("mm");
    let text = client.sign_at(&[], now_ms() + 5_000);
    client.send_text("GET", ACCOUNT, &text).refused(-1021);
}

fn wrong_signature(bench: &mut Bench) {
    let mut client = bench.client("mm");
    let text = client.sign(&[]);
    let last = if text.ends_with('0') { "1" } else { "0" };
    let text = format!("{}{last}", &text[..text.len() - 1]);
    client.send_text("GET", ACCOUNT, &text).refused(-1022);
    // A changed parameter under a good signature.
    let id = bench.id();
    let text = client.sign(&limit(MARKET, "BUY", &id, "0.001", "59900"));
    let text = text.replace("0.001", "0.002");
    client.send_text("POST", ORDER, &text).refused(-1022);
    assert_eq!(bench.at_venue(&id), None);
}

fn unknown_key(bench: &mut Bench) {
    let mut client = bench.client("mm");
    let text = client.sign(&[]);
    let other = "x".repeat(client.bot.api_key.len());
    client.try_send("GET", ACCOUNT, &text, Some(&other)).expect("an answer").refused(-2015);
    client.try_send("GET", ACCOUNT, &text, None).expect("an answer").refused(-2014);
    let odd = client.try_send("GET", ACCOUNT, &text, Some("x")).expect("an answer");
    assert!([-2014, -2015].contains(&odd.code()), "{}", odd.text);
}

fn other_address(bench: &mut Bench) {
    let mut client = bench.client("mm").at_address(Ipv4Addr::new(127, 0, 0, 2));
    client.get(ACCOUNT, &[]).refused(-2015);
    let id = bench.id();
    buy(&mut client, &id, "0.001", "59900").refused(-2015);
    assert_eq!(bench.at_venue(&id), None);
    bench.client("mm").get(ACCOUNT, &[]).ok();
}

fn at_the_venue(bench: &mut Bench) {
    let mut stolen = Client::new(&bench.stack.venue.base_url(), &bench.bots["mm"]);
    let answer = stolen.get(ACCOUNT, &[]);
    assert!(answer.status >= 400 && answer.code() < 0, "{}", answer.text);
}

/// INVARIANT (no free accusation).
fn flood(bench: &mut Bench) {
    let entries = |bench: &Bench| {
        let entries = bench.stack.entries(0).into_iter();
        entries.filter(|(_, entry)| entry["bot"] == "mm").count()
    };
    let before = entries(bench);
    let mut thief = bench.client("mm");
    thief.bot.secret = "0".repeat(64);
    for number in 0..FLOOD {
        let id = format!("flood-{number}");
        buy(&mut thief, &id, "0.001", "59900").refused(-1022);
    }
    assert_eq!(entries(bench), before, "somebody else's failures stand under the bot's name");
    let id = bench.resting("mm");
    bench.clear("mm", &id);
}

//! Conditional orders of USD-M futures: they have ids of their own and wait where
//! no list of open orders has them, so they count as filled when they are placed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod stack;

use sim::binance::{Fault, FaultKind};
use stack::client::{Answer, Client};
use stack::{Bot, Stack, Unseal};

const CONDITIONAL: &str = "/fapi/v1/algoOrder";
const STOP: [(&str, &str); 6] = [
    ("algoType", "CONDITIONAL"),
    ("symbol", "BTCUSDT"),
    ("side", "SELL"),
    ("type", "STOP_MARKET"),
    ("quantity", "0.010"),
    ("triggerPrice", "59000"),
];

/// Bots that may trade 1,500 USD an hour each.
fn serving(names: &[&str]) -> (Stack, Vec<Bot>) {
    let mut stack = Stack::configured_for(
        |options| {
            for key in &mut options.accounts.first_mut().unwrap().keys {
                key.rights.futures = std::mem::take(&mut key.rights.spot_trade);
            }
        },
        &["UM/BTCUSDT"],
    );
    let limits = ["--max-notional-per-hour", "1500"];
    let maker = ["--preset", "taker", "--market", "UM/BTCUSDT"];
    let bots = names.iter().map(|name| stack.add_bot(name, &[&maker[..], &limits].concat()));
    let bots = bots.collect();
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    (stack, bots)
}

fn place(client: &mut Client, id: &str) -> Answer {
    client.post(CONDITIONAL, &[&STOP[..], &[("clientAlgoId", id)]].concat())
}

fn order(client: &mut Client) -> Answer {
    let order = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.016"),
        ("price", "59500"),
    ];
    client.post("/fapi/v1/order", &order)
}

#[test]
fn one_counts_as_filled_when_it_is_placed() {
    let (mut stack, bots) = serving(&["mm-1", "mm-2"]);
    let mut client = Client::new(&stack.bot_url, &bots[0]);
    let placed = place(&mut client, "stop-1").ok();
    assert_eq!(placed.json["algoStatus"], "NEW");
    // 590 of 1,500 USD an hour are gone: 952 more are too many, also after its
    // cancel, and after a restart.
    order(&mut client).refused(-2010);
    let named = [("symbol", "BTCUSDT"), ("clientAlgoId", "stop-1")];
    client.delete(CONDITIONAL, &named).ok();
    order(&mut client).refused(-2010);
    stack.stop();
    stack.serve();
    let mut client = Client::new(&stack.bot_url, &bots[0]);
    stack.wait_for("a price", || order(&mut client).text.contains("max_notional").then_some(()));
    order(&mut Client::new(&stack.bot_url, &bots[1])).ok();

    // Without a market nobody knows whose it is.
    let placed = place(&mut Client::new(&stack.bot_url, &bots[1]), "stop-2");
    assert_eq!(placed.code(), -2010, "{}", placed.text);
    client.delete(CONDITIONAL, &[("clientAlgoId", "stop-2")]).refused(-2011);

    // How much has to be said.
    let all = [("closePosition", "true"), ("algoType", "CONDITIONAL"), ("symbol", "BTCUSDT")];
    let all = [&all[..], &STOP[2..4], &STOP[5..]].concat();
    client.post(CONDITIONAL, &all).refused(-1002);
    let trailing = [("type", "TRAILING_STOP_MARKET"), ("callbackRate", "1"), STOP[4]];
    client.post(CONDITIONAL, &[&STOP[..3], &trailing[..]].concat()).refused(-1002);
    stack.verify();
}

#[test]
fn one_whose_answer_is_lost_is_found_and_counts() {
    let (stack, bots) = serving(&["mm-1"]);
    let mut client = Client::new(&stack.bot_url, &bots[0]);
    let fault = |kind| stack.venue.inject(Fault::next(kind).on("POST", CONDITIONAL));
    fault(FaultKind::DropConnectionAfterAccept);
    place(&mut client, "stop-1").refused(-1007);
    let settled = |outcome: &str| {
        stack.wait_for("the outcome", || {
            let entries = stack.entries(0);
            entries.iter().any(|(_, entry)| entry["outcome"] == outcome).then_some(())
        });
    };
    settled("found");
    order(&mut client).refused(-2010);
    // One that never came counts no longer.
    fault(FaultKind::Close);
    place(&mut client, "stop-2").refused(-1007);
    settled("released");
    place(&mut client, "stop-3").ok();
    stack.verify();
}

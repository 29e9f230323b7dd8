//! Halts: graduated, scoped, by hand and by detectors; none forgets a cancel,
//! and none is forgotten.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod stack;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use stack::client::{Answer, Client};
use stack::kill::{Victim, kill};
use stack::{Bot, Stack, Unseal};

const REST: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.001"),
    ("price", "59000"),
];

/// Places an order; just after a start, as often as nothing was sent.
fn place(stack: &Stack, bot: &Bot) -> Answer {
    stack.wait_for("an answer to an order", || {
        let answer = Client::new(&stack.bot_url, bot).post("/api/v3/order", &REST);
        (!answer.says_nothing_was_sent()).then_some(answer)
    })
}

fn open_orders(stack: &Stack, bot: &Bot) -> usize {
    let answer =
        Client::new(&stack.bot_url, bot).get("/api/v3/openOrders", &[("symbol", "BTCUSDT")]);
    answer.ok().json.as_array().unwrap().len()
}

fn halts(stack: &Stack) -> Vec<Value> {
    let status = stack.must(&["status"], Unseal::No, "");
    status["halts"].as_array().unwrap().clone()
}

fn halt(stack: &Stack, arguments: &[&str]) -> Value {
    stack.must(&[&["halt"], arguments, &["--yes"]].concat(), Unseal::No, "")
}

#[test]
fn a_halt_by_hand_says_what_it_does_lets_cancels_pass_and_survives_kills() {
    let (mut stack, bot) = Stack::serving("mm-1");
    let other = stack.add_bot("mm-2", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    let first = place(&stack, &bot).ok().json["orderId"].as_u64().unwrap();
    place(&stack, &other).ok();

    let preview =
        stack.must(&["halt", "cancel-only", "--bot", "mm-1", "--preview"], Unseal::No, "");
    let market = &preview["preview"]["accounts"][0]["markets"][0];
    assert_eq!(preview["preview"]["open_orders"], 1, "{preview}");
    assert_eq!((&market["market"], &market["bids"]), (&"BTCUSDT".into(), &"0.001".into()));
    assert!(market["share_of_depth_percent"]["bids"].is_string(), "{preview}");
    assert_eq!(halts(&stack).len(), 0, "a preview does nothing");
    // Without a `yes` nothing is done.
    let (code, _, said) = stack.run(&["halt", "full"], Unseal::No, "no\n");
    assert_eq!((code, halts(&stack).len()), (1, 0), "{said}");
    // A misspelt name halts nobody, and says so.
    let (code, _, said) = stack.run(&["halt", "full", "--bot", "mm-9", "--yes"], Unseal::No, "");
    assert_eq!(code, 1, "{said}");

    halt(&stack, &["cancel-only", "--bot", "mm-1", "--reason", "it acts up"]);
    let refused = place(&stack, &bot).refused(-2010);
    assert!(refused.text.contains("halt `cancel-only`"), "{}", refused.text);
    place(&stack, &other).ok();
    assert_eq!(open_orders(&stack, &bot), 3, "reads pass, and nothing was cancelled");

    for victim in Victim::ALL {
        kill(&mut stack, victim, &bot);
        let in_force = halts(&stack);
        assert_eq!(in_force.len(), 1, "{victim:?}: {in_force:?}");
        assert_eq!(in_force[0]["why"], "it acts up");
        place(&stack, &bot).refused(-2010);
    }
    let own = [("symbol", "BTCUSDT"), ("orderId", &first.to_string())];
    Client::new(&stack.bot_url, &bot).delete("/api/v3/order", &own).ok();

    // What rests is taken away before a halt that lets only reducing orders pass.
    let halted = halt(&stack, &["reduce-only"]);
    assert_eq!(halted["result"]["cancel_requests"], 1, "{halted}");
    assert_eq!(open_orders(&stack, &other), 0);
    place(&stack, &other).refused(-2010);

    // In stages, the widest first.
    let resumed = stack.must(&["resume", "--yes"], Unseal::No, "");
    assert_eq!(resumed["resumed"][0]["scope"], "everything");
    assert_eq!(resumed["resumed"][0]["level"], "withdrawals");
    assert_eq!(resumed["resumed"][1]["level"], "reduce-only");
    place(&stack, &other).ok();
    place(&stack, &bot).refused(-2010);
    stack.must(&["resume", "--to", "none", "--yes"], Unseal::No, "");
    assert_eq!(halts(&stack).len(), 0);
    stack.wait_for("an order after all is resumed", || {
        (place(&stack, &bot).status == 200).then_some(())
    });
    stack.verify();
}

#[test]
fn nothing_that_a_halt_forbids_leaves_after_it_and_full_stops_cancels_too() {
    let (stack, bot) = Stack::serving("mm-1");
    stack.set_bot("mm-1", &[("max_orders_per_second", "100000"), ("max_open_orders", "100000")]);
    stack.set_bot("mm-1", &[("max_notional_per_hour", "\"100000000\"")]);
    stack.must(&["reload"], Unseal::No, "");
    let stop = AtomicBool::new(false);
    let placed = |stack: &Stack| {
        let requests = stack.venue.requests();
        requests.iter().filter(|one| one.method == "POST" && one.path == "/api/v3/order").count()
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = Client::new(&stack.bot_url, &bot);
                while !stop.load(Ordering::Relaxed) {
                    client.post("/api/v3/order", &REST);
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
        for _ in 0..5 {
            stack.wait_for("orders at the venue", || {
                let before = placed(&stack);
                std::thread::sleep(Duration::from_millis(50));
                (placed(&stack) > before + 2).then_some(())
            });
            halt(&stack, &["cancel-only", "--account", "main"]);
            // What was on the wire has arrived within a moment.
            std::thread::sleep(Duration::from_millis(100));
            let after = placed(&stack);
            std::thread::sleep(Duration::from_millis(200));
            assert_eq!(placed(&stack), after, "an order left after the halt");
            stack.must(&["resume", "--to", "none", "--yes"], Unseal::No, "");
        }
        stop.store(true, Ordering::Relaxed);
    });
    halt(&stack, &["full"]);
    let mut client = Client::new(&stack.bot_url, &bot);
    client.delete("/api/v3/openOrders", &[("symbol", "BTCUSDT")]).refused(-2011);
    client.get("/api/v3/account", &[]).refused(-1002);
    stack.must(&["resume", "--to", "none", "--yes"], Unseal::No, "");
    let done = stack.must(&["cancel-all", "--account", "main", "--yes"], Unseal::No, "");
    assert_eq!(done["result"]["cancel_requests"], 1, "{done}");
    assert_eq!(open_orders(&stack, &bot), 0);
}

/// INVARIANT (no free accusation): the use of a canary's key with its secret
/// halts; naming it without does not.
#[test]
fn a_canary_halts_its_account_with_evidence_and_a_person_resumes() {
    let (stack, bot) = Stack::serving("mm-1");
    let canary = stack.add_bot("spare", &["--preset", "read-only"]);
    stack.set_bot("spare", &[("canary", "true")]);
    stack.must(&["reload"], Unseal::No, "");
    let forged = Bot { secret: "0".repeat(64), ..canary.clone() };
    Client::new(&stack.bot_url, &forged).get("/api/v3/account", &[]).refused(-1022);
    assert_eq!(halts(&stack).len(), 0);

    let used = Client::new(&stack.bot_url, &canary).get("/api/v3/account", &[]).refused(-1002);
    assert!(used.text.contains("canary"), "{}", used.text);
    let in_force = halts(&stack);
    assert_eq!(in_force.len(), 2, "{in_force:?}");
    assert!(in_force.iter().all(|halt| halt["by"] == "canary"), "{in_force:?}");
    let account = in_force.iter().find(|halt| halt["scope"] == "account").unwrap();
    assert_eq!(account["level"], "withdrawals");
    let evidence: u64 = account["evidence"][0].as_u64().unwrap();
    let (_, entry) = stack.entries(evidence).remove(0);
    assert_eq!(entry["alarm"]["alerts"][0]["detector"], "canary", "{entry}");
    assert_eq!(entry["bot"], "spare");
    // The others trade on.
    place(&stack, &bot).ok();
    // Again and again: nothing more is written of it, and nothing lost.
    let before = stack.entries(0).len();
    for _ in 0..50 {
        Client::new(&stack.bot_url, &canary).get("/api/v3/account", &[]).refused(-1002);
    }
    let halted =
        stack.entries(0).iter().skip(before).filter(|(_, one)| one["kind"] == "halt").count();
    assert_eq!((halted, halts(&stack).len()), (0, 2));
    stack.must(&["resume", "--to", "none", "--yes"], Unseal::No, "");
    assert_eq!(halts(&stack).len(), 0);
    // The log alone gives the same verdicts.
    let replayed = stack.must(&["log", "replay"], Unseal::No, "");
    assert_eq!(replayed["same"], true, "{replayed:#}");
}

//! What is known after a process was lost.

use crate::bench::{ACCOUNT, Bench, Case, MARKET, ORDER, buy};
use crate::stack::client::Client;
use crate::stack::signal;

#[test]
fn a_lost_process_is_said_and_what_was_known_is_known_again() {
    let mut bench = Bench::start(&[
        ("mm", "market-maker", &[("max_open_orders", "2")]),
        ("other", "market-maker", &[]),
    ]);
    bench.run(CASES);
}

const CASES: &[Case] = &[
    ("without a signer everything private is denied", no_signer),
    ("a killed gateway knows whose orders are whose", killed_gateway),
    ("so does one that was stopped and started", stopped),
];

fn no_signer(bench: &mut Bench) {
    let resting = bench.resting("mm");
    let signer = bench.stack.child("signer").expect("a signer");
    let gateway = bench.stack.child("gateway").expect("a gateway");
    // So that it stays away for a while, whatever the supervisor does.
    signal(signer, "KILL");
    let mut client = bench.client("mm");
    let mut denied = Vec::new();
    bench.stack.wait_for("an order that passes again", || {
        let id = bench.id();
        let answer = buy(&mut client, &id, "0.001", "59900");
        if answer.status == 200 {
            bench.clear("mm", &id);
            return Some(());
        }
        assert!(answer.says_nothing_was_sent(), "{} {}", answer.status, answer.text);
        assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
        denied.push(id);
        // Market data needs no signature.
        let ping = client.try_send("GET", "/api/v3/ping", "", None).expect("an answer");
        assert_eq!(ping.status, 200);
        let read = client.get(ACCOUNT, &[]);
        assert!(read.status == 200 || read.says_nothing_was_sent(), "{}", read.text);
        None
    });
    assert!(!denied.is_empty(), "nothing was denied while there was no signer");
    for id in denied {
        assert_eq!(bench.at_venue(&id), None, "{id}");
    }
    assert_ne!(bench.stack.child("signer"), Some(signer));
    assert_eq!(bench.stack.child("gateway"), Some(gateway));
    bench.clear("mm", &resting);
    let said = bench.stack.said();
    for what in [
        format!("signer (process {signer}) is gone"),
        "signer is back".to_owned(),
        // The gateway's own line.
        "the signer is gone: nothing is signed until it is back".to_owned(),
    ] {
        assert!(said.contains(&what), "nobody says `{what}`: {said}");
    }
    let kinds: Vec<String> = bench
        .stack
        .entries(0)
        .into_iter()
        .filter_map(|(_, entry)| entry["kind"].as_str().map(str::to_owned))
        .collect();
    for kind in ["signer-down", "signer-up"] {
        assert!(kinds.iter().any(|found| found == kind), "the log has no `{kind}`");
    }
}

fn owners_are_known(bench: &mut Bench, restart: impl FnOnce(&mut Bench)) {
    let ids = [bench.resting("mm"), bench.resting("mm")];
    restart(bench);
    // What was signed before its start may have been used before: only what
    // is signed a second later is taken, reads excepted.
    bench.stack.wait_for("a gateway that takes more than reads", || {
        let mut client = Client::new(&bench.stack.bot_url, &bench.bots["mm"]);
        let unknown = [("symbol", MARKET), ("origClientOrderId", "nobody-s")];
        let answer = client.try_signed("DELETE", ORDER, &unknown).ok()?;
        (!answer.says_nothing_was_sent()).then_some(())
    });
    for id in &ids {
        assert_eq!(bench.at_venue(id), Some("NEW"));
        bench.cancel("other", id).refused(-2011);
        assert_eq!(bench.at_venue(id), Some("NEW"));
    }
    let mut other = bench.client("other");
    other.delete("/api/v3/openOrders", &[("symbol", MARKET)]).refused(-2011);
    // They still count for their owner.
    let id = bench.id();
    let answer = buy(&mut bench.client("mm"), &id, "0.001", "59900");
    bench.denied(answer, &id, -2010, "max_open_orders");
    for id in &ids {
        bench.clear("mm", id);
    }
    let id = bench.resting("mm");
    bench.clear("mm", &id);
}

fn killed_gateway(bench: &mut Bench) {
    owners_are_known(bench, |bench| {
        let gateway = bench.stack.child("gateway").expect("a gateway");
        signal(gateway, "KILL");
        bench.stack.wait_for("another gateway", || {
            bench.stack.child("gateway").filter(|found| *found != gateway)
        });
    });
}

fn stopped(bench: &mut Bench) {
    owners_are_known(bench, |bench| {
        bench.stack.stop();
        bench.stack.serve();
    });
}

//! `key` commands while `serve` runs: the running signer takes and forgets
//! keys, and the gateway uses them, without a restart of either.

#![expect(clippy::indexing_slicing, reason = "test code")]

mod stack;

use std::os::unix::net::UnixDatagram;

use sim::binance::{ApiKey, Rights};
use stack::client::{Answer, Client};
use stack::{Bot, Stack, Unseal, signal};

const OUT_KEY: &str = "paperOutKey000000000000000000000000000000000000000000000000out";
const OUT_SECRET: &str = "paperOutSecret0000000000000000000000000000000000000000000real";
const HOME: &str = "0x00000000000000000000000000000000000000aa";
const APPLY: &str = "/sapi/v1/capital/withdraw/apply";

fn serving() -> (Stack, Bot) {
    let mut stack = Stack::configured_with(|options| {
        let rights = Rights { withdraw: true, ..Rights::READ };
        options.accounts[0].keys.push(ApiKey::hmac(OUT_KEY, OUT_SECRET, rights));
    });
    let destination = format!("USDT:ETH:{HOME}");
    let to = ["--preset", "treasury", "--withdraw", &destination];
    let caps = ["--withdraw-max-per-request", "USDT=100", "--withdraw-max-per-day", "USDT=900"];
    let bot = stack.add_bot("t", &[&to[..], &caps, &["--hours", "00:00-24:00"]].concat());
    stack.fix_port();
    stack.serve();
    (stack, bot)
}

fn add_out(stack: &Stack) -> serde_json::Value {
    let destination = format!("USDT:ETH:{HOME}");
    let key = ["key", "add", "binance", "main-out", "--class", "value-out", "--secret-stdin"];
    let caps = ["--max-per-request", "USDT=100", "--max-per-day", "USDT=1000"];
    let all = [&key[..], &["--destination", &destination], &caps].concat();
    stack.must(&all, Unseal::Yes, &format!("{OUT_KEY}\n{OUT_SECRET}\n"))
}

fn withdraw(stack: &Stack, bot: &Bot, id: &str) -> Answer {
    let parameters = [
        ("coin", "USDT"),
        ("network", "ETH"),
        ("address", HOME),
        ("amount", "20"),
        ("withdrawOrderId", id),
    ];
    // Only one at a time, and after a restart not at once.
    stack.wait_for("a withdrawal to be judged", || {
        let mut client = Client::new(&stack.bot_url, bot);
        let answer = client.try_signed("POST", APPLY, &parameters).ok()?;
        (!answer.says_nothing_was_sent()).then_some(answer)
    })
}

#[test]
fn keys_come_and_go_while_everything_runs() {
    let (mut stack, bot) = serving();
    let names = |stack: &Stack| -> Vec<String> {
        let listed = stack.must(&["key", "list"], Unseal::Yes, "");
        let keys = listed["keys"].as_array().unwrap().iter();
        let mut names: Vec<String> =
            keys.map(|key| key["key"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&stack), ["main-read", "main-trade"]);
    let audit = stack.must(&["key", "audit"], Unseal::Yes, "");
    assert_eq!(audit["as_sealed"], true, "{audit}");

    let before = withdraw(&stack, &bot, "w-1").refused(-1002);
    assert!(before.text.contains("no key for this"), "{}", before.text);
    let added = add_out(&stack);
    assert_eq!(added["in_use"], true, "{added}");
    assert_eq!(names(&stack), ["main-out", "main-read", "main-trade"]);
    withdraw(&stack, &bot, "w-2").ok();
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    // Nobody was started again for it.
    for role in ["signer", "gateway"] {
        assert_eq!(stack.child(role), Some(stack.process(role)), "{role}");
    }

    // A gateway that is started again uses what was added since the start.
    signal(stack.process("gateway"), "KILL");
    stack.wait_for("the gateway to come back", || {
        stack.said().contains("gateway is back (process ").then_some(())
    });
    withdraw(&stack, &bot, "w-3").ok();

    let revoked = stack.must(&["key", "revoke", "main-out"], Unseal::Yes, "");
    assert_eq!(revoked["revoked"], true, "{revoked}");
    assert_eq!(names(&stack), ["main-read", "main-trade"]);
    let after = withdraw(&stack, &bot, "w-4").refused(-1002);
    assert!(after.text.contains("no key for this"), "{}", after.text);
    assert_eq!(stack.venue.withdrawals(0).len(), 2);
    let kinds: Vec<String> = stack
        .entries(0)
        .into_iter()
        .filter_map(|(_, entry)| entry["kind"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "keys-reloaded").count(), 2);
    stack.verify();

    // Stopped, the same commands unseal the vault themselves.
    stack.stop();
    assert_eq!(names(&stack), ["main-read", "main-trade"]);
    stack.verify();
}

/// INVARIANT (key custody): whoever cannot unseal the vault gets nothing from
/// the key socket, and nothing is asked of the signer for him.
#[test]
fn nobody_else_is_served() {
    let (stack, _) = serving();
    let other = stack.directory.path().join("other");
    std::fs::write(&other, b"another key file, of thirty-two bytes or more").unwrap();
    let mut command = stack.command();
    command.args(["--json", "key", "list", "--key-file"]).arg(&other);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let what = told["error"]["what"].as_str().unwrap_or_else(|| panic!("{told}"));
    assert!(what.contains("does not unseal the vault"), "{told}");
    assert!(stack.said().contains("does not have what unseals the vault"), "{}", stack.said());
    let mode = std::fs::metadata(stack.data("keys.sock")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    // Another kind of socket, nonsense, silence: the supervisor goes on.
    assert!(UnixDatagram::unbound().unwrap().connect(stack.data("keys.sock")).is_err());
    let gateway = stack.child("gateway");
    stack.must(&["key", "list"], Unseal::Yes, "");
    assert_eq!(stack.child("gateway"), gateway);
}

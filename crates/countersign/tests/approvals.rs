//! Approvals through the whole product: a treasury bot asks for more than the
//! first tier, people approve with SSH keys, money moves once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

mod stack;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use sim::binance::{ApiKey, Rights};
use stack::client::{Answer, Client};
use stack::{Bot, Stack, Unseal, signal};

const OUT_KEY: &str = "paperOutKey000000000000000000000000000000000000000000000000out";
const OUT_SECRET: &str = "paperOutSecret0000000000000000000000000000000000000000000real";
const HOME: &str = "0x00000000000000000000000000000000000000aa";
const APPLY: &str = "/sapi/v1/capital/withdraw/apply";

/// Approvers' keys by `ssh-keygen`; none where there is no `ssh-keygen`.
struct People(tempfile::TempDir);

impl People {
    fn new(kinds: &[(&str, &str)]) -> Option<Self> {
        let people = Self(tempfile::tempdir().unwrap());
        for (name, kind) in kinds {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", kind, "-N", "", "-C", name, "-f"])
                .arg(people.key(name))
                .stdin(Stdio::null())
                .status();
            match made {
                Ok(status) => assert!(status.success()),
                Err(error) => {
                    eprintln!("NOT RUN: there is no ssh-keygen ({error})");
                    return None;
                }
            }
        }
        Some(people)
    }

    fn key(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn approver(&self, name: &str) -> String {
        format!("{name}={}.pub", self.key(name).display())
    }
}

/// 100 USDT at once and 150 a day without approval, 1000 and 3000 with; alice,
/// bob and carol, who runs the bot `hers`.
fn with_key(people: &People) -> Stack {
    let stack = Stack::configured_with(|options| {
        let rights = Rights { withdraw: true, ..Rights::READ };
        options.accounts[0].keys.push(ApiKey::hmac(OUT_KEY, OUT_SECRET, rights));
    });
    let home = format!("USDT:ETH:{HOME}");
    let (alice, bob, carol) =
        (people.approver("alice"), people.approver("bob"), people.approver("carol"));
    let fixed = ["key", "add", "binance", "main-out", "--class", "value-out", "--secret-stdin"];
    let more = [
        ["--destination", &home],
        ["--max-per-request", "USDT=100"],
        ["--max-per-day", "USDT=150"],
        ["--approver", &alice],
        ["--approver", &bob],
        ["--approver", &carol],
        ["--approver-owns", "carol=hers"],
        ["--approved-max-per-request", "USDT=1000"],
        ["--approved-max-per-day", "USDT=3000"],
    ];
    let input = format!("{OUT_KEY}\n{OUT_SECRET}\n");
    let added = stack.must(&[&fixed[..], &more.concat()].concat(), Unseal::Yes, &input);
    let ceiling = added["ceiling"].to_string();
    assert!(ceiling.contains("approved by 2 of 3 persons"), "{added}");
    assert!(ceiling.contains("with approval at most 1000 a request"), "{added}");
    let listed = stack.must(&["key", "list"], Unseal::Yes, "");
    assert!(listed.to_string().contains(r#""approvers":["alice","bob","carol"]"#), "{listed}");
    stack
}

fn treasury(stack: &Stack, name: &str) -> Bot {
    let home = format!("USDT:ETH:{HOME}");
    let more = [
        ["--preset", "treasury"],
        ["--withdraw", &home],
        ["--withdraw-max-per-request", "USDT=5000"],
        ["--withdraw-max-per-day", "USDT=5000"],
        ["--hours", "00:00-24:00"],
    ];
    stack.add_bot(name, &more.concat())
}

fn withdraw(stack: &Stack, bot: &Bot, amount: &str) -> Answer {
    let mut client = Client::new(&stack.bot_url, bot);
    let parameters = [("coin", "USDT"), ("network", "ETH"), ("address", HOME), ("amount", amount)];
    stack.wait_for("a withdrawal to be judged", || {
        let answer = client.post(APPLY, &parameters);
        (!answer.says_nothing_was_sent()).then_some(answer)
    })
}

/// Held: the number of its approval, from the message that the bot has.
fn held(answer: Answer) -> String {
    let answer = answer.refused(-1002);
    let said = &answer.text;
    let (_, behind) = said.split_once("held for approval ").unwrap_or_else(|| panic!("{said}"));
    let id: String = behind.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(id.len(), 32, "{said}");
    id
}

fn approve(stack: &Stack, people: &People, id: &str, who: &str) -> (i32, Value) {
    let key = people.key(who);
    let key = key.to_str().unwrap();
    let (code, answer, _) = stack.run(&["approve", id, "--key", key, "--yes"], Unseal::No, "");
    (code, answer)
}

fn pending(stack: &Stack, more: &[&str]) -> Vec<Value> {
    let all = stack.must(&[&["pending"], more].concat(), Unseal::No, "");
    all["approvals"].as_array().unwrap().clone()
}

fn refusal(answer: &(i32, Value)) -> &str {
    assert_eq!(answer.0, 1, "{}", answer.1);
    answer.1["error"]["what"].as_str().unwrap()
}

const EVERYBODY: [(&str, &str); 4] =
    [("alice", "ed25519"), ("bob", "ecdsa"), ("carol", "ed25519"), ("mallory", "ed25519")];

/// INVARIANT (pure judge): the log alone gives the same verdicts.
fn replays_equal(stack: &Stack) {
    let replayed = stack.must(&["log", "replay"], Unseal::No, "");
    assert_eq!(replayed["same"], true, "{replayed:#}");
    assert!(replayed["verdicts"].as_u64() > Some(0), "{replayed:#}");
}

#[test]
fn held_then_approved_by_two_then_sent_once() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let mut stack = with_key(&people);
    let bot = treasury(&stack, "treasurer");
    stack.fix_port();
    stack.serve();

    // Within the first tier nobody is asked.
    withdraw(&stack, &bot, "50").ok();
    assert!(pending(&stack, &[]).is_empty());

    // A hold answers at once, and asking again asks for nothing new.
    let id = held(withdraw(&stack, &bot, "500.50"));
    assert_eq!(held(withdraw(&stack, &bot, "500.5")), id);
    let waits = pending(&stack, &[]);
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert_eq!(waits[0]["id"], id.as_str());
    assert_eq!((&waits[0]["amount"], &waits[0]["quorum"]), (&"500.5".into(), &2.into()));
    let text = waits[0]["approval"].as_str().unwrap();
    assert!(text.contains("amount: 500.5\nnetwork: ETH\n"), "{text}");
    let entry = |kind: &str| {
        let of = |(_, entry): &(u64, Value)| entry["kind"] == kind && entry["approval"] == id;
        stack.entries(0).into_iter().find(of).map(|(_, entry)| entry)
    };
    let held_entry = entry("pending").unwrap();
    assert_eq!((&held_entry["bot"], &held_entry["address"]), (&"treasurer".into(), &HOME.into()));

    // One is not enough, whoever asks how often; a stranger is nobody.
    let (code, one) = approve(&stack, &people, &id[..8], "alice");
    assert_eq!((code, &one["standing"]), (0, &"pending".into()), "{one}");
    let twice = approve(&stack, &people, &id, "alice");
    assert!(refusal(&twice).contains("two grants with one key"), "{twice:?}");
    let stranger = approve(&stack, &people, &id, "mallory");
    assert!(refusal(&stranger).contains("a key of no approver"), "{stranger:?}");
    let answer = withdraw(&stack, &bot, "500.5");
    assert!(answer.text.contains("approved by alice so far"), "{}", answer.text);
    held(answer);
    assert_eq!(stack.venue.withdrawals(0).len(), 1);

    // What waits, and who approved, outlives the process.
    signal(stack.process("gateway"), "KILL");
    stack.wait_for("the gateway to come back", || {
        stack.said().contains("gateway is back (process ").then_some(())
    });
    let (code, two) = stack.wait_for("the second approval", || {
        let answer = approve(&stack, &people, &id, "bob");
        (answer.0 == 0).then_some(answer)
    });
    assert_eq!((code, &two["standing"]), (0, &"approved".into()), "{two}");
    assert_eq!(two["approved_by"], serde_json::json!(["alice", "bob"]), "{two}");
    // Approved, nothing moves by itself.
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    // Something else is not what was approved.
    assert_ne!(held(withdraw(&stack, &bot, "500.51")), id);

    // The same request again, and it leaves; once.
    withdraw(&stack, &bot, "500.5").ok();
    let left = stack.venue.withdrawals(0);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_ne!(held(withdraw(&stack, &bot, "500.5")), id);
    assert_eq!(stack.venue.withdrawals(0).len(), 2);
    let again = approve(&stack, &people, &id, "carol");
    assert!(refusal(&again).contains("it was used before"), "{again:?}");
    let all = pending(&stack, &["--all"]);
    let of = |one: &&Value| one["id"] == id.as_str();
    assert_eq!(all.iter().find(of).unwrap()["standing"], "used");
    let grants: Vec<_> = stack
        .entries(0)
        .into_iter()
        .filter(|(_, entry)| entry["kind"] == "grant" && entry["approval"] == id.as_str())
        .collect();
    assert_eq!(grants.len(), 2, "{grants:?}");
    let verdict = stack
        .entries(0)
        .into_iter()
        .rev()
        .find(|(_, entry)| entry["kind"] == "verdict" && entry["approval"] == id.as_str());
    assert_eq!(verdict.unwrap().1["outcome"], "allow");
    stack.stop();
    stack.verify();
    replays_equal(&stack);
}

#[test]
fn used_grants_put_back_into_the_book_are_refused_by_the_signer() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let mut stack = with_key(&people);
    let bot = treasury(&stack, "treasurer");
    stack.fix_port();
    stack.serve();
    let id = held(withdraw(&stack, &bot, "400"));
    for who in ["alice", "carol"] {
        assert_eq!(approve(&stack, &people, &id, who).0, 0);
    }
    let book = stack.data("run/approvals");
    let approved = std::fs::read(&book).unwrap();
    withdraw(&stack, &bot, "400").ok();
    stack.stop();
    // The book is not what counts: nor is it after a restart of everything.
    std::fs::write(&book, approved).unwrap();
    stack.serve();
    assert_eq!(pending(&stack, &[])[0]["standing"], "approved");
    let answer = withdraw(&stack, &bot, "400").refused(-1002);
    assert!(answer.text.contains("it was used before"), "{}", answer.text);
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    stack.stop();
    stack.verify();
    replays_equal(&stack);
}

#[test]
fn rejected_own_and_signed_elsewhere() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let mut stack = with_key(&people);
    let bot = treasury(&stack, "treasurer");
    let hers = treasury(&stack, "hers");
    stack.fix_port();
    stack.serve();

    // Rejected is over, whoever has approved.
    let id = held(withdraw(&stack, &bot, "200"));
    assert_eq!(approve(&stack, &people, &id, "alice").0, 0);
    assert_eq!(approve(&stack, &people, &id, "bob").0, 0);
    stack.must(&["reject", &id, "--reason", "not today"], Unseal::No, "");
    assert_ne!(held(withdraw(&stack, &bot, "200")), id);
    assert_eq!(stack.venue.withdrawals(0).len(), 0);
    let late = approve(&stack, &people, &id, "carol");
    assert!(refusal(&late).contains("rejected"), "{late:?}");
    let told = |(_, entry): &(u64, Value)| entry["kind"] == "rejected";
    assert_eq!(stack.entries(0).into_iter().find(told).unwrap().1["reason"], "not today");

    // Nobody approves their own.
    let id = held(withdraw(&stack, &hers, "200"));
    let own = approve(&stack, &people, &id, "carol");
    assert!(refusal(&own).contains("nobody approves their own"), "{own:?}");
    assert_eq!(approve(&stack, &people, &id, "alice").0, 0);

    // Bob signs on a machine where nothing runs.
    let printed = stack.must(&["approve", &id, "--print"], Unseal::No, "");
    let bytes = people.0.path().join("bytes");
    std::fs::write(&bytes, printed["approval"].as_str().unwrap()).unwrap();
    let bob = people.key("bob");
    let (bytes, bob) = (bytes.to_str().unwrap(), bob.to_str().unwrap());
    let signed = stack.must(&["approve", "--from", bytes, "--key", bob, "--yes"], Unseal::No, "");
    let file = people.0.path().join("signature");
    std::fs::write(&file, signed["signature"].as_str().unwrap()).unwrap();
    let file = file.to_str().unwrap();
    let approved = stack.must(&["approve", &id, "--signature", file], Unseal::No, "");
    assert_eq!(approved["standing"], "approved", "{approved}");
    // Approved for one bot it is not approved for another.
    held(withdraw(&stack, &bot, "200"));
    assert_eq!(stack.venue.withdrawals(0).len(), 0);
    withdraw(&stack, &hers, "200").ok();
    assert_eq!(stack.venue.withdrawals(0).len(), 1);

    // A signature for one approval is none for another.
    let other = held(withdraw(&stack, &bot, "300"));
    let (code, answer, _) = stack.run(&["approve", &other, "--signature", file], Unseal::No, "");
    assert!(refusal(&(code, answer)).contains("not of this key over these bytes"));
    // Without a terminal nothing is approved by accident.
    let (code, answer, _) = stack.run(&["approve", &other, "--key", bob], Unseal::No, "");
    assert_eq!(code, 2, "{answer}");
    stack.stop();
    stack.verify();
    replays_equal(&stack);
}

#[test]
fn approvers_that_make_no_sense_are_refused_before_anything_is_sealed() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let stack = Stack::configured();
    let home = format!("USDT:ETH:{HOME}");
    let (alice, bob) = (people.approver("alice"), people.approver("bob"));
    let base = [
        ["--destination", &home],
        ["--max-per-request", "USDT=100"],
        ["--max-per-day", "USDT=150"],
    ]
    .concat();
    let more = ["--approved-max-per-request", "USDT=500", "--approved-max-per-day", "USDT=500"];
    for (class, arguments, says) in [
        ("value-out", [&base[..], &["--approver", &alice]].concat(), "two devices"),
        ("value-out", [&base[..], &more].concat(), "need approvers"),
        (
            "value-out",
            [&base[..], &["--approver", &alice, "--approver", &bob, "--quorum", "3"]].concat(),
            "quorum must be 1 to 2",
        ),
        (
            "value-out",
            [&base[..], &["--approver", &alice, "--approver", &alice]].concat(),
            "named twice",
        ),
        ("trade", vec!["--market", "BTCUSDT", "--approver", &alice], "only a value-out key"),
    ] {
        let fixed = ["key", "add", "binance", "out", "--class", class, "--secret-stdin"];
        let input = format!("{OUT_KEY}\n{OUT_SECRET}\n");
        let (code, answer, _) = stack.run(&[&fixed[..], &arguments].concat(), Unseal::Yes, &input);
        assert_eq!(code, 2, "{answer}");
        assert!(answer["error"]["what"].as_str().unwrap().contains(says), "{says}: {answer}");
    }
}

#[test]
fn sent_by_the_gateway_and_by_the_bot_money_moves_once() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let mut stack = with_key(&people);
    let bot = treasury(&stack, "treasurer");
    stack.fix_port();
    stack.serve();
    let send = |id: &str| stack.run(&["approve", id, "--send", "--yes"], Unseal::No, "");
    let approved = |amount: &str| {
        let id = held(withdraw(&stack, &bot, amount));
        for who in ["alice", "bob"] {
            assert_eq!(approve(&stack, &people, &id, who).0, 0);
        }
        id
    };
    // Not before it is approved.
    let early = held(withdraw(&stack, &bot, "210"));
    let (code, answer, _) = send(&early);
    assert!(refusal(&(code, answer)).contains("not approved"));

    // The bot has given up; the gateway sends it, once.
    let id = approved("300");
    let (code, sent, said) = send(&id);
    assert_eq!(code, 0, "{sent} {said}");
    assert_eq!((&sent["standing"], &sent["http"]), (&"used".into(), &200.into()), "{sent}");
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    let again = send(&id);
    assert!(refusal(&(again.0, again.1)).contains("used before"));
    assert_ne!(held(withdraw(&stack, &bot, "300")), id);
    let told = stack.entries(0).into_iter().find(|(_, entry)| entry["kind"] == "send");
    assert_eq!(told.unwrap().1["approval"], id.as_str());

    // Both at the same time, again and again.
    for round in 1..=3 {
        std::thread::sleep(std::time::Duration::from_millis(7_500));
        let amount = format!("{}", 400 + round);
        let id = approved(&amount);
        let before = stack.venue.withdrawals(0).len();
        std::thread::scope(|scope| {
            let by_person = scope.spawn(|| send(&id));
            let by_bot = scope.spawn(|| {
                let mut client = Client::new(&stack.bot_url, &bot);
                let parameters = [
                    ("coin", "USDT"),
                    ("network", "ETH"),
                    ("address", HOME),
                    ("amount", amount.as_str()),
                ];
                client.post(APPLY, &parameters)
            });
            let (person, bot) = (by_person.join().unwrap(), by_bot.join().unwrap());
            let sent = usize::from(person.0 == 0) + usize::from(bot.status == 200);
            assert_eq!(sent, 1, "{} {}", person.1, bot.text);
        });
        assert_eq!(stack.venue.withdrawals(0).len(), before + 1, "round {round}");
    }
    // What policy takes back, no approval gives.
    std::thread::sleep(std::time::Duration::from_millis(7_500));
    let id = approved("500");
    stack.must(&["bot", "suspend", "treasurer"], Unseal::No, "");
    let (code, answer, _) = send(&id);
    assert_eq!(code, 1, "{answer}");
    assert_eq!(stack.venue.withdrawals(0).len(), 4);
    stack.stop();
    stack.verify();
    replays_equal(&stack);
}

/// `key change`: 4000 at once and a day with approval, mallory in carol's place.
fn propose(stack: &Stack, people: &People) -> Value {
    let home = format!("USDT:ETH:{HOME}");
    let who = ["alice", "bob", "mallory"].map(|name| people.approver(name));
    let more = [
        ["--destination", &home],
        ["--max-per-request", "USDT=100"],
        ["--max-per-day", "USDT=150"],
        ["--approver", &who[0]],
        ["--approver", &who[1]],
        ["--approver", &who[2]],
        ["--approved-max-per-request", "USDT=4000"],
        ["--approved-max-per-day", "USDT=4000"],
    ];
    let fixed = ["key", "change", "main-out", "--propose"];
    stack.must(&[&fixed[..], &more.concat()].concat(), Unseal::Yes, "")
}

#[test]
fn the_old_quorum_changes_approvers_and_ceiling_while_everything_runs() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let mut stack = with_key(&people);
    let bot = treasury(&stack, "treasurer");
    let path = |name: &str| people.0.path().join(name).to_str().unwrap().to_owned();
    let (file, keep) = (path("change"), |name: &str, text: &Value| {
        std::fs::write(path(name), text.as_str().unwrap()).unwrap();
    });
    let apply = |stack: &Stack, signers: &[&str]| {
        let mut arguments = vec!["key".to_owned(), "change".into(), "main-out".into()];
        arguments.extend(["--apply".to_owned(), file.clone()]);
        for name in signers {
            arguments.extend(["--signature".to_owned(), path(&format!("{name}.change"))]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, answer, _) = stack.run(&arguments, Unseal::Yes, "");
        (code, answer)
    };
    let ceilings = |stack: &Stack| -> Vec<(u64, Value)> {
        let of = |(_, entry): &(u64, Value)| entry["kind"] == "ceiling";
        stack.entries(0).into_iter().filter(of).collect()
    };
    stack.fix_port();
    stack.serve();

    // Over the second tier no approval helps; within it carol's counts.
    let over = withdraw(&stack, &bot, "2000").refused(-1002);
    assert!(!over.text.contains("held for approval"), "{}", over.text);
    let waits = held(withdraw(&stack, &bot, "900"));
    assert_eq!(approve(&stack, &people, &waits, "carol").0, 0);
    let before = ceilings(&stack);
    assert_eq!(before.len(), 1, "{before:?}");

    // Proposed, and signed where nothing runs.
    let proposed = propose(&stack, &people);
    keep("change", &proposed["change"]);
    assert!(proposed["goes"].to_string().contains("at most 1000 a request"), "{proposed}");
    assert!(proposed["comes"].to_string().contains("at most 4000 a request"), "{proposed}");
    for name in ["alice", "bob", "mallory"] {
        let key = path(name);
        let arguments = ["approve", "--from", &file, "--key", &key, "--yes"];
        let signed = stack.must(&arguments, Unseal::No, "");
        assert_eq!(signed["id"], proposed["id"]);
        keep(&format!("{name}.change"), &signed["signature"]);
    }
    for (signers, says) in [
        (&["alice"][..], "1 of 2 approvers"),
        (&["alice", "alice"], "two grants with one key"),
        (&["alice", "mallory"], "a key of no approver"),
    ] {
        let answer = apply(&stack, signers);
        assert!(refusal(&answer).contains(says), "{says}: {}", answer.1);
    }
    assert_eq!(ceilings(&stack), before);

    let (code, applied) = apply(&stack, &["alice", "bob"]);
    assert_eq!((code, &applied["applied"]), (0, &true.into()), "{applied}");
    assert_eq!(applied["approvers"], serde_json::json!(["alice", "bob", "mallory"]));
    // First the change and its signatures, then the ceiling that they made.
    let after = ceilings(&stack);
    let (at, entry) = &after[1];
    assert_eq!(entry["ceiling_sha256"], applied["ceiling_sha256"], "{entry}");
    assert_eq!(entry["generation"], applied["generation"], "{entry}");
    let entries = stack.entries(0);
    let of = |kind: &str| {
        let found = entries
            .iter()
            .filter(|(_, one)| one["kind"] == kind && one["change"] == proposed["id"]);
        found.map(|(index, one)| (*index, one.clone())).collect::<Vec<_>>()
    };
    let handed_in = of("ceiling-change");
    assert_eq!(handed_in.len(), 4, "{handed_in:?}");
    assert_eq!(handed_in[3].1["text"], proposed["change"]);
    assert_eq!(of("ceiling-grant").len(), 7);
    assert!(handed_in.iter().all(|(index, _)| index < at));
    // Used up.
    let again = apply(&stack, &["alice", "bob"]);
    assert!(refusal(&again).contains("applied before"), "{}", again.1);

    // What was too much is held now, and leaves with a new approver's grant.
    let id = held(withdraw(&stack, &bot, "2000"));
    let gone = approve(&stack, &people, &id, "carol");
    assert!(refusal(&gone).contains("a key of no approver"), "{gone:?}");
    for who in ["alice", "mallory"] {
        assert_eq!(approve(&stack, &people, &id, who).0, 0);
    }
    assert_eq!(stack.venue.withdrawals(0).len(), 0);
    withdraw(&stack, &bot, "2000").ok();
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    // What carol had approved counts for nothing: it takes two of today's.
    let (code, one) = approve(&stack, &people, &waits, "bob");
    assert_eq!((code, &one["standing"]), (0, &"pending".into()), "{one}");
    held(withdraw(&stack, &bot, "900"));

    // After a restart of everything the new ceiling is in force; the file from
    // before it is an old one, and says so.
    stack.stop();
    let without = apply(&stack, &["alice", "bob"]);
    assert!(refusal(&without).contains("no gateway is running"), "{}", without.1);
    stack.serve();
    let listed = stack.must(&["key", "list"], Unseal::Yes, "");
    let key = listed["keys"].as_array().unwrap().iter().find(|key| key["key"] == "main-out");
    assert_eq!(key.unwrap()["ceiling_sha256"], applied["ceiling_sha256"]);
    stack.stop();
    stack.verify();
    replays_equal(&stack);
}

#[test]
fn an_older_vault_file_is_refused_and_a_rejected_change_is_over() {
    let Some(people) = People::new(&EVERYBODY) else { return };
    let mut stack = with_key(&people);
    let bot = treasury(&stack, "treasurer");
    let path = |name: &str| people.0.path().join(name).to_str().unwrap().to_owned();
    stack.fix_port();
    stack.serve();
    let signed = |proposed: &Value| {
        std::fs::write(path("change"), proposed["change"].as_str().unwrap()).unwrap();
        for name in ["alice", "carol"] {
            let arguments = ["approve", "--from", &path("change"), "--key", &path(name), "--yes"];
            let signed = stack.must(&arguments, Unseal::No, "");
            let text = signed["signature"].as_str().unwrap();
            std::fs::write(path(&format!("{name}.change")), text).unwrap();
        }
        let (alice, carol) = (path("alice.change"), path("carol.change"));
        let by = ["--signature", &alice, "--signature", &carol];
        let fixed = ["key", "change", "main-out", "--apply", &path("change")];
        let (code, answer, _) = stack.run(&[&fixed[..], &by].concat(), Unseal::Yes, "");
        (code, answer)
    };
    // Rejected it is over, whoever signs it.
    let proposed = propose(&stack, &people);
    let id = proposed["id"].as_str().unwrap();
    stack.must(&["reject", id, "--reason", "not so much"], Unseal::No, "");
    let answer = signed(&proposed);
    assert!(refusal(&answer).contains("it was rejected"), "{}", answer.1);
    let told = |(_, entry): &(u64, Value)| entry["kind"] == "rejected" && entry["change"] == id;
    assert!(stack.entries(0).iter().any(told));

    let file = stack.data("vault/keys/main-out.sealed");
    let old = std::fs::read(&file).unwrap();
    let answer = signed(&propose(&stack, &people));
    assert_eq!(answer.0, 0, "{}", answer.1);
    stack.stop();
    std::fs::write(&file, old).unwrap();
    stack.serve();
    let answer = withdraw(&stack, &bot, "50").refused(-1002);
    assert!(answer.text.contains("the vault's file of this key is an old one"), "{}", answer.text);
    assert_eq!(stack.venue.withdrawals(0).len(), 0);
    stack.stop();
    stack.verify();
}

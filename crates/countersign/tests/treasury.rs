//! Withdrawals through the whole product: listed with the key and with the
//! bot, one at a time, under caps, recorded first, counted across restarts.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod stack;

use serde_json::Value;
use sim::binance::{ApiKey, Fault, FaultKind, Rights};
use stack::client::{Answer, Client};
use stack::{Bot, Stack, Unseal, signal};

const OUT_KEY: &str = "paperOutKey000000000000000000000000000000000000000000000000out";
const OUT_SECRET: &str = "paperOutSecret0000000000000000000000000000000000000000000real";
const HOME: &str = "0x00000000000000000000000000000000000000aa";
const ELSEWHERE: &str = "0x00000000000000000000000000000000000000bb";
const APPLY: &str = "/sapi/v1/capital/withdraw/apply";

fn destination(address: &str) -> String {
    format!("USDT:ETH:{address}")
}

/// A venue with a key that reads and withdraws.
fn configured() -> Stack {
    Stack::configured_with(|options| {
        let rights = Rights { withdraw: true, ..Rights::READ };
        options.accounts[0].keys.push(ApiKey::hmac(OUT_KEY, OUT_SECRET, rights));
    })
}

fn add_key(stack: &Stack, name: &str, class: &str, more: &[&str]) -> (i32, Value, String) {
    let fixed = ["key", "add", "binance", name, "--class", class, "--secret-stdin"];
    let input = format!("{OUT_KEY}\n{OUT_SECRET}\n");
    stack.run(&[&fixed, more].concat(), Unseal::Yes, &input)
}

/// The key, with 100 USDT a request and 150 a day to one address.
fn with_key() -> Stack {
    let stack = configured();
    let home = destination(HOME);
    let more = [
        ["--destination", &home],
        ["--max-per-request", "USDT=100"],
        ["--max-per-day", "USDT=150.5"],
    ];
    let (code, added, said) = add_key(&stack, "main-out", "value-out", &more.concat());
    assert_eq!(code, 0, "{added} {said}");
    assert!(added["ceiling"].to_string().contains(HOME), "{added}");
    assert_eq!(added["rights"], serde_json::json!(["reading", "withdrawals"]), "{added}");
    stack
}

fn add_treasury(stack: &Stack, name: &str, address: &str, request: &str, day: &str) -> Bot {
    let more = [
        ["--preset", "treasury"],
        ["--withdraw", &destination(address)],
        ["--withdraw-max-per-request", &format!("USDT={request}")],
        ["--withdraw-max-per-day", &format!("USDT={day}")],
        ["--hours", "00:00-24:00"],
    ];
    stack.add_bot(name, &more.concat())
}

fn withdraw(stack: &Stack, bot: &Bot, address: &str, amount: &str, id: Option<&str>) -> Answer {
    let mut client = Client::new(&stack.bot_url, bot);
    let mut parameters =
        vec![("coin", "USDT"), ("network", "ETH"), ("address", address), ("amount", amount)];
    parameters.extend(id.map(|id| ("withdrawOrderId", id)));
    client.post(APPLY, &parameters)
}

/// Asks again for as long as nothing was sent because of the one before, or of
/// a restart.
fn withdraw_in_time(stack: &Stack, bot: &Bot, amount: &str, id: &str) -> Answer {
    stack.wait_for("a withdrawal to be signed", || {
        let answer = withdraw(stack, bot, HOME, amount, Some(id));
        (!answer.says_nothing_was_sent()).then_some(answer)
    })
}

/// The verdict that allowed a withdrawal of that amount, and its index.
fn allowed(stack: &Stack, amount: &str) -> (u64, Value) {
    let mut found = stack.entries(0).into_iter().filter(|(_, entry)| {
        entry["kind"] == "verdict"
            && entry["outcome"] == "allow"
            && entry["endpoint"] == format!("POST {APPLY}")
            && entry["intent"]["amount"] == amount
    });
    found.next().unwrap_or_else(|| panic!("no verdict for {amount}"))
}

#[test]
fn a_listed_amount_goes_to_a_listed_place_and_nothing_else_does() {
    let mut stack = with_key();
    let listed = stack.must(&["key", "list"], Unseal::Yes, "").to_string();
    for part in [HOME, "at most 100 a request, 150.5 in 24 h", "on ETH, no memo"] {
        assert!(listed.contains(part), "{listed}");
    }
    let bot = add_treasury(&stack, "treasurer", HOME, "100", "150");
    // The configuration would let this one, the sealed ceiling does not.
    let pushed = add_treasury(&stack, "pushed", ELSEWHERE, "100", "150");
    let wide = add_treasury(&stack, "wide", HOME, "1000", "1000");
    let maker = stack.add_bot("mm", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.fix_port();
    stack.serve();

    for (who, address, amount, reason) in [
        (&bot, HOME, "100.000001", "max_per_request"),
        (&bot, ELSEWHERE, "20", "unlisted_destination"),
        (&maker, HOME, "20", "unlisted_destination"),
        (&pushed, ELSEWHERE, "20", "not listed in the ceiling"),
        (&wide, HOME, "101", "over the key's ceiling of 100"),
    ] {
        let answer = withdraw(&stack, who, address, amount, None).refused(-1002);
        let told = stack.entries(0).pop().unwrap().1.to_string() + &answer.text;
        assert!(told.contains(reason), "{} {amount}: {told}", who.name);
    }
    let without_network = [("coin", "USDT"), ("address", HOME), ("amount", "20")];
    let omitted = Client::new(&stack.bot_url, &bot).post(APPLY, &without_network);
    assert!(omitted.status >= 400 && omitted.text.contains("network"), "{}", omitted.text);
    let number = withdraw(&stack, &bot, HOME, "20", Some("7"));
    assert!(number.status >= 400 && number.text.contains("no letter"), "{}", number.text);
    let sent = |stack: &Stack| {
        stack.venue.requests().into_iter().filter(|one| one.path == APPLY).collect::<Vec<_>>()
    };
    assert!(sent(&stack).is_empty());

    // As a client sends it that gives no id of its own.
    let done = withdraw(&stack, &bot, HOME, "100", None).ok();
    assert!(done.json["id"].is_string(), "{}", done.text);
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    let hasty = withdraw(&stack, &bot, HOME, "20", None);
    assert!(hasty.says_nothing_was_sent(), "{} {}", hasty.status, hasty.text);
    assert!(hasty.text.contains("has not passed"), "{}", hasty.text);

    // INVARIANT (record first): the verdict is older than the venue's receipt.
    let (index, verdict) = allowed(&stack, "100");
    let id = verdict["intent"]["client_withdrawal_id"].as_str().unwrap();
    assert!(id.starts_with("cs-"), "{verdict}");
    let received = sent(&stack);
    assert_eq!(received.len(), 1);
    assert!(String::from_utf8_lossy(&received[0].body).contains(id));
    let recorded_ms = verdict["at_ns"].as_i64().unwrap() / 1_000_000;
    assert!(recorded_ms <= received[0].received_at_ms, "{verdict}");
    let settled = stack.wait_for("the settlement", || {
        let of = |(_, entry): &(u64, Value)| entry["kind"] == "settle" && entry["verdict"] == index;
        stack.entries(index).into_iter().find(of)
    });
    assert!(settled.0 > index, "{settled:?}");
    let mut client = Client::new(&stack.bot_url, &bot);
    let history = client.get("/sapi/v1/capital/withdraw/history", &[("withdrawOrderId", id)]).ok();
    assert_eq!(history.json[0]["address"], HOME, "{}", history.text);
    stack.verify();

    // Killed or stopped, the gateway knows what left today, and so does the
    // signer.
    signal(stack.process("gateway"), "KILL");
    stack.wait_for("the gateway to come back", || {
        stack.said().contains("gateway is back (process ").then_some(())
    });
    withdraw_in_time(&stack, &bot, "50.000001", "w-1").refused(-1002);
    assert!(stack.entries(0).pop().unwrap().1.to_string().contains("max_per_day"));
    stack.stop();
    stack.verify();
    stack.serve();
    withdraw_in_time(&stack, &bot, "50.000001", "w-2").refused(-1002);
    withdraw_in_time(&stack, &bot, "50", "w-3").ok();
    assert_eq!(stack.venue.withdrawals(0).len(), 2);
    // The other bot's own day is untouched; the key's is not.
    let over = stack.wait_for("the key's day to be the reason", || {
        let answer = withdraw(&stack, &wide, HOME, "10", None);
        (!answer.text.contains("has not passed")).then_some(answer)
    });
    assert!(over.says_nothing_was_sent() && over.text.contains("in 24 h"), "{}", over.text);
    assert_eq!(stack.venue.withdrawals(0).len(), 2);
    stack.stop();
    stack.verify();
}

/// What became of the last withdrawal that was allowed with that id.
fn outcomes(stack: &Stack, id: &str) -> Vec<String> {
    let allowed = stack.entries(0).into_iter().rev().find(|(_, entry)| {
        entry["outcome"] == "allow" && entry["intent"]["client_withdrawal_id"] == id
    });
    let (index, verdict) = allowed.unwrap_or_else(|| panic!("no verdict for {id}"));
    let reservation = verdict["reservation"].as_u64().unwrap();
    let of = |entry: &Value| {
        entry["kind"] == "settle" && entry["reservation"].as_u64() == Some(reservation)
    };
    let entries = stack.entries(index).into_iter().filter(|(_, entry)| of(entry));
    entries.map(|(_, entry)| entry["outcome"].as_str().unwrap().to_owned()).collect()
}

/// INVARIANT (fail closed): a withdrawal whose answer is lost stays reserved
/// until the venue's history has it, or certainly has not.
#[test]
fn a_lost_answer_is_settled_by_the_history() {
    let mut stack = with_key();
    let bot = add_treasury(&stack, "treasurer", HOME, "100", "150");
    stack.fix_port();
    stack.serve();

    // It left, the answer is lost, and the gateway dies right after.
    let lost = Fault::next(FaultKind::DropConnectionAfterAccept);
    stack.venue.inject(lost.on("POST", APPLY));
    withdraw(&stack, &bot, HOME, "100", Some("w-left")).refused(-1007);
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    assert_eq!(outcomes(&stack, "w-left"), ["unknown"]);
    signal(stack.process("gateway"), "KILL");
    stack.wait_for("the gateway to come back", || {
        stack.said().contains("gateway is back (process ").then_some(())
    });
    stack.wait_for("the history to be read", || {
        (outcomes(&stack, "w-left") == ["unknown", "found"]).then_some(())
    });
    let asked: Vec<_> = stack
        .venue
        .requests()
        .into_iter()
        .filter(|one| one.path == "/sapi/v1/capital/withdraw/history")
        .collect();
    let queries: Vec<&str> = asked.iter().map(|one| one.query.as_str()).collect();
    assert!(queries.iter().all(|query| query.contains("withdrawOrderId=w-left")), "{queries:?}");
    // Found is spent.
    withdraw_in_time(&stack, &bot, "50.000001", "w-over").refused(-1002);

    // It never arrived. It counts until the history has been without it for a
    // while, and not after.
    stack.venue.inject(Fault::next(FaultKind::Close).on("POST", APPLY));
    let never = stack.wait_for("a withdrawal that is lost", || {
        let answer = withdraw(&stack, &bot, HOME, "50", Some("w-never"));
        (!answer.says_nothing_was_sent()).then_some(answer)
    });
    never.refused(-1007);
    assert_eq!(stack.venue.withdrawals(0).len(), 1);
    let status = || stack.must(&["status"], Unseal::No, "");
    assert_eq!(status()["accounts"]["main"]["unknown_withdrawals"], 1);
    let began = std::time::Instant::now();
    while outcomes(&stack, "w-never") == ["unknown"] {
        assert!(began.elapsed().as_secs() < 120, "never released: {}", stack.said());
        withdraw(&stack, &bot, HOME, "1", Some("w-early")).refused(-1002);
        std::thread::sleep(std::time::Duration::from_secs(2));
    }
    assert!(began.elapsed().as_secs() >= 30, "released after {:?}", began.elapsed());
    assert_eq!(outcomes(&stack, "w-never"), ["unknown", "released"]);
    assert_eq!(status()["accounts"]["main"]["unknown_withdrawals"], 0);
    // The bot's day has room again. What the signer signed stays charged to
    // the key's own day, whatever became of it.
    let over = withdraw(&stack, &bot, HOME, "10", Some("w-after"));
    assert!(over.says_nothing_was_sent() && over.text.contains("in 24 h"), "{}", over.text);
    stack.stop();
    stack.verify();
}

#[test]
fn what_is_listed_wrongly_is_said_before_anything_is_sealed() {
    let stack = configured();
    let home = destination(HOME);
    let to = ["--destination", &home];
    let request = ["--max-per-request", "USDT=100"];
    let day = ["--max-per-day", "USDT=150"];
    for (class, arguments, says) in [
        ("value-out", [to, request].concat(), "no --max-per-day"),
        ("value-out", [to, day].concat(), "no --max-per-request"),
        ("value-out", [to, request, ["--max-per-day", "USDT=1"]].concat(), "less than"),
        ("value-out", [to, ["--max-per-request", "USDT=ten"], day].concat(), "plain decimal"),
        ("value-out", [["--destination", "USDT:ETH"], request, day].concat(), "no destination"),
        ("value-out", [request, day].concat(), "may go nowhere"),
        ("read", [to, request, day].concat(), "only a value-out key"),
    ] {
        let (code, answer, _) = add_key(&stack, "out", class, &arguments);
        assert_eq!(code, 2, "{answer}");
        assert!(answer["error"]["what"].as_str().unwrap().contains(says), "{answer}");
        assert!(answer["error"]["next"].is_string(), "{answer}");
    }
    // A key that may not withdraw, and lists nothing, is taken with a warning.
    let fixed = ["key", "add", "binance", "out", "--class", "value-out", "--secret-stdin"];
    let input = format!("{}\n{}\n", stack::REAL_READ_KEY, stack::REAL_READ_SECRET);
    let added = stack.must(&fixed, Unseal::Yes, &input);
    let warnings = added["warnings"].to_string();
    assert!(warnings.contains("does not let this key withdraw"), "{added}");
    assert!(warnings.contains("no destination"), "{added}");

    for (arguments, says) in [
        (vec!["--preset", "taker", "--market", "BTCUSDT", "--withdraw", &home], "never withdraws"),
        (vec!["--preset", "treasury", "--withdraw", &home], "no --withdraw-max-per-request"),
        (vec!["--preset", "treasury", "--hours", "8-20"], "HH:MM"),
        (vec!["--preset", "read-only", "--hours", "08:00-20:00"], "no hours"),
    ] {
        let all = [vec!["bot", "add", "t"], arguments].concat();
        let (code, answer, _) = stack.run(&all, Unseal::No, "");
        assert_eq!(code, 2, "{answer}");
        assert!(answer["error"]["what"].as_str().unwrap().contains(says), "{answer}");
    }
    stack.must(&["bot", "add", "t", "--preset", "treasury"], Unseal::No, "");
    let text = std::fs::read_to_string(&stack.config).unwrap();
    assert!(text.contains("[bot.t]"), "{text}");
    let memo = "XRP:XRP:rExampleExampleExampleExample:42";
    let caps = ["--withdraw-max-per-request", "XRP=1.5", "--withdraw-max-per-day", "XRP=3"];
    let add = ["bot", "add", "u", "--preset", "treasury", "--withdraw", memo];
    stack.must(&[add.as_slice(), &caps].concat(), Unseal::No, "");
    let text = std::fs::read_to_string(&stack.config).unwrap();
    assert!(text.contains("[[bot.u.withdraw]]") && text.contains("memo = \"42\""), "{text}");
    stack.must(&["policy", "check"], Unseal::No, "");
}

// ccxt gives a withdrawal no id of its own; the gateway does.
#[test]
fn an_unmodified_client_withdraws() {
    let Some(clients) = stack::clients() else {
        eprintln!("NOT RUN: ccxt is not installed; `cargo xtask test` installs it");
        return;
    };
    let mut stack = with_key();
    let bot = add_treasury(&stack, "treasurer", HOME, "100", "150");
    stack.serve();
    let output = std::process::Command::new(clients.join("ccxt/bin/python"))
        .arg(stack::scripts().join("ccxt_treasury.py"))
        .current_dir(stack::scripts())
        .env("BASE_URL", &stack.bot_url)
        .env("API_KEY", &bot.api_key)
        .env("API_SECRET", &bot.secret)
        .env("HOME_ADDRESS", HOME)
        .env("OTHER_ADDRESS", ELSEWHERE)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}\nserve said:\n{}", stack.said());
    let left = stack.venue.withdrawals(0);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].0.as_str(), left[0].1.as_str()), ("USDT", HOME));
    stack.verify();
}

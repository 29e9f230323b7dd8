//! The whole product as an operator runs it, against the paper venue: a bot
//! trades, is denied, processes die and come back, the log verifies.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod stack;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::Value;
use stack::{Bot, Stack, Unseal, signal};

/// A bot's own signing: HMAC over the parameters as they are sent.
fn signed(bot: &Bot, params: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let separator = if params.is_empty() { "" } else { "&" };
    let text = format!("{params}{separator}timestamp={now}&recvWindow=10000");
    let key = hmac::Key::new(hmac::HMAC_SHA256, bot.secret.as_bytes());
    format!("{text}&signature={}", hex::encode(hmac::sign(&key, text.as_bytes())))
}

/// One request over a connection of its own.
fn call(stack: &Stack, bot: &Bot, method: &str, path: &str, params: &str) -> (u16, Value) {
    let text = signed(bot, params);
    let rest = stack.bot_url.strip_prefix("http://").unwrap();
    let (address, prefix) = rest.split_once('/').unwrap();
    let (target, body) = if matches!(method, "GET" | "DELETE") {
        (format!("/{prefix}{path}?{text}"), String::new())
    } else {
        (format!("/{prefix}{path}"), text)
    };
    let mut stream = match TcpStream::connect(address) {
        Ok(stream) => stream,
        // The gateway is being restarted.
        Err(_) => return (0, Value::Null),
    };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nX-MBX-APIKEY: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        bot.api_key,
        body.len()
    );
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).is_err() || stream.read_to_string(&mut answer).is_err()
    {
        return (0, Value::Null);
    }
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn order(quantity: &str, price: &str) -> String {
    format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={price}\
         &newOrderRespType=RESULT"
    )
}

fn place(stack: &Stack, bot: &Bot) -> (u16, Value) {
    call(stack, bot, "POST", "/api/v3/order", &order("0.001", "59500"))
}

/// The log verifies by itself and against the signer's record.
fn verify(stack: &Stack) -> Value {
    // Where a gateway runs, everything so far gets its checkpoint now.
    if stack.run(&["status"], Unseal::No, "").0 == 0 {
        stack.wait_for("a checkpoint", || {
            (stack.run(&["log", "checkpoint"], Unseal::No, "").0 == 0).then_some(())
        });
    }
    let report = stack.must(&["log", "verify"], Unseal::No, "");
    assert_eq!(report["verified"], true, "{report}");
    assert_eq!(report["signer"]["agrees"], true, "{report}");
    report
}

#[test]
fn a_bot_trades_and_is_held_to_its_rules() {
    let (mut stack, bot) = Stack::serving("mm-1");
    let (status, placed) = place(&stack, &bot);
    assert_eq!((status, placed["status"].as_str()), (200, Some("NEW")), "{placed}");
    let (status, large) = call(&stack, &bot, "POST", "/api/v3/order", &order("1", "59500"));
    assert_eq!((status, large["code"].as_i64()), (400, Some(-2010)), "{large}");
    let (_, far) = call(&stack, &bot, "POST", "/api/v3/order", &order("0.001", "70000"));
    assert_eq!(far["code"], -2010, "{far}");
    let elsewhere = "symbol=ETHUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=2990";
    let (_, market) = call(&stack, &bot, "POST", "/api/v3/order", elsewhere);
    assert_eq!(market["code"], -1002, "{market}");
    let withdraw = "coin=USDT&network=ETH&address=0xabc&amount=72";
    let (_, out) = call(&stack, &bot, "POST", "/sapi/v1/capital/withdraw/apply", withdraw);
    assert_eq!(out["code"], -1002, "{out}");
    let id = placed["orderId"].as_u64().unwrap();
    let cancel = format!("symbol=BTCUSDT&orderId={id}");
    let (status, cancelled) = call(&stack, &bot, "DELETE", "/api/v3/order", &cancel);
    assert_eq!((status, cancelled["status"].as_str()), (200, Some("CANCELED")), "{cancelled}");
    assert_eq!(stack.venue.withdrawals(0).len(), 0);
    let listed = stack.must(
        &[
            "log",
            "query",
            "SELECT outcome, count(*) FROM entries WHERE bot = 'mm-1' GROUP BY 1 ORDER BY 1",
        ],
        Unseal::No,
        "",
    );
    assert_eq!(listed["rows"][0][0], "allow", "{listed}");
    let report = verify(&stack);
    // Kept elsewhere, a checkpoint shows what was cut off; here nothing is.
    let kept = stack.directory.path().join("kept");
    let out = kept.to_str().unwrap();
    stack.must(&["log", "checkpoint", "--out", out], Unseal::No, "");
    let (code, again, _) = stack.run(&["log", "verify", "--checkpoint", out], Unseal::No, "");
    assert_eq!((code, &again["verified"]), (0, &Value::Bool(true)), "{again}");
    assert!(again["entries"].as_u64() >= report["entries"].as_u64());
    stack.stop();
    verify(&stack);
}

#[test]
fn a_suspended_bot_is_refused_at_once() {
    let (stack, bot) = Stack::serving("mm-1");
    assert_eq!(call(&stack, &bot, "GET", "/api/v3/account", "").0, 200);
    let suspended = stack.must(&["bot", "suspend", "mm-1"], Unseal::No, "");
    assert_eq!(suspended["reloaded"], true);
    assert_eq!(call(&stack, &bot, "GET", "/api/v3/account", "").1["code"], -2015);
    stack.must(&["bot", "suspend", "mm-1", "--resume"], Unseal::No, "");
    assert_eq!(call(&stack, &bot, "GET", "/api/v3/account", "").0, 200);
    let second = stack.add_bot("mm-2", &["--preset", "read-only"]);
    assert_eq!(call(&stack, &second, "GET", "/api/v3/account", "").0, 200);
    assert_eq!(place(&stack, &second).0, 401);
    stack.must(&["bot", "revoke", "mm-1"], Unseal::No, "");
    assert_eq!(call(&stack, &bot, "GET", "/api/v3/account", "").1["code"], -2015);
}

/// The process id that `what` has now, from what the supervisor said last.
fn restarted(stack: &Stack, what: &str) -> u32 {
    let mark = format!("{what} is back (process ");
    stack.wait_for(&format!("the {what} to come back"), || {
        let said = stack.said();
        let tail = said.rsplit_once(&mark)?.1;
        tail.split(')').next()?.parse().ok()
    })
}

#[test]
fn a_killed_signer_is_started_again_and_the_gateway_denies_meanwhile() {
    let (mut stack, bot) = Stack::serving("mm-1");
    assert_eq!(place(&stack, &bot).0, 200);
    let seen = stack.venue.request_count();
    signal(stack.process("signer"), "KILL");
    // Until it is back nothing is signed; the bot is told to ask again.
    let mut denied = 0;
    let placed = stack.wait_for("an order after the signer's death", || {
        let (status, answer) = place(&stack, &bot);
        if status == 200 {
            return Some(answer);
        }
        assert_eq!(answer["code"], -1008, "{status} {answer}");
        denied += 1;
        None
    });
    assert_eq!(placed["status"], "NEW", "{placed}");
    assert!(denied > 0, "the gateway never noticed");
    assert!(stack.venue.request_count() > seen);
    assert_ne!(restarted(&stack, "signer"), stack.process("signer"));
    let said = stack.said();
    assert!(said.contains("signer (process") && said.contains("is gone"), "{said}");
    verify(&stack);
    stack.stop();
    verify(&stack);
}

#[test]
fn a_killed_gateway_is_started_again_and_remembers() {
    let (mut stack, bot) = Stack::serving("mm-1");
    let (status, placed) = place(&stack, &bot);
    assert_eq!(status, 200, "{placed}");
    signal(stack.process("gateway"), "KILL");
    restarted(&stack, "gateway");
    let status = stack.must(&["status"], Unseal::No, "");
    assert_eq!(status["running"], true, "{status}");
    assert_eq!(status["signer"]["checkpoint_shown"], true, "{status}");
    let report = verify(&stack);
    assert!(report["entries"].as_u64().unwrap() > 3, "{report}");
    stack.stop();
    verify(&stack);
}

/// INVARIANT (pure judge): what was recorded is judged again the same, over
/// orders, fills, denials, reloads and kills; a changed reason is found.
#[test]
fn a_recorded_day_is_judged_again_from_its_log_alone() {
    let (mut stack, bot) = Stack::serving("mm-1");
    let send = |stack: &Stack, quantity: &str, price: &str| {
        call(stack, &bot, "POST", "/api/v3/order", &order(quantity, price))
    };
    let (_, placed) = send(&stack, "0.001", "59500");
    assert_eq!(placed["status"], "NEW", "{placed}");
    // One that fills, one too large, one in another market, a withdrawal.
    send(&stack, "0.001", "60100");
    assert_eq!(send(&stack, "1", "59500").1["code"], -2010);
    let elsewhere = "symbol=ETHUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=2990";
    call(&stack, &bot, "POST", "/api/v3/order", elsewhere);
    let withdraw = "coin=USDT&network=ETH&address=0xabc&amount=72";
    call(&stack, &bot, "POST", "/sapi/v1/capital/withdraw/apply", withdraw);
    stack.set_bot("mm-1", &[("max_order_notional", "\"40\"")]);
    stack.must(&["reload"], Unseal::No, "");
    assert_eq!(send(&stack, "0.001", "59500").1["code"], -2010);
    signal(stack.process("gateway"), "KILL");
    restarted(&stack, "gateway");
    stack.wait_for("a cancel after the restart", || {
        let cancel = format!("symbol=BTCUSDT&orderId={}", placed["orderId"]);
        (call(&stack, &bot, "DELETE", "/api/v3/order", &cancel).0 == 200).then_some(())
    });
    stack.stop();

    let replayed = stack.must(&["log", "replay"], Unseal::No, "");
    assert_eq!(replayed["same"], true, "{replayed:#}");
    assert_eq!((&replayed["starts"], &replayed["policies"]), (&2.into(), &3.into()), "{replayed}");
    let judged = replayed["verdicts"].as_u64().unwrap();
    assert!(judged >= 6, "{replayed}");
    let equal = judged + replayed["own_verdicts"].as_u64().unwrap();
    assert_eq!(replayed["equal"].as_u64(), Some(equal), "{replayed}");

    // The policies that are in force now change nothing that they judged; others do:
    // what was allowed first, then what was refused.
    let other = stack.directory.path().join("other.toml");
    let backtest = |fields: &str| {
        let table = "[bot.mm-1]\naccount = \"main\"\npreset = \"taker\"\n";
        std::fs::write(&other, format!("{table}{fields}")).unwrap();
        let file = other.to_str().unwrap().to_owned();
        stack.run(&["policy", "backtest", "--policy", &file], Unseal::No, "")
    };
    let (code, wider, _) = backtest("markets = [\"BTCUSDT\", \"ETHUSDT\"]");
    assert_eq!((code, &wider["newly_refused"]), (0, &serde_json::json!([])), "{wider:#}");
    let newly = wider["newly_allowed"].as_array().unwrap();
    assert!(newly.iter().any(|group| group["rule"] == "max_order_notional"), "{wider:#}");
    assert!(newly.iter().any(|group| group["market"] == "ETHUSDT"), "{wider:#}");
    assert!(newly.iter().all(|group| !group["rule"].as_str().unwrap().contains("withdraw")));
    let (code, narrower, _) = backtest("markets = [\"SOLUSDT\"]");
    assert_eq!(code, 1, "{narrower:#}");
    let refused = &narrower["newly_refused"][0];
    assert_eq!((&refused["bot"], &refused["market"]), (&"mm-1".into(), &"BTCUSDT".into()));
    assert_eq!(stack.entries(refused["examples"][0].as_u64().unwrap())[0].1["outcome"], "allow");
    assert_eq!(backtest("").0, 2, "a taker without markets");

    // What it did fits in less than it has, and the diff says so.
    let learned = stack.must(&["policy", "learn", "--bot", "mm-1"], Unseal::No, "");
    assert_eq!(learned["bots"][0]["needs"]["markets"], serde_json::json!(["BTCUSDT"]));
    let diff = learned["diff"].as_str().unwrap();
    assert!(diff.contains("+max_notional_per_hour = "), "{diff}");
    // It had 60 USD orders before the limit was lowered to 40.
    assert!(diff.contains("WIDENED") && learned["widened"].as_u64() > Some(0), "{learned:#}");
    assert_eq!(stack.run(&["policy", "learn", "--bot", "nobody"], Unseal::No, "").0, 2);

    // The same log with one reason changed, or one limit of the recorded policies.
    let tampered = |from: &str, to: &str| {
        let directory = stack.directory.path().join(format!("tampered-{}", to.len()));
        let options = audit::Options::new("log.test");
        let (mut log, _) = audit::Log::open(&directory, &options).unwrap();
        let mut changed = false;
        for (_, entry) in stack.entries(0) {
            let text = entry.to_string();
            let now = if changed { text.clone() } else { text.replacen(from, to, 1) };
            changed |= now != text;
            log.append(now.as_bytes()).unwrap();
        }
        drop(log);
        assert!(changed, "nothing to change");
        let directory = directory.to_str().unwrap().to_owned();
        let (code, found, _) = stack.run(&["log", "replay", "--log", &directory], Unseal::No, "");
        assert_eq!((code, &found["same"]), (1, &Value::Bool(false)), "{found}");
        found
    };
    let found = tampered("\"code\":\"max_order_notional\"", "\"code\":\"max_order_size\"");
    assert_eq!(found["difference"]["changed"][0]["field"], "reasons", "{found}");
    let found = tampered("max_order_notional = \\\"40\\\"", "max_order_notional = \\\"4000\\\"");
    assert_eq!(found["difference"]["changed"][0]["field"], "outcome", "{found}");
}

#[test]
fn a_killed_supervisor_takes_everybody_with_it() {
    let (mut stack, bot) = Stack::serving("mm-1");
    assert_eq!(place(&stack, &bot).0, 200);
    let (signer, gateway) = (stack.process("signer"), stack.process("gateway"));
    signal(stack.process("supervisor"), "KILL");
    stack.stop();
    let lives = |process: u32| std::path::Path::new(&format!("/proc/{process}")).exists();
    stack.wait_for("the children to leave", || (!lives(signer) && !lives(gateway)).then_some(()));
    stack.serve();
    // What may have been used before the restart is not taken again.
    stack.wait_for("an order after the restart", || {
        let (status, answer) = place(&stack, &bot);
        assert!(status == 200 || answer["code"] == -1008, "{status} {answer}");
        (status == 200).then_some(())
    });
    verify(&stack);
}

#[test]
fn two_supervisors_do_not_share_a_vault() {
    let (stack, _) = Stack::serving("mm-1");
    let (code, answer, _) = stack.run(&["serve"], Unseal::Yes, "");
    assert_eq!(code, 1, "{answer}");
    assert!(answer["error"]["what"].as_str().unwrap().contains("in use"), "{answer}");
    // `key` commands do not either: they ask the signer that runs.
    let listed = stack.must(&["key", "list"], Unseal::Yes, "");
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[test]
fn a_start_that_fails_says_why_once() {
    let mut stack = Stack::configured();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = std::fs::read_to_string(&stack.config).unwrap();
    std::fs::write(&stack.config, text.replace("127.0.0.1:0", &address)).unwrap();
    let (code, answer, said) = stack.run(&["serve"], Unseal::Yes, "");
    assert_eq!(code, 1, "{answer}");
    assert!(answer["error"]["what"].as_str().unwrap().contains(&address), "{answer}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    std::fs::write(&stack.config, text.replace("workers = 1", "wrokers = 1")).unwrap();
    let (code, checked, _) = stack.run(&["policy", "check"], Unseal::No, "");
    assert_eq!((code, &checked["valid"]), (1, &Value::Bool(false)), "{checked}");
    std::fs::write(&stack.key_file, [7_u8; 32]).unwrap();
    let (code, answer, said) = stack.run(&["serve"], Unseal::Yes, "");
    assert_eq!(code, 1, "{answer}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    stack.stop();
}

#[test]
fn keys_are_audited_and_revoked() {
    let stack = Stack::configured();
    let audit = stack.must(&["key", "audit"], Unseal::Yes, "");
    assert_eq!(audit["as_sealed"], true, "{audit}");
    let listed = stack.must(&["key", "list"], Unseal::Yes, "");
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(stack::REAL_TRADE_SECRET));
    stack.venue.revoke_key(stack::REAL_READ_KEY);
    let (code, audit, _) = stack.run(&["key", "audit"], Unseal::Yes, "");
    assert_eq!((code, &audit["as_sealed"]), (1, &Value::Bool(false)), "{audit}");
    stack.must(&["key", "revoke", "main-read"], Unseal::Yes, "");
    let listed = stack.must(&["key", "list"], Unseal::Yes, "");
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{listed}");
    let config = std::fs::read_to_string(&stack.config).unwrap();
    assert!(!config.contains("main-read"), "{config}");
}

#[test]
fn a_trade_key_that_may_withdraw_is_refused() {
    let stack = Stack::configured_with(|options| {
        let key = sim::binance::ApiKey::hmac("wideKey", "wideSecret", sim::binance::Rights::ALL);
        options.accounts.first_mut().unwrap().keys.push(key);
    });
    let add = ["key", "add", "binance", "wide", "--class", "trade", "--account", "other"];
    let more = ["--market", "BTCUSDT", "--secret-stdin"];
    let arguments = [add.as_slice(), &more].concat();
    let (code, answer, _) = stack.run(&arguments, Unseal::Yes, "wideKey\nwideSecret\n");
    assert_eq!(code, 1, "{answer}");
    assert!(answer["error"]["what"].as_str().unwrap().contains("withdrawals"), "{answer}");
    let insisted = [arguments.as_slice(), &["--allow-value-out-rights"]].concat();
    let added = stack.must(&insisted, Unseal::Yes, "wideKey\nwideSecret\n");
    assert!(added["warnings"].to_string().contains("can move value"), "{added}");
    let (code, wrong, said) = stack.run(
        &["key", "add", "binance", "bad", "--class", "read", "--secret-stdin"],
        Unseal::Yes,
        "wideKey\nnotTheSecret\n",
    );
    assert_eq!(code, 1, "{wrong}");
    assert!(!said.contains("notTheSecret") && !wrong.to_string().contains("notTheSecret"));
    let listed = stack.must(&["key", "list"], Unseal::Yes, "");
    assert!(!listed.to_string().contains("\"bad\""), "{listed}");
}

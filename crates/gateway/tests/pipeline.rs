//! The life of a request through a whole gateway, with a signer in a process of
//! its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]
#![allow(dead_code, reason = "the stack serves two tests")]

mod stack;

use stack::client::{now_ms, sign, signed};
use stack::venue::Manner;
use stack::{BOT_KEY, BOT_SECRET, READ_KEY, READ_SECRET, Stack, TRADE_KEY, TRADE_SECRET};

const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000";

/// Not a test by itself: the signer's process.
#[test]
fn signer_child() {
    stack::signer_child();
}

fn settles(stack: &Stack, outcome: &str) -> Vec<serde_json::Value> {
    let entries = stack.entries();
    let bots: Vec<usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry["kind"] == "verdict" && entry["bot"] == "mm-1")
        .map(|(index, _)| index)
        .collect();
    entries
        .into_iter()
        .filter(|entry| entry["kind"] == "settle" && entry["outcome"] == outcome)
        .filter(|entry| {
            bots.contains(&usize::try_from(entry["verdict"].as_u64().unwrap()).unwrap())
        })
        .collect()
}

#[test]
fn an_allowed_order_is_recorded_signed_and_sent() {
    let stack = Stack::start();
    let mut bot = stack.client();
    let reply = bot.signed("POST", "/api/v3/order", ORDER);
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = reply.json()["clientOrderId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("cs-"), "{id}");

    let came = stack.venue.came("POST", "/api/v3/order");
    let [order] = &came[..] else { panic!("{came:?}") };
    assert_eq!(order.key, TRADE_KEY);
    assert!(order.right, "the real key's signature: {}", order.text);
    // INVARIANT (record first).
    assert!(order.recorded, "its entry was in the log when it came");
    assert!(order.text.starts_with(&format!("{ORDER}&")), "one reading: {}", order.text);
    // INVARIANT (pinned host): the bot's own Host header says "gateway".
    let host = format!("\r\nhost: {}\r\n", stack.venue.address);
    assert!(order.head.to_ascii_lowercase().contains(&host), "{}", order.head);
    for leaked in [BOT_KEY, BOT_SECRET] {
        assert!(!order.head.contains(leaked) && !order.text.contains(leaked));
    }

    // What the bot gets is a closed list.
    let head = reply.head.to_ascii_lowercase();
    assert!(head.contains("x-mbx-used-weight-1m: 7"), "{head}");
    assert!(!head.contains("set-cookie"), "{head}");

    let settled = settles(&stack, "acknowledged");
    assert_eq!(settled[0]["orders"][0]["order_id"], 28);
    assert_eq!(settled[0]["signed_sha256"].as_str().unwrap().len(), 64);
    let log = serde_json::to_string(&stack.entries()).unwrap();
    for secret in [TRADE_SECRET, READ_SECRET, BOT_SECRET, "signature="] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn what_is_denied_does_not_leave() {
    let stack = Stack::start();
    let mut bot = stack.client();
    let large = ORDER.replace("quantity=0.1", "quantity=0.5");
    let far = ORDER.replace("price=50000", "price=60000");
    let other = ORDER.replace("BTCUSDT", "ETHUSDT");
    for (text, code) in [(&large, -2010), (&far, -2010), (&other, -1002)] {
        let reply = bot.signed("POST", "/api/v3/order", text);
        assert_eq!(reply.code(), code, "{text}: {reply:?}");
    }
    let withdrawal = "coin=USDT&network=ETH&address=0x1&amount=5";
    let reply = bot.signed("POST", "/sapi/v1/capital/withdraw/apply", withdrawal);
    assert_eq!((reply.status, reply.code()), (401, -1002), "{reply:?}");
    let twice = format!("{ORDER}&quantity=0.2");
    assert_eq!(bot.signed("POST", "/api/v3/order", &twice).code(), -1101);
    let unlisted = format!("{ORDER}&sideEffectType=AUTO_BORROW");
    let reply = bot.signed("POST", "/api/v3/order", &unlisted);
    assert!(reply.body.contains("sideEffectType"), "{reply:?}");

    assert!(stack.venue.all().iter().all(|came| came.method == "GET"));
    let denied: Vec<_> =
        stack.entries().into_iter().filter(|entry| entry["outcome"] == "deny").collect();
    assert!(denied.len() >= 4, "{denied:?}");
    assert!(denied.iter().all(|entry| entry["reasons"][0]["code"].is_string()), "{denied:?}");
}

#[test]
fn only_the_bot_itself_is_believed() {
    let stack = Stack::start();
    let mut bot = stack.client();
    let text = format!("timestamp={}", now_ms());
    let good = sign(BOT_SECRET, &text);
    let send = |bot: &mut stack::client::Client, text: &str, key: &str| {
        bot.send("GET", "/api/v3/account", text, key)
    };
    let forged = format!("{text}&signature={}", sign("another secret", &text));
    assert_eq!(send(&mut bot, &forged, BOT_KEY).code(), -1022);
    let unknown = format!("{text}&signature={good}");
    assert_eq!(send(&mut bot, &unknown, TRADE_KEY).code(), -2015);
    assert_eq!(send(&mut bot, &text, BOT_KEY).code(), -1102);
    for stale in [now_ms() - 6_000, now_ms() + 5_000] {
        let text = format!("timestamp={stale}");
        let text = format!("{text}&signature={}", sign(BOT_SECRET, &text));
        assert_eq!(send(&mut bot, &text, BOT_KEY).code(), -1021);
    }
    // INVARIANT (no free accusation): nothing of this keeps the bot out, or is
    // written down against it.
    let own = send(&mut bot, &unknown, BOT_KEY);
    assert_eq!(own.status, 200, "{own:?}");
    assert!(stack.entries().iter().all(|entry| entry["outcome"] != "deny"));
    // Upper-case hex is the same signature.
    let text = signed("omitZeroBalances=true");
    let (payload, signature) = text.split_once("&signature=").unwrap();
    let upper = format!("{payload}&signature={}", signature.to_ascii_uppercase());
    assert_eq!(send(&mut bot, &upper, BOT_KEY).status, 200);
}

#[test]
fn a_key_is_not_used_from_another_address() {
    let stack = Stack::start();
    let mut bot = stack.client_from("127.0.0.2");
    let reply = bot.signed("POST", "/api/v3/order", ORDER);
    assert_eq!((reply.status, reply.code()), (401, -2015), "{reply:?}");
    assert!(reply.body.contains("this address"), "{reply:?}");
    assert!(stack.venue.came("POST", "/api/v3/order").is_empty());
}

#[test]
fn a_call_with_the_key_alone_is_a_recorded_read() {
    let stack = Stack::start();
    let mut bot = stack.client();
    let reply = bot.send("GET", "/sapi/v1/margin/allPairs", "", BOT_KEY);
    assert_eq!(reply.status, 200, "{reply:?}");
    let came = stack.venue.came("GET", "/sapi/v1/margin/allPairs");
    assert!(came[0].recorded && came[0].key == READ_KEY && came[0].text.is_empty());
    // Nobody's key: nobody's read.
    let reply = bot.send("GET", "/sapi/v1/margin/allPairs", "", "nobody");
    assert_eq!(reply.code(), -2015, "{reply:?}");
    // A stream's key is a capability: it is not asked for at the venue, and not
    // given here where there is nothing to hear.
    let reply = bot.send("POST", "/api/v3/userDataStream", "", BOT_KEY);
    assert_eq!(reply.code(), -1008, "{reply:?}");
    let reply = bot.send("POST", "/sapi/v1/userDataStream", "", BOT_KEY);
    assert_eq!(reply.code(), -1002, "{reply:?}");
    assert!(stack.venue.came("POST", "/api/v3/userDataStream").is_empty());
}

#[test]
fn a_signed_text_is_bound_to_its_first_use() {
    let stack = Stack::start();
    let mut bot = stack.client();
    let order = signed(ORDER);
    let first = bot.send("POST", "/api/v3/order", &order, BOT_KEY);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(bot.send("POST", "/api/v3/order", &order, BOT_KEY).code(), -1022);
    let read = signed("symbol=BTCUSDT");
    assert_eq!(bot.send("GET", "/api/v3/openOrders", &read, BOT_KEY).status, 200);
    assert_eq!(bot.send("GET", "/api/v3/openOrders", &read, BOT_KEY).status, 200);
    let cancel = bot.send("DELETE", "/api/v3/openOrders", &read, BOT_KEY);
    assert_eq!(cancel.code(), -1022, "{cancel:?}");
    assert_eq!(stack.venue.came("POST", "/api/v3/order").len(), 1);
    assert!(stack.venue.came("DELETE", "/api/v3/openOrders").is_empty());
}

#[test]
fn reads_go_to_the_read_key_and_public_data_to_none() {
    let stack = Stack::start();
    let mut bot = stack.client();
    assert_eq!(bot.signed("GET", "/api/v3/account", "").status, 200);
    assert_eq!(bot.send("GET", "/api/v3/ticker/price", "symbol=BTCUSDT", "x").status, 200);
    for came in stack.venue.came("GET", "/api/v3/account") {
        assert!(came.right && came.recorded && came.key == READ_KEY, "{came:?}");
    }
    let public = stack.venue.came("GET", "/api/v3/ticker/price");
    assert_eq!(public[0].key, "");
    assert_eq!(public[0].text, "symbol=BTCUSDT");
    assert_eq!(bot.send("GET", "/api/v3/no/such", "", "x").code(), -1002);
}

#[test]
fn a_lost_answer_is_unknown_until_the_venue_says() {
    let stack = Stack::start();
    let mut bot = stack.client();
    stack.venue.manner(Manner::Hangup);
    let text = format!("{ORDER}&newClientOrderId=own-1");
    let reply = bot.signed("POST", "/api/v3/order", &text);
    assert_eq!((reply.status, reply.code()), (504, -1007), "{reply:?}");
    assert_eq!(settles(&stack, "unknown").len(), 1);
    assert_eq!(stack.venue.came("POST", "/api/v3/order").len(), 1, "never sent twice");
    // It asks by the client order id, and releases what was held only then.
    stack.until("the order is asked for and released", |stack| {
        stack.entries().iter().any(|entry| entry["outcome"] == "released")
    });
    let asked = stack.venue.came("GET", "/api/v3/order");
    assert!(asked[0].text.contains("origClientOrderId=own-1"), "{asked:?}");
    stack.venue.manner(Manner::Refusing);
    let reply = bot.signed("POST", "/api/v3/order", ORDER);
    assert_eq!((reply.status, reply.code()), (400, -2010), "{reply:?}");
    assert_eq!(settles(&stack, "rejected")[0]["code"], -2010);
}

#[test]
fn without_a_signer_nothing_leaves_and_a_new_one_is_used() {
    let mut stack = Stack::start();
    let mut bot = stack.client();
    assert_eq!(bot.signed("POST", "/api/v3/order", ORDER).status, 200);
    stack.kill_signer();
    stack.until("the signer's end shows", |stack| {
        stack.client().signed("POST", "/api/v3/order", ORDER).code() == -1008
    });
    let before = stack.venue.came("POST", "/api/v3/order").len();
    let reply = bot.signed("POST", "/api/v3/order", ORDER);
    assert_eq!((reply.status, reply.code()), (503, -1008), "{reply:?}");
    assert_eq!(stack.venue.came("POST", "/api/v3/order").len(), before);
    stack.start_signer();
    stack.until("the new signer signs", |stack| {
        stack.client().signed("POST", "/api/v3/order", ORDER).status == 200
    });
    let kinds: Vec<_> = stack.entries().iter().map(|entry| entry["kind"].clone()).collect();
    assert!(kinds.contains(&"signer-down".into()) && kinds.contains(&"signer-up".into()));
}

#[test]
fn an_order_is_its_bots_after_a_restart() {
    let mut stack = Stack::start();
    let text = format!("{ORDER}&newClientOrderId=own-1");
    assert_eq!(stack.client().signed("POST", "/api/v3/order", &text).status, 200);
    let note = stack.admin(r#"{"do":"publish"}"#)["checkpoint"].as_str().unwrap().to_owned();
    assert!(note.starts_with("gateway.test\n"), "{note}");
    stack.stop_gateway();
    let before = signed(ORDER);
    stack.start_gateway();
    let mut bot = stack.client();
    let start: Vec<_> =
        stack.entries().into_iter().filter(|entry| entry["kind"] == "start").collect();
    assert_eq!(start[1]["restored_requests"], 1);
    assert_eq!(start[1]["unknown_outcomes"], 0);
    // What was signed before the start may have been used before it.
    let old = bot.send("POST", "/api/v3/order", &before, BOT_KEY);
    assert_eq!((old.status, old.code()), (503, -1008), "{old:?}");
    let cancel = "symbol=BTCUSDT&orderId=28";
    stack.until("the order is its bot's", |stack| {
        stack.client().signed("DELETE", "/api/v3/order", cancel).status == 200
    });
    assert_eq!(stack.venue.came("POST", "/api/v3/order").len(), 1);
}

#[test]
fn fills_that_an_end_left_unsaid_are_read_from_the_trades() {
    let mut stack = Stack::start();
    let text = format!("{ORDER}&newClientOrderId=own-1");
    assert_eq!(stack.client().signed("POST", "/api/v3/order", &text).status, 200);
    // This venue's answer to a cancel does not say what the order filled.
    let cancel = "symbol=BTCUSDT&orderId=28";
    assert_eq!(stack.client().signed("DELETE", "/api/v3/order", cancel).status, 200);
    let usage = |stack: &Stack| stack.admin(r#"{"do":"status"}"#)["accounts"]["main"].clone();
    let told = usage(&stack);
    assert_eq!(told["usage"]["mm-1"]["held_usd"], "5000", "held until it is known: {told}");
    stack.until("the trades are read", |stack| usage(stack)["untold_fills"] == 0);
    let came = stack.venue.came("GET", "/api/v3/myTrades");
    let asked = |what: &str| came[0].text.split('&').any(|pair| pair == what);
    assert!(asked("symbol=BTCUSDT") && asked("orderId=28"), "{came:?}");
    assert!(came[0].right && came[0].recorded && came[0].key == READ_KEY, "{came:?}");
    let counted = usage(&stack)["usage"]["mm-1"].clone();
    assert_eq!((&counted["filled_usd_hour"], &counted["held_usd"]), (&"2000".into(), &"0".into()));
    // A log read back counts the same, and asks nobody again.
    stack.stop_gateway();
    stack.start_gateway();
    assert_eq!(usage(&stack)["usage"]["mm-1"], counted);
    assert_eq!(stack.venue.came("GET", "/api/v3/myTrades").len(), came.len());
}

#[test]
fn an_order_that_the_venue_no_longer_knows_is_counted_by_its_trades() {
    let stack = Stack::start();
    // It rests, and no snapshot, cancel or order query here ever has it again.
    let text = format!("{ORDER}&newClientOrderId=own-1");
    assert_eq!(stack.client().signed("POST", "/api/v3/order", &text).status, 200);
    let usage = |stack: &Stack| {
        let status = stack.admin(r#"{"do":"status"}"#);
        status["accounts"]["main"]["usage"]["mm-1"].clone()
    };
    stack.until("its trades are read", |stack| usage(stack)["filled_usd_hour"] == "2000");
    let now = usage(&stack);
    assert_eq!((&now["held_usd"], &now["open_orders"]), (&"0".into(), &0.into()), "{now}");
    assert!(!stack.venue.came("GET", "/api/v3/order").is_empty());
    let found = stack.entries().into_iter().filter(|entry| entry["outcome"] == "found").count();
    assert_eq!(found, 1);
}

#[test]
fn what_ends_before_authentication_is_told_in_sum() {
    let mut stack = Stack::start();
    let mut bot = stack.client();
    for _ in 0..3 {
        let reply = bot.send("GET", "/api/v3/account", "timestamp=1", "nobody");
        assert!(reply.status >= 400, "{reply:?}");
    }
    let twice = format!("{ORDER}&quantity=0.2");
    assert_eq!(bot.signed("POST", "/api/v3/order", &twice).code(), -1101);
    let order = signed(ORDER);
    for _ in 0..3 {
        bot.send("POST", "/api/v3/order", &order, BOT_KEY);
    }
    let status = stack.admin(r#"{"do":"status"}"#);
    assert!(status["endings"]["unreadable"].as_u64() >= Some(1), "{status}");
    stack.stop_gateway();
    let entries = stack.entries();
    let told: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "refused").collect();
    let [told] = &told[..] else { panic!("one sum: {told:?}") };
    assert_eq!(told["replayed"], 2, "{told}");
    let (unreadable, unauthenticated) = (&told["unreadable"], &told["unauthenticated"]);
    // Three without a key of ours, however they were refused, and the odd one.
    let sum = unreadable.as_u64().unwrap() + unauthenticated.as_u64().unwrap();
    assert_eq!(sum, 4, "{told}");
    let sources: u64 = entries
        .iter()
        .filter(|entry| entry["kind"] == "unauthenticated")
        .flat_map(|entry| entry["sources"].as_array().unwrap())
        .map(|source| source["count"].as_u64().unwrap())
        .sum();
    assert_eq!(Some(sources), unauthenticated.as_u64());
}

#[test]
fn denials_beyond_a_rate_are_counted_and_none_is_lost() {
    let mut stack = Stack::start();
    let mut bot = stack.client();
    let other = ORDER.replace("BTCUSDT", "ETHUSDT");
    let large = ORDER.replace("quantity=0.1", "quantity=0.5");
    for round in 0..150 {
        let reply = bot.signed("POST", "/api/v3/order", &other);
        assert_eq!(reply.code(), -1002, "{round}: {reply:?}");
        assert_eq!(bot.signed("POST", "/api/v3/order", &large).code(), -2010, "{round}");
    }
    // An attempt to move value is always written.
    let withdrawal = "coin=USDT&network=ETH&address=0x1&amount=5";
    for _ in 0..20 {
        let reply = bot.signed("POST", "/sapi/v1/capital/withdraw/apply", withdrawal);
        assert_eq!(reply.code(), -1002, "{reply:?}");
    }
    stack.stop_gateway();
    let entries = stack.entries();
    let denied = |path: &str| {
        let endpoint = format!("POST {path}");
        entries
            .iter()
            .filter(|entry| entry["outcome"] == "deny" && entry["endpoint"] == endpoint)
            .count() as u64
    };
    assert_eq!(denied("/sapi/v1/capital/withdraw/apply"), 20);
    let written = denied("/api/v3/order");
    assert!((200..290).contains(&written), "{written}");
    assert!(entries.iter().any(|entry| entry["kind"] == "denials-counted"));
    let left_out: Vec<_> =
        entries.iter().filter(|entry| entry["kind"] == "denials-left-out").collect();
    assert!(left_out.iter().all(|entry| entry["bot"] == "mm-1" && entry["account"] == "main"));
    let sum = |of: &dyn Fn(&serde_json::Value) -> u64| left_out.iter().map(|e| of(e)).sum::<u64>();
    assert_eq!(written + sum(&|entry| entry["count"].as_u64().unwrap()), 300, "{left_out:?}");
    let by_reason = sum(&|entry| {
        let reasons = entry["reasons"].as_array().unwrap().iter();
        reasons.map(|reason| reason["count"].as_u64().unwrap()).sum()
    });
    assert_eq!(written + by_reason, 300, "{left_out:?}");
}

#[test]
fn markets_are_learnt_from_the_venue_and_known_again() {
    let mut stack = Stack::start();
    let known = |stack: &Stack| stack.admin(r#"{"do":"status"}"#)["markets_known"].clone();
    stack.until("the venue's markets are known", |stack| known(stack) == 1);
    let asked = stack.venue.came("GET", "/api/v3/exchangeInfo");
    assert_eq!(asked[0].key, "", "nobody's key is shown for public data");
    let told = |stack: &Stack| -> Vec<serde_json::Value> {
        let entries = stack.entries().into_iter();
        entries.filter(|entry| entry["kind"] == "instruments").collect()
    };
    assert_eq!(told(&stack)[0]["instruments"][0]["quote"], "USDT");
    // Known before anything is asked, and no news when it is.
    let before = asked.len();
    stack.stop_gateway();
    stack.start_gateway();
    assert_eq!(known(&stack), 1);
    stack.until("it is asked again", |stack| {
        stack.venue.came("GET", "/api/v3/exchangeInfo").len() > before
    });
    stack.stop_gateway();
    assert_eq!(told(&stack).len(), 1, "only what is new is written");
}

#[test]
fn the_admin_socket_tells_and_reloads() {
    let stack = Stack::start();
    stack.client().signed("GET", "/api/v3/account", "");
    let status = stack.admin(r#"{"do":"status"}"#);
    assert_eq!(status["bots"], 1);
    assert_eq!(status["log"]["state"], "ok");
    assert_eq!(status["phases"]["send"]["count"], 1);
    let first = stack.admin(r#"{"do":"tail","from":0}"#);
    assert_eq!(first["index"], 0);
    assert_eq!(first["entry"]["kind"], "start");
    assert!(stack.admin("nonsense")["error"].is_string());
    assert!(stack.admin(r#"{"do":"dance"}"#)["error"].is_string());

    let config = stack.data.path().join("countersign.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"10000\"", "\"100\"")).unwrap();
    assert_eq!(stack.admin(r#"{"do":"reload-bots"}"#)["ok"], true);
    let reply = stack.client().signed("POST", "/api/v3/order", ORDER);
    assert_eq!(reply.code(), -2010, "{reply:?}");
    std::fs::write(&config, text.replace("market-maker", "nonsense")).unwrap();
    let error = stack.admin(r#"{"do":"reload-bots"}"#)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("market-maker"), "{error}");
    std::fs::remove_file(stack.data.path().join("bots/mm-1.json")).unwrap();
    std::fs::write(&config, text).unwrap();
    assert_eq!(stack.admin(r#"{"do":"reload-bots"}"#)["bots"], 0);
    assert_eq!(stack.client().signed("POST", "/api/v3/order", ORDER).code(), -2015);
}

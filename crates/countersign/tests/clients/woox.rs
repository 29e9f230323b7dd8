//! ccxt on WOO X.

use serde_json::{Value, json};
use sim::binance::Recorded;

use super::stack::{
    Stack, WOOX_READ_KEY, WOOX_READ_SECRET, WOOX_TRADE_KEY, WOOX_TRADE_SECRET, clients,
};
use super::{Library, drive_client, told_again};

const MARKETS: [&str; 2] = ["SPOT_BTC_USDT", "PERP_BTC_USDT"];

#[test]
fn ccxt_in_python_trades_at_woox_with_a_virtual_key() {
    let library = Library { name: "ccxt-woox", environment: "ccxt", script: "ccxt_woox.py" };
    let Some(clients) = clients() else {
        return library.not_run();
    };
    let mut stack = Stack::configured_with_woox(|_| (), &MARKETS);
    let mut arguments =
        vec!["--preset", "taker", "--account", "woo", "--max-orders-per-second", "100"];
    arguments.extend(MARKETS.iter().flat_map(|market| ["--market", market]));
    let bot = stack.add_bot("matrix", &arguments);
    stack.serve();
    wait_for_prices(&stack);
    let url = stack.woox_url.clone();
    drive_client(&library, &clients, &stack, &url, &bot, 40);

    let requests = stack.woox.as_ref().expect("a paper WOO X").requests();
    for request in &requests {
        let key = request.header("x-api-key");
        assert!(
            key.is_none_or(|key| key == WOOX_TRADE_KEY || key == WOOX_READ_KEY),
            "a key that is not a real one reached the venue: {request:?}"
        );
        for refused in ["withdraw", "transfer", "leverage", "positionMode"] {
            let kept = request.method == "GET" || !request.path.contains(refused);
            assert!(kept, "{request:?}");
        }
    }
    let pairs = [(WOOX_TRADE_KEY, WOOX_TRADE_SECRET), (WOOX_READ_KEY, WOOX_READ_SECRET)];
    for (key, secret) in pairs {
        let signed: Vec<Value> = requests
            .iter()
            .filter(|request| request.header("x-api-key") == Some(key))
            .map(signed)
            .collect();
        assert!(!signed.is_empty(), "no request of this key reached the venue");
        told_again(&library, &clients, key, secret, &signed);
    }
    stack.verify();
}

#[test]
fn ccxt_pro_hears_its_account_at_woox() {
    let script = "ccxt_pro_woox.py";
    let library = Library { name: "ccxt.pro", environment: "ccxt", script };
    let Some(clients) = clients() else {
        return library.not_run();
    };
    let mut stack = Stack::configured_with_woox(|_| (), &MARKETS);
    let mut arguments = vec!["--preset", "taker", "--account", "woo"];
    arguments.extend(MARKETS.iter().flat_map(|market| ["--market", market]));
    let bot = stack.add_bot("matrix", &arguments);
    stack.serve();
    wait_for_prices(&stack);
    let url = stack.woox_url.clone();
    drive_client(&library, &clients, &stack, &url, &bot, 8);
    let requests = stack.woox.as_ref().expect("a paper WOO X").requests();
    let frames: Vec<String> = requests
        .iter()
        .filter(|one| one.method == "WS")
        .map(|one| String::from_utf8_lossy(&one.body).into_owned())
        .collect();
    let logins = frames.iter().filter(|frame| frame.contains("\"auth\""));
    assert!(logins.clone().count() >= 1 && logins.clone().all(|one| one.contains(WOOX_READ_KEY)));
    assert!(frames.iter().all(|frame| !frame.contains(&bot.api_key)), "{frames:?}");
    stack.verify();
}

/// Orders are denied until the gateway knows the prices of both markets.
fn wait_for_prices(stack: &Stack) {
    stack.wait_for("the prices", || {
        let (_, status, _) = stack.run(&["status"], super::stack::Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(1)).then_some(())
    });
}

/// What the signer of the library is asked for.
fn signed(request: &Recorded) -> Value {
    json!({
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "text": String::from_utf8_lossy(&request.body),
        "timestamp": request.header("x-api-timestamp"),
        "signature": request.header("x-api-signature"),
    })
}

//! What rests is cancelled while no gateway can serve: what the venue lists, not
//! what anybody remembers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod stack;

use serde_json::{Value, json};
use stack::client::Client;
use stack::{Bot, Stack, Unseal, WOOX_TRADE_KEY, WOOX_TRADE_SECRET, signal};

const REST: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.001"),
    ("price", "59000"),
];

/// Ends the gateway; the next cannot bind its admin socket.
fn take_down(stack: &Stack) {
    let socket = stack.data("run/admin.sock");
    std::fs::remove_file(&socket).unwrap();
    std::fs::create_dir(&socket).unwrap();
    signal(stack.child("gateway").unwrap(), "KILL");
    stack.wait_for("the gateway's end", || stack.said().contains("is gone").then_some(()));
}

/// Lets the next gateway serve; the log holds, and replays.
fn bring_back(stack: &Stack) {
    std::fs::remove_dir(stack.data("run/admin.sock")).unwrap();
    stack.wait_for("the gateway", || stack.said().contains("gateway is back").then_some(()));
    stack.verify();
    let replayed = stack.must(&["log", "replay"], Unseal::No, "");
    assert_eq!(replayed["same"], true, "{replayed:#}");
}

/// Product and list, and how many cancels it took; every list is clear.
fn cleared(done: &Value) -> Vec<(String, u64)> {
    assert_eq!(done["result"]["clear"], true, "{done}");
    let books = done["result"]["accounts"].as_array().unwrap().iter();
    books
        .map(|book| {
            assert_eq!((&book["clear"], &book["markets_resting"]), (&json!(true), &json!(0)));
            let text = |field: &str| book[field].as_str().unwrap().to_owned();
            let name = format!("{} {} {}", text("account"), text("product"), text("what"));
            (name, book["cancel_requests"].as_u64().unwrap())
        })
        .collect()
}

fn begun(stack: &Stack) -> usize {
    stack.entries(0).iter().filter(|(_, entry)| entry["kind"] == "cancel-all-begin").count()
}

#[test]
fn what_rests_is_cancelled_while_the_gateway_cannot_start() {
    let (stack, bot) = Stack::serving("mm-1");
    Client::new(&stack.bot_url, &bot).post("/api/v3/order", &REST).ok();
    take_down(&stack);

    let done = stack.must(&["cancel-all", "--yes"], Unseal::No, "");
    assert_eq!(cleared(&done), [("main spot orders".to_owned(), 1)]);
    let entries = stack.entries(0);
    let begun = entries.iter().position(|(_, entry)| entry["kind"] == "cancel-all-begin").unwrap();
    let cancels = |(_, entry): &(u64, Value)| entry["class"] == "cancel-all";
    assert!(entries[begun..].iter().any(cancels), "the cancel is recorded");
    assert!(!entries[..begun].iter().any(cancels));
    // Whose order it is, only a gateway knows.
    let (code, _, said) = stack.run(&["cancel-all", "--bot", "mm-1", "--yes"], Unseal::No, "");
    assert_eq!(code, 2, "{said}");
    // A name that is none here cancels nothing.
    let (code, _, said) = stack.run(&["cancel-all", "--account", "x", "--yes"], Unseal::No, "");
    assert!(code == 1 && said.contains("there is no account"), "{said}");

    bring_back(&stack);
    let mut client = Client::new(&stack.bot_url, &bot);
    assert_eq!(client.get("/api/v3/openOrders", &[]).ok().json, json!([]));
}

#[test]
fn futures_and_their_conditional_orders_are_cancelled_too() {
    let mut stack = Stack::configured_for(
        |options| {
            for key in &mut options.accounts.first_mut().unwrap().keys {
                key.rights.futures = std::mem::take(&mut key.rights.spot_trade);
            }
        },
        &["UM/BTCUSDT"],
    );
    let bot = stack.add_bot("mm-1", &["--preset", "taker", "--market", "UM/BTCUSDT"]);
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    let mut client = Client::new(&stack.bot_url, &bot);
    client.post("/fapi/v1/order", &REST).ok();
    let stop = [
        ("algoType", "CONDITIONAL"),
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "STOP_MARKET"),
        ("quantity", "0.001"),
        ("triggerPrice", "59000"),
    ];
    client.post("/fapi/v1/algoOrder", &stop).ok();
    take_down(&stack);

    let done = stack.must(&["cancel-all", "--venue", "binance", "--yes"], Unseal::No, "");
    let books = cleared(&done);
    let of = |what: &str| books.iter().find(|(name, _)| name.ends_with(what)).unwrap().1;
    assert_eq!((books.len(), of("spot orders")), (3, 0), "{books:?}");
    assert_eq!((of("futures orders"), of("conditional orders")), (1, 1), "{books:?}");
    bring_back(&stack);
    let mut client = Client::new(&stack.bot_url, &bot);
    for path in ["/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders"] {
        assert_eq!(client.get(path, &[]).ok().json, json!([]), "{path}");
    }
}

/// Here the orders come from somebody else with the real key: no gateway has
/// ever seen them.
#[test]
fn orders_that_no_gateway_placed_are_cancelled_at_woo_x() {
    let markets = ["SPOT_BTC_USDT", "PERP_BTC_USDT"];
    let mut stack = Stack::configured_with_woox(|_| (), &markets);
    let mut arguments = vec!["--preset", "taker", "--account", "woo"];
    arguments.extend(markets.iter().flat_map(|market| ["--market", market]));
    stack.add_bot("mm-1", &arguments);
    stack.serve();
    let person = Bot {
        name: "a person".to_owned(),
        api_key: WOOX_TRADE_KEY.to_owned(),
        secret: WOOX_TRADE_SECRET.to_owned(),
    };
    let mut venue = Client::new(&stack.woox.as_ref().unwrap().base_url(), &person);
    let order = json!({ "symbol": "SPOT_BTC_USDT", "side": "BUY", "type": "LIMIT",
                        "quantity": "0.001", "price": "50000" });
    venue.woox_post("/v3/trade/order", &order);
    // In another market: the venue's cancel of a market takes both kinds.
    let stop = json!({ "symbol": "PERP_BTC_USDT", "side": "SELL", "type": "MARKET",
                       "algoType": "STOP", "quantity": "0.001", "triggerPrice": "50000" });
    venue.woox_post("/v3/trade/algoOrder", &stop);
    take_down(&stack);

    let done = stack.must(&["cancel-all", "--account", "woo", "--yes"], Unseal::No, "");
    let books = cleared(&done);
    let requests: Vec<u64> = books.iter().map(|(_, requests)| *requests).collect();
    assert_eq!(requests, [1, 1], "{books:?}");
    bring_back(&stack);
}

#[test]
fn the_supervisor_does_it_by_itself_once_an_outage_where_that_is_configured() {
    let mut stack = Stack::configured();
    let bot = stack.add_bot("mm-1", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.configure("[supervisor]\ncancel_all_after_seconds = 1\n");
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    Client::new(&stack.bot_url, &bot).post("/api/v3/order", &REST).ok();
    take_down(&stack);
    stack.wait_for("nothing to rest", || {
        stack.said().contains("nothing rests at the venues any more").then_some(())
    });
    // The next gateways fail for longer than it waits: it was done once.
    let gone = || stack.said().matches("is gone").count();
    let before = gone();
    stack.wait_for("another gateway's end", || (gone() > before + 1).then_some(()));
    assert_eq!(begun(&stack), 1);
    let cancels = stack.venue.requests();
    let cancels = cancels.iter().filter(|one| one.method == "DELETE");
    assert_eq!(cancels.filter(|one| one.path == "/api/v3/openOrders").count(), 1);
    bring_back(&stack);
}

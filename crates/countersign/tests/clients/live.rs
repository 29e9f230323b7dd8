//! Whole trading systems, not libraries alone: each runs a small strategy live.

use super::stack::{REAL_TRADE_KEY, Stack, Unseal, clients};
use super::{Library, drive_with_environment, no_refused_request_left, of_the_bot};

/// A system, and the snippet that it is configured with.
struct System<'a> {
    of: &'a Library,
    snippet: &'static str,
}

/// Runs a system whose bot takes BTCUSDT, through at least `steps`; every order
/// that reached the venue is one that the log allows. None where the systems are
/// not installed.
fn live(library: &System<'_>, steps: usize) -> Option<Stack> {
    let Some(clients) = clients() else {
        library.of.not_run();
        return None;
    };
    let mut stack = Stack::configured();
    // The snippet that is printed beside the key names the address.
    stack.fix_port();
    let arguments = ["bot", "add", "live", "--preset", "taker", "--market", "BTCUSDT"];
    let bot = stack.must(&arguments, Unseal::No, "");
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    let snippet = bot["snippets"][library.snippet].as_str().expect("a snippet");
    let text = |field: &str| bot[field].as_str().expect("a virtual key");
    let environment = [
        ("SNIPPET", snippet),
        ("BASE_URL", &stack.bot_url),
        ("API_KEY", text("api_key")),
        ("API_SECRET", text("secret")),
    ];
    drive_with_environment(library.of, &clients, &stack, &environment, steps);
    let requests = stack.venue.requests();
    no_refused_request_left(&requests);
    let placed =
        |one: &&sim::binance::Recorded| one.method == "POST" && one.path == "/api/v3/order";
    let own = of_the_bot(&stack, &requests);
    let orders: Vec<_> = own.iter().filter(placed).collect();
    assert!(orders.len() >= 2, "{own:?}");
    assert_eq!(orders.len(), requests.iter().filter(placed).count());
    assert!(orders.iter().all(|one| one.header("x-mbx-apikey") == Some(REAL_TRADE_KEY)));
    stack.verify();
    Some(stack)
}

#[test]
fn nautilus_trader_runs_a_strategy() {
    let script = "nautilus_trader_live.py";
    let library = Library { name: "nautilus_trader", environment: "nautilus", script };
    let system = System { of: &library, snippet: "nautilus-trader" };
    let Some(stack) = live(&system, 6) else { return };
    let denied = |(_, entry): &(u64, serde_json::Value)| {
        entry["bot"] == "live" && entry["outcome"] == "deny"
    };
    assert!(stack.entries(0).iter().any(denied), "the order over the limit is a verdict too");
}

#[test]
fn freqtrade_trades_for_a_cycle() {
    let script = "freqtrade_live.py";
    let library = Library { name: "freqtrade", environment: "freqtrade", script };
    live(&System { of: &library, snippet: "freqtrade" }, 4);
}

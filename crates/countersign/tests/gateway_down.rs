//! What rests is cancelled while no gateway can serve.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod stack;

use stack::client::Client;
use stack::{Stack, Unseal, signal};

const REST: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.001"),
    ("price", "59000"),
];

#[test]
fn what_rests_is_cancelled_while_the_gateway_cannot_start() {
    let (stack, bot) = Stack::serving("mm-1");
    Client::new(&stack.bot_url, &bot).post("/api/v3/order", &REST).ok();
    // A gateway that is started again cannot bind its admin socket.
    let socket = stack.data("run/admin.sock");
    std::fs::remove_file(&socket).unwrap();
    std::fs::create_dir(&socket).unwrap();
    signal(stack.child("gateway").unwrap(), "KILL");
    stack.wait_for("the gateway's end", || stack.said().contains("is gone").then_some(()));

    let done = stack.must(&["cancel-all", "--yes"], Unseal::No, "");
    assert_eq!(done["result"]["clear"], true, "{done}");
    assert_eq!(done["result"]["accounts"][0]["cancel_requests"], 1, "{done}");
    let entries = stack.entries(0);
    let begun = entries.iter().position(|(_, entry)| entry["kind"] == "cancel-all-begin").unwrap();
    let cancels = |(_, entry): &(u64, serde_json::Value)| entry["class"] == "cancel-all";
    assert!(entries[begun..].iter().any(cancels), "the cancel is recorded");
    // Whose order it is, only a gateway knows.
    let (code, _, said) = stack.run(&["cancel-all", "--bot", "mm-1", "--yes"], Unseal::No, "");
    assert_eq!(code, 2, "{said}");

    std::fs::remove_dir(&socket).unwrap();
    stack.wait_for("the gateway", || stack.said().contains("gateway is back").then_some(()));
    let listed = stack.venue.requests();
    assert!(listed.iter().any(|one| one.method == "DELETE" && one.path == "/api/v3/openOrders"));
    stack.verify();
}

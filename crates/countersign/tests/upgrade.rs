//! A gateway follows another, and no request is lost.

#![allow(clippy::unwrap_used, reason = "test code")]

mod stack;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use stack::Stack;
use stack::client::{Client, connect};

/// The supervisor keeps the listeners: what waits in a backlog while the
/// gateway is dead waits for the next one.
#[test]
fn connections_that_wait_are_served_by_the_gateway_that_follows_a_killed_one() {
    let mut stack = Stack::configured();
    let text = std::fs::read_to_string(&stack.config).unwrap();
    std::fs::write(&stack.config, text.replace("workers = 1", "workers = 2")).unwrap();
    let bot = stack.add_bot("mm-1", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.serve();
    let rest = stack.bot_url.strip_prefix("http://").unwrap();
    let (address, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let address: SocketAddr = address.parse().unwrap();
    let killed = stack.child("gateway").unwrap();
    // Stopped, it accepts nothing more.
    stack::signal(killed, "STOP");
    stack.wait_for("every thread to stop", || stack::is_stopped(killed).then_some(()));
    let client = Client::new(&stack.bot_url, &bot);
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let query = client.sign(&[("symbol", "BTCUSDT")]);
        let path = format!("{prefix}/api/v3/openOrders?{query}");
        let mut stream = connect(Ipv4Addr::LOCALHOST, address).unwrap();
        let head = format!(
            "GET /{} HTTP/1.1\r\nHost: {address}\r\nX-MBX-APIKEY: {}\r\nConnection: close\r\n\r\n",
            path.trim_start_matches('/'),
            bot.api_key
        );
        stream.write_all(head.as_bytes()).unwrap();
        waiting.push(stream);
    }
    stack::signal(killed, "KILL");
    for mut stream in waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}; {}", stack.said());
        assert!(answer.ends_with("[]"), "{answer}");
    }
    assert_ne!(stack.child("gateway"), Some(killed));
    // Nothing else listens there now, and the next one too is found there.
    Client::new(&stack.bot_url, &bot).get("/api/v3/openOrders", &[("symbol", "BTCUSDT")]).ok();
    stack.verify();
}

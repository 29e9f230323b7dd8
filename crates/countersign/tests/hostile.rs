//! Connections without end, heads that never come, sockets closed by half, and
//! a venue that stalls, resets, lies and floods: the others go on, memory stays
//! bounded, and no outcome is called failed that may have happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod stack;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;
use sim::binance::{Fault, FaultKind};
use stack::client::Client;
use stack::{Bot, Stack};

const ORDER: [(&str, &str); 6] = [
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.002"),
    ("price", "59500"),
];

/// Idle connections; `COUNTERSIGN_FULL=1` for the full size.
fn connections() -> usize {
    if std::env::var_os("COUNTERSIGN_FULL").is_some() { 10_000 } else { 2_000 }
}

/// Resident memory of a process, KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn address(stack: &Stack) -> std::net::SocketAddr {
    let rest = stack.bot_url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// As many descriptors as this process may have, and how many those are.
fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1 << 20);
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum }).unwrap();
    most
}

fn trade(stack: &Stack, bot: &Bot) {
    let mut client = Client::new(&stack.bot_url, bot);
    let id = client.post("/api/v3/order", &ORDER).ok().json["orderId"].to_string();
    client.delete("/api/v3/order", &[("symbol", "BTCUSDT"), ("orderId", &id)]).ok();
}

#[test]
fn idle_connections_and_slow_heads_keep_nobody_from_trading() {
    let wanted = connections();
    let may_open = raise_descriptors();
    assert!(may_open > wanted as u64 + 500, "needs {wanted} descriptors, has {may_open}");
    let (stack, bot) = Stack::serving("mm-1");
    let gateway = stack.process("gateway");
    let before = resident(gateway);
    let mut idle = Vec::with_capacity(wanted);
    for number in 0..wanted {
        // From some addresses, as the cap is by address.
        let client = std::net::Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number % 4).unwrap());
        let mut stream = stack::client::connect(client, address(&stack)).unwrap();
        if number % 2 == 0 {
            // A head that never comes to its end.
            stream.write_all(b"POST /binance/api/v3/order HTTP/1.1\r\nX-A: ").unwrap();
        }
        idle.push(stream);
    }
    trade(&stack, &bot);
    let each = (resident(gateway).saturating_sub(before)) * 1024 / wanted as u64;
    eprintln!("{wanted} connections, {each} bytes of the gateway each");
    // What must never happen: a buffer per silent connection as large as the
    // largest head.
    assert!(each < 24 * 1024, "{each} bytes a connection");
    // A byte at a time, while others trade.
    for stream in idle.iter_mut().take(100) {
        stream.write_all(b"x").unwrap();
    }
    trade(&stack, &bot);
    drop(idle);
    trade(&stack, &bot);
}

#[test]
fn connections_over_the_cap_of_an_address_are_closed_and_others_are_not() {
    raise_descriptors();
    let mut stack = Stack::configured();
    let text = std::fs::read_to_string(&stack.config).unwrap();
    let capped = text.replace("[listen]\n", "[listen]\nconnections_per_peer = 20\n");
    std::fs::write(&stack.config, capped).unwrap();
    let bot = stack.add_bot("reader", &["--preset", "read-only"]);
    stack.serve();
    let flood = std::net::Ipv4Addr::new(127, 0, 0, 9);
    let mut open: Vec<TcpStream> =
        (0..60).map(|_| stack::client::connect(flood, address(&stack)).unwrap()).collect();
    // Closed unread.
    let closed = open
        .iter_mut()
        .filter(|stream| {
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            matches!((&mut &**stream).read(&mut [0]), Ok(0))
        })
        .count();
    assert_eq!(closed, 40);
    Client::new(&stack.bot_url, &bot).get("/api/v3/account", &[]).ok();
}

#[test]
fn a_socket_that_is_closed_by_half_still_gets_its_answer() {
    let (stack, bot) = Stack::serving("mm-1");
    let text = Client::new(&stack.bot_url, &bot).sign(&ORDER);
    let mut stream = TcpStream::connect(address(&stack)).unwrap();
    write!(
        stream,
        "POST /binance/api/v3/order HTTP/1.1\r\nHost: g\r\nX-MBX-APIKEY: {}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{text}",
        bot.api_key,
        text.len()
    )
    .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Who leaves at once has an order all the same, and the log says so.
    let text = Client::new(&stack.bot_url, &bot).sign(&ORDER);
    let mut stream = TcpStream::connect(address(&stack)).unwrap();
    write!(
        stream,
        "POST /binance/api/v3/order HTTP/1.1\r\nHost: g\r\nX-MBX-APIKEY: {}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{text}",
        bot.api_key,
        text.len()
    )
    .unwrap();
    drop(stream);
    stack.wait_for("both orders settled", || {
        let settled =
            |entry: &Value| entry["kind"] == "settle" && entry["outcome"] == "acknowledged";
        let orders = stack.entries(0);
        let count = orders
            .iter()
            .filter(|(_, entry)| settled(entry) && entry["orders"].to_string().contains("order_id"))
            .count();
        (count >= 2).then_some(())
    });
    stack.verify();
}

#[test]
fn a_venue_that_lies_or_floods_is_not_believed_and_not_kept() {
    let (stack, bot) = Stack::serving("mm-1");
    let gateway = stack.process("gateway");
    let mut client = Client::new(&stack.bot_url, &bot);
    client.post("/api/v3/order", &ORDER).ok();
    let before = resident(gateway);
    let faults = [
        ("a hundred megabytes", FaultKind::HugeAnswer(100 * 1024 * 1024)),
        ("a length that is too long", FaultKind::LongContentLength(1_000)),
        ("a length that is too short", FaultKind::ShortContentLength(10)),
        ("a reset after the order", FaultKind::ResetAfter),
        ("a closed connection", FaultKind::DropConnectionAfterAccept),
        ("the venue's own timeout", FaultKind::Http5xxExecuted),
    ];
    for (what, kind) in faults {
        stack.venue.inject(Fault {
            kind,
            method: Some("POST".to_owned()),
            path: Some("/api/v3/order".to_owned()),
            times: 1,
        });
        let answer = client.post("/api/v3/order", &ORDER);
        // It was executed: whatever is said, it is not "failed".
        let unknown = answer.status >= 500 && matches!(answer.code(), -1006 | -1007);
        assert!(unknown, "{what}: {} {}", answer.status, answer.text);
    }
    let grown = resident(gateway).saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KiB more");
    // Each of them is asked for, found, and no longer unknown.
    stack.wait_for("what came of them", || {
        let (_, status, _) = stack.run(&["status"], stack::Unseal::No, "");
        let open = stack.venue.orders(0).iter().filter(|order| order.status == "NEW").count();
        let settled = status["accounts"]["main"]["unsettled"] == 0;
        (open == 7 && settled).then_some(())
    });
    // Before the order: nothing was executed, and it is found not to be there.
    for kind in [FaultKind::ResetBefore, FaultKind::Close] {
        stack.venue.inject(Fault {
            kind,
            method: Some("POST".to_owned()),
            path: Some("/api/v3/order".to_owned()),
            times: 1,
        });
        let answer = client.post("/api/v3/order", &ORDER);
        assert!(answer.status >= 500, "{} {}", answer.status, answer.text);
    }
    client.post("/api/v3/order", &ORDER).ok();
    stack.verify();
}

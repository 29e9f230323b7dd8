//! A gateway follows another, by an upgrade or because one was killed, and no
//! request is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    unreachable_pub,
    reason = "test code"
)]

#[path = "upgrade/load.rs"]
mod load;
mod stack;
#[path = "upgrade/tls.rs"]
mod tls;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use load::Load;
use stack::client::{Client, connect};
use stack::{Bot, KEY_FILE, Stack, Unseal};

/// The program under test.
const BUILT: &str = env!("CARGO_BIN_EXE_countersign");
/// How long bots ask undisturbed between two changes.
const BETWEEN: Duration = Duration::from_millis(300);

fn upgrades() -> usize {
    std::env::var("COUNTERSIGN_UPGRADES").map_or(10, |text| text.parse().expect("a number"))
}

/// A market maker with wide limits, at a venue with wider ones; two workers.
fn configured() -> (Stack, Bot) {
    let mut stack = Stack::configured_with(|options| {
        options.limits.weight_per_minute = 100_000_000;
        options.limits.orders_per_10s = 1_000_000;
        options.limits.orders_per_day = 10_000_000;
        options.keep.records = 1_000_000;
    });
    set_workers(&stack, 2);
    let mut bot = vec!["--preset", "market-maker", "--market", "BTCUSDT"];
    bot.extend(["--max-orders-per-second", "10000", "--max-open-orders", "10000"]);
    bot.extend(["--max-notional-per-hour", "1000000000"]);
    let bot = stack.add_bot("mm-1", &bot);
    stack.program = stack.directory.path().join("installed");
    install(&stack, BUILT.as_ref());
    (stack, bot)
}

/// Puts a program in the place of the one that runs, as a package does.
fn install(stack: &Stack, from: &Path) {
    let new = stack.directory.path().join("installed.new");
    std::fs::copy(from, &new).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(new, &stack.program).unwrap();
}

fn set_workers(stack: &Stack, count: usize) {
    let text = std::fs::read_to_string(&stack.config).unwrap();
    let (before, after) = text.split_once("workers = ").unwrap();
    std::fs::write(&stack.config, format!("{before}workers = {count}{}", &after[1..])).unwrap();
}

/// The file that a process runs; where the test is not root, nobody may know.
fn runs(process: u32) -> Option<u64> {
    match std::fs::metadata(format!("/proc/{process}/exe")) {
        Ok(found) => Some(found.ino()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => None,
        Err(error) => panic!("process {process}: {error}"),
    }
}

fn serve(stack: &mut Stack) {
    stack.serve();
    stack.wait_for("the first price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
}

#[test]
fn under_load_nothing_is_lost_refused_or_done_twice() {
    let (mut stack, bot) = configured();
    serve(&mut stack);
    let supervisor = stack.serve.as_ref().unwrap().id();
    let load = Load::default();
    let (mut pauses, mut first) = (Vec::new(), None);
    std::thread::scope(|scope| {
        load.start(scope, &stack.bot_url, &bot);
        load.whatever_comes(|| {
            for round in 1..=upgrades() {
                std::thread::sleep(BETWEEN);
                install(&stack, BUILT.as_ref());
                // With other workers what waits in any socket is served too.
                set_workers(&stack, [2, 3, 1][round % 3]);
                let before = [stack.child("gateway"), stack.child("signer")];
                let answer = stack.must(&["upgrade"], Unseal::No, "");
                pauses.push(answer["pause_ms"].as_u64().expect("a pause"));
                // The same process, and everything in it new.
                let installed = std::fs::metadata(&stack.program).unwrap().ino();
                let after = [stack.child("gateway"), stack.child("signer")];
                assert!(before[0] != after[0] && before[1] != after[1], "round {round}");
                for process in [Some(supervisor), after[0], after[1]] {
                    let process = process.expect("a process");
                    let runs = runs(process).unwrap_or(installed);
                    assert_eq!(runs, installed, "round {round}: {}", stack.said());
                    nothing_is_told(process);
                }
                let held = held(supervisor);
                assert_eq!(first.get_or_insert_with(|| held.clone()), &held, "round {round}");
                std::thread::sleep(BETWEEN);
                stack.must(&["reload"], Unseal::No, "");
            }
            refused_upgrades(&stack);
            std::thread::sleep(BETWEEN);
        });
        load.stop();
    });
    pauses.sort_unstable();
    println!(
        "{} upgrades; new requests waited for {} ms (median), {} ms (most); {load}",
        pauses.len(),
        pauses[pauses.len() / 2],
        pauses[pauses.len() - 1],
    );
    load.check(&stack);
    stack.verify();
    chain_is_one(&stack);
}

/// The descriptors and the filters of system calls that a process has: of
/// neither must an upgrade add any.
fn held(process: u32) -> (usize, String) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let filters = status.lines().find(|line| line.starts_with("Seccomp_filters:"));
    let count = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    (count, filters.unwrap_or_default().to_owned())
}

/// What a process was started with knows nothing of what unseals the vault.
fn nothing_is_told(process: u32) {
    for place in ["cmdline", "environ"] {
        // Where the test is not root, nobody may read the environment.
        let Ok(text) = std::fs::read(format!("/proc/{process}/{place}")) else { continue };
        let found = text.windows(KEY_FILE.len()).any(|part| part == KEY_FILE);
        assert!(!found, "{place} of process {process}");
    }
}

/// What cannot take over is refused, by name, and what runs is not touched.
fn refused_upgrades(stack: &Stack) {
    let all = || [stack.child("gateway").unwrap(), stack.child("signer").unwrap()];
    let (before, whole) = (all(), std::fs::read_to_string(&stack.config).unwrap());
    let scratch: PathBuf = stack.directory.path().join("scratch");
    let refused = |why: &str| {
        // By a command that works, whatever is installed.
        let mut command = Command::new(BUILT);
        let output = command.arg("--config").arg(&stack.config).arg("upgrade").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why) && said.contains("what runs goes on"), "{said}");
        assert_eq!(all(), before);
    };
    std::fs::write(&scratch, b"\x7fELF of another machine").unwrap();
    install(stack, &scratch);
    refused("does not start");
    install(stack, "/bin/true".as_ref());
    refused("does not answer like countersign");
    std::fs::set_permissions(&stack.program, std::fs::Permissions::from_mode(0o777)).unwrap();
    refused("others than its runner can write it");
    install(stack, BUILT.as_ref());
    std::fs::write(&stack.config, whole.replace("market-maker", "money-maker")).unwrap();
    refused("money-maker");
    std::fs::write(&stack.config, &whole).unwrap();
    // What only a gateway reads, the new one reads before the old one leaves.
    let key = stack.data("bots").join("mm-1.json");
    let whole = std::fs::read(&key).unwrap();
    std::fs::write(&key, b"{").unwrap();
    refused("the new gateway does not get ready");
    std::fs::write(&key, whole).unwrap();
    // And all is well again.
    stack.must(&["upgrade"], Unseal::No, "");
}

/// One log, in which each gateway begins after the end of the one before.
fn chain_is_one(stack: &Stack) {
    let mut runs = false;
    for (index, entry) in stack.entries(0) {
        match entry["kind"].as_str() {
            Some("start") => assert!(!std::mem::replace(&mut runs, true), "entry {index}"),
            Some("stop") => assert!(std::mem::replace(&mut runs, false), "entry {index}"),
            _ => {}
        }
    }
    assert!(runs, "a gateway serves");
}

/// A signed text is used once by all gateways together, and one that was not
/// used is not refused for its age.
#[test]
fn a_text_is_not_used_again_after_an_upgrade() {
    let (mut stack, bot) = configured();
    serve(&mut stack);
    let mut client = Client::new(&stack.bot_url, &bot);
    let sign = |client: &Client, id: &str| {
        let mut text = String::from("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC");
        text.push_str(&format!("&quantity=0.0002&price=59900&newClientOrderId={id}"));
        let now = stack::client::now_ms();
        client.sign_text(&format!("{text}&recvWindow=60000&timestamp={now}"))
    };
    let (used, waiting) = (sign(&client, "used"), sign(&client, "waiting"));
    client.send_text("POST", "/api/v3/order", &used).ok();
    let began = Instant::now();
    stack.must(&["upgrade"], Unseal::No, "");
    client.send_text("POST", "/api/v3/order", &waiting).ok();
    println!("used after {} ms", began.elapsed().as_millis());
    let again = client.send_text("POST", "/api/v3/order", &used);
    assert!(again.text.contains("was sent before"), "{} {}", again.status, again.text);
    let turned = client.send_text("DELETE", "/api/v3/openOrders", &used);
    assert!(turned.status >= 400, "{}", turned.text);
    assert_eq!(client.opened, 1, "the connection went along");
    assert_eq!(stack.venue.orders(0).len(), 2);
    stack.verify();
}

/// The supervisor keeps the listeners: what waits in a backlog while the
/// gateway is dead waits for the next one.
#[test]
fn connections_that_wait_are_served_by_the_gateway_that_follows_a_killed_one() {
    let (mut stack, bot) = configured();
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
    // The next one too is found there.
    Client::new(&stack.bot_url, &bot).get("/api/v3/openOrders", &[("symbol", "BTCUSDT")]).ok();
    stack.verify();
}

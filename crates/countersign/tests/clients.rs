//! Unmodified clients trade through the gateway against the paper venue, and an
//! independent signer agrees with every request that reached it.
//!
//! `cargo xtask test` installs the libraries and names them in
//! `COUNTERSIGN_CLIENTS`; without it these tests say that they did not run.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code: a failure is a failed test"
)]

#[path = "clients/live.rs"]
mod live;
mod stack;
#[path = "clients/woox.rs"]
mod woox;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sim::binance::Recorded;
use stack::{
    Bot, REAL_READ_KEY, REAL_READ_SECRET, REAL_TRADE_KEY, REAL_TRADE_SECRET, Stack, clients,
    scripts,
};

/// One client library: its interpreter, its script, and its own signer.
struct Library {
    name: &'static str,
    environment: &'static str,
    script: &'static str,
}

impl Library {
    fn not_run(&self) {
        eprintln!(
            "NOT RUN: {} needs the client libraries; `cargo xtask test` installs them",
            self.name
        );
    }

    fn interpreter(&self, clients: &Path) -> PathBuf {
        match self.environment {
            "node" => PathBuf::from("node"),
            environment => clients.join(environment).join("bin/python"),
        }
    }

    /// Node resolves packages from the script's own folder, so scripts for it
    /// are copied beside the packages.
    fn script(&self, clients: &Path, script: &str) -> PathBuf {
        let source = scripts().join(script);
        if self.environment != "node" {
            return source;
        }
        let copy = clients.join("node").join(script);
        std::fs::copy(source, &copy).expect("the script is copied");
        copy
    }
}

fn drive(library: &Library) {
    drive_with(library, Stack::configured, "BTCUSDT");
}

fn drive_with(library: &Library, configured: impl FnOnce() -> Stack, market: &str) {
    let Some(clients) = clients() else {
        return library.not_run();
    };
    let mut stack = configured();
    // A taker: the matrix has market orders, which a market maker may not place.
    let bot = stack.add_bot("matrix", &["--preset", "taker", "--market", market]);
    stack.serve();
    drive_client(library, &clients, &stack, &stack.bot_url, &bot, 15);
    let requests = stack.venue.requests();
    no_refused_request_left(&requests);
    for (key, secret) in [(REAL_TRADE_KEY, REAL_TRADE_SECRET), (REAL_READ_KEY, REAL_READ_SECRET)] {
        sign_again(library, &clients, key, secret, &of_the_bot(&stack, &requests));
    }
    stack.verify();
}

/// Runs the library's script against the gateway; every step must pass.
fn drive_client(
    library: &Library,
    clients: &Path,
    stack: &Stack,
    url: &str,
    bot: &Bot,
    least_steps: usize,
) {
    let environment = [("BASE_URL", url), ("API_KEY", &bot.api_key), ("API_SECRET", &bot.secret)];
    drive_with_environment(library, clients, stack, &environment, least_steps);
}

/// The same with all that the script is told.
fn drive_with_environment(
    library: &Library,
    clients: &Path,
    stack: &Stack,
    environment: &[(&str, &str)],
    least_steps: usize,
) {
    let output = Command::new(library.interpreter(clients))
        .arg(library.script(clients, library.script))
        .current_dir(scripts())
        .envs(environment.iter().copied())
        .output()
        .expect("the client starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}:\n{said}\n{}\nserve said:\n{}",
        library.name,
        String::from_utf8_lossy(&output.stderr),
        stack.said()
    );
    let steps = said.lines().filter(|line| line.contains("\"step\"")).count();
    assert!(steps >= least_steps, "{} ran only {steps} steps", library.name);
}

/// The virtual key, a withdrawal or a transfer never reached the venue.
fn no_refused_request_left(requests: &[Recorded]) {
    for request in requests {
        assert!(!request.path.contains("withdraw/apply"), "{request:?}");
        assert!(!request.path.contains("asset/transfer"), "{request:?}");
        let key = request.header("x-mbx-apikey");
        assert!(
            key.is_none_or(|key| key == REAL_TRADE_KEY || key == REAL_READ_KEY),
            "a key that is not a real one reached the venue: {request:?}"
        );
    }
}

/// The requests that the bot caused, without the gateway's own polling: those
/// whose signed text the log has under one of the bot's verdicts.
fn of_the_bot(stack: &Stack, requests: &[Recorded]) -> Vec<Recorded> {
    let answer = stack.must(
        &[
            "log",
            "query",
            "--limit",
            "100000",
            "SELECT json_extract(settled.json, '$.signed_sha256') FROM entries settled \
             JOIN entries asked ON asked.idx = json_extract(settled.json, '$.verdict') \
             WHERE settled.kind = 'settle' AND asked.bot IS NOT NULL",
        ],
        stack::Unseal::No,
        "",
    );
    let digests: Vec<&str> = answer["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row.get(0)?.as_str())
        .collect();
    let known = |request: &&Recorded| {
        signed_text(request).is_some_and(|(text, _)| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            digests.contains(&hex::encode(digest).as_str())
        })
    };
    requests.iter().filter(known).cloned().collect()
}

/// What the signature covers, and the signature.
fn signed_text(request: &Recorded) -> Option<(String, String)> {
    let body = String::from_utf8(request.body.clone()).ok()?;
    let whole = format!("{}{body}", request.query);
    let (text, signature) = whole.rsplit_once("&signature=")?;
    Some((text.to_owned(), signature.to_owned()))
}

fn sign_again(library: &Library, clients: &Path, key: &str, secret: &str, requests: &[Recorded]) {
    let signed: Vec<Value> = requests
        .iter()
        .filter(|request| request.header("x-mbx-apikey") == Some(key))
        .filter_map(|request| {
            let (text, signature) = signed_text(request)?;
            Some(json!({
                "method": request.method,
                "path": request.path,
                "text": text,
                "signature": signature,
            }))
        })
        .collect();
    assert!(!signed.is_empty(), "no signed request of this key reached the venue");
    told_again(library, clients, key, secret, &signed);
}

/// Has the library's own signer sign what was sent, and compares.
fn told_again(library: &Library, clients: &Path, key: &str, secret: &str, signed: &[Value]) {
    let script = if library.environment == "node" { "resign.mjs" } else { "resign.py" };
    let mut signer = Command::new(library.interpreter(clients))
        .arg(library.script(clients, script))
        .arg(library.name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the signer starts");
    let document = json!({ "key": key, "secret": secret, "requests": signed });
    signer.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
    let output = signer.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{} signs otherwise: {} {}",
        library.name,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn ccxt_in_python_trades_with_a_virtual_key() {
    drive(&Library { name: "ccxt", environment: "ccxt", script: "ccxt_matrix.py" });
}

/// A venue whose keys may trade futures, and a trade key whose ceiling has a
/// futures market alone.
fn on_futures() -> Stack {
    Stack::configured_for(
        |options| {
            for key in &mut options.accounts.first_mut().expect("one account").keys {
                // A text that could be an order on either is charged on both.
                key.rights.futures = std::mem::take(&mut key.rights.spot_trade);
            }
        },
        &["UM/BTCUSDT"],
    )
}

#[test]
fn ccxt_in_python_trades_futures_with_a_virtual_key() {
    let library = Library { name: "ccxt", environment: "ccxt", script: "ccxt_usdm.py" };
    drive_with(&library, on_futures, "UM/BTCUSDT");
}

/// What reached the venue in frames is signed by the key that each names; that
/// it is right, the venue has checked.
#[test]
fn ccxt_pro_trades_over_the_websocket_api() {
    let library = Library { name: "ccxt.pro", environment: "ccxt", script: "ccxt_pro.py" };
    over_sockets(&library, Stack::configured, "BTCUSDT", 15, (15, 4));
}

#[test]
fn ccxt_pro_hears_and_trades_futures_over_sockets() {
    let library = Library { name: "ccxt.pro", environment: "ccxt", script: "ccxt_pro_futures.py" };
    over_sockets(&library, on_futures, "UM/BTCUSDT", 12, (3, 0));
}

/// Drives a client of the WebSocket API through at least `steps`; so many
/// frames at least are signed by the trade key and by the read key.
fn over_sockets(
    library: &Library,
    configured: impl FnOnce() -> Stack,
    market: &str,
    steps: usize,
    (trade, read): (usize, usize),
) {
    let Some(clients) = clients() else {
        return library.not_run();
    };
    let mut stack = configured();
    let many = ["--max-orders-per-second", "100"];
    let taker = ["--preset", "taker", "--market", market];
    let bot = stack.add_bot("matrix", &[&taker[..], &many].concat());
    stack.serve();
    drive_client(library, &clients, &stack, &stack.bot_url, &bot, steps);
    let requests = stack.venue.requests();
    let frames: Vec<Value> = requests
        .iter()
        .filter(|request| request.method == "WS")
        .filter_map(|request| serde_json::from_slice(&request.body).ok())
        .collect();
    let signed = |key: &str| frames.iter().filter(|frame| frame["params"]["apiKey"] == key).count();
    assert!(signed(REAL_TRADE_KEY) >= trade, "{}", signed(REAL_TRADE_KEY));
    assert!(signed(REAL_READ_KEY) >= read, "{}", signed(REAL_READ_KEY));
    for frame in &frames {
        let text = frame.to_string();
        assert!(!text.contains(&bot.api_key), "the virtual key reached the venue: {text}");
        assert!(!text.contains("session."), "somebody was logged on at the venue: {text}");
    }
    stack.verify();
}

#[test]
fn ccxt_in_javascript_trades_with_a_virtual_key() {
    drive(&Library { name: "ccxt-js", environment: "node", script: "ccxt_matrix.mjs" });
}

#[test]
fn python_binance_trades_with_a_virtual_key() {
    drive(&Library {
        name: "python-binance",
        environment: "ccxt",
        script: "python_binance_matrix.py",
    });
}

#[test]
fn python_binance_trades_futures_with_a_virtual_key() {
    let script = "python_binance_futures.py";
    let library = Library { name: "python-binance", environment: "ccxt", script };
    drive_with(&library, on_futures, "UM/BTCUSDT");
}

#[test]
fn binance_connector_trades_with_a_virtual_key() {
    drive(&Library {
        name: "binance-connector",
        environment: "vendor",
        script: "binance_connector_matrix.py",
    });
}

#[test]
fn the_vendors_sdk_trades_with_a_virtual_key() {
    drive(&Library { name: "binance-sdk", environment: "vendor", script: "binance_sdk_matrix.py" });
}

//! Unmodified client libraries on the paper venue.
//!
//! `cargo xtask test` installs the libraries and names them in
//! `COUNTERSIGN_CLIENTS`; without it these tests say that they did not run.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use rust_decimal::Decimal;
use sim::binance::{ApiKey, PaperOptions, PaperVenue, Rights, Secret};

const KEY: &str = "clientKey";
const SECRET: &str = "clientSecret";
/// A key of the same account whose holder signs with Ed25519.
const ED_KEY: &str = "clientEdKey";

/// A venue that moves by itself, so that streams have something to tell.
fn venue() -> PaperVenue {
    let mut options = PaperOptions::with_key(ApiKey::hmac(KEY, SECRET, Rights::ALL));
    options.accounts.first_mut().unwrap().futures =
        vec![("USDT".to_owned(), Decimal::from(100_000))];
    options.market_maker.walk_every = Some(Duration::from_millis(300));
    options.limits.weight_per_minute = 100_000;
    options.limits.futures_weight_per_minute = 100_000;
    let venue = PaperVenue::spawn_blocking(options).unwrap();
    let mut key = ApiKey::hmac(ED_KEY, "", Rights::TRADE);
    key.secret = Secret::Ed25519(ed_pair().public_key().as_ref().to_vec());
    venue.set_key(0, key);
    venue
}

fn ed_pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn ed_pem() -> String {
    let der: Pkcs8V1Der<'_> = ed_pair().as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

/// Runs a script against a venue; None where the libraries are not installed.
fn run(environment: &str, script: &str, least_steps: usize) -> Option<PaperVenue> {
    let Some(clients) = std::env::var_os("COUNTERSIGN_CLIENTS").map(PathBuf::from) else {
        eprintln!("SKIPPED: {script} needs the client libraries; `cargo xtask test` installs them");
        return None;
    };
    let venue = venue();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let output = Command::new(clients.join(environment).join("bin/python"))
        .arg(scripts.join(script))
        .env("BASE_URL", venue.base_url())
        .env("WS_URL", venue.ws_url(""))
        .env("API_KEY", KEY)
        .env("API_SECRET", SECRET)
        .env("ED_KEY", ED_KEY)
        .env("ED_PEM", ed_pem())
        .output()
        .expect("the client starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}:\n{said}\n{complained}");
    let steps = said.lines().filter(|line| line.contains("\"step\"")).count();
    assert!(steps >= least_steps, "{script} ran only {steps} steps:\n{said}");
    Some(venue)
}

#[test]
fn ccxt_trades_futures() {
    let Some(venue) = run("ccxt", "ccxt_futures.py", 16) else { return };
    assert!(venue.positions(0).is_empty());
    assert!(venue.requests().iter().any(|request| request.path == "/fapi/v1/batchOrders"));
}

#[test]
fn ccxt_pro_watches_and_trades_over_sockets() {
    let Some(venue) = run("ccxt", "ccxt_pro.py", 20) else { return };
    let frames: Vec<String> = venue
        .requests()
        .into_iter()
        .filter(|request| request.method == "WS" && request.status == 200)
        .map(|request| request.path)
        .collect();
    for method in ["order.place", "order.cancel", "userDataStream.subscribe.signature"] {
        assert!(frames.iter().any(|frame| frame == method), "{method}: {frames:?}");
    }
}

#[test]
fn python_binance_trades_futures() {
    let Some(venue) = run("ccxt", "python_binance_futures.py", 14) else { return };
    assert!(venue.positions(0).is_empty());
}

#[test]
fn the_vendors_sdk_logs_on_and_trades_over_a_socket() {
    let Some(venue) = run("vendor", "binance_sdk_sockets.py", 11) else { return };
    let signed_alone = |text: &[u8]| String::from_utf8_lossy(text).contains("signature");
    let place = venue.requests().into_iter().find(|request| request.path == "order.place").unwrap();
    assert!(!signed_alone(&place.body), "the session's key is enough");
}

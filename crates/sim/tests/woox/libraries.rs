//! Unmodified client libraries trade on the paper venue.
//!
//! `cargo xtask test` installs the libraries and names them in
//! `COUNTERSIGN_CLIENTS`; without it these tests say that they did not run.

use std::path::{Path, PathBuf};
use std::process::Command;

use sim::woox::options::DEFAULT_APPLICATION_ID;
use sim::woox::{ApiKey, PaperOptions, PaperVenue, Permissions};

use crate::client::{KEY, SECRET, dec};

/// Runs a script against a fresh venue with the venue's own rate limits.
fn drive(script: &str, steps: usize) -> Option<PaperVenue> {
    let Some(clients) = std::env::var_os("COUNTERSIGN_CLIENTS").map(PathBuf::from) else {
        eprintln!("NOT RUN: {script} needs ccxt; `cargo xtask test` installs it");
        return None;
    };
    let mut options = PaperOptions::with_key(ApiKey::new(KEY, SECRET, Permissions::ALL));
    options.market_maker.walk_every = Some(std::time::Duration::from_millis(200));
    let venue = PaperVenue::spawn_blocking(options).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/woox/scripts");
    let mut source = scripts.join(script);
    let mut interpreter = clients.join("ccxt/bin/python");
    if script.ends_with(".mjs") {
        // Node resolves packages from the script's own folder.
        let copy = clients.join("node").join(format!("woox_{script}"));
        std::fs::copy(&source, &copy).expect("the script is copied");
        (source, interpreter) = (copy, PathBuf::from("node"));
    }
    let output = Command::new(interpreter)
        .arg(source)
        .env("BASE_URL", venue.base_url())
        .env("WS_PUBLIC", venue.ws_public_url())
        .env("WS_PRIVATE", venue.ws_private_url())
        .env("API_KEY", KEY)
        .env("API_SECRET", SECRET)
        .env("API_UID", DEFAULT_APPLICATION_ID)
        .output()
        .expect("the client starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}:\n{said}\n{complained}");
    let done = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(done, steps, "{said}");
    for request in venue.requests() {
        assert!(![401, 404, 429].contains(&request.status), "{request:?}");
    }
    Some(venue)
}

#[test]
fn ccxt_trades() {
    let Some(venue) = drive("ccxt_trades.py", 35) else { return };
    let withdrawn = venue.withdrawals(0);
    assert_eq!((withdrawn[0].network.as_str(), withdrawn[0].amount), ("ETH", dec("50.5")));
    assert!(venue.positions(0).is_empty());
}

#[test]
fn ccxt_in_javascript_trades_and_watches() {
    let Some(venue) = drive("ccxt_trades.mjs", 15) else { return };
    assert_eq!(venue.withdrawals(0)[0].amount, dec("50.5"));
}

#[test]
fn ccxt_pro_watches() {
    drive("ccxt_watches.py", 9);
}

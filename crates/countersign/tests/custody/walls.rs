//! What a process in the gateway's, or in the signer's sandbox can still do;
//! and that the same process outside can, so that nothing fails for another
//! reason than the sandbox.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::inside;
use crate::signer::{Signer, market, read_key, trade_key};

/// A signer that runs, files, ports and a process to attack.
struct Ground {
    signer: Signer,
    own: tempfile::TempDir,
    outside: tempfile::TempDir,
    listed: TcpListener,
    other: TcpListener,
}

impl Ground {
    fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("file"), "x").unwrap();
        Self {
            signer: Signer::with(vec![read_key(), trade_key(vec![market("BTCUSDT", "1", "2")])]),
            own: tempfile::tempdir().unwrap(),
            outside,
            listed: TcpListener::bind("127.0.0.1:0").unwrap(),
            other: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    /// What a process under this profile could do.
    fn attempts(&self, profile: &str) -> (BTreeMap<String, Result<(), String>>, Value) {
        let mut decoy = Decoy::new();
        let files = self.signer.files();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let task = json!({
            "profile": profile,
            "own": self.own.path(),
            "outside": self.outside.path(),
            "vault": files.vault(),
            "state": files.state(),
            "key_file": files.key_file(),
            "signer": self.signer.process_id(),
            "decoy": decoy.0.id(),
            "listed_port": port(&self.listed),
            "other_port": port(&self.other),
        });
        let output = Command::new(std::env::current_exe().unwrap())
            .env(inside::PROCESS, task.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).expect("the process inside tells");
        let results = told["results"].as_object().unwrap().iter().map(|(name, result)| {
            let result = match result {
                Value::Bool(true) => Ok(()),
                error => Err(error.as_str().unwrap_or_default().to_owned()),
            };
            (name.clone(), result)
        });
        let results: BTreeMap<_, _> = results.collect();
        // What it says of the decoy is true.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let died = decoy.0.try_wait().unwrap().is_some();
        assert_eq!(died, results["kill the decoy"].is_ok(), "the decoy");
        for name in ["socket", "new"] {
            let _ = std::fs::remove_file(self.outside.path().join(name));
        }
        for directory in [files.vault(), files.state()] {
            let _ = std::fs::remove_file(directory.join("planted"));
        }
        (results, told["report"].clone())
    }
}

/// A process that nobody needs.
struct Decoy(Child);

impl Decoy {
    fn new() -> Self {
        Self(Command::new("sleep").arg("60").process_group(0).spawn().unwrap())
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What only a privileged test process can do to the signer, which lets nobody
/// of the same user look into it.
const PRIVILEGED: [&str; 4] = [
    "read the signer's memory",
    "read the signer's map of memory",
    "read the signer's environment",
    "trace the signer",
];

/// INVARIANT (key custody): the gateway cannot read vault files, exec, trace or
/// signal the signer.
pub(crate) fn gateway() {
    let ground = Ground::new();
    let open = check_open(&ground);
    let (closed, report) = ground.attempts("gateway");
    if !enforced(&report) {
        return;
    }
    let allowed =
        ["own file read and written", "connect to the listed port", "make a datagram socket"];
    compare(&open, &closed, &allowed, &report);
}

/// The signer makes no socket, runs nothing and reads nothing but its own.
pub(crate) fn signer() {
    let ground = Ground::new();
    let open = check_open(&ground);
    let (closed, report) = ground.attempts("signer");
    if !enforced(&report) {
        return;
    }
    let allowed = [
        "own file read and written",
        "read the vault's header",
        "read a sealed key",
        "list the vault",
        "write into the vault",
    ];
    compare(&open, &closed, &allowed, &report);
}

/// The control: without a sandbox everything succeeds, or fails for a reason
/// that is known.
fn check_open(ground: &Ground) -> BTreeMap<String, Result<(), String>> {
    let (open, _) = ground.attempts("none");
    let root = rustix::process::geteuid().is_root();
    for (name, result) in &open {
        let known = !root && PRIVILEGED.contains(&name.as_str());
        assert!(known || result.is_ok(), "without a sandbox, {name}: {result:?}");
    }
    open
}

fn enforced(report: &Value) -> bool {
    let missing = report["missing"].as_array().unwrap();
    if report["files"] == true && report["calls"] == true {
        assert!(missing.is_empty(), "{missing:?}");
        return true;
    }
    println!("  NOT RUN: this kernel lacks what the sandbox needs: {missing:?}");
    false
}

fn compare(
    open: &BTreeMap<String, Result<(), String>>,
    closed: &BTreeMap<String, Result<(), String>>,
    allowed: &[&str],
    report: &Value,
) {
    let mut wrong = Vec::new();
    let (mut refused, mut vacuous) = (0, 0);
    for (name, result) in closed {
        let ports = name.contains("port") && report["ports"] != true;
        if ports {
            println!("  NOT RUN: {name}: this kernel's Landlock does not guard ports");
            continue;
        }
        match (allowed.contains(&name.as_str()), result) {
            (true, Ok(())) => {}
            (false, Err(_)) if open[name].is_ok() => refused += 1,
            (false, Err(_)) => vacuous += 1,
            (_, result) => wrong.push(format!("{name}: {result:?}")),
        }
    }
    println!(
        "  {refused} attempts fail in the sandbox and succeed without it, {vacuous} fail either \
         way, {} are its own business",
        allowed.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused > 10);
}

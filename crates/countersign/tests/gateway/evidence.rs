//! The log as evidence: it verifies, and one changed byte shows.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::{ACCOUNT, Bench, buy};
use crate::stack::Unseal;

#[test]
fn one_changed_byte_shows_and_names_its_entry() {
    let mut bench = Bench::start(&[("mm", "market-maker", &[])]);
    for _ in 0..3 {
        let id = bench.resting("mm");
        bench.client("mm").get(ACCOUNT, &[]).ok();
        bench.clear("mm", &id);
    }
    let id = bench.id();
    buy(&mut bench.client("mm"), &id, "0.02", "59900").refused(-2010);
    // Stopping publishes a checkpoint over everything.
    bench.stack.stop();
    let report = bench.verify();
    assert_eq!(report["uncovered"], 0, "{report:#}");
    assert_eq!(report["signer"]["agrees"], true, "{report:#}");
    let (log, key) = (bench.stack.data("log"), bench.stack.data("log").join("vkey"));
    let (code, alone) = standalone(&log, &key);
    assert_eq!(code, 0, "{alone:#}");
    for field in ["verified", "entries", "root", "covered"] {
        assert_eq!(alone[field], report[field], "{field}");
    }

    let (denied, _) = bench.verdict_about(&id).expect("a verdict");
    let last = report["entries"].as_u64().expect("a count") - 1;
    for index in [0, denied / 2, denied, last] {
        let copy = tempfile::tempdir().expect("a directory");
        copy_directory(&log, copy.path());
        flip_a_byte_of(&log, copy.path(), index);
        let arguments = ["log", "verify", "--log", copy.path().to_str().expect("a path")];
        let (code, report, said) = bench.stack.run(&arguments, Unseal::No, "");
        assert_eq!(code, 1, "entry {index}: {report:#} {said}");
        assert_eq!(report["verified"], false, "entry {index}: {report:#}");
        assert_eq!(report["first_wrong_entry"], index, "{report:#}");
        let (code, alone) = standalone(copy.path(), &key);
        assert_eq!(code, 1, "entry {index}: {alone:#}");
        assert_eq!(alone["first_wrong_entry"], index, "{alone:#}");
    }
}

/// Changes the middle byte of an entry, wherever the log keeps it.
fn flip_a_byte_of(log: &Path, copy: &Path, index: u64) {
    let reader = audit::Reader::open(log).expect("the log opens");
    let entry = reader.entry(index).expect("the entry").bytes;
    let mut flipped = 0;
    for file in files(copy) {
        let mut bytes = std::fs::read(&file).expect("a file");
        let found = bytes.windows(entry.len()).position(|window| window == entry);
        let Some(start) = found else { continue };
        bytes[start + entry.len() / 2] ^= 1;
        std::fs::write(&file, bytes).expect("a file");
        flipped += 1;
    }
    assert!(flipped > 0, "entry {index} is in no file");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn copy_directory(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("inside"));
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
        std::fs::copy(&file, &target).expect("a copy");
    }
}

/// The verifier that links nothing but the log's own crate.
fn standalone(log: &Path, key: &Path) -> (i32, Value) {
    let output = Command::new(verifier())
        .arg(log)
        .arg("--key")
        .arg(key)
        .arg("--json")
        .output()
        .expect("the verifier runs");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("no JSON: {}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code().unwrap_or(-1), report)
}

/// Beside the binary under test; built where only this package was.
fn verifier() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
    let directory = binary.parent().expect("a directory");
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--quiet", "--package", "countersign-audit", "--bin", "countersign-verify"])
        .arg("--target-dir")
        .arg(directory.parent().expect("the target directory"));
    if directory.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    assert!(command.status().expect("cargo runs").success(), "the verifier does not build");
    directory.join("countersign-verify")
}

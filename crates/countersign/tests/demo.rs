//! `countersign demo --once --json`: the main job, end to end.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::Command;

use serde_json::Value;

fn demo() -> (i32, Value) {
    let done = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["demo", "--once", "--json"])
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    (done.status.code().unwrap(), serde_json::from_str(&text).unwrap())
}

#[test]
fn everything_that_is_shown_holds() {
    let (code, report) = demo();
    assert!(report["orders_accepted"].as_u64().unwrap() >= 3, "{report}");
    let cases: Vec<&str> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| refused["case"].as_str().unwrap())
        .collect();
    for case in [
        "withdrawal-probe",
        "withdrawal",
        "over-limit",
        "outside-collar",
        "replay",
        "wrong-address",
        "duplicate-parameter",
    ] {
        assert!(cases.contains(&case), "{case}: {report}");
    }
    assert_eq!(report["log"]["verified"], true, "{report}");
    assert_eq!(report["log"]["tamper_detected"], true, "{report}");
    assert_eq!(report["stolen_virtual_key_refused_by_venue"], true, "{report}");
    // Reading another process's memory takes root; without it the demo says
    // so and its answer is negative.
    if rustix::process::geteuid().is_root() {
        assert_eq!(report["secrets_found_outside_signer"], 0, "{report}");
        assert_eq!(report["secret_control_found"], true, "{report}");
        assert_eq!(code, 0, "{report}");
    } else {
        assert_eq!(report["secrets_found_outside_signer"], Value::Null, "{report}");
        assert_eq!(code, 1, "{report}");
    }
}

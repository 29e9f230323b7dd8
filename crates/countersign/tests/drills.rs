//! `countersign drill` as a person runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::process::Command;

use serde_json::Value;

fn drill(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(directory.path())
        .args(["--json", "drill"])
        .args(arguments)
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), json, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn all_drills_hold_against_the_presets() {
    let (code, all, said) = drill(&["--all"]);
    assert_eq!(code, Some(0), "{all:#} {said}");
    let drills = all["drills"].as_array().unwrap();
    assert!(drills.len() >= 9);
    for one in drills {
        for field in ["actual_loss_usd", "unguarded_loss_usd", "guarded_loss_usd", "bound_usd"] {
            assert!(one[field].is_u64(), "{one}");
        }
        assert!(one["guarded_loss_usd"].as_u64() <= one["bound_usd"].as_u64(), "{one}");
        assert!(one["stopped_by"].is_string(), "{one}");
    }
    let ordinary = &all["ordinary"];
    assert!(ordinary["bot_days"].as_u64() >= Some(100), "{ordinary}");
    assert_eq!(ordinary["false_halts"], 0);
    assert!(ordinary["false_holds"].as_u64() <= Some(1), "{ordinary}");
}

#[test]
fn a_file_of_ones_own_is_replayed_and_a_wrong_one_is_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.md");
    let text = "---\ndate: 2026-02-03\ntarget-entities: Us\nentity-types: Firm\n\
                attack-types: Exercise\ntitle: \"Ours\"\nloss: 900000\n---\n\n## Summary\n\nx\n\n\
                ## Attackers\n\nx\n\n## Losses\n\nx\n\n## Timeline\n\nx\n\n\
                ## Security Failure Causes\n\nx\n\n## Drill\n\n```drill\nname = \"ours\"\n\
                capability = \"treasury-host\"\nrole = \"treasury\"\n\
                start = \"2026-02-03T02:00:00Z\"\nactual_loss_usd = 900000\n\n[[event]]\nat_s = 0\n\
                action = \"withdraw\"\nasset = \"USDT\"\namount = \"900000\"\nto = \"new\"\n```\n";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let (code, all, said) = drill(&["--file", path]);
    assert_eq!(code, Some(0), "{all} {said}");
    assert_eq!(all["drills"][0]["drill"], "ours");
    assert_eq!(all["drills"][0]["unguarded_loss_usd"], 900_000);
    assert_eq!(all["drills"][0]["guarded_loss_usd"], 0);
    assert_eq!(all["drills"][0]["stopped_by"], "unlisted_destination");

    std::fs::write(&file, text.replace("900000\"", "-1\"")).unwrap();
    let (code, all, _) = drill(&["--file", path]);
    assert_eq!(code, Some(1), "{all}");
    let (code, all, _) = drill(&["no-such-drill"]);
    assert_eq!(code, Some(2), "{all}");
    assert_eq!(drill(&[]).0, Some(2));
}

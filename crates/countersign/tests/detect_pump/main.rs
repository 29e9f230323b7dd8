//! `detect eval pump` on small markets of our own making: a pump, a quiet
//! market, a rise over hours, a single fat-finger order. The files in
//! `tests/data/pump` are what [`market`] makes; `COUNTERSIGN_WRITE=1` writes
//! them anew.

#![expect(clippy::unwrap_used, reason = "test code")]

mod market;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const EVENTS: &str = "\
event,symbol,announced_utc,onset_hand_labelled_utc,onset_utc,peak_ratio,eligible,hours
PUMP,PUMP,2023-11-14 20:00:00,2023-11-14 20:00:00,2023-11-14 20:00:00.000,1.6,True,4.5
QUIET,QUIET,2023-11-14 20:00:00,,,1.001,False,4.5
RISE,RISE,2023-11-14 20:00:00,,,1.02,False,4.5
FINGER,FINGER,2023-11-14 20:00:00,,,1.0,False,4.5
";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pump")
}

fn eval(trades: &Path, events: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["detect", "eval", "pump", "--trades"])
        .arg(trades)
        .arg("--events")
        .arg(events)
        .args(more)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with one event, `X`, whose trades are `rows`.
fn place(rows: &[u8], ending: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let events = directory.path().join("events.csv");
    std::fs::write(&events, "event,onset_utc,eligible\nX,2023-11-14 20:00:00,True\n").unwrap();
    std::fs::write(directory.path().join(format!("X.{ending}")), rows).unwrap();
    (directory, events)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_files_are_what_the_generator_makes() {
    let mut files = market::all();
    files.push(("events.csv", EVENTS.to_owned()));
    for (name, made) in files {
        let path = data().join(name);
        if std::env::var_os("COUNTERSIGN_WRITE").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        assert!(std::fs::read_to_string(&path).unwrap() == made, "{name} differs");
    }
}

#[test]
fn the_pump_is_found_and_nothing_else() {
    let done = eval(&data(), &data().join("events.csv"), &["--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let value: Value = serde_json::from_slice(&done.stdout).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let documented = [
        "events",
        "eligible",
        "detected_25s",
        "detected_60s",
        "detected_120s",
        "hand_labelled",
        "hand_labelled_detected_120s",
        "median_delay_s",
        "worst_delay_s",
        "false_alerts",
        "symbol_days",
        "false_alerts_per_symbol_day",
        "ns_per_trade",
    ];
    assert_eq!(keys, documented);
    assert_eq!(value["events"], 4);
    assert_eq!(value["eligible"], 1);
    for key in ["detected_25s", "detected_60s", "detected_120s", "hand_labelled_detected_120s"] {
        assert_eq!(value[key], 1, "{key}");
    }
    assert_eq!(value["false_alerts"], 0, "{value}");
    let delay = value["median_delay_s"].as_f64().unwrap();
    assert!((0.0..8.0).contains(&delay), "{delay}");
    assert_eq!(value["median_delay_s"], value["worst_delay_s"]);
    let days = value["symbol_days"].as_f64().unwrap();
    assert!((0.7..0.8).contains(&days), "{days}");
    assert!(text(&done.stderr).contains("4 of 4"));
}

#[test]
fn people_get_a_line_per_event_and_the_evidence() {
    let done = eval(&data(), &data().join("events.csv"), &["--evidence"]);
    let said = text(&done.stdout);
    for event in ["PUMP ", "QUIET ", "RISE ", "FINGER "] {
        assert_eq!(said.lines().filter(|line| line.starts_with(event)).count(), 1, "{said}");
    }
    assert!(said.contains("surge: score") && said.contains("hours of the usual volume"), "{said}");
    assert!(said.contains("1 to be detected: 1 within 120 s"), "{said}");
}

#[test]
fn gzip_reads_the_same() {
    let plain = std::fs::read(data().join("PUMP.csv")).unwrap();
    let figures = |rows: &[u8], ending| {
        let (directory, events) = place(rows, ending);
        let done = eval(directory.path(), &events, &["--json"]);
        let mut value: Value = serde_json::from_slice(&done.stdout).unwrap();
        value["ns_per_trade"] = Value::Null;
        value
    };
    let value = figures(&plain, "csv");
    assert_eq!(value["detected_25s"], 1);
    assert_eq!(figures(&gzip(&plain), "csv.gz"), value);
    // Two members, as `cat a.gz b.gz` makes them.
    let (first, second) = plain.split_at(plain.len() / 2);
    assert_eq!(figures(&[gzip(first), gzip(second)].concat(), "csv.gz"), value);
}

#[test]
fn a_pump_nobody_made_is_missed_and_alerts_elsewhere_are_false() {
    // The onset of another day: the same alert now means nothing.
    let plain = std::fs::read(data().join("PUMP.csv")).unwrap();
    let (directory, events) = place(&plain, "csv");
    std::fs::write(&events, "event,onset_utc,eligible\nX,2023-11-14 18:00:00,True\n").unwrap();
    let done = eval(directory.path(), &events, &["--json"]);
    let value: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&value["detected_120s"], &value["false_alerts"]), (&0.into(), &1.into()));
    assert_eq!(value["median_delay_s"], Value::Null);
}

#[test]
fn bad_rows_name_the_file_and_the_line() {
    let head = "timestamp_ms,side,price,amount\n1700000000000,buy,0.1,1\n";
    for (row, said) in [
        ("x,buy,0.1,1", "`x` is no time in ms"),
        ("-5,buy,0.1,1", "`-5` is no time in ms"),
        ("1,hold,0.1,1", "`hold` is neither buy nor sell"),
        ("1,buy,0,1", "`0` is no positive number"),
        ("1,buy,NaN,1", "`NaN` is no positive number"),
        ("1,buy,0.1,inf", "`inf` is no positive number"),
        ("1,buy,0.1,-1", "`-1` is no positive number"),
        ("1,buy,0.1", "3 fields where the header has 4"),
    ] {
        let (directory, events) = place(format!("{head}{row}\n").as_bytes(), "csv");
        let done = eval(directory.path(), &events, &["--json"]);
        assert_eq!(done.status.code(), Some(2), "{row}");
        let error = text(&done.stderr);
        assert!(error.contains("X.csv`, line 3: ") && error.contains(said), "{row}: {error}");
    }
}

#[test]
fn bad_files_are_refused() {
    let head = "timestamp_ms,side,price,amount\n";
    let long = gzip(format!("{head}{}", "1,buy,0.1,1\n".repeat(500)).as_bytes());
    let cut = long.get(..long.len() / 2).unwrap();
    for (bytes, ending, said) in [
        (&b"a,b\n1,2\n"[..], "csv", "header"),
        (head.as_bytes(), "csv", "no trades"),
        (b"not gzip at all", "csv.gz", "X.csv.gz"),
        (cut, "csv.gz", "X.csv.gz"),
    ] {
        let (directory, events) = place(bytes, ending);
        let done = eval(directory.path(), &events, &[]);
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(text(&done.stderr).contains(said), "{said}: {}", text(&done.stderr));
    }
}

#[test]
fn a_file_that_inflates_without_end_is_refused() {
    // 300 MB of spaces in 300 KB: one field, longer than all that is allowed.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"timestamp_ms,side,price,amount\n").unwrap();
    for _ in 0..300 {
        encoder.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    }
    let (directory, events) = place(&encoder.finish().unwrap(), "csv.gz");
    let done = eval(directory.path(), &events, &[]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("more data than allowed"), "{}", text(&done.stderr));
}

#[test]
fn bad_events_are_refused() {
    let (directory, events) = place(b"", "csv");
    for (rows, said) in [
        ("event,eligible\nX,True\n", "lacks"),
        ("event,onset_utc,eligible\n../X,,False\n", "no name"),
        ("event,onset_utc,eligible\nX,,True\n", "no onset"),
        ("event,onset_utc,eligible\nX,soon,True\n", "`soon` is no time"),
        ("event,onset_utc,eligible\nX,,Perhaps\n", "neither True nor False"),
        ("event,onset_utc,eligible\nX,,False\nX,,False\n", "twice"),
        ("event,onset_utc,eligible\n", "no event has trades"),
        ("event,onset_utc,eligible\nY,,False\n", "no event has trades"),
    ] {
        std::fs::write(&events, rows).unwrap();
        let done = eval(directory.path(), &events, &[]);
        assert_eq!(done.status.code(), Some(2), "{rows}");
        assert!(text(&done.stderr).contains(said), "{rows}: {}", text(&done.stderr));
    }
    let done = eval(directory.path(), &directory.path().join("none.csv"), &[]);
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn an_event_without_trades_is_left_out_aloud() {
    let plain = std::fs::read(data().join("PUMP.csv")).unwrap();
    let (directory, events) = place(&plain, "csv");
    let rows = "event,onset_utc,eligible\nX,2023-11-14 20:00:00,True\nY,2023-11-14 20:00:00,True\n";
    std::fs::write(&events, rows).unwrap();
    let done = eval(directory.path(), &events, &["--json"]);
    let value: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&value["events"], &value["eligible"]), (&1.into(), &1.into()));
    assert!(text(&done.stderr).contains("no trades of `Y`"), "{}", text(&done.stderr));
}

#[test]
fn parameters_can_be_tried() {
    let figures = |set: &[&str]| {
        let done = eval(&data(), &data().join("events.csv"), &[&["--json"], set].concat());
        (done.status.code(), serde_json::from_slice::<Value>(&done.stdout).unwrap())
    };
    let (code, deaf) = figures(&["--set", "scheduled_score=1000", "--set", "cap=40"]);
    assert_eq!((code, &deaf["detected_120s"]), (Some(0), &0.into()), "{deaf}");
    for wrong in ["jump=0", "jump=high", "jumps=1", "jump", "cap=1", "last_hour=30"] {
        let (code, value) = figures(&["--set", wrong]);
        assert_eq!(code, Some(2), "{wrong}");
        assert!(value["error"]["what"].as_str().unwrap().contains(wrong), "{value}");
    }
}

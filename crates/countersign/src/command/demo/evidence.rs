//! The log: it verifies, and a copy with one byte flipped does not.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use vault::venue::Venue;

use super::super::log::{show as shown, verify};
use super::report::Report;
use super::stage::{BOT, MARKET, Stage};
use crate::failure::Failure;
use crate::output::Output;
use crate::snippet::{Client, Filling};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Verifies the log, then a copy with one byte flipped.
pub(super) fn show(stage: &Stage, output: Output, report: &mut Report) -> Result<(), Failure> {
    output.say(&format!("\n{}", output.strong("What is written down")));
    let log = stage.data_dir().join("log");
    let state = stage.data_dir().join("signer-state");
    // A fresh checkpoint, so that every entry so far is signed for.
    stage.command(&["log", "checkpoint"], false, "")?;
    let path = log.join("vkey");
    let vkey =
        std::fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, error))?;
    let (found, reconciled) = verify::verify(&log, vkey.trim(), None, &state)?;
    report.log_entries = found.entries;
    report.log_verified = found.verified() && reconciled.agrees();
    let mark = if report.log_verified { output.good("ok") } else { output.bad("!!") };
    output.say(&format!(
        "  {mark} the log verifies: {} entries, {} under a signed checkpoint",
        found.entries, found.covered
    ));
    output.say(&format!(
        "     {}",
        output.faint(&reconciled.to_string().replace("signer      ", ""))
    ));
    for finding in &found.findings {
        output.say(&format!("     {}", finding.message));
    }
    let copy = stage.scratch("copy");
    let target = victim(&log)?;
    tamper(&log, &copy, &target)?;
    let (found, _) = verify::verify(&copy, vkey.trim(), None, &state)?;
    let named = found.first_wrong_entry();
    report.tamper_detected = named == Some(target.index);
    report.tamper_says =
        found.findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
    let mark = if report.tamper_detected { output.good("ok") } else { output.bad("!!") };
    let what = named.map_or_else(|| "NOTHING".to_owned(), |index| format!("entry {index}"));
    output.say(&format!(
        "  {mark} one byte flipped in a copy of entry {}: verification names {what}",
        target.index
    ));
    output.say(&format!("     {}", output.faint(&report.tamper_says)));
    Ok(())
}

/// The entry whose copy is changed.
struct Victim {
    index: u64,
    bytes: Vec<u8>,
}

/// The first denied request: what a thief would like to have unwritten.
fn victim(log: &Path) -> Result<Victim, Failure> {
    let reader = audit::Reader::open(log).map_err(Failure::negative)?;
    for entry in reader.entries(0).map_err(Failure::negative)? {
        let entry = entry.map_err(Failure::negative)?;
        let object = shown::object(&entry.bytes);
        if object.get("outcome").and_then(Value::as_str) == Some("deny") {
            return Ok(Victim { index: entry.index, bytes: entry.bytes });
        }
    }
    Err(Failure::negative("the log has no denied request"))
}

/// Copies the log and flips one bit of that entry wherever it stands as text.
fn tamper(log: &Path, copy: &Path, victim: &Victim) -> Result<(), Failure> {
    let failed = |error| Failure::file("copy the log to", copy, error);
    let mut flipped = false;
    for (from, to) in files(log, copy).map_err(failed)? {
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::copy(&from, &to).map_err(failed)?;
        // Only where the writer keeps it: one byte, in one place.
        if flipped || !from.components().any(|part| part.as_os_str() == "segments") {
            continue;
        }
        let bytes = std::fs::read(&to).map_err(failed)?;
        let Some(at) = memchr::memmem::find(&bytes, &victim.bytes) else { continue };
        let middle = at + victim.bytes.len() / 2;
        let Some(byte) = bytes.get(middle) else { continue };
        let file = std::fs::OpenOptions::new().write(true).open(&to).map_err(failed)?;
        file.write_all_at(&[byte ^ 1], middle as u64).map_err(failed)?;
        flipped = true;
    }
    if flipped { Ok(()) } else { Err(Failure::negative("the entry is in no segment file")) }
}

fn files(from: &Path, to: &Path) -> std::io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut pairs = Vec::new();
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            pairs.extend(files(&entry.path(), &target)?);
        } else {
            pairs.push((entry.path(), target));
        }
    }
    Ok(pairs)
}

/// Stays up: a snippet for anybody's client, and the verdicts as they fall.
pub(super) fn follow(stage: &Stage, output: Output) -> Result<(), Failure> {
    let filling = Filling {
        url: &stage.url,
        api_key: &stage.api_key,
        secret: &stage.secret,
        venue: Venue::Binance,
        market: MARKET,
    };
    let snippet = Client::CcxtPython.snippet(filling);
    let ready = json!({
        "ready": true,
        "bot": BOT,
        "url": stage.url,
        "api_key": stage.api_key,
        "secret": stage.secret,
        "snippets": { Client::CcxtPython.name(): snippet },
    });
    output.stream(
        &ready,
        &format!(
            "\n{}\n{snippet}\n{}",
            output.strong("Trade on it yourself, with any client; for ccxt:"),
            output.strong("Verdicts as they fall (^C ends the demo):")
        ),
    );
    let reader = audit::Reader::open(&stage.data_dir().join("log")).map_err(Failure::negative)?;
    let mut entries = reader.tail(0).map_err(Failure::negative)?;
    while !stage.told_to_stop() {
        for entry in entries.by_ref() {
            let entry = entry.map_err(Failure::negative)?;
            let object = shown::object(&entry.bytes);
            let json = json!({ "index": entry.index, "entry": object });
            output.stream(&json, &shown::line(output, entry.index, &object));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

//! The log against what the signer says it signed.
//!
//! The gateway writes the log, the signer its own record of every text that
//! it signed: a gateway that had a text signed without a verdict, or changed
//! one afterwards, shows here.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use vault::signer::signed_log::SignedLine;

use super::super::key::{NO_ENTRY, texts_at};
use super::show;
use crate::failure::Failure;

/// Most disagreements that are listed; more are counted.
const LISTED: usize = 50;

/// How long before or after its signature a `key` command's text was made, ms.
const COMMAND_MS: u64 = 2_000;

/// One text that the signer says it signed.
#[derive(Debug)]
struct SignedText {
    sequence: u64,
    asked: String,
}

/// How log and signer agree.
#[derive(Debug, Default)]
pub(crate) struct Reconciliation {
    by_entry: HashMap<u64, Vec<SignedText>>,
    by_sequence: HashMap<u64, String>,
    /// Settlements of texts that were signed after the record was read: entry,
    /// sequence, hash.
    later: Vec<(u64, u64, Option<String>)>,
    last: u64,
    present: bool,
    signed: u64,
    by_commands: u64,
    matched: u64,
    settled: u64,
    disagreements: Vec<String>,
    more: u64,
}

impl Reconciliation {
    /// Reads the signer's record from its state directory; a missing one is a
    /// disagreement only where the log says that something was signed.
    ///
    /// Both sides may be at work meanwhile. A verdict stands in the log before
    /// its text is signed, so the record is read first; what is settled later
    /// than that is compared at the end.
    pub(crate) fn read(state: &Path) -> Result<Self, Failure> {
        let mut reconciliation = Self::default();
        let mut damaged = Vec::new();
        reconciliation.present = each_line(state, |line| match line {
            Ok(line) => reconciliation.note(&line),
            Err(why) => damaged.push(why),
        })?;
        damaged.into_iter().for_each(|why| reconciliation.disagree(why));
        Ok(reconciliation)
    }

    fn note(&mut self, line: &SignedLine<'_>) {
        self.last = self.last.max(line.sequence);
        // A read that a `key` command made while no gateway ran: its text is
        // one of a few, which is checked. Anything else needs a verdict.
        if line.entry == NO_ENTRY && is_of_a_key_command(line) {
            self.by_commands += 1;
            return;
        }
        self.signed += 1;
        self.by_sequence.insert(line.sequence, line.signed_sha256.to_owned());
        let signed = SignedText { sequence: line.sequence, asked: line.asked_sha256.to_owned() };
        self.by_entry.entry(line.entry).or_default().push(signed);
    }

    /// Compares one entry of the log; entries come in order.
    pub(crate) fn entry(&mut self, index: u64, bytes: &[u8]) {
        let entry = show::object(bytes);
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        if let Some(texts) = self.by_entry.remove(&index) {
            for signed in texts {
                if text("text_sha256") == Some(signed.asked.as_str()) {
                    self.matched += 1;
                } else {
                    self.disagree(format!(
                        "entry {index} is not the verdict of signed text {}: the hashes differ",
                        signed.sequence
                    ));
                }
            }
        }
        if text("kind") == Some("settle")
            && let Some(sequence) = entry.get("signed_sequence").and_then(Value::as_u64)
        {
            self.settled += 1;
            let hash = text("signed_sha256").map(str::to_owned);
            if sequence > self.last {
                self.later.push((index, sequence, hash));
            } else {
                self.settle(index, sequence, hash.as_deref());
            }
        }
    }

    fn settle(&mut self, index: u64, sequence: u64, hash: Option<&str>) {
        match self.by_sequence.get(&sequence) {
            Some(signed) if hash == Some(signed.as_str()) => {}
            Some(_) => self.disagree(format!(
                "entry {index} settles signed text {sequence} with another hash than the signer's"
            )),
            None => self.disagree(format!(
                "entry {index} settles signed text {sequence}, which the signer does not know"
            )),
        }
    }

    /// What was settled while we read, and what was signed under entries that
    /// the log does not have.
    pub(crate) fn finish(&mut self, state: &Path) -> Result<(), Failure> {
        let later = std::mem::take(&mut self.later);
        if !later.is_empty() {
            let last = self.last;
            let known = &mut self.by_sequence;
            each_line(state, |line| {
                if let Ok(line) = line
                    && line.sequence > last
                {
                    known.insert(line.sequence, line.signed_sha256.to_owned());
                }
            })?;
            for (index, sequence, hash) in later {
                self.settle(index, sequence, hash.as_deref());
            }
        }
        let mut missing: Vec<(u64, u64)> = self
            .by_entry
            .drain()
            .flat_map(|(entry, texts)| texts.into_iter().map(move |one| (one.sequence, entry)))
            .collect();
        missing.sort_unstable();
        for (sequence, entry) in missing {
            self.disagree(format!(
                "signed text {sequence} has no verdict: the log has no entry {entry}"
            ));
        }
        Ok(())
    }

    fn disagree(&mut self, what: String) {
        if self.disagreements.len() < LISTED {
            self.disagreements.push(what);
        } else {
            self.more += 1;
        }
    }

    /// Whether every signed text has its verdict and every settlement its
    /// signed text.
    pub(crate) fn agrees(&self) -> bool {
        self.disagreements.is_empty()
    }

    /// The same as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "agrees": self.agrees(),
            "record_present": self.present,
            "signed": self.signed,
            "by_key_commands": self.by_commands,
            "with_verdict": self.matched,
            "settlements_compared": self.settled,
            "disagreements": self.disagreements,
            "more": self.more,
        })
    }
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.present && self.agrees() {
            return write!(f, "signer      no record of signed texts here: not compared");
        }
        write!(
            f,
            "signer      {} texts signed, {} with their verdict, {} settlements compared; {} reads \
             by `key` commands",
            self.signed, self.matched, self.settled, self.by_commands
        )?;
        for disagreement in &self.disagreements {
            write!(f, "\nWRONG       {disagreement}")?;
        }
        if self.more > 0 {
            write!(f, "\n            and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Gives every line of the record to `each`; whether there is a record.
fn each_line(
    state: &Path,
    mut each: impl FnMut(Result<SignedLine<'_>, String>),
) -> Result<bool, Failure> {
    let paths = segments(state)?;
    for path in &paths {
        let failed = |error| Failure::file("read", path, error);
        let mut reader = BufReader::new(std::fs::File::open(path).map_err(failed)?);
        let mut line = String::new();
        for number in 1_u64.. {
            line.clear();
            if reader.read_line(&mut line).map_err(failed)? == 0 {
                break;
            }
            // Without its end a line is being written just now.
            let Some(whole) = line.strip_suffix('\n') else { break };
            if whole.starts_with("countersign-signed ") {
                continue;
            }
            each(
                SignedLine::parse(whole)
                    .ok_or_else(|| format!("line {number} of `{}` is damaged", path.display())),
            );
        }
    }
    Ok(!paths.is_empty())
}

/// Whether the text is one that `key` commands have signed, made at a time near
/// that of the signature.
fn is_of_a_key_command(line: &SignedLine<'_>) -> bool {
    let near = line.at_ms.saturating_sub(COMMAND_MS)..=line.at_ms.saturating_add(COMMAND_MS);
    let asked = hex::decode(line.asked_sha256).unwrap_or_default();
    near.into_iter()
        .flat_map(texts_at)
        .any(|text| digest(&SHA256, text.as_bytes()).as_ref() == asked)
}

/// The files of the signer's record: the closed ones, then `signed.log`.
fn segments(state: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = match std::fs::read_dir(state) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::file("read", state, error)
                .next("run this as root or as the signer's user"));
        }
    };
    let mut paths = Vec::new();
    for entry in found {
        let path = entry.map_err(|error| Failure::file("read", state, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("signed") && name.ends_with(".log") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn compared(entries: &[Value]) -> Reconciliation {
        let state = tempfile::tempdir().unwrap();
        let text = format!("countersign-signed 1 1\n1 1700 k 0 order {A} {B} -\n");
        std::fs::write(state.path().join("signed.log"), text).unwrap();
        let mut reconciliation = Reconciliation::read(state.path()).unwrap();
        for (index, entry) in entries.iter().enumerate() {
            reconciliation.entry(index as u64, entry.to_string().as_bytes());
        }
        reconciliation.finish(state.path()).unwrap();
        reconciliation
    }

    #[test]
    fn a_signed_text_with_its_verdict_agrees() {
        let verdict = json!({"kind": "verdict", "text_sha256": A});
        let settle = json!({"kind": "settle", "signed_sequence": 1, "signed_sha256": B});
        assert!(compared(&[verdict, settle]).agrees());
    }

    #[test]
    fn what_was_signed_without_a_verdict_shows() {
        assert!(!compared(&[]).agrees());
        let other = json!({"kind": "verdict", "text_sha256": B});
        assert!(!compared(&[other]).agrees());
    }

    #[test]
    fn only_what_key_commands_ask_needs_no_verdict() {
        let hash = |text: &str| hex::encode(digest(&SHA256, text.as_bytes()));
        let line = |asked: &str| format!("1 1700000000500 k {NO_ENTRY} read {asked} {B} -");
        for asked in
            ["timestamp=1700000000123", "1700000000123GET/v3/account/credentials?page=2&size=100"]
        {
            let line = line(&hash(asked));
            assert!(is_of_a_key_command(&SignedLine::parse(&line).unwrap()), "{asked}");
        }
        for other in [
            "timestamp=1700000000123&symbol=BTCUSDT",
            "timestamp=1600000000000",
            "1600000000123GET/v3/account/credentials?page=2&size=100",
            "1700000000123GET/v3/account/credentials?page=9&size=100",
            "1700000000123GET/v3/asset/balances",
        ] {
            let line = line(&hash(other));
            assert!(!is_of_a_key_command(&SignedLine::parse(&line).unwrap()), "{other}");
        }
    }

    #[test]
    fn a_settlement_that_the_signer_does_not_know_shows() {
        let verdict = json!({"kind": "verdict", "text_sha256": A});
        let unknown = json!({"kind": "settle", "signed_sequence": 2, "signed_sha256": B});
        assert!(!compared(&[verdict.clone(), unknown]).agrees());
        let changed = json!({"kind": "settle", "signed_sequence": 1, "signed_sha256": A});
        assert!(!compared(&[verdict, changed]).agrees());
    }
}

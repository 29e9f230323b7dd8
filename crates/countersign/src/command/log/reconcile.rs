//! The log against what the signer says it signed.
//!
//! The gateway writes the log, the signer its own record of every text that
//! it signed: a gateway that had a text signed without a verdict, or changed
//! one afterwards, shows here.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::{Value, json};

use super::show;
use crate::failure::Failure;

/// Most disagreements that are listed; more are counted.
const LISTED: usize = 50;
/// Longest line of the signer's record, bytes.
const LINE_BYTES: usize = 1024;

/// One text that the signer says it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedText {
    /// Its number.
    pub(crate) sequence: u64,
    /// The log index of the verdict that it was asked under.
    pub(crate) entry: u64,
    /// SHA-256 of the text as asked, hexadecimal.
    pub(crate) asked: String,
    /// SHA-256 of the text as signed, hexadecimal.
    pub(crate) signed: String,
}

/// How log and signer agree.
#[derive(Debug, Default)]
pub(crate) struct Reconciliation {
    by_entry: HashMap<u64, Vec<SignedText>>,
    by_sequence: HashMap<u64, String>,
    present: bool,
    signed: u64,
    matched: u64,
    settled: u64,
    disagreements: Vec<String>,
    more: u64,
}

impl Reconciliation {
    /// Reads the signer's record; a missing one is a disagreement only where
    /// the log says that something was signed.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut reconciliation = Self::default();
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(reconciliation);
            }
            Err(error) => {
                return Err(Failure::file("read", path, error)
                    .next("run this as root or as the signer's user"));
            }
        };
        reconciliation.present = true;
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| Failure::file("read", path, error))?;
            match parse(&line) {
                Some(signed) => reconciliation.note(signed),
                None => reconciliation
                    .disagree(format!("line {} of the signer's record is damaged", number + 1)),
            }
        }
        Ok(reconciliation)
    }

    fn note(&mut self, signed: SignedText) {
        self.signed += 1;
        self.by_sequence.insert(signed.sequence, signed.signed.clone());
        self.by_entry.entry(signed.entry).or_default().push(signed);
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
            match self.by_sequence.get(&sequence) {
                Some(hash) if text("signed_sha256") == Some(hash.as_str()) => {}
                Some(_) => self.disagree(format!(
                    "entry {index} settles signed text {sequence} with another hash than the signer's"
                )),
                None => self.disagree(format!(
                    "entry {index} settles signed text {sequence}, which the signer does not know"
                )),
            }
        }
    }

    /// What was signed under entries that the log does not have.
    pub(crate) fn finish(&mut self) {
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
            "signer      {} texts signed, {} with their verdict, {} settlements compared",
            self.signed, self.matched, self.settled
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

/// A line of `signed.log`.
fn parse(line: &str) -> Option<SignedText> {
    if line.len() > LINE_BYTES {
        return None;
    }
    let value: Value = serde_json::from_str(line).ok()?;
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(SignedText {
        sequence: number("seq")?,
        entry: number("entry")?,
        asked: text("asked_sha256")?,
        signed: text("signed_sha256")?,
    })
}

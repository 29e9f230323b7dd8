//! What verification found, in words and as JSON.

use std::fmt;

use serde_json::{Value, json};
use tlog_tiles::{EMPTY_HASH, Hash};

use crate::checkpoint::Checkpoint;

/// The most findings that are listed; more are counted.
pub const MAX_FINDINGS: usize = 100;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The checkpoint in the directory is missing or not valid.
    Checkpoint,
    /// An entry's bytes are not those that were written.
    Damaged,
    /// An entry is not the one that the checkpoint covers.
    Entry,
    /// Entries that the checkpoint covers are missing.
    Missing,
    /// The entries do not hash to the checkpoint's root.
    Root,
    /// A hash tile is missing or does not belong to the checkpoint's tree.
    HashTile,
    /// An entry bundle is missing or holds other entries.
    Bundle,
    /// A checkpoint kept elsewhere is not valid, or the log does not extend it.
    Outside,
}

impl What {
    /// One word for it, in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Damaged => "damaged",
            Self::Entry => "entry",
            Self::Missing => "missing",
            Self::Root => "root",
            Self::HashTile => "hash-tile",
            Self::Bundle => "bundle",
            Self::Outside => "outside",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry, where one can be named.
    pub index: Option<u64>,
    /// What kind of thing it is.
    pub what: What,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// What verification found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The log's name.
    pub origin: String,
    /// Entries read.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// The root over all entries read.
    pub root: Hash,
    /// The checkpoint in the directory, where its signature is valid.
    pub checkpoint: Option<Checkpoint>,
    /// The checkpoint kept elsewhere, where its signature is valid.
    pub outside: Option<Checkpoint>,
    /// Entries that a signed checkpoint covers.
    pub covered: u64,
    /// Bytes of an unfinished record behind the last entry.
    pub torn_bytes: u64,
    /// What is wrong: nothing in a verified log; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// Findings that are not listed.
    pub more_findings: u64,
    /// What this verification does not show.
    pub statements: Vec<String>,
}

impl Report {
    pub(super) fn new(origin: String) -> Self {
        Self {
            origin,
            entries: 0,
            bytes: 0,
            segments: 0,
            root: EMPTY_HASH,
            checkpoint: None,
            outside: None,
            covered: 0,
            torn_bytes: 0,
            findings: Vec::new(),
            more_findings: 0,
            statements: Vec::new(),
        }
    }

    pub(super) fn find(&mut self, index: Option<u64>, what: What, message: String) {
        // INVARIANT (bounded): a log full of errors makes no endless report.
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { index, what, message });
        } else {
            self.more_findings += 1;
        }
    }

    /// Whether everything that was checked is right.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.findings.is_empty()
    }

    /// Entries that no signed checkpoint covers yet.
    #[must_use]
    pub fn uncovered(&self) -> u64 {
        self.entries.saturating_sub(self.covered)
    }

    /// The first entry that can be named as wrong.
    #[must_use]
    pub fn first_wrong_entry(&self) -> Option<u64> {
        self.findings.iter().filter_map(|finding| finding.index).min()
    }

    pub(super) fn statements(&mut self) {
        if self.uncovered() > 0 {
            self.statements.push(format!(
                "entries {} to {} are not yet covered by a checkpoint: their bytes are whole, but nobody has signed for them",
                self.covered,
                self.entries - 1
            ));
        }
        if self.torn_bytes > 0 {
            self.statements.push(format!(
                "{} bytes behind the last entry are no entry: an unfinished write",
                self.torn_bytes
            ));
        }
        self.statements.push(match &self.outside {
            None => "without a checkpoint kept elsewhere this cannot show whether the log was cut back to an older checkpoint, or rewritten by somebody who has its key".to_owned(),
            Some(outside) => format!(
                "the checkpoint kept elsewhere vouches for the first {} entries: what came later could still have been cut off",
                outside.size
            ),
        });
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let checkpoint = |checkpoint: &Option<Checkpoint>| {
            checkpoint.as_ref().map(|checkpoint| {
                json!({
                    "size": checkpoint.size,
                    "root": checkpoint.root.to_string(),
                    "extensions": checkpoint.extensions,
                })
            })
        };
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "index": finding.index,
                    "what": finding.what.name(),
                    "message": finding.message,
                })
            })
            .collect();
        json!({
            "verified": self.verified(),
            "origin": self.origin,
            "entries": self.entries,
            "bytes": self.bytes,
            "segments": self.segments,
            "root": self.root.to_string(),
            "checkpoint": checkpoint(&self.checkpoint),
            "outside": checkpoint(&self.outside),
            "covered": self.covered,
            "uncovered": self.uncovered(),
            "torn_bytes": self.torn_bytes,
            "first_wrong_entry": self.first_wrong_entry(),
            "findings": findings,
            "more_findings": self.more_findings,
            "statements": self.statements,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log         {}", self.origin)?;
        writeln!(
            f,
            "entries     {} ({} bytes, {} segment files)",
            self.entries, self.bytes, self.segments
        )?;
        writeln!(
            f,
            "covered     {} by a signed checkpoint, {} not yet",
            self.covered,
            self.uncovered()
        )?;
        if let Some(checkpoint) = &self.checkpoint {
            writeln!(f, "checkpoint  {} entries, root {}", checkpoint.size, checkpoint.root)?;
            for line in &checkpoint.extensions {
                writeln!(f, "            {line}")?;
            }
        }
        if let Some(outside) = &self.outside {
            writeln!(f, "elsewhere   {} entries, root {}", outside.size, outside.root)?;
        }
        for finding in &self.findings {
            match finding.index {
                Some(index) => writeln!(f, "WRONG       entry {index}: {}", finding.message)?,
                None => writeln!(f, "WRONG       {}", finding.message)?,
            }
        }
        if self.more_findings > 0 {
            writeln!(f, "            and {} more", self.more_findings)?;
        }
        for statement in &self.statements {
            writeln!(f, "note        {statement}")?;
        }
        write!(f, "{}", if self.verified() { "VERIFIED" } else { "NOT VERIFIED" })
    }
}

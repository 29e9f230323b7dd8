//! Entries on their way into the log: encoded and hashed at once, written
//! together with what else was staged.
//!
//! The buffer they are encoded into is the run that the publisher gets, so
//! that an entry is copied once on its way to both.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use tlog_tiles::Hash;

use super::{Appended, Log, Reserve};
use crate::cursor::Position;
use crate::error::{Error, at};
use crate::merkle::{Head, MAX_ENTRIES};
use crate::recent::{RUN_BYTES, Run};
use crate::segment::{FIRST_RECORD, Kind, MAX_ENTRY_BYTES, RECORD_HEADER, push_record};
use crate::sync::held;

/// The most bytes of records that are staged: one more, and they are written first.
pub const MAX_STAGED_BYTES: usize = 96 << 10;
/// The most outcomes kept for those who have not asked: a staged entry whose
/// outcome is forgotten counts as failed.
pub const MAX_OUTCOMES: usize = 4096;

// Whatever is staged fits into one segment, and so into one write.
const _: () = assert!(MAX_STAGED_BYTES >= RECORD_HEADER + MAX_ENTRY_BYTES);
const _: () = assert!(FIRST_RECORD + MAX_STAGED_BYTES as u64 <= super::MIN_SEGMENT_BYTES);

/// An entry that was staged, and is not in the log before [`Log::outcome`]
/// has said so.
#[derive(Debug)]
#[must_use = "the entry is in the log only where its outcome says so"]
pub struct Staged {
    ticket: u64,
    /// What it is once it is written, unless the disk fails.
    expected: Appended,
}

impl Staged {
    /// The index that the entry gets if everything staged before it is
    /// written. Its outcome has the index that it got.
    #[must_use]
    pub fn expected_index(&self) -> u64 {
        self.expected.index
    }
}

/// An entry of which nothing is written yet.
#[derive(Debug)]
struct Waiting {
    /// Of its record.
    bytes: usize,
    /// The reserve it may use.
    reserve: Option<Reserve>,
}

/// The run being filled: records that are written, then those that are staged.
#[derive(Debug)]
pub(super) struct Stage {
    run: Run,
    /// Bytes of the run that are written.
    written: usize,
    waiting: Vec<Waiting>,
    /// The number of the next entry that is staged.
    ticket: u64,
    /// Of staged entries that were not appended, or not at the index expected.
    outcomes: BTreeMap<u64, Result<Appended, Error>>,
    /// Outcomes of entries before this one are not known any more.
    forgotten: u64,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            run: Run::new(),
            written: 0,
            waiting: Vec::new(),
            ticket: 0,
            outcomes: BTreeMap::new(),
            forgotten: 0,
        }
    }

    /// Bytes of what is staged.
    pub(super) fn staged(&self) -> usize {
        self.run.bytes.len() - self.written
    }

    fn push(&mut self, index: u64, entry: &[u8], reserve: Option<Reserve>) -> Hash {
        let before = self.run.bytes.len();
        let leaf = push_record(&mut self.run.bytes, index, entry);
        self.run.leaves.push(leaf);
        self.waiting.push(Waiting { bytes: self.run.bytes.len() - before, reserve });
        leaf
    }

    /// The number of the first entry that waits.
    fn first(&self) -> u64 {
        self.ticket - self.waiting.len() as u64
    }

    /// Takes back what is staged: the entries, and which reserve each may use.
    fn unstage(&mut self) -> Vec<(Vec<u8>, Option<Reserve>)> {
        let mut rest = self.run.bytes.get(self.written..).unwrap_or_default();
        let mut entries = Vec::with_capacity(self.waiting.len());
        for waiting in &self.waiting {
            let (record, behind) = rest.split_at_checked(waiting.bytes).unwrap_or_default();
            entries.push((record.get(RECORD_HEADER..).unwrap_or_default().into(), waiting.reserve));
            rest = behind;
        }
        self.drop_staged();
        entries
    }

    fn drop_staged(&mut self) {
        self.run.bytes.truncate(self.written);
        self.run.leaves.truncate(self.run.leaves.len() - self.waiting.len());
        self.waiting.clear();
    }

    fn keep(&mut self, ticket: u64, outcome: Result<Appended, Error>) {
        // INVARIANT (bounded): who does not ask in time is told of a failure.
        if self.outcomes.len() >= MAX_OUTCOMES
            && let Some((oldest, _)) = self.outcomes.pop_first()
        {
            self.forgotten = oldest + 1;
        }
        self.outcomes.insert(ticket, outcome);
    }
}

impl Log {
    /// Stages an entry: it has its leaf hash and an index, and is written with
    /// whatever else is staged by [`Log::flush`], or before anything else is
    /// appended. On a full disk it may use `reserve`, where one is given.
    ///
    /// # Errors
    /// The entry is empty or too long, or the log takes no more. Nothing was staged.
    pub fn stage(&mut self, entry: &[u8], reserve: Option<Reserve>) -> Result<Staged, Error> {
        if entry.is_empty() || entry.len() > MAX_ENTRY_BYTES {
            return Err(Error::EntrySize { bytes: entry.len() });
        }
        if self.shared.lost.load(Ordering::Relaxed) {
            return Err(Error::Lost { index: held(&self.shared.group).synced });
        }
        if self.stage.staged() + RECORD_HEADER + entry.len() > MAX_STAGED_BYTES {
            self.flush();
        }
        let index = self.frontier.size() + self.stage.waiting.len() as u64;
        if index >= MAX_ENTRIES {
            return Err(Error::Full);
        }
        let leaf_hash = self.stage.push(index, entry, reserve);
        let ticket = self.stage.ticket;
        self.stage.ticket += 1;
        Ok(Staged { ticket, expected: Appended { index, leaf_hash } })
    }

    /// Writes what is staged with one write. Where that fails, nothing of it
    /// counts as appended; entries that may use a reserve are then appended
    /// one by one, in order, and have other indexes than expected.
    pub fn flush(&mut self) {
        if self.stage.waiting.is_empty() {
            return;
        }
        let first = self.stage.first();
        let outcome = self.make_room().and_then(|()| self.write_staged());
        let Err(error) = outcome else { return };
        for (ticket, (entry, reserve)) in (first..).zip(self.stage.unstage()) {
            let outcome = match reserve {
                Some(reserve) if error.is_storage() => self.append_alone(&entry, reserve),
                _ => Err(error.again()),
            };
            self.stage.keep(ticket, outcome);
        }
    }

    /// What became of a staged entry; flushes first where it still waits.
    ///
    /// INVARIANT (record first): only where this gives an index is the entry
    /// in the log.
    ///
    /// # Errors
    /// As [`Log::append`] and [`Log::append_reserved`]: it is not in the log.
    pub fn outcome(&mut self, staged: Staged) -> Result<Appended, Error> {
        if staged.ticket >= self.stage.first() {
            self.flush();
        }
        if let Some(outcome) = self.stage.outcomes.remove(&staged.ticket) {
            return outcome;
        }
        if staged.ticket < self.stage.forgotten {
            let why = "its outcome was asked for too late";
            return Err(self.io(std::io::Error::other(why)));
        }
        Ok(staged.expected)
    }

    /// The tree over all entries appended, like [`Log::head`]; and hands the
    /// entries since the last call to the publisher, which would otherwise
    /// read those of the last 256 KiB back.
    pub fn hand_over(&mut self) -> Head {
        self.flush();
        self.seal();
        self.frontier.head()
    }

    /// Appends an entry in ordinary space where there is some, else in the reserve.
    fn append_alone(&mut self, entry: &[u8], reserve: Reserve) -> Result<Appended, Error> {
        let index = self.frontier.size();
        let leaf_hash = self.stage.push(index, entry, Some(reserve));
        let outcome = self
            .make_room()
            .and_then(|()| self.write_staged())
            .or_else(|error| self.write_to_reserve(error, reserve));
        match outcome {
            Ok(()) => Ok(Appended { index, leaf_hash }),
            Err(error) => {
                self.stage.drop_staged();
                Err(error)
            }
        }
    }

    /// Writes what is staged, for which the segment has room.
    pub(super) fn write_staged(&mut self) -> Result<(), Error> {
        let bytes = self.stage.run.bytes.get(self.stage.written..).unwrap_or_default();
        let length = bytes.len() as u64;
        if let Err(source) = self.current.file.write_all_at(bytes, self.current.offset) {
            if self.current.kind == Kind::Ordinary {
                // Part of it may stand there: go on in another segment.
                self.current.end = self.current.offset;
            }
            return Err(self.io(source));
        }
        let stage = &mut self.stage;
        if stage.written == 0 {
            let (number, offset) = (self.current.number, self.current.offset);
            stage.run.start = Position { number, offset, index: self.frontier.size() };
        }
        self.current.offset += length;
        stage.written = stage.run.bytes.len();
        let first = stage.run.leaves.len() - stage.waiting.len();
        for leaf in stage.run.leaves.get(first..).unwrap_or_default() {
            stage.run.tops.extend(self.frontier.push(*leaf));
        }
        stage.waiting.clear();
        self.shared.written.store(self.frontier.size(), Ordering::Release);
        if self.stage.written + MAX_STAGED_BYTES > RUN_BYTES {
            self.seal();
        }
        Ok(())
    }

    /// Hands what is written of the run to the publisher, if there is one: a
    /// run is full, or its segment ends.
    pub(super) fn seal(&mut self) {
        let stage = &mut self.stage;
        if stage.written == 0 {
            return;
        }
        let first = stage.run.leaves.len() - stage.waiting.len();
        if !self.shared.publisher_taken.load(Ordering::Acquire) {
            stage.run.bytes.drain(..stage.written);
            stage.run.leaves.drain(..first);
            stage.run.tops.clear();
            stage.written = 0;
            return;
        }
        let mut recent = held(&self.shared.recent);
        let mut next = recent.spare();
        // What is staged moves on; mostly that is nothing.
        next.bytes.extend(stage.run.bytes.drain(stage.written..));
        next.leaves.extend(stage.run.leaves.drain(first..));
        recent.push(std::mem::replace(&mut stage.run, next));
        stage.written = 0;
    }

    pub(super) fn io(&self, source: std::io::Error) -> Error {
        at("append to", &crate::cursor::segments_dir(&self.shared.dir))(source)
    }
}

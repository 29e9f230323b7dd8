//! Entries that the writer keeps in memory until the publisher has them, so
//! that publishing neither reads them back nor hashes them again.

use std::collections::VecDeque;

use tlog_tiles::Hash;

use crate::cursor::Position;
use crate::segment::{FIRST_RECORD, MAX_ENTRY_BYTES, RECORD_HEADER};

/// The most bytes of records that wait for the publisher: a second of 40,000
/// entries of 800 bytes. What comes on top is read back from the segments.
pub(crate) const MAX_RECENT_BYTES: usize = 32 << 20;
/// A run goes to the publisher once it is this long.
pub(crate) const RUN_BYTES: usize = 256 << 10;
/// Empty runs kept for use again, so that memory is not taken and given back
/// all the time: a tenth of a second's.
const MAX_SPARE: usize = 16;

const _: () = assert!(RUN_BYTES >= RECORD_HEADER + MAX_ENTRY_BYTES);

/// Records that follow each other in one segment, as they stand there, and
/// what the writer knows of them.
#[derive(Debug)]
pub(crate) struct Run {
    /// Where the first record stands.
    pub(crate) start: Position,
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaves: Vec<Hash>,
    /// The root over each 256 entries of which the last is in this run.
    pub(crate) tops: Vec<Hash>,
}

impl Run {
    pub(crate) fn new() -> Self {
        let start = Position { number: 0, offset: FIRST_RECORD, index: 0 };
        Self { start, bytes: Vec::new(), leaves: Vec::new(), tops: Vec::new() }
    }

    /// The index after its last entry.
    pub(crate) fn end(&self) -> u64 {
        self.start.index + self.leaves.len() as u64
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.leaves.clear();
        self.tops.clear();
    }
}

/// The runs on their way from the writer to the publisher, in order. Some may
/// be missing between them.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    runs: VecDeque<Run>,
    bytes: usize,
    spare: Vec<Run>,
}

impl Recent {
    /// Takes a full run.
    ///
    /// INVARIANT (bounded): beyond [`MAX_RECENT_BYTES`] it is dropped, and the
    /// publisher reads those entries back.
    pub(crate) fn push(&mut self, run: Run) {
        if self.bytes + run.bytes.len() > MAX_RECENT_BYTES {
            self.give_back(run);
        } else {
            self.bytes += run.bytes.len();
            self.runs.push_back(run);
        }
    }

    /// An empty run.
    pub(crate) fn spare(&mut self) -> Run {
        self.spare.pop().unwrap_or_else(Run::new)
    }

    /// The oldest run, where it starts at or before entry `index`.
    pub(crate) fn take(&mut self, index: u64) -> Option<Run> {
        let run = self.runs.pop_front_if(|run| run.start.index <= index)?;
        self.bytes -= run.bytes.len();
        Some(run)
    }

    /// The index at which the oldest run starts.
    pub(crate) fn front(&self) -> Option<u64> {
        self.runs.front().map(|run| run.start.index)
    }

    /// Takes a run that is not needed any more, for use again.
    pub(crate) fn give_back(&mut self, mut run: Run) {
        if self.spare.len() < MAX_SPARE {
            run.clear();
            self.spare.push(run);
        }
    }

    /// Forgets everything: there is no publisher.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

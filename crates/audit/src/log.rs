//! The writer: one per log.

mod recovery;
mod reserve;
mod stage;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tlog_tiles::Hash;

use crate::cursor::segment_path;
use crate::error::{Error, at};
use crate::merkle::{Frontier, Head};
use crate::publish::{CheckpointRequest, Published, Publisher};
use crate::segment::{FIRST_RECORD, Header, Kind, RECORD_HEADER};
use crate::storage::{Disk, Held, Storage, StorageFile};
use crate::sync::{Dirty, Next, Shared, SyncHandle, held, make_file};

pub use recovery::{Recovery, SetAside};
pub use reserve::Reserve;
pub use stage::{MAX_OUTCOMES, MAX_STAGED_BYTES, Staged};

/// The smallest segment: it holds a header page and the longest entry.
pub const MIN_SEGMENT_BYTES: u64 = 128 * 1024;
/// The largest segment.
pub const MAX_SEGMENT_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Disk space taken at a time, where nothing else is asked for: 64 MiB.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// The reserve for reads, where nothing else is asked for: 4 MiB, some 6,000 entries.
pub const DEFAULT_READS_RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// The reserve for cancels, where nothing else is asked for: 1 MiB, some 1,500 entries.
pub const DEFAULT_CANCELS_RESERVE_BYTES: u64 = 1024 * 1024;
/// Space that a record takes beside its entry, in bytes.
pub const RECORD_OVERHEAD_BYTES: u64 = RECORD_HEADER as u64;

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The log's name: first line of its checkpoints, and the name of its key.
    pub origin: String,
    /// Disk space taken at a time, in bytes.
    pub segment_bytes: u64,
    /// Space kept for [`Reserve::Reads`] when the disk is full, in bytes.
    pub reads_reserve_bytes: u64,
    /// Space kept for [`Reserve::Cancels`] when the disk is full, in bytes.
    pub cancels_reserve_bytes: u64,
    /// While the disk is full, how long an ordinary append fails at once
    /// before one tries again to make a segment.
    pub retry_after: Duration,
    /// Names this run of the machine, so that recovery can tell a crash of the
    /// process (nothing written is missing) from one of the machine (anything
    /// not synced may be). By default the kernel's boot id.
    pub boot: Option<String>,
}

impl Options {
    /// The defaults: [`DEFAULT_SEGMENT_BYTES`], [`DEFAULT_READS_RESERVE_BYTES`],
    /// [`DEFAULT_CANCELS_RESERVE_BYTES`].
    #[must_use]
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            reads_reserve_bytes: DEFAULT_READS_RESERVE_BYTES,
            cancels_reserve_bytes: DEFAULT_CANCELS_RESERVE_BYTES,
            retry_after: Duration::from_millis(100),
            boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .ok()
                .map(|id| id.trim().to_owned()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !signed_note::is_key_name_valid(&self.origin)
            || self.origin.chars().any(char::is_control)
            || self.origin.len() > 256
        {
            return Err(Error::Option(
                "the log's origin must have 1 to 256 characters, without spaces or plus signs",
            ));
        }
        if !(MIN_SEGMENT_BYTES..=MAX_SEGMENT_BYTES).contains(&self.segment_bytes) {
            return Err(Error::Option("a segment must have 128 KiB to 4 GiB"));
        }
        let reserve = self.reads_reserve_bytes.checked_add(self.cancels_reserve_bytes);
        if reserve.is_none_or(|bytes| bytes > MAX_SEGMENT_BYTES) {
            return Err(Error::Option("the reserves must not be larger than 4 GiB together"));
        }
        Ok(())
    }
}

/// An entry that is in the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Appended {
    /// Its index: 0 for the first.
    pub index: u64,
    /// Its leaf hash, `SHA-256(0x00 || entry)`.
    pub leaf_hash: Hash,
}

/// The writer of a log. Appending takes one write into preallocated space;
/// syncing and publishing run beside it.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    frontier: Frontier,
    current: Current,
    reserve: reserve::Budget,
    stage: stage::Stage,
    retry_after: Duration,
    /// While the disk refuses: when to try again, and whether it was full.
    retry: Option<(Instant, bool)>,
    publisher: Option<Publisher>,
    _lock: Box<dyn Held>,
}

/// The segment being written.
#[derive(Debug)]
struct Current {
    number: u32,
    kind: Kind,
    file: Arc<dyn StorageFile>,
    offset: u64,
    end: u64,
}

impl Log {
    /// Opens the log in `dir`, or begins one there, and recovers what a crash left.
    ///
    /// # Errors
    /// Another writer has it; it is another log; entries that were on disk
    /// are damaged or missing (nothing is changed then); no room for a segment.
    pub fn open(dir: &Path, options: &Options) -> Result<(Self, Recovery), Error> {
        Self::open_on(Arc::new(Disk), dir, options)
    }

    /// [`Log::open`] on any storage.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_on(
        storage: Arc<dyn Storage>,
        dir: &Path,
        options: &Options,
    ) -> Result<(Self, Recovery), Error> {
        options.check()?;
        recovery::open(storage, dir, options)
    }

    /// Appends an entry. It survives a crash of this process once this
    /// returns, and one of the machine once it is synced.
    ///
    /// INVARIANT (record first): who appends before sending has the entry in
    /// the log before the byte is out.
    ///
    /// # Errors
    /// Nothing was appended, and the log is as it was: [`Error::NoSpace`] or
    /// [`Error::Io`] (try again, or use a reserve), or the entry is too long.
    /// Where the disk wrote all of it and reported an error nevertheless, a
    /// crash right after may bring the entry back: an entry too many, never
    /// one too few.
    pub fn append(&mut self, entry: &[u8]) -> Result<Appended, Error> {
        let staged = self.stage(entry, None)?;
        self.outcome(staged)
    }

    /// The tree over all entries appended.
    #[must_use]
    pub fn head(&self) -> Head {
        self.frontier.head()
    }

    /// How many entries there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.frontier.size()
    }

    /// A handle that puts entries on disk from other threads.
    #[must_use]
    pub fn sync_handle(&self) -> SyncHandle {
        SyncHandle { shared: Arc::clone(&self.shared) }
    }

    /// The publisher of this log, for a thread of its own: there it takes a
    /// [`Log::head`] read under the writer's lock, and nothing else of the writer's.
    ///
    /// # Errors
    /// There is one already, or what it published before cannot be read.
    pub fn publisher(&self) -> Result<Publisher, Error> {
        Publisher::open(Arc::clone(&self.shared))
    }

    /// Publishes a checkpoint over everything appended so far. This blocks the
    /// writer meanwhile: where entries keep coming, use [`Log::publisher`].
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn publish<E: std::fmt::Display>(
        &mut self,
        sign: impl FnOnce(&CheckpointRequest) -> Result<String, E>,
    ) -> Result<Published, Error> {
        let head = self.hand_over();
        let publisher = match &mut self.publisher {
            Some(publisher) => publisher,
            none => none.insert(Publisher::open(Arc::clone(&self.shared))?),
        };
        publisher.publish(head, sign)
    }

    /// Writes tiles ahead of the next [`Log::publish`].
    #[cfg(test)]
    pub(crate) fn advance(&mut self) -> Result<(), Error> {
        self.hand_over();
        self.publisher.as_mut().map_or(Ok(()), Publisher::advance)
    }

    fn fits(&self) -> bool {
        self.current.offset + self.stage.staged() as u64 <= self.current.end
    }

    /// Sees to it that the current segment is ordinary and takes what is staged.
    fn make_room(&mut self) -> Result<(), Error> {
        if self.current.kind == Kind::Ordinary && self.fits() {
            return Ok(());
        }
        match self.retry {
            Some((at, true)) if Instant::now() < at => return Err(Error::NoSpace),
            Some((at, false)) if Instant::now() < at => {
                return Err(self.io(std::io::Error::other("the disk failed a moment ago")));
            }
            _ => {}
        }
        let outcome = self.roll();
        self.retry = outcome
            .as_ref()
            .err()
            .map(|error| (Instant::now() + self.retry_after, matches!(error, Error::NoSpace)));
        outcome
    }

    /// Goes on in the next ordinary segment.
    fn roll(&mut self) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let mut ready = held(&shared.ready);
        let number = self.next_number()?;
        let next = match ready.next.take().filter(|next| next.number == number) {
            Some(next) => next,
            None => {
                let path = segment_path(&shared.dir, number);
                let file = make_file(&shared, &path, shared.segment_bytes, false)?;
                Next { number, file, name: true }
            }
        };
        let file = Arc::clone(&next.file);
        let begun = self.begin(number, Kind::Ordinary, file, shared.segment_bytes, next.name);
        if begun.is_err() {
            // Kept, so that failing again and again makes no more files.
            ready.next = Some(next);
        }
        begun
    }

    fn next_number(&self) -> Result<u32, Error> {
        self.current.number.checked_add(1).ok_or(Error::Full)
    }

    /// Begins a segment: its header, and its place on the list of the unsynced.
    fn begin(
        &mut self,
        number: u32,
        kind: Kind,
        file: Arc<dyn StorageFile>,
        end: u64,
        name: bool,
    ) -> Result<(), Error> {
        self.seal();
        let header = Header { number, kind, before: self.frontier.clone() };
        file.write_all_at(&header.encode(), 0)
            .map_err(at("write", &segment_path(&self.shared.dir, number)))?;
        let mut group = held(&self.shared.group);
        if let Some(last) = group.dirty.last_mut() {
            last.end = Some(self.frontier.size());
        }
        group.dirty.push(Dirty { number, file: Arc::clone(&file), end: None, name });
        drop(group);
        self.shared.current.store(number, Ordering::Release);
        self.current = Current { number, kind, file, offset: FIRST_RECORD, end };
        Ok(())
    }
}

impl Drop for Log {
    /// Puts what was appended on disk; a failure shows at the next open.
    fn drop(&mut self) {
        let _ = self.sync_handle().sync();
    }
}

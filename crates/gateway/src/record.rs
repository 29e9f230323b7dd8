//! The log's writer, shared by all workers, and how it does.
//!
//! INVARIANT (record first): whoever sends appends here before, and goes on
//! only where that succeeded.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use audit::{Appended, Head, Log, Publisher, Recovery, Reserve, Staged, SyncHandle};
use judge::LogState;
use wire::model::Effect;

use crate::clock::host_nanos;
use crate::config::LogSpace;
use crate::shared::held;

/// Which space an entry may use while the log cannot grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// None: it is refused.
    Ordinary,
    /// The first reserve.
    Read,
    /// The second reserve.
    Cancel,
}

impl Purpose {
    /// What an entry about a request of that effect may use.
    pub(crate) const fn of(effect: Effect) -> Self {
        match effect {
            Effect::Read => Self::Read,
            Effect::Cancel => Self::Cancel,
            _ => Self::Ordinary,
        }
    }

    const fn reserve(self) -> Option<Reserve> {
        match self {
            Self::Ordinary => None,
            Self::Read => Some(Reserve::Reads),
            Self::Cancel => Some(Reserve::Cancels),
        }
    }
}

/// The log's writer.
#[derive(Debug)]
pub(crate) struct LogDesk {
    log: Mutex<Log>,
    sync: SyncHandle,
    directory: PathBuf,
    state: AtomicU8,
    count: AtomicU64,
    /// Entries that could not be written since the start.
    pub(crate) failures: AtomicU64,
    told: AtomicBool,
    covered_at_ns: AtomicU64,
}

impl LogDesk {
    /// Opens the log whose directory has its key's name.
    ///
    /// # Errors
    /// In one line: what is wrong and what to do.
    pub(crate) fn open(directory: &Path, space: LogSpace) -> Result<(Self, Recovery), String> {
        let path = directory.join("vkey");
        let key = std::fs::read_to_string(&path).map_err(|error| {
            format!("`{}` cannot be read ({error}); run `countersign init` first", path.display())
        })?;
        let origin = key
            .split('+')
            .next()
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .ok_or_else(|| format!("`{}` holds no verifier key", path.display()))?;
        let options = audit::Options {
            segment_bytes: space.segment_bytes,
            reads_reserve_bytes: space.reads_reserve_bytes,
            cancels_reserve_bytes: space.cancels_reserve_bytes,
            ..audit::Options::new(origin)
        };
        let (log, recovery) = Log::open(directory, &options)
            .map_err(|error| format!("the log in `{}`: {error}", directory.display()))?;
        let desk = Self {
            sync: log.sync_handle(),
            count: AtomicU64::new(log.count()),
            log: Mutex::new(log),
            directory: directory.to_owned(),
            state: AtomicU8::new(0),
            failures: AtomicU64::new(0),
            told: AtomicBool::new(false),
            covered_at_ns: AtomicU64::new(host_nanos()),
        };
        Ok((desk, recovery))
    }

    /// Where the log is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends an entry; its index. It survives a crash of this process from
    /// then on.
    ///
    /// # Errors
    /// Nothing was written, and whatever the entry allows must not happen.
    pub(crate) fn append(&self, entry: &[u8], purpose: Purpose) -> Result<u64, audit::Error> {
        let mut log = held(&self.log);
        let appended = log.stage(entry, purpose.reserve()).and_then(|staged| log.outcome(staged));
        self.note(log, appended)
    }

    /// Stages an entry: it has its place in the log's order, and is written
    /// together with what else is staged, by the first [`LogDesk::outcome`] or
    /// whatever is appended next.
    ///
    /// # Errors
    /// Nothing was staged, and whatever the entry allows must not happen.
    pub(crate) fn stage(&self, entry: &[u8], purpose: Purpose) -> Result<Staged, audit::Error> {
        let mut log = held(&self.log);
        let staged = log.stage(entry, purpose.reserve());
        drop(log);
        if staged.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        staged
    }

    /// What became of a staged entry: its index. Before this nothing that the
    /// entry allows may happen.
    ///
    /// # Errors
    /// As [`LogDesk::append`].
    pub(crate) fn outcome(&self, staged: Staged) -> Result<u64, audit::Error> {
        let mut log = held(&self.log);
        let appended = log.outcome(staged);
        self.note(log, appended)
    }

    /// Keeps how the log does after an entry was written, or was not.
    fn note(
        &self,
        log: MutexGuard<'_, Log>,
        appended: Result<Appended, audit::Error>,
    ) -> Result<u64, audit::Error> {
        let (on_reserve, count) = (log.on_reserve(), log.count());
        if appended.is_ok() && !on_reserve {
            drop(log);
            // One store at a time is written by whoever held the lock last;
            // both are hints that the next append corrects.
            self.state.store(0, Ordering::Relaxed);
            self.count.store(count, Ordering::Release);
            return appended.map(|appended| appended.index);
        }
        let (reads, cancels) = log.reserve_left();
        drop(log);
        self.state.store(reserve_state(reads, cancels), Ordering::Relaxed);
        self.count.store(count, Ordering::Release);
        if appended.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "the log cannot grow: orders are denied, reads and cancels use the reserve; make \
                 room on the disk of `{}`",
                self.directory.display()
            );
        }
        appended.map(|appended| appended.index)
    }

    /// How the log does, for the judge.
    pub(crate) fn state(&self) -> LogState {
        match self.state.load(Ordering::Relaxed) {
            0 => LogState::Ok,
            1 => LogState::ReserveReads,
            2 => LogState::ReserveCancels,
            _ => LogState::Full,
        }
    }

    /// Entries in the log.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// The tree over everything appended, which is handed to the publisher.
    pub(crate) fn hand_over(&self) -> Head {
        held(&self.log).hand_over()
    }

    /// Host time at which a checkpoint last covered everything appended, or of
    /// the start, Unix ns.
    pub(crate) fn covered_at_ns(&self) -> u64 {
        self.covered_at_ns.load(Ordering::Relaxed)
    }

    /// Takes note that a checkpoint covers what was appended until then.
    pub(crate) fn covered(&self, at_ns: u64) {
        self.covered_at_ns.store(at_ns, Ordering::Relaxed);
    }

    /// Puts entries on disk.
    pub(crate) fn sync_handle(&self) -> SyncHandle {
        self.sync.clone()
    }

    /// The log's one publisher.
    ///
    /// # Errors
    /// There is one already, or the last checkpoint cannot be read.
    pub(crate) fn publisher(&self) -> Result<Publisher, audit::Error> {
        held(&self.log).publisher()
    }
}

/// The reserve state as it is kept: 1 reads, 2 cancels, 3 full. Room for one
/// long entry counts as room.
const fn reserve_state(reads: u64, cancels: u64) -> u8 {
    const ENTRY: u64 = 4 * 1024;
    match (reads >= ENTRY, cancels >= ENTRY) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &Path) -> Result<(LogDesk, Recovery), String> {
        let space = LogSpace {
            segment_bytes: audit::DEFAULT_SEGMENT_BYTES,
            reads_reserve_bytes: audit::DEFAULT_READS_RESERVE_BYTES,
            cancels_reserve_bytes: audit::DEFAULT_CANCELS_RESERVE_BYTES,
        };
        LogDesk::open(directory, space)
    }

    #[test]
    fn entries_are_numbered_over_restarts() {
        let directory = tempfile::tempdir().unwrap();
        assert!(open(directory.path()).unwrap_err().contains("countersign init"));
        std::fs::write(directory.path().join("vkey"), "log.test+00000000+AAAA\n").unwrap();
        let (desk, recovery) = open(directory.path()).unwrap();
        assert!(recovery.created);
        assert_eq!(desk.append(b"a", Purpose::Ordinary).unwrap(), 0);
        assert_eq!(desk.append(b"b", Purpose::Cancel).unwrap(), 1);
        assert_eq!((desk.count(), desk.state()), (2, LogState::Ok));
        drop(desk);
        let (desk, _) = open(directory.path()).unwrap();
        assert_eq!(desk.count(), 2);
        assert_eq!(desk.append(b"c", Purpose::Read).unwrap(), 2);
    }

    #[test]
    fn staged_entries_keep_their_order_and_are_counted_once_they_are_written() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("vkey"), "log.test+00000000+AAAA\n").unwrap();
        let (desk, _) = open(directory.path()).unwrap();
        let first = desk.stage(b"first", Purpose::Ordinary).unwrap();
        let second = desk.stage(b"second", Purpose::Cancel).unwrap();
        let reader = audit::Reader::open(directory.path()).unwrap();
        assert_eq!((desk.count(), reader.count().unwrap()), (0, 0));
        assert_eq!(desk.append(b"third", Purpose::Read).unwrap(), 2);
        assert_eq!(desk.count(), 3);
        // INVARIANT (record first): the outcome comes after the write.
        assert_eq!(desk.outcome(second).unwrap(), 1);
        assert_eq!(desk.outcome(first).unwrap(), 0);
        assert_eq!(reader.entry(0).unwrap().bytes, b"first");
        assert!(desk.stage(b"", Purpose::Ordinary).is_err());
        assert_eq!(desk.failures.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_is_handed_over_is_written_first() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("vkey"), "log.test+00000000+AAAA\n").unwrap();
        let (desk, _) = open(directory.path()).unwrap();
        let staged = desk.stage(b"staged", Purpose::Ordinary).unwrap();
        assert_eq!(desk.hand_over().size, 1);
        assert_eq!(desk.outcome(staged).unwrap(), 0);
    }

    #[test]
    fn a_reserve_that_runs_out_is_said() {
        assert_eq!(reserve_state(4096, 0), 1);
        assert_eq!(reserve_state(0, 4096), 2);
        assert_eq!(reserve_state(0, 0), 3);
    }

    #[test]
    fn only_reads_and_cancels_have_a_reserve() {
        assert_eq!(Purpose::of(Effect::Read), Purpose::Read);
        assert_eq!(Purpose::of(Effect::Cancel), Purpose::Cancel);
        for effect in [Effect::Order, Effect::HarmlessSetting, Effect::ValueOut] {
            assert_eq!(Purpose::of(effect), Purpose::Ordinary);
        }
    }
}

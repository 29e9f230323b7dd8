//! Puts entries on disk beside the writer: group commit, and segments made
//! ready ahead of need.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cursor::{Cursor, Position, Step, segment_path, segments_dir};
use crate::error::{Error, at};
use crate::recent::Recent;
use crate::segment::{FIRST_RECORD, SYNC_MARK_AT, encode_sync_mark};
use crate::storage::{Access, Storage, StorageFile, read_full, write_zeros_at};

/// What the writer and the threads beside it share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) dir: PathBuf,
    pub(crate) origin: String,
    pub(crate) segment_bytes: u64,
    pub(crate) reserve_bytes: u64,
    /// Entries handed to the operating system.
    pub(crate) written: AtomicU64,
    /// The segment being written.
    pub(crate) current: AtomicU32,
    /// Set for good once written entries may be lost.
    pub(crate) lost: AtomicBool,
    pub(crate) publisher_taken: AtomicBool,
    pub(crate) group: Mutex<Group>,
    pub(crate) finished: Condvar,
    pub(crate) ready: Mutex<Ready>,
    /// What the writer keeps for the publisher.
    pub(crate) recent: Mutex<Recent>,
}

/// The state of group commit.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Entries on disk.
    pub(crate) synced: u64,
    running: bool,
    /// Failed runs so far: a waiter that saw one begin and fail returns.
    failures: u64,
    /// The disk failed since: what is not on disk must be written again.
    rewrite: bool,
    /// Segments with entries that may not be on disk, in order.
    pub(crate) dirty: Vec<Dirty>,
}

/// A segment with entries that may not be on disk. There are as many as were
/// begun since the last sync.
#[derive(Clone, Debug)]
pub(crate) struct Dirty {
    pub(crate) number: u32,
    pub(crate) file: Arc<dyn StorageFile>,
    /// The first index of the segment after it, once that is begun.
    pub(crate) end: Option<u64>,
    /// Its name may not be on disk yet.
    pub(crate) name: bool,
}

/// Files made ahead of need.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) next: Option<Next>,
    pub(crate) reserve: Option<Arc<dyn StorageFile>>,
}

/// A segment that was made, but not begun.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub(crate) number: u32,
    pub(crate) file: Arc<dyn StorageFile>,
    /// Its name may not be on disk yet.
    pub(crate) name: bool,
}

/// The reserve's file, until it is used.
pub(crate) fn reserve_path(shared: &Shared) -> PathBuf {
    segments_dir(&shared.dir).join("reserve")
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts entries on disk, from any thread; cheap to clone.
#[derive(Clone, Debug)]
pub struct SyncHandle {
    pub(crate) shared: Arc<Shared>,
}

impl SyncHandle {
    /// Returns once entry `index` and all before it are on disk. Callers that
    /// come while a sync runs share the next one.
    ///
    /// # Errors
    /// The disk failed: the entry may be lost, so what it allows must not
    /// happen. A later call tries again.
    pub fn sync_through(&self, index: u64) -> Result<(), Error> {
        let written = self.shared.written.load(Ordering::Acquire);
        if index >= written {
            return Err(Error::NoEntry { index, count: written });
        }
        self.sync_to(index + 1)
    }

    /// Puts everything written so far on disk; the number of entries there.
    ///
    /// # Errors
    /// The disk failed; a later call tries again.
    pub fn sync(&self) -> Result<u64, Error> {
        self.sync_to(self.shared.written.load(Ordering::Acquire))?;
        Ok(self.synced())
    }

    /// How many entries are on disk.
    #[must_use]
    pub fn synced(&self) -> u64 {
        held(&self.shared.group).synced
    }

    /// Syncs at every `interval` where there is something to sync, and makes
    /// segments ready ahead of need, until `stop` is set. `heard` is told of each
    /// round; the loop goes on after a failure.
    pub fn run(
        &self,
        interval: Duration,
        stop: &AtomicBool,
        mut heard: impl FnMut(Result<(), Error>),
    ) {
        while !stop.load(Ordering::Acquire) {
            std::thread::sleep(interval);
            // Both are tried, whatever the first came to.
            let (synced, prepared) = (self.sync(), self.prepare());
            heard(synced.map(drop).and(prepared));
        }
    }

    fn sync_to(&self, count: u64) -> Result<(), Error> {
        let mut group = held(&self.shared.group);
        let mut failures = None;
        loop {
            if group.synced >= count {
                return Ok(());
            }
            if !group.running {
                group.running = true;
                break;
            }
            // The run that was under way when we came says nothing about us;
            // one that began later and failed does.
            let before = *failures.get_or_insert(group.failures);
            group = self.shared.finished.wait(group).unwrap_or_else(PoisonError::into_inner);
            if group.failures > before + 1 && group.synced < count {
                return Err(Error::Io {
                    doing: "sync",
                    path: self.shared.dir.clone(),
                    source: std::io::Error::other("the sync shared with other callers failed"),
                });
            }
        }
        // `written` is read first: whatever segment holds these entries was
        // put on the list before they were counted.
        let target = self.shared.written.load(Ordering::Acquire);
        let dirty = group.dirty.clone();
        let rewrite = group.rewrite;
        drop(group);
        let outcome = self.run_once(&dirty, rewrite, target);
        let mut group = held(&self.shared.group);
        group.running = false;
        match &outcome {
            Ok(()) => {
                group.synced = target;
                group.rewrite = false;
                group.dirty.retain(|dirty| dirty.end.is_none_or(|end| end > target));
                for left in &mut group.dirty {
                    left.name &= !dirty.iter().any(|done| done.number == left.number);
                }
            }
            Err(_) => {
                group.failures += 1;
                group.rewrite = true;
            }
        }
        self.shared.finished.notify_all();
        outcome
    }

    fn run_once(&self, dirty: &[Dirty], rewrite: bool, target: u64) -> Result<(), Error> {
        if rewrite {
            self.rewrite(dirty, target)?;
        }
        let path = segments_dir(&self.shared.dir);
        for segment in dirty {
            segment.file.sync_data().map_err(at("sync", &path))?;
        }
        if dirty.iter().any(|segment| segment.name) {
            self.shared.storage.sync_dir(&path).map_err(at("sync", &path))?;
        }
        if let Some(last) = dirty.last() {
            // Says which entries had been on disk, to whoever recovers. It
            // reaches the disk with the next sync, so it never claims too much.
            last.file
                .write_all_at(&encode_sync_mark(target), SYNC_MARK_AT)
                .map_err(at("write the sync mark of", &path))?;
        }
        Ok(())
    }

    /// After a failed `fdatasync` the kernel may have dropped the bytes and
    /// counted them as written: a second one that succeeds proves nothing. So
    /// they are read back, checked, and written again first.
    fn rewrite(&self, dirty: &[Dirty], target: u64) -> Result<(), Error> {
        let shared = &self.shared;
        let Some(first) = dirty.first() else { return Ok(()) };
        let start = crate::cursor::Page::read(&*shared.storage, &shared.dir, first.number)?
            .and_then(|page| page.first_index());
        let lost = |index| {
            shared.lost.store(true, Ordering::Release);
            Err(Error::Lost { index })
        };
        let Some(start) = start else { return lost(held(&shared.group).synced) };
        let position = Position { number: first.number, offset: FIRST_RECORD, index: start };
        let mut cursor = Cursor::new(Arc::clone(&shared.storage), &shared.dir, position);
        let mut ends: Vec<(u32, u64)> = Vec::new();
        while cursor.position().index < target {
            if let Step::Stop(_) = cursor.step()? {
                return lost(cursor.position().index);
            }
            let now = cursor.position();
            match ends.last_mut() {
                Some((number, end)) if *number == now.number => *end = now.offset,
                _ => ends.push((now.number, now.offset)),
            }
        }
        for segment in dirty {
            // A segment without entries still has its header to keep.
            let found = ends.iter().find(|(number, _)| *number == segment.number);
            let end = found.map_or(FIRST_RECORD, |(_, end)| *end);
            let path = segment_path(&shared.dir, segment.number);
            rewrite_range(&*segment.file, 0, end).map_err(at("rewrite", &path))?;
        }
        Ok(())
    }

    /// Makes the next segment and the reserve ready, where they are missing:
    /// disk space taken, zeros written, names on disk. Call it beside
    /// [`SyncHandle::sync`]; without it the writer makes segments itself.
    ///
    /// # Errors
    /// There is no room, or the disk failed; what is there stays usable.
    pub fn prepare(&self) -> Result<(), Error> {
        let shared = &self.shared;
        let mut ready = held(&shared.ready);
        let number = shared.current.load(Ordering::Acquire).saturating_add(1);
        let mut made = false;
        // The reserve first: it is what is left when there is no room.
        if ready.reserve.is_none() {
            let path = reserve_path(shared);
            ready.reserve = Some(make_file(shared, &path, shared.reserve_bytes, true)?);
            made = true;
        }
        if ready.next.as_ref().is_none_or(|next| next.number != number) {
            let path = segment_path(&shared.dir, number);
            let file = make_file(shared, &path, shared.segment_bytes, true)?;
            ready.next = Some(Next { number, file, name: true });
            made = true;
        }
        if made {
            let path = segments_dir(&shared.dir);
            shared.storage.sync_dir(&path).map_err(at("sync", &path))?;
            if let Some(next) = &mut ready.next {
                next.name = false;
            }
        }
        Ok(())
    }
}

/// How many zeros are written between two syncs.
const ZEROS_AT_A_TIME: u64 = 4 << 20;

/// Makes a blank file of `length` bytes; removes what it began where it cannot.
/// With `zeros`, they are written and synced, off the path, so that syncing
/// records later is a plain overwrite.
pub(crate) fn make_file(
    shared: &Shared,
    path: &std::path::Path,
    length: u64,
    zeros: bool,
) -> Result<Arc<dyn StorageFile>, Error> {
    let storage = &shared.storage;
    storage.remove(path).map_err(at("remove", path))?;
    let make = || -> std::io::Result<Arc<dyn StorageFile>> {
        let file = storage.open(path, Access::Create)?;
        file.allocate(length)?;
        if zeros {
            // A little at a time: entries are synced beside this.
            let mut offset = 0;
            while offset < length {
                let end = (offset + ZEROS_AT_A_TIME).min(length);
                write_zeros_at(&*file, offset, end)?;
                file.sync_data()?;
                offset = end;
            }
        }
        Ok(file)
    };
    make().map_err(|error| {
        // Nothing stands on it: a half-made file is made anew next time.
        let _ = storage.remove(path);
        at("create", path)(error)
    })
}

/// Writes bytes over themselves, so that the next sync puts them on disk
/// whatever became of an earlier one.
pub(crate) fn rewrite_range(file: &dyn StorageFile, from: u64, end: u64) -> std::io::Result<()> {
    let mut bytes = vec![0; 1 << 20];
    let mut offset = from;
    while offset < end {
        let take = usize::try_from(end - offset).unwrap_or(usize::MAX).min(bytes.len());
        let Some(part) = bytes.get_mut(..take) else { break };
        if read_full(file, part, offset)? < take {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        file.write_all_at(part, offset)?;
        offset += take as u64;
    }
    Ok(())
}

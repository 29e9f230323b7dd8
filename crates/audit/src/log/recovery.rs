//! What a crash left, put in order: entries are never dropped that had been
//! on disk, and what cannot be told apart from tampering is refused.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};

use super::{Current, Log, Options, reserve};
use crate::checkpoint::{CHECKPOINT_FILE, MAX_CHECKPOINT_BYTES, read_unverified};
use crate::cursor::{
    Cursor, Page, Position, Step, Stop, newest_sync_mark, segment_numbers, segment_path,
    segments_dir,
};
use crate::error::{Error, at};
use crate::merkle::{Frontier, Head};
use crate::segment::{FIRST_RECORD, Header, Kind, SYNC_MARK_AT, encode_sync_mark};
use crate::storage::{Access, Storage, StorageFile, read_full, read_small, write_atomic};
use crate::sync::{Dirty, Group, Ready, Shared, make_file, reserve_path, rewrite_range};
use crate::tail;

/// What opening a log found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the log was begun now.
    pub created: bool,
    /// Entries in the log.
    pub entries: u64,
    /// Entries read and hashed again at this opening: those that a crash can reach.
    pub checked: u64,
    /// Bytes of an unfinished record at the end that were cleared. They had
    /// never been reported as synced.
    pub torn_bytes: u64,
    /// Entries after a gap that a crash of the machine left, and where they were put.
    pub set_aside: Option<SetAside>,
    /// The size of the checkpoint on disk, whose root the entries were checked against.
    pub checkpoint: Option<u64>,
    /// Whether the reserves have their disk space.
    pub reserve_ready: bool,
}

/// Entries that no longer follow on the log, because the machine crashed
/// before the ones in front of them were on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The directory with the bytes as they were found.
    pub dir: PathBuf,
    /// How many records among them are whole.
    pub entries: u64,
}

/// The most bytes read at a time.
const CHUNK: usize = 1 << 20;
const ORIGIN_FILE: &str = "origin";
const BOOT_FILE: &str = "boot";

pub(super) fn open(
    storage: Arc<dyn Storage>,
    dir: &Path,
    options: &Options,
) -> Result<(Log, Recovery), Error> {
    let segments = segments_dir(dir);
    storage.create_dir(&segments).map_err(at("create", &segments))?;
    let lock = dir.join("lock");
    let held = storage.lock(&lock).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked { path: lock.clone() },
        _ => at("lock", &lock)(error),
    })?;
    check_origin(&*storage, dir, &options.origin)?;
    let boot = read_small(&*storage, &dir.join(BOOT_FILE), 4096)
        .map_err(at("read", &dir.join(BOOT_FILE)))?;
    let same_boot = boot.is_some() && boot == options.boot.clone().map(String::into_bytes);

    let shared = Arc::new(Shared {
        storage: Arc::clone(&storage),
        dir: dir.to_owned(),
        origin: options.origin.clone(),
        segment_bytes: options.segment_bytes,
        reserve_bytes: FIRST_RECORD + options.reads_reserve_bytes + options.cancels_reserve_bytes,
        written: AtomicU64::new(0),
        current: AtomicU32::new(0),
        lost: AtomicBool::new(false),
        publisher_taken: AtomicBool::new(false),
        group: Mutex::new(Group::default()),
        finished: Condvar::new(),
        ready: Mutex::new(Ready::default()),
    });

    let checkpoint = checkpoint_head(&*storage, dir)?;
    let mut found = Walk::run(&storage, dir, checkpoint)?;
    let mut recovery = Recovery {
        created: found.last.is_none(),
        entries: found.frontier.size(),
        checked: found.checked,
        checkpoint: checkpoint.map(|head| head.size),
        ..Recovery::default()
    };
    found.clear_tail(&storage, dir, same_boot, &mut recovery)?;
    let current = current_segment(&shared, &found)?;
    put_on_disk(&shared, dir, &found, &current)?;
    if !same_boot {
        note_boot(&*storage, dir, options.boot.as_deref());
    }
    let reserve = reserve_ready(&shared);
    recovery.reserve_ready = reserve.is_some();

    let count = found.frontier.size();
    shared.written.store(count, std::sync::atomic::Ordering::Release);
    shared.current.store(current.number, std::sync::atomic::Ordering::Release);
    {
        let mut group = crate::sync::held(&shared.group);
        group.synced = count;
        let file = Arc::clone(&current.file);
        group.dirty.push(Dirty { number: current.number, file, end: None, name: false });
        crate::sync::held(&shared.ready).reserve = reserve;
    }
    // What a reserve in use held for reads is not known any more: the rest is for cancels.
    let left = if current.kind == Kind::Reserve { current.end - current.offset } else { 0 };
    let log = Log {
        shared,
        frontier: found.frontier,
        current,
        reserve: reserve::Budget {
            reads: 0,
            cancels: left,
            full_reads: options.reads_reserve_bytes,
            full_cancels: options.cancels_reserve_bytes,
        },
        record: Vec::new(),
        retry_after: options.retry_after,
        retry: None,
        publisher: None,
        _lock: held,
    };
    Ok((log, recovery))
}

fn check_origin(storage: &dyn Storage, dir: &Path, origin: &str) -> Result<(), Error> {
    let path = dir.join(ORIGIN_FILE);
    match read_small(storage, &path, 4096).map_err(at("read", &path))? {
        Some(found) if found.strip_suffix(b"\n").unwrap_or(&found) == origin.as_bytes() => Ok(()),
        Some(found) => Err(Error::Origin {
            expected: origin.to_owned(),
            found: String::from_utf8_lossy(&found).trim().to_owned(),
        }),
        None => {
            write_atomic(storage, &path, format!("{origin}\n").as_bytes())
                .map_err(at("write", &path))?;
            storage.sync_dir(dir).map_err(at("sync", dir))?;
            // Whose directory that is, we may not be allowed to open.
            let _ = dir.parent().map(|parent| storage.sync_dir(parent));
            Ok(())
        }
    }
}

/// Size and root of the checkpoint on disk. Its signature is for who verifies;
/// here it is a second record of what was on disk.
fn checkpoint_head(storage: &dyn Storage, dir: &Path) -> Result<Option<Head>, Error> {
    let path = dir.join(CHECKPOINT_FILE);
    let note = read_small(storage, &path, MAX_CHECKPOINT_BYTES).map_err(at("read", &path))?;
    Ok(note.map(|note| read_unverified(&note)).transpose()?.map(|checkpoint| checkpoint.head()))
}

/// What reading the log through to its end found.
struct Walk {
    frontier: Frontier,
    checked: u64,
    /// The segments read, from the first that a crash can have touched.
    first: u32,
    /// The last segment in use; none in a new log.
    last: Option<Last>,
    stop: Stop,
    /// Where the entries end that the sync mark says are on disk.
    marked: Option<Position>,
    /// Entries that must be there: the sync mark and the checkpoint say so.
    expected: u64,
}

struct Last {
    at: Position,
    header: Option<Header>,
    before: Frontier,
}

impl Walk {
    fn run(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        checkpoint: Option<Head>,
    ) -> Result<Self, Error> {
        let numbers = segment_numbers(&**storage, dir)?;
        let mark = newest_sync_mark(&**storage, dir)?;
        let expected = mark.max(checkpoint.map_or(0, |head| head.size));
        let (first, mut frontier) = start(&**storage, dir, &numbers, mark)?;
        let position = Position { number: first, offset: FIRST_RECORD, index: frontier.size() };
        let begun = frontier.size();
        let mut cursor = Cursor::new(Arc::clone(storage), dir, position);
        let enter = |number, frontier: &Frontier| segment_start(&**storage, dir, number, frontier);
        let mut last = match numbers.contains(&first) {
            true => Some(enter(first, &frontier)?),
            false => None,
        };
        check_root(&frontier, checkpoint)?;
        let mut marked = (begun == mark).then_some(position);
        let stop = loop {
            let leaf = match cursor.step()? {
                Step::Stop(stop) => break stop,
                Step::Entry { leaf, .. } => leaf,
            };
            let number = cursor.position().number;
            if last.as_ref().is_none_or(|last| last.at.number != number) {
                last = Some(enter(number, &frontier)?);
            }
            frontier.push(leaf);
            check_root(&frontier, checkpoint)?;
            if frontier.size() == mark {
                marked = Some(cursor.position());
            }
        };
        if let Some(found) = &mut last {
            let at = cursor.position();
            if at.number != found.at.number {
                *found = enter(at.number, &frontier)?;
            }
            found.at = at;
        }
        let walk = Self {
            checked: frontier.size() - begun,
            frontier,
            first,
            last,
            stop,
            marked,
            expected,
        };
        if walk.frontier.size() < expected {
            return Err(walk.missing(&**storage, dir, &cursor));
        }
        Ok(walk)
    }

    /// Why there are fewer entries than there were.
    fn missing(&self, storage: &dyn Storage, dir: &Path, cursor: &Cursor) -> Error {
        let damaged = || Error::Damaged(cursor.damage(&self.stop));
        if self.stop != Stop::Blank {
            return damaged();
        }
        match self.last.as_ref().map(|last| tail::behind(storage, dir, last.at)) {
            Some(Ok(tail)) if tail.whole > 0 => damaged(),
            _ => Error::Truncated { found: self.frontier.size(), expected: self.expected },
        }
    }

    /// Clears what is behind the last entry.
    fn clear_tail(
        &mut self,
        storage: &Arc<dyn Storage>,
        dir: &Path,
        same_boot: bool,
        recovery: &mut Recovery,
    ) -> Result<(), Error> {
        let Some(last) = &self.last else { return Ok(()) };
        let tail = tail::behind(&**storage, dir, last.at)?;
        if tail.whole > 0 {
            // Whole records behind a gap. While the machine has not crashed,
            // nothing that was written can be missing: this is damage.
            if same_boot {
                let cursor = Cursor::new(Arc::clone(storage), dir, last.at);
                return Err(Error::Damaged(cursor.damage(&self.stop)));
            }
            let kept = set_aside(&**storage, dir, last.at)?;
            recovery.set_aside = Some(SetAside { dir: kept, entries: tail.whole });
        }
        recovery.torn_bytes = tail.bytes;
        let path = segment_path(dir, last.at.number);
        if tail.end > last.at.offset {
            let file = storage.open(&path, Access::Write).map_err(at("open", &path))?;
            crate::storage::write_zeros_at(&*file, last.at.offset, tail.end)
                .map_err(at("clear the end of", &path))?;
        }
        for number in segment_numbers(&**storage, dir)? {
            if number > last.at.number {
                let path = segment_path(dir, number);
                storage.remove(&path).map_err(at("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// The newest segment from which everything that a crash can have touched is
/// read: the newest of which an entry had been on disk.
fn start(
    storage: &dyn Storage,
    dir: &Path,
    numbers: &[u32],
    mark: u64,
) -> Result<(u32, Frontier), Error> {
    for (position, number) in numbers.iter().enumerate() {
        if u32::try_from(position).ok() != Some(*number) {
            return Err(Error::Damaged(crate::error::Damage {
                index: 0,
                segment: u32::try_from(position).unwrap_or(u32::MAX),
                offset: 0,
                why: "a segment file is missing; its first entry is not known".to_owned(),
            }));
        }
    }
    for number in numbers.iter().rev() {
        let header = Page::read(storage, dir, *number)?.and_then(|page| page.header);
        if let Some(header) = header
            && header.before.size() < mark
        {
            return Ok((*number, header.before));
        }
    }
    Ok((0, Frontier::default()))
}

/// Notes where a segment starts; its header must agree with what came before.
fn segment_start(
    storage: &dyn Storage,
    dir: &Path,
    number: u32,
    before: &Frontier,
) -> Result<Last, Error> {
    let header = Page::read(storage, dir, number)?.and_then(|page| page.header);
    if header.as_ref().is_some_and(|header| header.before != *before) {
        return Err(Error::Mismatch {
            size: before.size(),
            why: "the next segment's header was written over other entries",
        });
    }
    let at = Position { number, offset: FIRST_RECORD, index: before.size() };
    Ok(Last { at, header, before: before.clone() })
}

fn check_root(frontier: &Frontier, checkpoint: Option<Head>) -> Result<(), Error> {
    match checkpoint {
        Some(head) if head.size == frontier.size() && head.root != frontier.root() => {
            Err(Error::Mismatch { size: head.size, why: "the checkpoint has another root" })
        }
        _ => Ok(()),
    }
}

/// Copies what stands behind a position, as it was found.
fn set_aside(storage: &dyn Storage, dir: &Path, from: Position) -> Result<PathBuf, Error> {
    let parent = dir.join("set-aside");
    let taken = storage.list(&parent).map_err(at("list", &parent))?;
    let name = (0..=taken.len()).map(|n| format!("{}-{n}", from.index));
    let kept = parent.join(name.into_iter().find(|name| !taken.contains(name)).unwrap_or_default());
    storage.create_dir(&kept).map_err(at("create", &kept))?;
    for number in segment_numbers(storage, dir)? {
        if number < from.number {
            continue;
        }
        let path = segment_path(dir, number);
        let source = storage.open(&path, Access::Read).map_err(at("open", &path))?;
        let begin = if number == from.number { from.offset } else { 0 };
        let (end, _) = tail::scan(&*source, begin, u64::MAX).map_err(at("read", &path))?;
        let target = kept.join(format!("{number:010}-{begin}"));
        let copy = || -> std::io::Result<()> {
            let file = storage.open(&target, Access::Create)?;
            let mut bytes = vec![0; CHUNK];
            let mut offset = begin;
            while offset < end {
                let take = usize::try_from(end - offset).unwrap_or(CHUNK).min(CHUNK);
                let Some(part) = bytes.get_mut(..take) else { break };
                let count = read_full(&*source, part, offset)?;
                file.write_all_at(part.get(..count).unwrap_or_default(), offset - begin)?;
                offset += take as u64;
            }
            file.sync_data()
        };
        copy().map_err(at("write", &target))?;
    }
    for path in [&kept, &parent, &dir.to_owned()] {
        storage.sync_dir(path).map_err(at("sync", path))?;
    }
    Ok(kept)
}

/// The segment to go on in.
fn current_segment(shared: &Shared, found: &Walk) -> Result<Current, Error> {
    let Some(last) = &found.last else {
        let path = segment_path(&shared.dir, 0);
        let file = make_file(shared, &path, shared.segment_bytes, false)?;
        let header = Header { number: 0, kind: Kind::Ordinary, before: Frontier::default() };
        file.write_all_at(&header.encode(), 0).map_err(at("write", &path))?;
        return Ok(Current {
            number: 0,
            kind: Kind::Ordinary,
            file,
            offset: FIRST_RECORD,
            end: shared.segment_bytes,
        });
    };
    let path = segment_path(&shared.dir, last.at.number);
    let file = shared.storage.open(&path, Access::Write).map_err(at("open", &path))?;
    let kind = last.header.as_ref().map_or(Kind::Ordinary, |header| header.kind);
    if last.header.is_none() {
        let header = Header { number: last.at.number, kind, before: last.before.clone() };
        file.write_all_at(&header.encode(), 0).map_err(at("write", &path))?;
    }
    let end = file.len().map_err(at("measure", &path))?.max(last.at.offset);
    Ok(Current { number: last.at.number, kind, file, offset: last.at.offset, end })
}

/// Puts what was recovered on disk, and says so.
fn put_on_disk(shared: &Shared, dir: &Path, found: &Walk, current: &Current) -> Result<(), Error> {
    let storage = &*shared.storage;
    for number in found.first..=current.number {
        let path = segment_path(dir, number);
        let file = storage.open(&path, Access::Write).map_err(at("open", &path))?;
        let end = match number == current.number {
            true => current.offset,
            false => file.len().map_err(at("measure", &path))?,
        };
        // Before the crash a sync may have failed, and left bytes in memory
        // that count as written: so what no mark vouches for is written again.
        let from = found
            .marked
            .filter(|at| at.number >= number)
            .map_or(FIRST_RECORD, |at| if at.number == number { at.offset } else { end });
        rewrite_range(&*file, 0, FIRST_RECORD.min(end)).map_err(at("rewrite", &path))?;
        rewrite_range(&*file, from, end).map_err(at("rewrite", &path))?;
        file.sync_data().map_err(at("sync", &path))?;
    }
    let path = segment_path(dir, current.number);
    current
        .file
        .write_all_at(&encode_sync_mark(found.frontier.size()), SYNC_MARK_AT)
        .map_err(at("write", &path))?;
    let segments = segments_dir(dir);
    storage.sync_dir(&segments).map_err(at("sync", &segments))?;
    storage.sync_dir(dir).map_err(at("sync", dir))
}

/// Notes under which boot the log is written. On a full disk this may fail,
/// and the log is opened nevertheless, for its reserves: the next opening then
/// takes this for an earlier boot, and allows for a crash of the machine.
fn note_boot(storage: &dyn Storage, dir: &Path, boot: Option<&str>) {
    let path = dir.join(BOOT_FILE);
    let _ = write_atomic(storage, &path, boot.unwrap_or_default().as_bytes());
}

/// The reserve's file, where it has its space.
fn reserve_ready(shared: &Shared) -> Option<Arc<dyn StorageFile>> {
    let path = reserve_path(shared);
    let found = shared.storage.open(&path, Access::Write);
    match found {
        Ok(file) if file.len().ok()? == shared.reserve_bytes => Some(file),
        _ => make_file(shared, &path, shared.reserve_bytes, false).ok(),
    }
}

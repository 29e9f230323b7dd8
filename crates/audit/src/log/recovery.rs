//! What a crash left, put in order: entries are never dropped that had been
//! on disk, and what cannot be told apart from tampering is refused.

mod walk;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};

use super::stage::Stage;
use super::{Current, Log, Options, reserve};
use crate::checkpoint::{CHECKPOINT_FILE, MAX_CHECKPOINT_BYTES, read_unverified};
use crate::cursor::{segment_path, segments_dir};
use crate::error::{Error, at};
use crate::merkle::{Frontier, Head};
use crate::segment::{FIRST_RECORD, Header, Kind, SYNC_MARK_AT, encode_sync_mark};
use crate::storage::{Access, Storage, StorageFile, read_small, write_atomic};
use crate::sync::{Dirty, Group, Ready, Shared, make_file, reserve_path, rewrite_range};
use walk::Walk;

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
        recent: Mutex::default(),
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
        stage: Stage::new(),
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

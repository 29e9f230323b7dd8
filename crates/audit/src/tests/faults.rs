//! A disk in memory that fails on demand, and that can crash: with the
//! process alone (everything written is there), or with the machine (of what
//! was not synced, any sectors may be there or not).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::storage::{Access, Held, Storage, StorageFile};

const SECTOR: usize = 512;

/// A generator that a seed replays (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[derive(Clone, Debug, Default)]
struct Bytes {
    cache: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    taken: u64,
}

#[derive(Clone, Debug)]
enum NameChange {
    Create(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Bytes>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    changes: Vec<NameChange>,
    next: u64,
    locked: bool,
    /// Bytes of space left; none is no limit.
    space: Option<u64>,
    /// Writes until one fails, in the middle.
    write_fails_in: Option<u64>,
    /// Syncs until one fails, losing what it should have written.
    sync_fails_in: Option<u64>,
    /// Whether the failed sync also throws the cached bytes away.
    drops_cache: bool,
    /// How many times files were synced, and written.
    syncs: u64,
    writes: u64,
    bytes_read: u64,
}

/// The disk.
#[derive(Debug, Default)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct FaultyFile {
    state: Arc<Mutex<State>>,
    id: u64,
}

#[derive(Debug)]
struct FaultyLock(Arc<Mutex<State>>);

impl Held for FaultyLock {}

impl Drop for FaultyLock {
    fn drop(&mut self) {
        self.0.lock().unwrap().locked = false;
    }
}

fn failed() -> io::Error {
    io::Error::other("injected failure")
}

impl FaultyDisk {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Leaves this much room, or no limit.
    pub(super) fn set_space(&self, space: Option<u64>) {
        self.state().space = space;
    }

    pub(super) fn fail_write_in(&self, writes: u64) {
        self.state().write_fails_in = Some(writes);
    }

    pub(super) fn fail_sync_in(&self, syncs: u64, drops_cache: bool) {
        let mut state = self.state();
        state.sync_fails_in = Some(syncs);
        state.drops_cache = drops_cache;
    }

    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.write_fails_in = None;
        state.sync_fails_in = None;
    }

    pub(super) fn writes(&self) -> u64 {
        self.state().writes
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.state().bytes_read
    }

    pub(super) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// What a new process finds after this one was killed.
    pub(super) fn process_crash(&self) -> Arc<Self> {
        let state = self.state();
        let names = state.names.clone();
        let copy = State {
            files: state.files.clone(),
            names,
            durable_names: state.durable_names.clone(),
            changes: state.changes.clone(),
            next: state.next,
            space: state.space,
            ..State::default()
        };
        Arc::new(Self { state: Arc::new(Mutex::new(copy)) })
    }

    /// What is found after the power was cut: names as after some first part of
    /// their changes, and of the unsynced sectors any.
    pub(super) fn machine_crash(&self, dice: &mut Dice) -> Arc<Self> {
        let state = self.state();
        let mut names = state.durable_names.clone();
        let kept = dice.below(state.changes.len() as u64 + 1);
        for change in state.changes.iter().take(kept as usize) {
            apply(&mut names, change);
        }
        let mut files = BTreeMap::new();
        for id in names.values() {
            let bytes = &state.files[id];
            let mut content = bytes.durable.clone();
            if content.len() < bytes.cache.len() && dice.coin() {
                content.resize(bytes.cache.len(), 0);
            }
            let favour = dice.below(4);
            for sector in &bytes.dirty {
                let from = sector * SECTOR;
                let end = (from + SECTOR).min(content.len()).min(bytes.cache.len());
                // Mostly all, mostly none, or a mixture.
                let keep = match favour {
                    0 => dice.below(10) > 0,
                    1 => dice.below(10) == 0,
                    _ => dice.coin(),
                };
                if from < end && keep {
                    content[from..end].copy_from_slice(&bytes.cache[from..end]);
                }
            }
            files.insert(
                *id,
                Bytes {
                    cache: content.clone(),
                    durable: content,
                    dirty: BTreeSet::new(),
                    taken: bytes.taken,
                },
            );
        }
        let copy = State {
            files,
            durable_names: names.clone(),
            names,
            next: state.next,
            space: state.space,
            ..State::default()
        };
        Arc::new(Self { state: Arc::new(Mutex::new(copy)) })
    }

    /// The names below a directory.
    pub(super) fn below(&self, dir: &Path) -> Vec<PathBuf> {
        self.state().names.keys().filter(|path| path.starts_with(dir)).cloned().collect()
    }

    pub(super) fn bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.files[&state.names[path]].cache.clone()
    }

    /// Changes a file behind the log's back.
    pub(super) fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let id = state.names[path];
        let bytes = state.files.get_mut(&id).unwrap();
        change(&mut bytes.cache);
        bytes.durable = bytes.cache.clone();
    }

    pub(super) fn delete(&self, path: &Path) {
        let mut state = self.state();
        state.names.retain(|name, _| !name.starts_with(path));
        state.durable_names.retain(|name, _| !name.starts_with(path));
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, change: &NameChange) {
    match change {
        NameChange::Create(path, id) => {
            names.insert(path.clone(), *id);
        }
        NameChange::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
    }
}

impl State {
    fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }

    fn take(&mut self, id: u64, length: u64) -> io::Result<()> {
        let have = self.files[&id].taken;
        let more = length.saturating_sub(have);
        if let Some(space) = &mut self.space {
            if *space < more {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *space -= more;
        }
        self.files.get_mut(&id).unwrap().taken = have.max(length);
        Ok(())
    }
}

impl Storage for FaultyDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.state();
        let id = match state.names.get(path) {
            Some(id) => {
                let id = *id;
                if access == Access::Replace {
                    // The old length stays on disk until the next sync.
                    let file = state.files.get_mut(&id).unwrap();
                    file.cache.clear();
                    file.dirty.clear();
                }
                id
            }
            None if matches!(access, Access::Create | Access::Replace) => {
                let id = state.next;
                state.next += 1;
                state.files.insert(id, Bytes::default());
                state.change(NameChange::Create(path.to_owned(), id));
                id
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(FaultyFile { state: Arc::clone(&self.state), id }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let gone: Vec<PathBuf> =
            state.names.keys().filter(|name| name.starts_with(path)).cloned().collect();
        for name in gone {
            let taken = state.files[&state.names[&name]].taken;
            if let Some(space) = &mut state.space {
                *space += taken;
            }
            state.change(NameChange::Remove(name));
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names: BTreeSet<String> = self
            .below(dir)
            .iter()
            .filter_map(|path| path.strip_prefix(dir).ok()?.components().next())
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        Ok(names.into_iter().collect())
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.durable_names = state.names.clone();
        state.changes.clear();
        Ok(())
    }

    fn sync_all(&self, dir: &Path) -> io::Result<()> {
        let ids: Vec<u64> = {
            let state = self.state();
            let below = state.names.iter().filter(|(path, _)| path.starts_with(dir));
            below.map(|(_, id)| *id).collect()
        };
        for id in ids {
            FaultyFile { state: Arc::clone(&self.state), id }.sync_data()?;
        }
        self.sync_dir(dir)
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Held>> {
        let mut state = self.state();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(FaultyLock(Arc::clone(&self.state))))
    }
}

impl StorageFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.writes += 1;
        let fails = match &mut state.write_fails_in {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        let written = if fails { bytes.len() / 2 } else { bytes.len() };
        let end = offset as usize + written;
        state.take(self.id, end as u64)?;
        let file = state.files.get_mut(&self.id).unwrap();
        if file.cache.len() < end {
            file.cache.resize(end, 0);
        }
        file.cache[offset as usize..end].copy_from_slice(&bytes[..written]);
        if written > 0 {
            file.dirty.extend(offset as usize / SECTOR..=(end - 1) / SECTOR);
        }
        if fails { Err(failed()) } else { Ok(()) }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        let bytes = &state.files[&self.id].cache;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        state.bytes_read += count as u64;
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.syncs += 1;
        let fails = match &mut state.sync_fails_in {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        let drops = state.drops_cache;
        let file = state.files.get_mut(&self.id).unwrap();
        let dirty = std::mem::take(&mut file.dirty);
        if fails {
            // As Linux does: the error is told once, and the pages count as clean.
            if drops {
                let length = file.cache.len();
                file.cache = file.durable.clone();
                file.cache.resize(length, 0);
            }
            state.sync_fails_in = None;
            return Err(failed());
        }
        let length = file.cache.len();
        file.durable.resize(length, 0);
        for sector in dirty {
            let from = sector * SECTOR;
            let end = (from + SECTOR).min(length);
            let (durable, cache) = (&mut file.durable, &file.cache);
            durable[from..end].copy_from_slice(&cache[from..end]);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().unwrap().files[&self.id].cache.len() as u64)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.take(self.id, length)?;
        let file = state.files.get_mut(&self.id).unwrap();
        if (file.cache.len() as u64) < length {
            file.cache.resize(length as usize, 0);
        }
        Ok(())
    }
}

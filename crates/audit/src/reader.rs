//! Reads a log, also while a writer is at work on it; takes no lock and
//! writes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog_tiles::{Hash, prove_record};

use crate::checkpoint::{CHECKPOINT_FILE, Checkpoint, MAX_CHECKPOINT_BYTES, read_unverified};
use crate::cursor::{Cursor, Step, Stop, newest_sync_mark};
use crate::error::{Error, at};
use crate::merkle::verify_inclusion;
use crate::proof::InclusionProof;
use crate::storage::{Disk, Storage, read_small};
use crate::tiles::TileFiles;

/// An entry that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its index in the log.
    pub index: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its leaf hash.
    pub leaf_hash: Hash,
}

/// The checkpoint on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCheckpoint {
    /// What it says; nobody has checked its signature yet.
    pub checkpoint: Checkpoint,
    /// The signed note as it stands in the file.
    pub note: String,
}

/// Reads one log.
#[derive(Clone, Debug)]
pub struct Reader {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
}

impl Reader {
    /// Opens the log in `dir` for reading.
    ///
    /// # Errors
    /// There is no log.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_on(Arc::new(Disk), dir)
    }

    /// [`Reader::open`] on any storage.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_on(storage: Arc<dyn Storage>, dir: &Path) -> Result<Self, Error> {
        let reader = Self { storage, dir: dir.to_owned() };
        reader.origin()?;
        Ok(reader)
    }

    /// The log's name.
    ///
    /// # Errors
    /// There is no log here.
    pub fn origin(&self) -> Result<String, Error> {
        let path = self.dir.join("origin");
        let found = read_small(&*self.storage, &path, 4096).map_err(at("read", &path))?;
        let Some(bytes) = found else {
            return Err(at("find a log in", &self.dir)(std::io::ErrorKind::NotFound.into()));
        };
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    /// The checkpoint on disk, its signature unchecked; `None` before the first.
    ///
    /// # Errors
    /// It is malformed or cannot be read.
    pub fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, Error> {
        let path = self.dir.join(CHECKPOINT_FILE);
        let Some(note) =
            read_small(&*self.storage, &path, MAX_CHECKPOINT_BYTES).map_err(at("read", &path))?
        else {
            return Ok(None);
        };
        let checkpoint = read_unverified(&note)?;
        Ok(Some(StoredCheckpoint { checkpoint, note: String::from_utf8_lossy(&note).into_owned() }))
    }

    /// How many entries there are now. Reads the last segment.
    ///
    /// # Errors
    /// The log is damaged or cannot be read.
    pub fn count(&self) -> Result<u64, Error> {
        let mut entries = self.entries(u64::MAX)?;
        entries.read()?;
        Ok(entries.cursor.position().index)
    }

    /// The entries from `from` on, in order.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn entries(&self, from: u64) -> Result<Entries, Error> {
        let cursor = Cursor::seek(Arc::clone(&self.storage), &self.dir, from)?;
        Ok(Entries { storage: Arc::clone(&self.storage), dir: self.dir.clone(), from, cursor })
    }

    /// The last `count` entries and, asked again, what comes after them.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn tail(&self, count: u64) -> Result<Entries, Error> {
        self.entries(self.count()?.saturating_sub(count))
    }

    /// One entry.
    ///
    /// # Errors
    /// [`Error::NoEntry`] where there is none (yet).
    pub fn entry(&self, index: u64) -> Result<Entry, Error> {
        let mut entries = self.entries(index)?;
        match entries.next() {
            Some(entry) => entry,
            None => Err(Error::NoEntry { index, count: entries.cursor.position().index }),
        }
    }

    /// A proof that the checkpoint on disk covers entry `index`, for somebody
    /// who has neither the log nor trust in us.
    ///
    /// # Errors
    /// No checkpoint covers it yet, or the tiles do not prove it.
    pub fn prove(&self, index: u64) -> Result<InclusionProof, Error> {
        let entry = self.entry(index)?;
        let mut outcome = self.prove_once(&entry);
        // A publisher may have replaced the checkpoint and its tiles meanwhile.
        for _ in 0..3 {
            if outcome.is_ok() {
                break;
            }
            outcome = self.prove_once(&entry);
        }
        outcome
    }

    fn prove_once(&self, entry: &Entry) -> Result<InclusionProof, Error> {
        let index = entry.index;
        let stored = self
            .checkpoint()?
            .filter(|stored| index < stored.checkpoint.size)
            .ok_or(Error::Uncovered { index })?;
        let head = stored.checkpoint.head();
        let files = TileFiles::new(Arc::clone(&self.storage), &self.dir, head.size);
        let hashes = prove_record(head.size, index, &files).map_err(|_| Error::Mismatch {
            size: head.size,
            why: "the hash tiles cannot be read",
        })?;
        verify_inclusion(head, index, entry.leaf_hash, &hashes)?;
        Ok(InclusionProof { index, hashes, note: stored.note })
    }
}

/// Entries in order. At the end of the log `next` is `None`, and later again
/// `Some`, when more was appended: so it also follows a log.
#[derive(Debug)]
pub struct Entries {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    from: u64,
    cursor: Cursor,
}

impl Entries {
    fn read(&mut self) -> Result<Option<Entry>, Error> {
        if let Ok(entry) = self.step()? {
            return Ok(Some(entry));
        }
        let mark = newest_sync_mark(&*self.storage, &self.dir)?;
        // The writer may have gone on since: look again before it counts as damage.
        match self.step()? {
            Ok(entry) => Ok(Some(entry)),
            Err(stop) if self.cursor.position().index < mark => {
                Err(Error::Damaged(self.cursor.damage(&stop)))
            }
            Err(_) => Ok(None),
        }
    }

    /// The next entry that was asked for, or why there is none.
    fn step(&mut self) -> Result<Result<Entry, Stop>, Error> {
        loop {
            match self.cursor.step()? {
                Step::Entry { index, entry, leaf } if index >= self.from => {
                    return Ok(Ok(Entry { index, bytes: entry.to_vec(), leaf_hash: leaf }));
                }
                Step::Entry { .. } => {}
                Step::Stop(stop) => return Ok(Err(stop)),
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

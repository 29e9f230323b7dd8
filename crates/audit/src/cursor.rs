//! Walks the records of a log in order, over its segment files: what recovery,
//! publisher, readers and verification have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog_tiles::Hash;

use crate::error::{Damage, Error, at};
use crate::segment::{
    FIRST_RECORD, Header, MAX_ENTRY_BYTES, RECORD_HEADER, RecordStart, decode_sync_mark,
};
use crate::storage::{Access, Storage, StorageFile, read_full};

/// The directory of the segment files.
pub(crate) fn segments_dir(dir: &Path) -> PathBuf {
    dir.join("segments")
}

/// The file of one segment.
pub(crate) fn segment_path(dir: &Path, number: u32) -> PathBuf {
    segments_dir(dir).join(format!("{number:010}.seg"))
}

/// The numbers of the segment files there are, in order.
pub(crate) fn segment_numbers(storage: &dyn Storage, dir: &Path) -> Result<Vec<u32>, Error> {
    let path = segments_dir(dir);
    let names = storage.list(&path).map_err(at("list", &path))?;
    let mut numbers: Vec<u32> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".seg"))
        .filter(|stem| stem.len() == 10)
        .filter_map(|stem| stem.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// What the first page of a segment says, and its first record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) header: Option<Header>,
    pub(crate) sync_mark: Option<u64>,
    /// The index of the first record, where there is one that verifies.
    pub(crate) first_record: Option<u64>,
}

impl Page {
    /// Reads it; `None` where there is no such file.
    pub(crate) fn read(
        storage: &dyn Storage,
        dir: &Path,
        number: u32,
    ) -> Result<Option<Self>, Error> {
        let path = segment_path(dir, number);
        let file = match storage.open(&path, Access::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(at("open", &path))?,
        };
        let mut page = vec![0; FIRST_RECORD as usize];
        let count = read_full(&*file, &mut page, 0).map_err(at("read", &path))?;
        page.truncate(count);
        let mut first = vec![0; RECORD_HEADER + MAX_ENTRY_BYTES];
        let count = read_full(&*file, &mut first, FIRST_RECORD).map_err(at("read", &path))?;
        first.truncate(count);
        let first_record = RecordStart::decode(&first).and_then(|start| {
            let entry = first.get(RECORD_HEADER..RECORD_HEADER + start.length)?;
            start.verify(entry).map(|_| start.index)
        });
        Ok(Some(Self {
            header: Header::decode(&page, number),
            sync_mark: decode_sync_mark(&page),
            first_record,
        }))
    }

    /// The index of the first entry of this segment, where it is in use.
    pub(crate) fn first_index(&self) -> Option<u64> {
        self.header.as_ref().map(|header| header.before.size()).or(self.first_record)
    }
}

/// Why a walk stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing was written here.
    Blank,
    /// There are bytes, but not the record that belongs here.
    Bad(String),
}

/// A step of a walk.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The next entry.
    Entry { index: u64, entry: &'a [u8], leaf: Hash },
    /// No next entry here (yet); a later step looks again.
    Stop(Stop),
}

const WINDOW: usize = 256 * 1024;

const _: () = assert!(WINDOW > RECORD_HEADER + MAX_ENTRY_BYTES);

/// A position in a log, between two entries.
#[derive(Debug)]
pub(crate) struct Cursor {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    number: u32,
    file: Option<Arc<dyn StorageFile>>,
    /// The first index of the next segment, once that is in use.
    limit: Option<u64>,
    offset: u64,
    index: u64,
    window: Vec<u8>,
    window_at: u64,
}

/// What to keep of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) number: u32,
    pub(crate) offset: u64,
    pub(crate) index: u64,
}

impl Position {
    /// Before the first entry.
    pub(crate) const START: Self = Self { number: 0, offset: FIRST_RECORD, index: 0 };
}

impl Cursor {
    pub(crate) fn new(storage: Arc<dyn Storage>, dir: &Path, position: Position) -> Self {
        Self {
            storage,
            dir: dir.to_owned(),
            number: position.number,
            file: None,
            limit: None,
            offset: position.offset,
            index: position.index,
            window: Vec::new(),
            window_at: 0,
        }
    }

    /// In front of entry `index`, or at the end of the log where that is earlier.
    pub(crate) fn seek(storage: Arc<dyn Storage>, dir: &Path, index: u64) -> Result<Self, Error> {
        let mut position = Position::START;
        for number in segment_numbers(&*storage, dir)?.into_iter().rev() {
            let page = Page::read(&*storage, dir, number)?;
            if let Some(first) = page.and_then(|page| page.first_index())
                && first <= index
            {
                position = Position { number, offset: FIRST_RECORD, index: first };
                break;
            }
        }
        let mut cursor = Self::new(storage, dir, position);
        while cursor.index < index {
            if let Step::Stop(_) = cursor.step()? {
                break;
            }
        }
        Ok(cursor)
    }

    pub(crate) fn position(&self) -> Position {
        Position { number: self.number, offset: self.offset, index: self.index }
    }

    /// The damage that a stop here would be, if there should be an entry.
    pub(crate) fn damage(&self, stop: &Stop) -> Damage {
        let why = match stop {
            Stop::Blank => "its bytes are gone".to_owned(),
            Stop::Bad(why) => why.clone(),
        };
        Damage { index: self.index, segment: self.number, offset: self.offset, why }
    }

    /// The next entry, or why there is none.
    pub(crate) fn step(&mut self) -> Result<Step<'_>, Error> {
        loop {
            if self.file.is_none() {
                self.enter_at(self.number)?;
            }
            if self.limit.is_some_and(|limit| self.index >= limit) {
                self.enter(self.number + 1)?;
                continue;
            }
            let (length, leaf) = match self.look()? {
                Ok(found) => found,
                Err(stop) => {
                    // Read anew next time: a writer may be at work here, or
                    // have begun the next segment since.
                    self.window.clear();
                    if self.limit.is_none() {
                        self.limit = self.next_first()?;
                        if self.limit.is_some_and(|limit| limit <= self.index) {
                            continue;
                        }
                    }
                    return Ok(Step::Stop(stop));
                }
            };
            let index = self.index;
            let start = usize::try_from(self.offset - self.window_at).unwrap_or(usize::MAX);
            self.index += 1;
            self.offset += length as u64;
            let record = self.window.get(start..start + length).unwrap_or_default();
            let entry = record.get(RECORD_HEADER..).unwrap_or_default();
            return Ok(Step::Entry { index, entry, leaf });
        }
    }

    /// Reads the whole record at the position into the window; its length and
    /// the entry's leaf hash.
    fn look(&mut self) -> Result<Result<(usize, Hash), Stop>, Error> {
        let Some(head) = self.fill(RECORD_HEADER)? else { return Ok(Err(Stop::Blank)) };
        if head.iter().all(|byte| *byte == 0) {
            return Ok(Err(Stop::Blank));
        }
        if head.len() < RECORD_HEADER {
            return Ok(Err(Stop::Bad("its record is cut off".to_owned())));
        }
        let Some(start) = RecordStart::decode(head) else {
            return Ok(Err(Stop::Bad("its record header is not one".to_owned())));
        };
        if start.index != self.index {
            return Ok(Err(Stop::Bad(format!("the record found is of entry {}", start.index))));
        }
        let length = RECORD_HEADER + start.length;
        let Some(entry) = self.fill(length)?.and_then(|record| record.get(RECORD_HEADER..length))
        else {
            return Ok(Err(Stop::Bad("its record is cut off".to_owned())));
        };
        Ok(match start.verify(entry) {
            Some(leaf) => Ok((length, leaf)),
            None => Err(Stop::Bad("its bytes do not hash to what was written".to_owned())),
        })
    }

    /// Up to `need` bytes from the position; fewer at the end of the file,
    /// `None` where there is no file.
    fn fill(&mut self, need: usize) -> Result<Option<&[u8]>, Error> {
        let Some(file) = &self.file else { return Ok(None) };
        let end = self.window_at + self.window.len() as u64;
        if self.offset < self.window_at || self.offset + need as u64 > end {
            self.window.resize(WINDOW, 0);
            let path = segment_path(&self.dir, self.number);
            let count =
                read_full(&**file, &mut self.window, self.offset).map_err(at("read", &path))?;
            self.window.truncate(count);
            self.window_at = self.offset;
        }
        let start = usize::try_from(self.offset - self.window_at).unwrap_or(usize::MAX);
        let rest = self.window.get(start..).unwrap_or_default();
        Ok(Some(rest.get(..need).unwrap_or(rest)))
    }

    /// Goes to the start of a segment.
    fn enter(&mut self, number: u32) -> Result<(), Error> {
        self.offset = FIRST_RECORD;
        self.enter_at(number)
    }

    fn enter_at(&mut self, number: u32) -> Result<(), Error> {
        self.number = number;
        self.window.clear();
        self.window_at = 0;
        let path = segment_path(&self.dir, number);
        self.file = match self.storage.open(&path, Access::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            other => Some(other.map_err(at("open", &path))?),
        };
        self.limit = self.next_first()?;
        Ok(())
    }

    fn next_first(&self) -> Result<Option<u64>, Error> {
        let Some(next) = self.number.checked_add(1) else { return Ok(None) };
        Ok(Page::read(&*self.storage, &self.dir, next)?.and_then(|page| page.first_index()))
    }
}

/// The most entries that any segment says are on disk.
pub(crate) fn newest_sync_mark(storage: &dyn Storage, dir: &Path) -> Result<u64, Error> {
    let mut newest = 0;
    // The marks grow from segment to segment: the last two in use are enough.
    let mut seen = 0;
    for number in segment_numbers(storage, dir)?.into_iter().rev() {
        if let Some(mark) = Page::read(storage, dir, number)?.and_then(|page| page.sync_mark) {
            newest = newest.max(mark);
            seen += 1;
        }
        if seen == 2 {
            break;
        }
    }
    Ok(newest)
}

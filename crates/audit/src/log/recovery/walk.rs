//! Reads the log to its end, from the first entry that a crash can have
//! touched, and clears what is behind it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Recovery, SetAside};
use crate::cursor::{
    Cursor, Page, Position, Step, Stop, newest_sync_mark, segment_numbers, segment_path,
};
use crate::error::{Damage, Error, at};
use crate::merkle::{Frontier, Head};
use crate::segment::{FIRST_RECORD, Header};
use crate::storage::{Access, Storage, read_full, write_zeros_at};
use crate::tail;

/// The most bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// What reading the log through to its end found.
pub(super) struct Walk {
    pub(super) frontier: Frontier,
    pub(super) checked: u64,
    /// The segments read, from the first that a crash can have touched.
    pub(super) first: u32,
    /// The last segment in use; none in a new log.
    pub(super) last: Option<Last>,
    stop: Stop,
    /// Where the entries end that the sync mark says are on disk.
    pub(super) marked: Option<Position>,
    /// Entries that must be there: the sync mark and the checkpoint say so.
    expected: u64,
}

pub(super) struct Last {
    pub(super) at: Position,
    pub(super) header: Option<Header>,
    pub(super) before: Frontier,
}

impl Walk {
    pub(super) fn run(
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
    pub(super) fn clear_tail(
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
            write_zeros_at(&*file, last.at.offset, tail.end)
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
            return Err(Error::Damaged(Damage {
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

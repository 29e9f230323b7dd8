//! What stands behind the last entry: the rest of an unfinished write, or
//! records behind a gap.

use std::path::Path;

use crate::cursor::{Position, segment_numbers, segment_path};
use crate::error::{Error, at};
use crate::segment::{FIRST_RECORD, MAX_ENTRY_BYTES, RECORD_HEADER, find_record};
use crate::storage::{Access, Storage, StorageFile, read_full};

/// The most bytes read at a time.
const CHUNK: usize = 1 << 20;

/// What stands behind a position.
pub(crate) struct Tail {
    /// Bytes up to the last that is not zero, over all segments.
    pub(crate) bytes: u64,
    /// Where those in the position's own segment end.
    pub(crate) end: u64,
    /// Whole records of later entries among them.
    pub(crate) whole: u64,
}

pub(crate) fn behind(storage: &dyn Storage, dir: &Path, from: Position) -> Result<Tail, Error> {
    let mut tail = Tail { bytes: 0, end: from.offset, whole: 0 };
    for number in segment_numbers(storage, dir)? {
        if number < from.number {
            continue;
        }
        let path = segment_path(dir, number);
        let file = storage.open(&path, Access::Read).map_err(at("open", &path))?;
        let begin = if number == from.number { from.offset } else { FIRST_RECORD };
        let (end, whole) = scan(&*file, begin, from.index).map_err(at("read", &path))?;
        tail.bytes += end - begin;
        tail.whole += whole;
        if number == from.number {
            tail.end = end;
        }
    }
    Ok(tail)
}

/// The end of the bytes from `begin` that are not zero, and the whole records
/// among them of entries from `least` on.
pub(crate) fn scan(file: &dyn StorageFile, begin: u64, least: u64) -> std::io::Result<(u64, u64)> {
    let overlap = RECORD_HEADER + MAX_ENTRY_BYTES;
    let mut bytes = vec![0; CHUNK];
    let (mut offset, mut end, mut whole) = (begin, begin, 0);
    let mut counted = begin;
    loop {
        let count = read_full(file, &mut bytes, offset)?;
        let chunk = bytes.get(..count).unwrap_or_default();
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            end = end.max(offset + last as u64 + 1);
            let mut from = usize::try_from(counted.saturating_sub(offset)).unwrap_or(0);
            while let Some((at, _, length)) =
                find_record(chunk.get(from..).unwrap_or_default(), least)
            {
                whole += 1;
                from += at + length;
                counted = offset + from as u64;
            }
        }
        if count < CHUNK {
            return Ok((end, whole));
        }
        // A record may lie across two chunks.
        offset += (CHUNK - overlap) as u64;
    }
}

//! The bytes of a segment file: header page, sync mark, records. The format
//! is described in the crate documentation.

use tlog_tiles::{HASH_SIZE, Hash, record_hash};

use crate::merkle::{Frontier, leaf_hash};

/// The longest entry in bytes: what the length prefix of an entry bundle holds.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// Where records begin.
pub(crate) const FIRST_RECORD: u64 = 4096;
/// Bytes in front of an entry.
pub(crate) const RECORD_HEADER: usize = 24;
/// Where the sync mark stands in the header page, on a disk sector of its own.
pub(crate) const SYNC_MARK_AT: u64 = 3584;
pub(crate) const SYNC_MARK_BYTES: usize = 16;

const MAGIC: &[u8; 8] = b"CSLOGSEG";
const VERSION: u32 = 1;
const RECORD_MARK: [u8; 2] = [0xC5, 0x1D];
/// Magic, version, kind, number, peak count, first index.
const HEADER_FIXED: usize = 32;
const CHECK_BYTES: usize = 8;
const MAX_PEAKS: usize = 64;

const _: () = assert!(
    HEADER_FIXED + MAX_PEAKS * HASH_SIZE + CHECK_BYTES <= SYNC_MARK_AT as usize
        && SYNC_MARK_AT as usize + SYNC_MARK_BYTES <= FIRST_RECORD as usize
);

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any entry.
    Ordinary,
    /// Entries of the reserves, while the disk is full.
    Reserve,
}

/// What the header page says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    /// The tree before this segment's first entry; its size is the first index.
    pub(crate) before: Frontier,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_FIXED + MAX_PEAKS * HASH_SIZE);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&u32::from(self.kind == Kind::Reserve).to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        let peaks = self.before.peaks();
        bytes.extend_from_slice(&u32::try_from(peaks.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.before.size().to_le_bytes());
        for peak in peaks {
            bytes.extend_from_slice(&peak.0);
        }
        let check = check_of(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    /// Reads a header page; `None` where it is blank, torn or not ours.
    pub(crate) fn decode(page: &[u8], number: u32) -> Option<Self> {
        if page.get(..8)? != MAGIC || u32_at(page, 8)? != VERSION {
            return None;
        }
        let kind = match u32_at(page, 12)? {
            0 => Kind::Ordinary,
            1 => Kind::Reserve,
            _ => return None,
        };
        let count = usize::try_from(u32_at(page, 20)?).ok().filter(|count| *count <= MAX_PEAKS)?;
        let end = HEADER_FIXED + count * HASH_SIZE;
        if page.get(end..end + CHECK_BYTES)? != check_of(page.get(..end)?) {
            return None;
        }
        let mut peaks = Vec::with_capacity(count);
        for chunk in page.get(HEADER_FIXED..end)?.chunks_exact(HASH_SIZE) {
            peaks.push(Hash(chunk.try_into().ok()?));
        }
        let before = Frontier::from_parts(u64_at(page, 24)?, peaks)?;
        (u32_at(page, 16)? == number).then_some(Self { number, kind, before })
    }
}

/// The mark that the first `count` entries of the log are on disk.
pub(crate) fn encode_sync_mark(count: u64) -> [u8; SYNC_MARK_BYTES] {
    let mut bytes = [0; SYNC_MARK_BYTES];
    let (value, check) = bytes.split_at_mut(8);
    value.copy_from_slice(&count.to_le_bytes());
    check.copy_from_slice(&check_of(&count.to_le_bytes()));
    bytes
}

/// Reads the sync mark of a header page; `None` where there is none.
pub(crate) fn decode_sync_mark(page: &[u8]) -> Option<u64> {
    let at = usize::try_from(SYNC_MARK_AT).ok()?;
    let count = u64_at(page, at)?;
    (page.get(at + 8..at + 16)? == check_of(&count.to_le_bytes())).then_some(count)
}

/// Adds the record of an entry to `buffer`; the entry's leaf hash.
pub(crate) fn push_record(buffer: &mut Vec<u8>, index: u64, entry: &[u8]) -> Hash {
    let leaf = leaf_hash(entry);
    // An entry is at most MAX_ENTRY_BYTES long: the writer has checked.
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    let mut head = [0; RECORD_HEADER];
    let (front, rest) = head.split_at_mut(4);
    let (middle, tail) = rest.split_at_mut(8);
    front.copy_from_slice(&[
        length.to_le_bytes()[0],
        length.to_le_bytes()[1],
        RECORD_MARK[0],
        RECORD_MARK[1],
    ]);
    middle.copy_from_slice(&index.to_le_bytes());
    if let (Some(check), Some(start)) = (tail.first_chunk_mut::<8>(), leaf.0.first_chunk::<8>()) {
        *check = *start;
    }
    buffer.extend_from_slice(&head);
    buffer.extend_from_slice(entry);
    leaf
}

/// The start of a record, before its entry is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordStart {
    pub(crate) length: usize,
    pub(crate) index: u64,
    check: [u8; 8],
}

impl RecordStart {
    /// Reads 24 bytes; `None` where they cannot be the start of a record.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<RECORD_HEADER>()?;
        let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
        if length == 0 || [head[2], head[3]] != RECORD_MARK || head[20..] != [0; 4] {
            return None;
        }
        let check = *bytes.get(12..20)?.first_chunk::<8>()?;
        Some(Self { length, index: u64_at(bytes, 4)?, check })
    }

    /// The leaf hash of the entry, where the entry is what was written.
    pub(crate) fn verify(&self, entry: &[u8]) -> Option<Hash> {
        let leaf = leaf_hash(entry);
        (leaf.0.get(..8)? == self.check).then_some(leaf)
    }
}

/// Looks for the first whole record in `bytes` that verifies and whose index
/// is at least `least`, at any position: its position, index and length.
pub(crate) fn find_record(bytes: &[u8], least: u64) -> Option<(usize, u64, usize)> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        // The mark stands two bytes into a record.
        let step = rest.get(2..)?.windows(2).position(|pair| pair == RECORD_MARK)?;
        let record = rest.get(step..)?;
        if let Some(start) = RecordStart::decode(record)
            && start.index >= least
            && let Some(entry) = record.get(RECORD_HEADER..RECORD_HEADER + start.length)
            && start.verify(entry).is_some()
        {
            return Some((at + step, start.index, RECORD_HEADER + start.length));
        }
        at += step + 1;
    }
    None
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    record_hash(bytes).0.first_chunk::<CHECK_BYTES>().copied().unwrap_or_default()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?))
}

//! Hostile bytes for every reader of this crate, replayable without a fuzzer.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{checkpoint_body, read_unverified};
use crate::merkle::leaf_hash;
use crate::proof::InclusionProof;
use crate::reader::Reader;
use crate::segment::Header;
use crate::storage::{Access, Held, Storage, StorageFile};
use crate::tiles::parse_bundle;

/// Reads `bytes` as each kind of file a log has: as a segment, a checkpoint, a
/// proof, an entry bundle. Returns how many entries it found as a segment.
///
/// # Panics
/// Only where a reader is wrong: it gave out an entry that does not verify, or
/// took a text that it writes otherwise.
#[expect(clippy::panic, reason = "how a fuzzing target reports a finding")]
pub fn fuzz_reader(bytes: &[u8]) -> u64 {
    let mut found = 0;
    let disk: Arc<dyn Storage> = Arc::new(OneSegment(Arc::new(Content(bytes.to_vec()))));
    if let Ok(reader) = Reader::open_on(disk, Path::new("/"))
        && let Ok(entries) = reader.entries(0)
    {
        for entry in entries {
            let Ok(entry) = entry else { break };
            if entry.index != found || entry.leaf_hash != leaf_hash(&entry.bytes) {
                panic!("entry {} was given out but does not verify", entry.index);
            }
            found += 1;
        }
    }
    if let Ok(checkpoint) = read_unverified(bytes) {
        let lines: Vec<&str> = checkpoint.extensions.iter().map(String::as_str).collect();
        let body = checkpoint_body(&checkpoint.origin, checkpoint.head(), &lines);
        if !body.is_ok_and(|body| bytes.starts_with(body.as_bytes())) {
            panic!("a checkpoint was read that would be written otherwise");
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(proof) = InclusionProof::from_text(text)
        && InclusionProof::from_text(&proof.to_text()).as_ref() != Ok(&proof)
    {
        panic!("a proof does not survive being written");
    }
    if let Some(entries) = parse_bundle(bytes) {
        let length: usize = entries.iter().map(|entry| entry.len() + 2).sum();
        if length != bytes.len() {
            panic!("a bundle was read only in part");
        }
    }
    if let Some(header) = Header::decode(bytes, 0)
        && !bytes.starts_with(&header.encode())
    {
        panic!("a header was read that would be written otherwise");
    }
    found
}

/// A log directory with one segment.
#[derive(Debug)]
struct OneSegment(Arc<Content>);

#[derive(Debug)]
struct Content(Vec<u8>);

impl Storage for OneSegment {
    fn open(&self, path: &Path, _: Access) -> io::Result<Arc<dyn StorageFile>> {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("0000000000.seg") => Ok(Arc::clone(&self.0) as _),
            Some("origin") => Ok(Arc::new(Content(b"fuzz\n".to_vec()))),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(vec!["0000000000.seg".to_owned()])
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_all(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Held>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

impl StorageFile for Content {
    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fuzz_reader;
    use crate::segment::{FIRST_RECORD, push_record};

    fn segment(count: u64) -> Vec<u8> {
        let mut bytes = vec![0; FIRST_RECORD as usize];
        for index in 0..count {
            push_record(&mut bytes, index, format!("{{\"n\":{index}}}").as_bytes());
        }
        bytes
    }

    #[test]
    fn a_whole_segment_is_read_whole() {
        assert_eq!(fuzz_reader(&segment(50)), 50);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            fuzz_reader(&bytes);
        }

        #[test]
        fn a_changed_segment_gives_only_what_was_written(
            at in 0..8000_usize, bit in 0..8_u8, cut in 0..8000_usize,
        ) {
            let mut bytes = segment(100);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            fuzz_reader(&bytes);
            bytes.truncate(cut);
            fuzz_reader(&bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9/@. \n—=+]{0,200}") {
            fuzz_reader(text.as_bytes());
            fuzz_reader(format!("c2sp.org/tlog-proof@v1\nindex 1\n{text}").as_bytes());
            fuzz_reader(format!("a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n{text}\n— a AAAAAAA=\n").as_bytes());
        }
    }
}

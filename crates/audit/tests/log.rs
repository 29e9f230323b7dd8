//! The writer on a real file system: what a user of the crate relies on.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::time::Duration;

use audit::{
    CheckpointRequest, Error, Head, InclusionProof, Log, Options, Published, Reader, leaf_hash,
    verify_checkpoint, verify_consistency,
};
use signed_note::{Note, StandardSigner};

/// The key pair published with golang.org/x/mod/sumdb/note.
const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fn options() -> Options {
    Options {
        segment_bytes: 128 * 1024,
        reads_reserve_bytes: 4096,
        cancels_reserve_bytes: 2048,
        retry_after: Duration::ZERO,
        ..Options::new("PeterNeumann")
    }
}

fn open(dir: &Path) -> Log {
    Log::open(dir, &options()).unwrap().0
}

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"n\":{index},\"pad\":\"{}\"}}", "x".repeat((index % 700) as usize)).into_bytes()
}

fn sign(request: &CheckpointRequest) -> Result<String, String> {
    if let Some(previous) = request.previous {
        let head = Head { size: request.size, root: request.root };
        verify_consistency(previous, head, &request.consistency_proof)
            .map_err(|error| error.to_string())?;
    }
    let body = request.body(&["countersign-signer-sequence 7"]).map_err(|e| e.to_string())?;
    let mut note = Note::new(body.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SKEY).unwrap()]).unwrap();
    Ok(String::from_utf8(note.to_bytes()).unwrap())
}

#[test]
fn entries_survive_reopening_over_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    for index in 0..2000 {
        let appended = log.append(&entry(index)).unwrap();
        assert_eq!((appended.index, appended.leaf_hash), (index, leaf_hash(&entry(index))));
    }
    let head = log.head();
    assert!(log.segment() > 3);
    drop(log);
    let (log, recovery) = Log::open(dir.path(), &options()).unwrap();
    assert_eq!(log.head(), head);
    assert_eq!((recovery.entries, recovery.torn_bytes, recovery.created), (2000, 0, false));
    assert!(recovery.checked < 2000, "segments on disk are not read again");
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _log = open(dir.path());
    let Err(error) = Log::open(dir.path(), &options()) else { panic!("two writers") };
    assert!(matches!(error, Error::Locked { .. }), "{error}");
}

#[test]
fn another_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let error = Log::open(dir.path(), &Options::new("other")).err().unwrap();
    assert!(matches!(error, Error::Origin { .. }), "{error}");
}

#[test]
fn checkpoints_extend_each_other_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut previous: Option<Head> = None;
    let mut written = 0;
    for batch in [1_u64, 1, 254, 1, 255, 300, 66_000, 3] {
        let mut log = open(dir.path());
        for _ in 0..batch {
            log.append(format!("{written}").as_bytes()).unwrap();
            written += 1;
        }
        let head = log.head();
        let mut asked = None;
        let published = log
            .publish(|request| {
                asked = Some(request.previous);
                sign(request)
            })
            .unwrap();
        let Published::Checkpoint { head: covered, note } = published else { panic!("unchanged") };
        assert_eq!(covered, head);
        assert_eq!(asked.unwrap(), previous);
        let checkpoint = verify_checkpoint(note.as_bytes(), VKEY).unwrap();
        assert_eq!(checkpoint.head(), head);
        assert_eq!(checkpoint.extension("countersign-signer-sequence"), Some("7"));
        assert_eq!(log.publish(sign).unwrap(), Published::Unchanged);
        previous = Some(head);
    }
}

#[test]
fn one_sync_serves_many_callers() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    let handle = log.sync_handle();
    assert!(matches!(handle.sync_through(0), Err(Error::NoEntry { .. })));
    std::thread::scope(|scope| {
        for _ in 0..200 {
            let index = log.append(b"{}").unwrap().index;
            let handle = handle.clone();
            scope.spawn(move || {
                handle.sync_through(index).unwrap();
                assert!(handle.synced() > index);
            });
        }
    });
    assert_eq!(handle.synced(), 200);
}

#[test]
fn a_reader_follows_a_writer_and_proves_what_is_covered() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let mut entries = reader.entries(0).unwrap();
    assert!(entries.next().is_none());
    for index in 0..1500 {
        log.append(&entry(index)).unwrap();
        if index % 100 == 99 {
            for _ in 0..100 {
                let read = entries.next().unwrap().unwrap();
                assert_eq!(read.bytes, entry(read.index));
            }
            assert!(entries.next().is_none());
        }
    }
    assert_eq!(reader.count().unwrap(), 1500);
    assert_eq!(
        reader.tail(3).unwrap().map(|e| e.unwrap().index).collect::<Vec<_>>(),
        [1497, 1498, 1499]
    );
    assert!(matches!(reader.prove(0), Err(Error::Uncovered { .. })));
    log.publish(sign).unwrap();
    log.append(b"late").unwrap();
    for index in [0, 1, 255, 256, 1023, 1024, 1499] {
        let text = reader.prove(index).unwrap().to_text();
        let proof = InclusionProof::from_text(&text).unwrap();
        assert_eq!(proof.verify(&entry(index), VKEY).unwrap().size, 1500);
        assert!(proof.verify(&entry(index + 1), VKEY).is_err());
    }
    assert!(matches!(reader.prove(1500), Err(Error::Uncovered { .. })));
    assert!(matches!(reader.entry(1501), Err(Error::NoEntry { count: 1501, .. })));
}

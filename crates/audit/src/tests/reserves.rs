//! The disk is full, or fails: what still goes, and how it comes back.

use std::sync::Arc;

use super::faults::FaultyDisk;
use super::{VKEY, dir, open, sign};
use crate::{Error, Log, Reserve, verify_on};

/// A log whose disk has just become full: ordinary entries are refused.
fn full() -> (Arc<FaultyDisk>, Log, u64) {
    let disk = FaultyDisk::new();
    let (mut log, recovery) = open(&disk, 0);
    assert!(recovery.reserve_ready);
    disk.set_space(Some(0));
    for length in [600, 1] {
        let error = loop {
            if let Err(error) = log.append(&vec![b'x'; length]) {
                break error;
            }
        };
        assert!(matches!(error, Error::NoSpace), "{error}");
    }
    let count = log.count();
    (disk, log, count)
}

fn spend(log: &mut Log, reserve: Reserve) -> u64 {
    let before = log.count();
    let error = loop {
        if let Err(error) = log.append_reserved(&[b'r'; 100], reserve) {
            break error;
        }
    };
    assert!(matches!(error, Error::ReserveUsedUp(used) if used == reserve), "{error}");
    log.count() - before
}

#[test]
fn reads_and_cancels_each_have_their_own_bound() {
    let (disk, mut log, count) = full();
    assert_eq!(log.reserve_left(), (4096, 2048));
    // INVARIANT (bounded): a record of 100 bytes takes 124.
    assert_eq!(spend(&mut log, Reserve::Reads), 4096 / 124);
    assert!(log.on_reserve());
    assert!(matches!(log.append(b"order"), Err(Error::NoSpace)), "orders stay refused");
    assert_eq!(spend(&mut log, Reserve::Cancels), 2048 / 124);
    assert!(matches!(log.append(b"order"), Err(Error::NoSpace)));

    // Room again: ordinary entries, then a new reserve.
    disk.set_space(None);
    log.append(b"order").unwrap();
    assert!(!log.on_reserve());
    assert_eq!(log.reserve_left(), (0, 0));
    log.sync_handle().prepare().unwrap();
    assert_eq!(log.reserve_left(), (4096, 2048));
    log.publish(sign).unwrap();
    let total = log.count();
    assert_eq!(total, count + 4096 / 124 + 2048 / 124 + 1);
    drop(log);
    let report = verify_on(Arc::clone(&disk) as _, dir(), VKEY, None, |_| {}).unwrap();
    assert!(report.verified() && report.entries == total, "{report}");
}

#[test]
fn the_reserve_is_only_for_need() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append_reserved(b"read", Reserve::Reads).unwrap();
    assert!(!log.on_reserve());
    assert_eq!(log.reserve_left(), (4096, 2048));
}

#[test]
fn a_restart_on_the_reserve_keeps_it_for_cancels() {
    let (disk, mut log, _) = full();
    log.append_reserved(b"read", Reserve::Reads).unwrap();
    let disk = disk.process_crash();
    drop(log);
    let (mut log, recovery) = open(&disk, 0);
    assert!(!recovery.reserve_ready, "there is no room for another");
    assert!(matches!(
        log.append_reserved(b"read", Reserve::Reads),
        Err(Error::ReserveUsedUp(Reserve::Reads))
    ));
    log.append_reserved(b"cancel", Reserve::Cancels).unwrap();
}

#[test]
fn a_failed_write_changes_nothing_and_the_log_goes_on() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    let head = log.head();
    disk.fail_write_in(0);
    for _ in 0..3 {
        assert!(matches!(log.append(b"two"), Err(Error::Io { .. })));
        assert_eq!(log.head(), head);
    }
    disk.heal();
    assert_eq!(log.append(b"three").unwrap().index, 1);
    let read = crate::Reader::open_on(Arc::clone(&disk) as _, dir()).unwrap();
    let read: Vec<_> = read.entries(0).unwrap().map(|entry| entry.unwrap().bytes).collect();
    assert_eq!(read, [b"one".to_vec(), b"three".to_vec()]);
}

#[test]
fn a_cancel_gets_through_a_failing_segment() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    disk.fail_write_in(0);
    assert!(log.append_reserved(b"cancel", Reserve::Cancels).is_err(), "nothing can be written");
    disk.heal();
    disk.set_space(Some(0));
    log.append_reserved(b"cancel", Reserve::Cancels).unwrap();
    assert!(log.on_reserve());
    assert!(matches!(log.append(b"order"), Err(Error::NoSpace)));
}

#[test]
fn entries_of_no_or_too_many_bytes_are_refused() {
    let (mut log, _) = open(&FaultyDisk::new(), 0);
    assert!(matches!(log.append(b""), Err(Error::EntrySize { bytes: 0 })));
    assert!(matches!(log.append(&vec![0; 65_536]), Err(Error::EntrySize { .. })));
    assert_eq!(log.append(&vec![0; 65_535]).unwrap().index, 0);
}

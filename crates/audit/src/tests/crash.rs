//! Particular crashes; the model tries the rest.

use std::sync::Arc;

use super::faults::{Dice, FaultyDisk};
use super::{VKEY, dir, open, options, sign};
use crate::cursor::segment_path;
use crate::segment::{FIRST_RECORD, RECORD_HEADER};
use crate::{Error, Log, verify_on};

/// Ten entries of 1,000 bytes; the first four are synced.
fn ten() -> (Arc<FaultyDisk>, Log) {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    for index in 0..10_u8 {
        log.append(&[index; 1000]).unwrap();
        if index == 3 {
            log.sync_handle().sync().unwrap();
        }
    }
    (disk, log)
}

fn offset(index: usize) -> usize {
    FIRST_RECORD as usize + index * (RECORD_HEADER + 1000)
}

#[test]
fn a_torn_last_record_is_cleared_and_counted() {
    for kept in [1, RECORD_HEADER - 1, RECORD_HEADER, RECORD_HEADER + 500, RECORD_HEADER + 999] {
        let disk = ten().0.process_crash();
        disk.tamper(&segment_path(dir(), 0), |bytes| bytes[offset(9) + kept..].fill(0));
        let (mut log, recovery) = open(&disk, 0);
        assert_eq!((recovery.entries, recovery.set_aside), (9, None));
        assert!(recovery.torn_bytes > 0 && recovery.torn_bytes <= kept as u64);
        assert_eq!(log.append(b"next").unwrap().index, 9);
    }
}

#[test]
fn a_gap_without_a_machine_crash_is_damage() {
    let disk = ten().0.process_crash();
    disk.tamper(&segment_path(dir(), 0), |bytes| bytes[offset(6)..offset(7)].fill(0));
    let error = Log::open_on(Arc::clone(&disk) as _, dir(), &options(0)).err().unwrap();
    assert!(matches!(&error, Error::Damaged(damage) if damage.index == 6), "{error}");
    assert!(error.to_string().starts_with("entry 6 is damaged"), "{error}");
}

#[test]
fn a_gap_after_a_machine_crash_keeps_the_bytes_behind_it() {
    let disk = ten().0.process_crash();
    let path = segment_path(dir(), 0);
    disk.tamper(&path, |bytes| bytes[offset(6)..offset(7)].fill(0));
    let behind = disk.bytes(&path)[offset(6)..offset(10)].to_vec();
    let (mut log, recovery) = open(&disk, 1);
    assert_eq!(recovery.entries, 6);
    let aside = recovery.set_aside.unwrap();
    assert_eq!(aside.entries, 3);
    let kept = disk.below(&aside.dir);
    assert_eq!(disk.bytes(&kept[0]), behind);
    log.append(b"next").unwrap();
    log.publish(sign).unwrap();
    let report = verify_on(Arc::clone(&disk) as _, dir(), VKEY, None, |_| {}).unwrap();
    assert!(report.verified() && report.entries == 7, "{report}");
}

#[test]
fn a_synced_entry_is_never_given_up() {
    // The mark of a sync reaches the disk with the next one.
    let (disk, log) = ten();
    log.sync_handle().sync().unwrap();
    let disk = disk.process_crash();
    for index in [0, 3, 9] {
        let copy = disk.process_crash();
        copy.tamper(&segment_path(dir(), 0), |bytes| bytes[offset(index)..].fill(0));
        for boot in [0, 1] {
            let error = Log::open_on(Arc::clone(&copy) as _, dir(), &options(boot)).err().unwrap();
            let expected = Error::Truncated { found: index as u64, expected: 10 };
            assert_eq!(error.to_string(), expected.to_string());
        }
    }
}

#[test]
fn a_crash_while_the_first_segment_is_made_is_no_loss() {
    for seed in 0..200 {
        let disk = FaultyDisk::new();
        let _log = open(&disk, 0);
        let (mut log, recovery) = open(&disk.machine_crash(&mut Dice(seed)), 1);
        assert_eq!(recovery.entries, 0);
        log.append(b"one").unwrap();
    }
}

#[test]
fn tiles_that_a_crash_took_are_published_again() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    for index in 0..600 {
        log.append(format!("{index}").as_bytes()).unwrap();
    }
    log.publish(sign).unwrap();
    drop(log);
    disk.delete(&dir().join("tile"));
    let (mut log, _) = open(&disk, 0);
    log.append(b"more").unwrap();
    log.publish(sign).unwrap();
    drop(log);
    let report = verify_on(Arc::clone(&disk) as _, dir(), VKEY, None, |_| {}).unwrap();
    assert!(report.verified() && report.covered == 601, "{report}");
}

#[test]
fn a_published_checkpoint_stands_on_tiles_that_are_on_disk() {
    for seed in 0..100 {
        let disk = FaultyDisk::new();
        let (mut log, _) = open(&disk, 0);
        // Few files for one checkpoint, then many.
        for count in [300, 6000] {
            while log.count() < count {
                log.append(format!("{}", log.count()).as_bytes()).unwrap();
            }
            log.publish(sign).unwrap();
            log.append(b"not covered").unwrap();
            let crashed = disk.machine_crash(&mut Dice(seed));
            let report = verify_on(Arc::clone(&crashed) as _, dir(), VKEY, None, |_| {}).unwrap();
            assert!(report.covered == count, "{report}");
            // What was not synced may be torn; what is covered may not.
            assert!(report.findings.iter().all(|found| found.index >= Some(count)), "{report}");
            open(&crashed, 1);
        }
    }
}

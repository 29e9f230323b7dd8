//! Publishing from what the writer keeps in memory, and where it did not.

use std::sync::Arc;

use super::faults::FaultyDisk;
use super::{VKEY, dir, open, sign};
use crate::cursor::segment_path;
use crate::recent::MAX_RECENT_BYTES;
use crate::segment::FIRST_RECORD;
use crate::tiles::{Content, tile_path};
use crate::{Error, Log, Report, What, verify_on};

fn fill(log: &mut Log, count: u64) {
    for _ in 0..count {
        let index = log.count();
        log.append(&entry(index)).unwrap();
    }
}

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"n\":{index},\"pad\":\"{}\"}}", "m".repeat((index % 900) as usize)).into_bytes()
}

fn check(disk: &Arc<FaultyDisk>) -> Report {
    verify_on(Arc::clone(disk) as _, dir(), VKEY, None, |_| {}).unwrap()
}

#[test]
fn what_is_handed_over_is_not_read_back() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let mut publisher = log.publisher().unwrap();
    for count in [300, 256, 5, 3000] {
        fill(&mut log, count);
        let head = log.hand_over();
        let before = disk.bytes_read();
        publisher.advance().unwrap();
        publisher.publish(head, sign).unwrap();
        // Some records, and the tiles for the consistency proof.
        let read = disk.bytes_read() - before;
        assert!(read < 100_000, "{read} bytes for {count} entries");
    }
    drop((publisher, log));
    let report = check(&disk);
    assert!(report.verified() && report.covered == 3561, "{report}");
}

#[test]
fn the_tiles_are_those_of_a_log_that_was_read_back() {
    let (kept, read) = (FaultyDisk::new(), FaultyDisk::new());
    let (mut log, _) = open(&kept, 0);
    let mut publisher = log.publisher().unwrap();
    let (mut other, _) = open(&read, 0);
    for count in [1, 255, 700, 66_000] {
        fill(&mut log, count);
        fill(&mut other, count);
        publisher.advance().unwrap();
        let head = log.hand_over();
        publisher.publish(head, sign).unwrap();
        // A publisher that comes later has nothing in memory.
        other.publisher().unwrap().publish(other.head(), sign).unwrap();
    }
    let tiles = kept.below(&dir().join("tile"));
    assert!(tiles.len() > 500);
    assert_eq!(tiles, read.below(&dir().join("tile")));
    assert!(tiles.iter().all(|path| kept.bytes(path) == read.bytes(path)));
}

#[test]
fn what_the_writer_did_not_keep_is_read_back() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let mut publisher = log.publisher().unwrap();
    fill(&mut log, 1000);
    publisher.publish(log.head(), sign).unwrap();
    // INVARIANT (bounded): some of these are dropped, and later ones kept again.
    let entry = vec![b'l'; 60_000];
    for _ in 0..MAX_RECENT_BYTES / 60_000 + 50 {
        log.append(&entry).unwrap();
    }
    log.hand_over();
    publisher.advance().unwrap();
    fill(&mut log, 2000);
    let head = log.hand_over();
    publisher.publish(head, sign).unwrap();
    drop((publisher, log));
    let report = check(&disk);
    assert!(report.verified() && report.covered == head.size, "{report}");
}

#[test]
fn a_head_older_than_what_is_written_ahead_is_published_too() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let mut publisher = log.publisher().unwrap();
    fill(&mut log, 300);
    let old = log.head();
    fill(&mut log, 700);
    log.hand_over();
    publisher.advance().unwrap();
    publisher.publish(old, sign).unwrap();
    assert!(check(&disk).covered == 300);
    publisher.publish(log.head(), sign).unwrap();
    drop((publisher, log));
    assert!(check(&disk).verified());
}

#[test]
fn other_bytes_on_disk_are_seen_by_the_sample_and_by_verify() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let mut publisher = log.publisher().unwrap();
    fill(&mut log, 100);
    disk.tamper(&segment_path(dir(), 0), |bytes| bytes[FIRST_RECORD as usize..].fill(0));
    let head = log.hand_over();
    let refused = publisher.publish(head, sign).unwrap_err();
    assert!(matches!(refused, Error::Mismatch { .. }), "{refused}");
    // Then everything is read back, and the entry named.
    let refused = publisher.publish(head, sign).unwrap_err();
    assert!(matches!(&refused, Error::Damaged(damage) if damage.index == 0), "{refused}");

    // One entry of many is left to verification: what was signed is what was appended.
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let mut publisher = log.publisher().unwrap();
    fill(&mut log, 100);
    disk.tamper(&segment_path(dir(), 0), |bytes| bytes[FIRST_RECORD as usize + 30] ^= 1);
    let head = log.hand_over();
    publisher.publish(head, sign).unwrap();
    let report = check(&disk);
    assert_eq!(report.first_wrong_entry(), Some(0), "{report}");
    assert!(report.findings.iter().any(|found| found.what == What::Damaged), "{report}");
}

#[test]
fn what_a_checkpoint_names_is_never_written_over() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    fill(&mut log, 300);
    log.publish(sign).unwrap();
    fill(&mut log, 300);
    // Every way in which writing the next tiles may fail.
    for writes in 0..20 {
        disk.fail_write_in(writes);
        let _ = log.publish(|_| Err::<String, _>("no"));
        disk.heal();
        let crashed = disk.process_crash();
        let report = check(&crashed);
        assert!(report.verified() && report.covered == 300, "{report}");
    }
    log.publish(sign).unwrap();
    let report = check(&disk);
    assert!(report.verified() && report.covered == 600, "{report}");
}

#[test]
fn partial_tiles_stay_until_the_full_one_is_there() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let partial = |width| tile_path(dir(), Content::Hashes(0), 0, width);
    let bundle = |width| tile_path(dir(), Content::Entries, 0, width);
    for (count, there) in [(100, vec![100]), (150, vec![100, 150]), (255, vec![100, 150, 255])] {
        let more = count - log.count();
        fill(&mut log, more);
        log.publish(sign).unwrap();
        let names = disk.below(&dir().join("tile"));
        for width in there {
            assert!(names.contains(&partial(width)) && names.contains(&bundle(width)));
        }
    }
    fill(&mut log, 10);
    log.publish(sign).unwrap();
    let names = disk.below(&dir().join("tile"));
    assert!(names.contains(&partial(256)) && names.contains(&bundle(256)));
    assert!(!names.contains(&partial(255)) && !names.contains(&bundle(255)), "{names:?}");
    assert!(!names.contains(&partial(100)) && !names.contains(&bundle(100)), "{names:?}");
}

#[test]
fn partial_bundles_take_a_bounded_room() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let bytes_of_bundles = |disk: &FaultyDisk| -> usize {
        let names = disk.below(&dir().join("tile/entries"));
        names.iter().map(|name| disk.bytes(name).len()).sum()
    };
    let mut most = 0;
    for width in 1..100 {
        log.append(&[b'p'; 60_000]).unwrap();
        log.publish(sign).unwrap();
        most = most.max(bytes_of_bundles(&disk));
        // INVARIANT (bounded): the newest checkpoint keeps what it needs.
        let names = disk.below(&dir().join("tile"));
        assert!(names.contains(&tile_path(dir(), Content::Entries, 0, width)));
        assert!(names.contains(&tile_path(dir(), Content::Hashes(0), 0, 1)));
    }
    assert!(most <= (64 << 20) + 100 * 60_002, "{most} bytes");
    assert!(most > 60 << 20, "the bound was not reached");
}

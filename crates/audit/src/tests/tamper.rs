//! Whoever changes the log behind our back is found, and the entry named.

use std::path::PathBuf;
use std::sync::Arc;

use super::faults::{Dice, FaultyDisk};
use super::{VKEY, dir, open, options, sign, sign_body};
use crate::segment::{FIRST_RECORD, RECORD_HEADER, push_record};
use crate::tiles::{Content, encode_hashes, push_bundle, tile_path};
use crate::{Error, Log, Report, What, checkpoint_body, verify_on};

const COUNT: u64 = 700;

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"n\":{index},\"pad\":\"{}\"}}", "y".repeat((index % 700) as usize)).into_bytes()
}

/// A published log of 700 entries over several segments, and three more entries.
fn published() -> Arc<FaultyDisk> {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    for index in 0..COUNT {
        log.append(&entry(index)).unwrap();
        if index == 299 {
            log.publish(sign).unwrap();
        }
    }
    log.publish(sign).unwrap();
    for index in COUNT..COUNT + 3 {
        log.append(&entry(index)).unwrap();
    }
    drop(log);
    disk
}

fn check(disk: &Arc<FaultyDisk>, outside: Option<&str>) -> Report {
    verify_on(Arc::clone(disk) as _, dir(), VKEY, outside.map(str::as_bytes), |_| {}).unwrap()
}

fn segment(number: u32) -> PathBuf {
    crate::cursor::segment_path(dir(), number)
}

/// Where each record starts: segment, offset, length of the entry.
fn records() -> Vec<(u32, usize, usize)> {
    let (mut number, mut offset) = (0, FIRST_RECORD as usize);
    (0..COUNT + 3)
        .map(|index| {
            let length = RECORD_HEADER + entry(index).len();
            if offset + length > 128 * 1024 {
                (number, offset) = (number + 1, FIRST_RECORD as usize);
            }
            let record = (number, offset, entry(index).len());
            offset += length;
            record
        })
        .collect()
}

#[test]
fn an_untouched_log_verifies_and_says_what_it_cannot_know() {
    let disk = published();
    let report = check(&disk, None);
    assert!(report.verified(), "{report}");
    assert_eq!((report.entries, report.covered, report.uncovered()), (703, 700, 3));
    let text = report.to_string();
    assert!(text.contains("entries 700 to 702 are not yet covered"), "{text}");
    assert!(text.contains("without a checkpoint kept elsewhere"), "{text}");
    assert_eq!(report.to_json()["verified"], true);
}

#[test]
fn any_byte_changed_in_any_record_names_the_entry() {
    let disk = published();
    let records = records();
    let mut dice = Dice(7);
    for _ in 0..150 {
        let index = dice.below(records.len() as u64);
        let (number, offset, length) = records[index as usize];
        let at = offset + dice.below((RECORD_HEADER + length) as u64) as usize;
        let copy = disk.process_crash();
        copy.tamper(&segment(number), |bytes| bytes[at] ^= 1 << dice.below(8));
        let report = check(&copy, None);
        assert_eq!(report.first_wrong_entry(), Some(index), "byte {at}: {report}");
        // The writer refuses too, and changes nothing, where it reads the segment.
        let before = copy.bytes(&segment(number));
        match Log::open_on(Arc::clone(&copy) as _, dir(), &options(0)) {
            Err(Error::Damaged(damage)) => assert_eq!(damage.index, index),
            Err(error) => panic!("{error}"),
            Ok((_, recovery)) => assert!(recovery.checked < recovery.entries - index),
        }
        if index > 650 {
            assert!(copy.bytes(&segment(number)) == before, "nothing is cleared");
        }
    }
}

/// Rewrites an entry so that its record is whole.
fn rewrite(disk: &FaultyDisk, index: u64) -> Vec<u8> {
    let (number, offset, length) = records()[index as usize];
    let forged = vec![b'z'; length];
    let mut record = Vec::new();
    push_record(&mut record, index, &forged);
    disk.tamper(&segment(number), |bytes| {
        bytes[offset..offset + record.len()].copy_from_slice(&record);
    });
    forged
}

fn bytes_of(index: u64, changed: u64, forged: &[u8]) -> Vec<u8> {
    if index == changed { forged.to_vec() } else { entry(index) }
}

fn rewrite_bundle(disk: &FaultyDisk, changed: u64, forged: &[u8]) {
    let group = changed / 256;
    let end = ((group + 1) * 256).min(COUNT);
    let mut bundle = Vec::new();
    for index in group * 256..end {
        push_bundle(&mut bundle, &bytes_of(index, changed, forged));
    }
    let path = tile_path(dir(), Content::Entries, group, end - group * 256);
    disk.tamper(&path, |bytes| *bytes = bundle);
}

fn rewrite_tile(disk: &FaultyDisk, changed: u64, forged: &[u8]) {
    let group = changed / 256;
    let end = ((group + 1) * 256).min(COUNT);
    let hashes: Vec<_> = (group * 256..end)
        .map(|index| crate::leaf_hash(&bytes_of(index, changed, forged)))
        .collect();
    let path = tile_path(dir(), Content::Hashes(0), group, end - group * 256);
    disk.tamper(&path, |bytes| *bytes = encode_hashes(&hashes));
}

#[test]
fn a_whole_record_forged_is_named_by_the_tiles() {
    for index in [0, 255, 256, 511, 600, 699] {
        let disk = published();
        let forged = rewrite(&disk, index);
        let report = check(&disk, None);
        assert_eq!(report.first_wrong_entry(), Some(index), "{report}");
        assert!(report.findings.iter().any(|f| f.what == What::Entry && f.index == Some(index)));
        assert!(report.findings.iter().any(|f| f.what == What::Root));
        // With the bundle forged too, the hash tile still names it.
        rewrite_bundle(&disk, index, &forged);
        let report = check(&disk, None);
        assert_eq!(report.first_wrong_entry(), Some(index), "{report}");
        // With the tile forged as well, the group that is not the checkpoint's.
        rewrite_tile(&disk, index, &forged);
        let report = check(&disk, None);
        let group = format!("the hashes of entries {} to", index / 256 * 256);
        let named = report.findings.iter().any(|finding| finding.message.starts_with(&group));
        assert!(named && !report.verified(), "{report}");
    }
}

#[test]
fn what_clients_read_is_checked_too() {
    let disk = published();
    rewrite_bundle(&disk, 300, b"other");
    let report = check(&disk, None);
    assert_eq!(report.first_wrong_entry(), Some(300), "{report}");
    assert!(report.findings.iter().all(|finding| finding.what == What::Bundle));
    let disk = published();
    rewrite_tile(&disk, 300, b"other");
    assert_eq!(check(&disk, None).first_wrong_entry(), Some(300));
    for (content, number, width) in [
        (Content::Hashes(0), 1, 256),
        (Content::Hashes(0), 2, 188),
        (Content::Hashes(1), 0, 2),
        (Content::Entries, 0, 256),
    ] {
        let disk = published();
        disk.delete(&tile_path(dir(), content, number, width));
        assert!(!check(&disk, None).verified());
    }
}

#[test]
fn a_checkpoint_by_another_key_or_none_does_not_verify() {
    let disk = published();
    let path = dir().join("checkpoint");
    disk.tamper(&path, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("\n700\n", "\n299\n").into_bytes();
    });
    let report = check(&disk, None);
    assert_eq!(report.findings[0].what, What::Checkpoint, "{report}");
    disk.delete(&path);
    let report = check(&disk, None);
    assert_eq!(report.findings[0].what, What::Checkpoint, "{report}");
    assert_eq!(report.covered, 0);
    let other = "other+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let refused = verify_on(Arc::clone(&disk) as _, dir(), other, None, |_| {});
    assert!(matches!(refused, Err(Error::Checkpoint(_))), "a key that is none is misuse");
}

fn note(disk: &FaultyDisk) -> String {
    String::from_utf8(disk.bytes(&dir().join("checkpoint"))).unwrap()
}

/// A log that says something else, signed by the log's own key.
fn other_log(count: u64, changed: u64) -> Arc<FaultyDisk> {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    for index in 0..count {
        let bytes = if index == changed { b"changed".to_vec() } else { entry(index) };
        log.append(&bytes).unwrap();
    }
    log.publish(sign).unwrap();
    drop(log);
    disk
}

#[test]
fn a_checkpoint_kept_elsewhere_shows_rewriting_and_truncation() {
    let outside = note(&published());
    // INVARIANT (checkable): nothing but the outside checkpoint can show these.
    for (disk, shows) in [
        (other_log(COUNT, 5), "was rewritten"),
        (other_log(COUNT + 50, 699), "was rewritten"),
        (other_log(600, u64::MAX), "entries 600 to 699"),
    ] {
        assert!(check(&disk, None).verified());
        let report = check(&disk, Some(&outside));
        assert!(!report.verified());
        assert!(report.to_string().contains(shows), "{report}");
    }
    assert!(check(&published(), Some(&outside)).verified());
    assert!(check(&other_log(COUNT + 50, u64::MAX), Some(&outside)).verified());
    let report = check(&published(), Some(&note(&other_log(299, u64::MAX))));
    assert!(report.verified(), "{report}");
    // A newer one than the log's own vouches for what that does not cover yet.
    let report = check(&published(), Some(&note(&other_log(703, u64::MAX))));
    assert!(report.verified() && report.uncovered() == 0, "{report}");
    let forged = outside.replace("\n700\n", "\n200\n");
    assert!(!check(&published(), Some(&forged)).verified());
    let stranger = sign_body(&checkpoint_body("stranger", open_head(), &[]).unwrap());
    assert!(!check(&published(), Some(&stranger)).verified());
}

fn open_head() -> crate::Head {
    open(&FaultyDisk::new(), 0).0.head()
}

#[test]
fn entries_cut_off_behind_the_checkpoint_are_missed() {
    let disk = published();
    let (number, offset, _) = records()[650];
    for later in number + 1.. {
        if !disk.below(dir()).contains(&segment(later)) {
            break;
        }
        disk.delete(&segment(later));
    }
    disk.tamper(&segment(number), |bytes| {
        bytes[offset..].fill(0);
        let mark = crate::segment::encode_sync_mark(650);
        bytes[3584..3600].copy_from_slice(&mark);
    });
    let report = check(&disk, None);
    assert!(report.findings.iter().any(|f| f.what == What::Missing), "{report}");
    assert_eq!(report.first_wrong_entry(), Some(650));
    let refused = Log::open_on(Arc::clone(&disk) as _, dir(), &options(0)).err().unwrap();
    assert!(matches!(refused, Error::Truncated { found: 650, expected: 700 }), "{refused}");
}

#[test]
fn a_missing_segment_is_refused() {
    let last = records().last().unwrap().0;
    assert!(last >= 2);
    for number in 0..=last {
        let disk = published();
        disk.delete(&segment(number));
        let refused = Log::open_on(Arc::clone(&disk) as _, dir(), &options(0)).err().unwrap();
        match number == last {
            true => assert!(matches!(refused, Error::Truncated { .. }), "{refused}"),
            false => assert!(matches!(refused, Error::Damaged(_)), "{refused}"),
        }
        assert!(!check(&disk, None).verified());
    }
}

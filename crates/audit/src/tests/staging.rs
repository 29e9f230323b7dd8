//! Entries written together: all of them or none, and each told.

use std::sync::Arc;

use super::faults::FaultyDisk;
use super::{dir, open};
use crate::{Error, Log, MAX_STAGED_BYTES, Reader, Reserve};

fn read(disk: &Arc<FaultyDisk>) -> Vec<Vec<u8>> {
    let entries = Reader::open_on(Arc::clone(disk) as _, dir()).unwrap().entries(0).unwrap();
    entries.map(|entry| entry.unwrap().bytes).collect()
}

#[test]
fn what_is_staged_is_written_with_one_write() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"before").unwrap();
    let writes = disk.writes();
    let staged: Vec<_> = (0..50_u8).map(|n| log.stage(&[n; 100], None).unwrap()).collect();
    assert_eq!((disk.writes(), log.count()), (writes, 1), "nothing is appended yet");
    assert_eq!(staged[49].expected_index(), 50);
    for (n, staged) in (0..50_u8).zip(staged) {
        let appended = log.outcome(staged).unwrap();
        assert_eq!(appended.index, 1 + u64::from(n));
        assert_eq!(appended.leaf_hash, crate::leaf_hash(&[n; 100]));
    }
    assert_eq!((disk.writes(), log.count()), (writes + 1, 51));
    assert_eq!(read(&disk).len(), 51);
}

#[test]
fn what_comes_later_is_never_in_front_of_what_was_staged() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    let staged = log.stage(b"first", None).unwrap();
    assert_eq!(log.append(b"second").unwrap().index, 1);
    let handed = log.stage(b"third", None).unwrap();
    assert_eq!(log.hand_over().size, 3);
    assert_eq!(log.outcome(handed).unwrap().index, 2);
    assert_eq!(log.outcome(staged).unwrap().index, 0);
    assert_eq!(read(&disk), [b"first".to_vec(), b"second".to_vec(), b"third".to_vec()]);
}

#[test]
fn of_a_failed_write_nothing_counts() {
    for fails_after in 0..3 {
        let disk = FaultyDisk::new();
        let (mut log, _) = open(&disk, 0);
        log.append(b"before").unwrap();
        let head = log.head();
        let staged: Vec<_> = (0..20_u8).map(|n| log.stage(&[n; 300], None).unwrap()).collect();
        disk.fail_write_in(0);
        for staged in staged {
            assert!(matches!(log.outcome(staged), Err(Error::Io { .. })));
        }
        assert_eq!(log.head(), head);
        disk.heal();
        // Half of it stands behind the last entry, and is nobody's.
        for n in 0..fails_after {
            assert_eq!(log.append(b"after").unwrap().index, 1 + n);
        }
        assert_eq!(log.append(b"last").unwrap().index, 1 + fails_after);
        assert_eq!(read(&disk).len() as u64, 2 + fails_after);
        drop(log);
        assert_eq!(open(&disk, 0).1.entries, 2 + fails_after);
    }
}

#[test]
fn on_a_full_disk_reads_and_cancels_go_to_their_reserves_one_by_one() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    disk.set_space(Some(0));
    while log.append(&[b'x'; 600]).is_ok() {}
    while log.append(b"x").is_ok() {}
    let count = log.count();
    let of = |log: &mut Log, reserve| log.stage(&[b'y'; 600], reserve).unwrap();
    let order = of(&mut log, None);
    let read = of(&mut log, Some(Reserve::Reads));
    let cancel = of(&mut log, Some(Reserve::Cancels));
    let late = of(&mut log, None);
    assert_eq!(log.outcome(cancel).unwrap().index, count + 1, "the order in front is not there");
    assert!(matches!(log.outcome(order), Err(Error::NoSpace)));
    assert_eq!(log.outcome(read).unwrap().index, count);
    assert!(matches!(log.outcome(late), Err(Error::NoSpace)));
    assert_eq!(log.count(), count + 2);
    // INVARIANT (bounded): a batch takes no more than its reserve either.
    let staged: Vec<_> = (0..20).map(|_| of(&mut log, Some(Reserve::Reads))).collect();
    let kept = staged.into_iter().filter_map(|staged| log.outcome(staged).ok()).count();
    assert_eq!(kept, (4096 - 624) / 624);
    assert_eq!(log.reserve_left().1, 2048 - 624);
}

#[test]
fn more_than_fits_is_written_first() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    // INVARIANT (bounded): no more waits than one write takes.
    let mut staged = Vec::new();
    for n in 0..3_u8 {
        staged.push(log.stage(&[n; 40_000], None).unwrap());
    }
    const { assert!(3 * 40_000 > MAX_STAGED_BYTES) };
    assert_eq!(log.count(), 2);
    let indexes: Vec<u64> = staged.into_iter().map(|s| log.outcome(s).unwrap().index).collect();
    assert_eq!(indexes, [0, 1, 2]);
}

#[test]
fn an_outcome_that_is_forgotten_is_a_failure() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    disk.fail_write_in(0);
    let first = log.stage(b"first", None).unwrap();
    for _ in 0..crate::MAX_OUTCOMES {
        // INVARIANT (bounded): nobody asks for these.
        let _unasked = log.stage(b"unasked", None).unwrap();
        log.flush();
    }
    disk.heal();
    assert!(log.outcome(first).is_err());
    assert_eq!(log.append(b"next").unwrap().index, 0);
}

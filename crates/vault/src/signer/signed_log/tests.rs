use super::*;

fn line(sequence: u64, at_ms: u64) -> Vec<u8> {
    let hash = "0".repeat(64);
    format!("{sequence} {at_ms} main-trade 5 order {hash} {hash} order:BTCUSDT:1:0\n").into_bytes()
}

fn open(directory: &Path, since: u64) -> (SignedLog, Recovery, Vec<u64>) {
    let mut seen = Vec::new();
    let (log, recovery) =
        SignedLog::open(directory, since, &mut |line| seen.push(line.sequence)).unwrap();
    (log, recovery, seen)
}

#[test]
fn goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    SignedLog::create(directory.path()).unwrap();
    let (mut log, recovery, seen) = open(directory.path(), 0);
    assert!(matches!(recovery, Recovery::Whole) && seen.is_empty());
    log.append(&[line(1, 10), line(2, 20)].concat(), 2).unwrap();
    log.append(&line(3, 30), 3).unwrap();
    let (log, recovery, seen) = open(directory.path(), 20);
    assert!(matches!(recovery, Recovery::Whole));
    assert_eq!((log.sequence(), seen), (3, vec![2, 3]));
}

#[test]
fn a_cut_line_is_taken_away() {
    let directory = tempfile::tempdir().unwrap();
    SignedLog::create(directory.path()).unwrap();
    let (mut log, ..) = open(directory.path(), 0);
    log.append(&line(1, 10), 1).unwrap();
    log.write(b"2 20 main").unwrap();
    drop(log);
    let (mut log, recovery, seen) = open(directory.path(), 0);
    assert!(matches!(recovery, Recovery::Whole));
    assert_eq!(seen, [1]);
    log.append(&line(2, 20), 2).unwrap();
    assert_eq!(open(directory.path(), 0).2, [1, 2]);
}

#[test]
fn what_is_missing_or_changed_is_unknown() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(open(directory.path(), 0).1, Recovery::Unknown(_)));
    let path = directory.path().join("signed.log");
    for content in [
        b"".to_vec(),
        b"something else\n".to_vec(),
        [b"countersign-signed 1 1\n".to_vec(), line(2, 1)].concat(),
        [b"countersign-signed 1 1\n".to_vec(), b"1 2 3\n".to_vec()].concat(),
        [b"countersign-signed 1 1\n".to_vec(), vec![b'x'; LINE_BYTES + 1]].concat(),
    ] {
        std::fs::write(&path, &content).unwrap();
        assert!(matches!(open(directory.path(), 0).1, Recovery::Unknown(_)));
    }
}

#[test]
fn a_full_segment_is_closed_and_still_counted() {
    let directory = tempfile::tempdir().unwrap();
    SignedLog::create(directory.path()).unwrap();
    let (mut log, ..) = open(directory.path(), 0);
    log.append(&line(1, 10), 1).unwrap();
    log.length = SEGMENT_BYTES;
    log.append(&line(2, 20), 2).unwrap();
    log.append(&line(3, 30), 3).unwrap();
    assert!(directory.path().join("signed-00000000000000000001.log").exists());
    let (log, recovery, mut seen) = open(directory.path(), 15);
    seen.sort_unstable();
    assert!(matches!(recovery, Recovery::Whole));
    assert_eq!((log.sequence(), seen), (3, vec![2, 3]));
    // The active file alone is lost: numbers go on, but the hour is unknown.
    std::fs::remove_file(directory.path().join("signed.log")).unwrap();
    let (log, recovery, _) = open(directory.path(), 15);
    assert!(matches!(recovery, Recovery::Unknown(_)));
    assert_eq!(log.sequence(), 2);
}

#[test]
fn what_the_disk_does_not_take_is_kept_for_later() {
    let directory = tempfile::tempdir().unwrap();
    SignedLog::create(directory.path()).unwrap();
    let (mut log, ..) = open(directory.path(), 0);
    let writable = log.break_for_test();
    assert!(log.append(&line(1, 10), 1).is_err());
    assert_eq!(log.sequence(), 0, "nothing was taken over");
    assert!(log.broken.is_some() && log.has_reserve());
    log.keep(&line(1, 10), 1);
    log.mend_for_test(writable);
    log.append(&line(2, 20), 2).unwrap();
    assert!(log.broken.is_none());
    assert_eq!(open(directory.path(), 0).2, [1, 2]);
}

//! What is reported as on disk is on disk.

use std::sync::Arc;

use super::faults::{Dice, FaultyDisk};
use super::{dir, open, options, sign};
use crate::{Error, Log, Published};

#[test]
fn what_a_failed_sync_dropped_is_written_again() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    disk.fail_sync_in(0, false);
    assert!(log.sync_handle().sync_through(0).is_err());
    assert_eq!(log.sync_handle().synced(), 0);
    // The kernel counts the pages as clean: this must write them anew.
    log.sync_handle().sync_through(0).unwrap();
    let disk = disk.machine_crash(&mut Dice(3));
    let (log, recovery) = open(&disk, 1);
    assert_eq!((recovery.entries, log.count()), (1, 1));
}

#[test]
fn what_is_lost_in_memory_too_stops_the_log() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    log.sync_handle().sync().unwrap();
    log.append(b"two").unwrap();
    disk.fail_sync_in(0, true);
    assert!(log.sync_handle().sync_through(1).is_err());
    assert!(matches!(log.sync_handle().sync_through(1), Err(Error::Lost { index: 1 })));
    assert!(matches!(log.append(b"three"), Err(Error::Lost { .. })));
    assert!(matches!(log.publish(sign), Err(Error::Lost { .. })), "nothing is signed over it");
}

#[test]
fn nothing_to_sync_costs_no_sync() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    log.sync_handle().sync().unwrap();
    let before = disk.syncs();
    for _ in 0..10 {
        assert_eq!(log.sync_handle().sync().unwrap(), 1);
    }
    assert_eq!(disk.syncs(), before);
}

#[test]
fn a_signer_that_refuses_leaves_the_old_checkpoint() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    log.publish(sign).unwrap();
    let before = disk.bytes(&dir().join("checkpoint"));
    log.append(b"two").unwrap();
    let refused = log.publish(|_| Err::<String, _>("no")).unwrap_err();
    assert!(refused.to_string().contains("no"), "{refused}");
    let wrong = log.publish(|request| {
        let head = request.previous.unwrap();
        Ok::<_, String>(super::sign_body(
            &crate::checkpoint_body(&request.origin, head, &[]).unwrap(),
        ))
    });
    assert!(matches!(wrong, Err(Error::Sign(_))));
    assert_eq!(disk.bytes(&dir().join("checkpoint")), before);
    assert!(matches!(log.publish(sign).unwrap(), Published::Checkpoint { .. }));
}

#[test]
fn a_signer_ahead_of_the_checkpoint_on_disk_gets_its_proof() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    for index in 0..300 {
        log.append(format!("{index}").as_bytes()).unwrap();
        if index == 9 {
            log.publish(sign).unwrap();
        }
    }
    // The signer signs, but the machine stops before the checkpoint is written.
    let signed = log.head();
    let crashed = disk.process_crash();
    drop(log);
    let (mut log, _) = Log::open_on(crashed as Arc<_>, dir(), &options(0)).unwrap();
    log.append(b"more").unwrap();
    log.publish(|request| {
        assert_eq!(request.previous.unwrap().size, 10);
        let proof = request.proof_from(signed.size).map_err(|error| error.to_string())?;
        crate::verify_consistency(signed, request.head(), &proof).unwrap();
        assert!(request.proof_from(request.size + 1).is_err());
        sign(request)
    })
    .unwrap();
}

#[test]
fn there_is_one_publisher() {
    let disk = FaultyDisk::new();
    let (mut log, _) = open(&disk, 0);
    log.append(b"one").unwrap();
    let mut publisher = log.publisher().unwrap();
    assert!(matches!(log.publish(sign), Err(Error::PublisherTaken)));
    let head = log.head();
    log.append(b"two").unwrap();
    publisher.publish(head, sign).unwrap();
    drop(publisher);
    log.publish(sign).unwrap();
}

//! The log as a process runs it: writer, syncing thread, publisher and reader
//! at once; and a process that is killed.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit::{CheckpointRequest, Log, Options, Reader, verify, verify_consistency};
use signed_note::{Note, StandardSigner};

const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fn options() -> Options {
    Options { segment_bytes: 256 * 1024, ..Options::new("PeterNeumann") }
}

fn sign(request: &CheckpointRequest) -> Result<String, String> {
    if let Some(previous) = request.previous {
        verify_consistency(previous, request.head(), &request.consistency_proof)
            .map_err(|error| error.to_string())?;
    }
    let body = request.body(&[]).map_err(|error| error.to_string())?;
    let mut note = Note::new(body.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SKEY).unwrap()]).unwrap();
    Ok(String::from_utf8(note.to_bytes()).unwrap())
}

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"n\":{index},\"pad\":\"{}\"}}", "p".repeat(500)).into_bytes()
}

const COUNT: u64 = 20_000;

/// Over some forty segments, all parts of a running log at the same time.
#[test]
fn writer_syncer_publisher_and_reader_work_beside_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), &options()).unwrap();
    let (handle, mut publisher) = (log.sync_handle(), log.publisher().unwrap());
    let (log, stop) = (Mutex::new(log), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (log, stop, path) = (&log, &stop, dir.path());
        let run = handle.clone();
        scope.spawn(move || run.run(Duration::from_millis(1), stop, |round| round.unwrap()));
        scope.spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let head = log.lock().unwrap().head();
                publisher.publish(head, sign).unwrap();
            }
        });
        let reading = scope.spawn(|| {
            let mut entries = Reader::open(dir.path()).unwrap().entries(0).unwrap();
            let mut seen = 0;
            while seen < COUNT {
                if let Some(read) = entries.next() {
                    let read = read.unwrap();
                    assert_eq!((read.index, read.bytes), (seen, entry(seen)));
                    seen += 1;
                }
            }
        });
        // INVARIANT (checkable): a log at work verifies as well as one at rest.
        let verifying = scope.spawn(move || {
            let mut covered = 0;
            while !stop.load(Ordering::Acquire) {
                let report = verify(path, VKEY, None, |_| {}).unwrap();
                if report.checkpoint.is_some() {
                    assert!(report.verified(), "{report}");
                    covered = report.covered;
                }
            }
            covered
        });
        for index in 0..COUNT {
            assert_eq!(log.lock().unwrap().append(&entry(index)).unwrap().index, index);
            if index % 1000 == 0 {
                handle.sync_through(index).unwrap();
            }
        }
        reading.join().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        stop.store(true, Ordering::Release);
        assert!(verifying.join().unwrap() > 0);
    });
    let mut log = log.into_inner().unwrap();
    assert_eq!(handle.sync().unwrap(), COUNT);
    log.publish(sign).unwrap();
    drop(log);
    let report = verify(dir.path(), VKEY, None, |_| {}).unwrap();
    assert!(report.verified() && report.covered == COUNT, "{report}");
}

const CHILD: &str = "AUDIT_TEST_CHILD";

/// Not a test by itself: the process that the next test kills.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let (mut log, _) = Log::open(Path::new(&dir), &options()).unwrap();
    let handle = log.sync_handle();
    std::thread::spawn(move || {
        handle.run(Duration::from_millis(1), &AtomicBool::new(false), |_| {});
    });
    loop {
        let index = log.append(&entry(log.count())).unwrap().index;
        writeln!(std::io::stdout(), "appended {index}").unwrap();
        if index % 400 == 0 {
            log.publish(sign).unwrap();
        }
    }
}

/// INVARIANT (record first): what `append` returned for is in the log after a
/// kill at any moment, and the log goes on from there.
#[test]
fn a_killed_writer_loses_nothing_it_had_appended() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = None;
    for round in 0_u64..15 {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut told = 0;
        while told < 50 + round * 137 {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, index)) = line.rsplit_once("appended ") {
                last = Some(index.parse::<u64>().unwrap());
                told += 1;
            }
        }
        process.kill().unwrap();
        // What it had told before it died counts too.
        for line in lines.map_while(Result::ok) {
            if let Some(index) = line.rsplit_once("appended ").and_then(|(_, n)| n.parse().ok()) {
                last = Some(index);
            }
        }
        process.wait().unwrap();
        let (mut log, recovery) = Log::open(dir.path(), &options()).unwrap();
        assert!(Some(recovery.entries) > last, "{} entries, told of {last:?}", recovery.entries);
        assert_eq!(recovery.set_aside, None);
        log.publish(sign).unwrap();
        drop(log);
        let report = verify(dir.path(), VKEY, None, |checked| {
            assert_eq!(checked.bytes, entry(checked.index));
        })
        .unwrap();
        assert!(report.verified() && report.entries == recovery.entries, "{report}");
    }
}

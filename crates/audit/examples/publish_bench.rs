//! Measures what a log costs in processor time while it runs: entries of 900
//! and 500 bytes in turn at a given rate, synced every 8 ms, with a checkpoint
//! every second, on the disk under the directory given (default: the
//! temporary directory).
//!
//! `cargo run --release -p countersign-audit --example publish_bench [ENTRIES_A_SECOND [SECONDS [DIR [staged]]]]`

use std::error::Error;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit::{CheckpointRequest, Log, Options};
use rustix::time::{ClockId, clock_gettime};
use signed_note::{Note, StandardSigner};

/// The key pair published with golang.org/x/mod/sumdb/note.
const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
/// Entries appended at a time, as by the requests of one turn of a loop.
const BURST: usize = 8;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut words = std::env::args_os().skip(1);
    let mut number = |otherwise: u64| -> Outcome<u64> {
        match words.next() {
            Some(word) => Ok(word.to_string_lossy().parse()?),
            None => Ok(otherwise),
        }
    };
    let (rate, seconds) = (number(40_000)?, number(5)?);
    let parent = words.next().map_or_else(std::env::temp_dir, Into::into);
    let dir = parent.join(format!("publish-bench-{}", std::process::id()));
    let staged = words.next().is_some_and(|word| word == "staged");
    let outcome = measure(&dir, rate.max(1), seconds.max(1), staged);
    std::fs::remove_dir_all(&dir)?;
    outcome
}

/// Processor time of this thread, user and kernel.
fn spent() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn sign(request: &CheckpointRequest) -> Outcome<String> {
    let mut note = Note::new(request.body(&[])?.as_bytes(), &[])?;
    note.add_sigs(&[&StandardSigner::new(SKEY)?])?;
    Ok(String::from_utf8(note.to_bytes())?)
}

fn measure(dir: &Path, rate: u64, seconds: u64, together: bool) -> Outcome<()> {
    let (log, _) = Log::open(dir, &Options::new("PeterNeumann"))?;
    let (handle, mut publisher) = (log.sync_handle(), log.publisher()?);
    handle.prepare()?;
    let (log, stop) = (Mutex::new(log), AtomicBool::new(false));
    let lock = || log.lock().map_err(|_| "a thread failed");
    std::thread::scope(|scope| {
        let (run, stopped) = (handle.clone(), &stop);
        let syncing = scope.spawn(move || {
            run.run(Duration::from_millis(8), stopped, |round| {
                if let Err(error) = round {
                    eprintln!("{error}");
                }
            });
            spent()
        });
        let publishing = scope.spawn(|| -> Outcome<(Duration, u64)> {
            let mut tick = 0_u64;
            loop {
                let last = stop.load(Ordering::Acquire);
                std::thread::sleep(Duration::from_millis(100));
                tick += 1;
                let head = lock()?.hand_over();
                publisher.advance()?;
                if tick.is_multiple_of(10) || last {
                    publisher.publish(head, sign)?;
                }
                if last {
                    return Ok((spent(), lock()?.count()));
                }
            }
        });
        let entry = [b'x'; 900];
        let (begin, mut count) = (Instant::now(), 0);
        let before = spent();
        let mut waited = Duration::ZERO;
        while count < rate * seconds {
            let mut staged = Vec::with_capacity(BURST);
            for _ in 0..BURST {
                let length = if count.is_multiple_of(2) { 900 } else { 500 };
                let entry = entry.get(..length).unwrap_or(&entry);
                if together {
                    staged.push(lock()?.stage(entry, None)?);
                } else {
                    lock()?.append(entry)?;
                }
                count += 1;
            }
            for staged in staged {
                lock()?.outcome(staged)?;
            }
            let due = Duration::from_nanos(count * 1_000_000_000 / rate);
            let idle = spent();
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            waited += spent() - idle;
        }
        let appending = spent() - before - waited;
        stop.store(true, Ordering::Release);
        let (published, covered) =
            publishing.join().map_err(|_| "the publishing thread failed")??;
        let synced = syncing.join().map_err(|_| "the syncing thread failed")?;
        let each = |time: Duration| time.as_nanos() / u128::from(covered.max(1));
        println!(
            "{count} entries in {:.1} s; processor time an entry: append {} ns, publish {} ns, sync {} ns",
            begin.elapsed().as_secs_f64(),
            each(appending),
            each(published),
            each(synced)
        );
        Ok(())
    })
}

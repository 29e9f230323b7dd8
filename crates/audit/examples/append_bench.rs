//! Measures one append of 600 bytes, and one sync, on the disk under the
//! directory given (default: the temporary directory).
//!
//! `cargo run --release -p countersign-audit --example append_bench [DIR]`

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit::{Log, Options};

const ENTRIES: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let dir = parent.join(format!("append-bench-{}", std::process::id()));
    let outcome = measure(&dir);
    std::fs::remove_dir_all(&dir)?;
    outcome
}

fn measure(dir: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let (mut log, _) = Log::open(dir, &Options::new("bench"))?;
    let entry = vec![b'x'; 600];
    let handle = log.sync_handle();
    handle.prepare()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        let (run, stopped) = (handle.clone(), &stop);
        let syncing = scope.spawn(move || {
            run.run(Duration::from_millis(10), stopped, |round| {
                if let Err(error) = round {
                    eprintln!("{error}");
                }
            });
        });
        let mut times = Vec::with_capacity(ENTRIES);
        for _ in 0..ENTRIES {
            let begin = Instant::now();
            let appended = log.append(&entry);
            times.push(begin.elapsed());
            appended?;
        }
        report("append of 600 bytes, syncing every 10 ms beside it", &mut times);
        stop.store(true, Ordering::Release);
        syncing.join().map_err(|_| "the syncing thread failed")?;
        handle.sync()?;
        let mut times = Vec::new();
        for _ in 0..2000 {
            let index = log.append(&entry)?.index;
            let begin = Instant::now();
            handle.sync_through(index)?;
            times.push(begin.elapsed());
        }
        report("sync_through of one entry", &mut times);
        Ok(())
    })
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at =
        |part: f64| times.get((times.len() as f64 * part) as usize).map_or(0, Duration::as_nanos);
    let mean = times.iter().sum::<Duration>().as_nanos() / times.len().max(1) as u128;
    println!(
        "{what}: mean {mean} ns, p50 {} ns, p99 {} ns, p99.9 {} ns",
        at(0.5),
        at(0.99),
        at(0.999)
    );
}

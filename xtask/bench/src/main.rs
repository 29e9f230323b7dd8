//! Measures the gateway beside nginx `proxy_pass` and a direct connection.
//!
//! `countersign-bench run [--quick] [--json]` orchestrates; `upstream` and
//! `load` are the other ends, started by it as processes of their own so that
//! they can be pinned; `hold` keeps everything up for a profiler. Ratios are taken inside one repetition; the numbers of
//! an unpinned or busy machine are not worth quoting.

mod load;
mod measure;
mod order;
mod report;
mod stack;
mod upstream;

use std::process::ExitCode;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        arguments
            .iter()
            .position(|argument| argument == flag)
            .and_then(|at| arguments.get(at + 1))
            .cloned()
    };
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let outcome = match arguments.first().map(String::as_str) {
        Some("upstream") => upstream::run(&value),
        Some("load") => load::run(&value),
        Some("run") => report::run(has("--quick"), has("--json")),
        Some("hold") => report::hold(has("--tls"), has("--poll")),
        _ => Err("usage: countersign-bench run [--quick] [--json] | hold [--tls] [--poll]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersign-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

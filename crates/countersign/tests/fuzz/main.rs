//! Every parser of bytes from outside, fed with the vectors and with what comes
//! of changing them: on the stable toolchain, from a seed, for so many seconds a
//! target (`COUNTERSIGN_FUZZ_SECONDS`; a blink where it is not set).
//!
//! A finding is printed as hexadecimal, with its target: give it to the function
//! of that name to see it again. With `COUNTERSIGN_FUZZ_SEEDS` the vectors are
//! written there, a folder a target, as `fuzz/` wants them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code"
)]

mod differential;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use mutate::{Random, mutate};

type Target = (&'static str, fn(&[u8]), Vec<Vec<u8>>);

/// The blocks of a vector file: its fields, in order.
fn blocks(directory: &str) -> Vec<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/testdata").join(directory);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "vec") {
            continue;
        }
        for block in std::fs::read_to_string(path).unwrap().split("\n\n") {
            let fields: Vec<(String, String)> = block
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            all.push(fields);
        }
    }
    all
}

fn field<'b>(block: &'b [(String, String)], name: &str) -> Option<&'b str> {
    block.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// `METHOD path`, query, body, a line each.
fn requests(directory: &str) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = blocks(directory)
        .iter()
        .filter_map(|block| {
            let request = field(block, "request")?;
            let rest = |name| field(block, name).unwrap_or_default();
            Some(format!("{request}\n{}\n{}", rest("query"), rest("body")).into_bytes())
        })
        .collect();
    seeds.sort();
    assert!(seeds.len() > 20, "{directory}");
    seeds
}

fn fields(directory: &str, name: &str) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = blocks(directory)
        .iter()
        .filter_map(|block| field(block, name))
        .map(|text| text.as_bytes().to_vec())
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{directory} has no {name}");
    seeds
}

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn log_reader(bytes: &[u8]) {
    audit::fuzz_reader(bytes);
}

fn targets() -> Vec<Target> {
    let heads = texts(&[
        "POST /binance/api/v3/order HTTP/1.1\r\nHost: h\r\nX-MBX-APIKEY: k\r\nContent-Length: 3\r\n\r\nabc",
        "GET /ws-api/v3 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "DELETE /api/v3/order?symbol=A&timestamp=1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
    ]);
    let answers = texts(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-mbx-used-weight-1m: 5\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"code\":-1}",
    ]);
    let commands = texts(&[
        r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#,
        r#"{"method":"UNSUBSCRIBE","params":["pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a6501"],"id":"x"}"#,
        "/fstream/private/ws?listenKey=pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a6501",
        "/ws/btcusdt@trade/!ticker@arr",
        "/stream",
    ]);
    let words = texts(&[
        r#"{"id":1,"event":"subscribe","topic":"SPOT_BTC_USDT@orderbook"}"#,
        r#"{"event":"auth","params":{"apikey":"k==","sign":"20da0852f73b20da0208c7e627975a59ff072379883d8457d03104651032033d","timestamp":"1578565539808"}}"#,
        r#"{"event":"pong","ts":1578565539808}"#,
    ]);
    let frames = fields("binance", "frame");
    let frames =
        frames.iter().flat_map(|frame| [0_u8, 1, 2, 3].map(|kind| [&[kind], &frame[..]].concat()));
    let frames: Vec<Vec<u8>> = frames.collect();
    let json = fields("woox", "body");
    vec![
        ("wire::fuzz::binance_request", wire::fuzz::binance_request, requests("binance")),
        ("wire::fuzz::binance_frame", wire::fuzz::binance_frame, frames.clone()),
        ("wire::fuzz::woox_request", wire::fuzz::woox_request, requests("woox")),
        ("wire::fuzz::woox_text", wire::fuzz::woox_text, fields("woox", "text")),
        ("wire::fuzz::woox_json", wire::fuzz::woox_json, json),
        ("gateway::fuzz::woox_frame", gateway::fuzz::woox_frame, words),
        ("differential::binance", differential::binance, requests("binance")),
        ("differential::binance_frame", differential::binance_frame, frames.clone()),
        ("differential::woox", differential::woox, requests("woox")),
        ("gateway::fuzz::request_head", gateway::fuzz::request_head, heads),
        ("gateway::fuzz::venue_answer", gateway::fuzz::venue_answer, answers),
        ("gateway::fuzz::stream_command", gateway::fuzz::stream_command, commands),
        ("vault::fuzz::protocol", vault::fuzz::protocol, signer_seeds()),
        ("vault::fuzz::sealed_file", vault::fuzz::sealed_file, sealed_seeds()),
        ("audit::fuzz_reader", log_reader, log_seeds()),
    ]
}

fn signer_seeds() -> Vec<Vec<u8>> {
    use vault::protocol::{Ask, KeyHandle, SignAsk, Surface};
    let ask = |text: &str, surface| {
        Ask::Sign(SignAsk {
            id: 1,
            key: KeyHandle(0),
            entry: 2,
            claim: wire::model::Effect::Order,
            deadline_unix_ms: 1_795_000_000_000,
            surface,
            text: text.as_bytes().to_vec(),
            principal: String::new(),
            grants: Vec::new(),
        })
    };
    let one = ask("symbol=BTCUSDT&side=BUY&timestamp=1", Surface::Rest);
    let two = ask("apiKey=k&timestamp=1", Surface::WebSocket);
    [vec![one.clone()], vec![one, two]]
        .map(|asks| {
            let mut frame = Vec::new();
            vault::protocol::encode_asks(&asks, &mut frame).unwrap();
            // Without its length in front.
            frame.split_off(4)
        })
        .into()
}

fn sealed_seeds() -> Vec<Vec<u8>> {
    let ceiling = vault::ceiling::propose_read().encode().unwrap();
    let line = format!("1 1700 k 0 order {} {} -", "a".repeat(64), "b".repeat(64));
    vec![ceiling, line.into_bytes(), b"countersign-sealed".to_vec()]
}

/// A real log of a few entries, every file of it.
fn log_seeds() -> Vec<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (mut log, _) = audit::Log::open(&path, &audit::Options::new("fuzz")).unwrap();
    for index in 0..20 {
        log.append(format!("{{\"n\":{index}}}").as_bytes()).unwrap();
    }
    drop(log);
    let note = "fuzz\n3\nr4+uWFQdLohq9TK5gT9qw1z5DJNHmBvgGQMYvvsH4kA=\n\n\u{2014} fuzz AAAAAAAA\n";
    let mut seeds = texts(&[note]);
    for file in std::fs::read_dir(&path).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            seeds.push(std::fs::read(path).unwrap().into_iter().take(4096).collect());
        }
    }
    assert!(seeds.len() > 1);
    seeds
}

fn seconds() -> Duration {
    let set = std::env::var("COUNTERSIGN_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    set.map_or(Duration::from_millis(150), Duration::from_secs)
}

/// Writes every target's vectors as files, for a fuzzer that keeps a corpus.
fn write_seeds(directory: &Path, targets: &[Target]) {
    for (name, _, seeds) in targets {
        // As the target is called in `fuzz/`.
        let name = name.rsplit("fuzz::").next().unwrap_or_default().replace("::", "_");
        let folder = directory.join(name.replace("audit_", ""));
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("vector-{number}")), seed).unwrap();
        }
    }
}

/// Runs one target; how often.
fn run(name: &str, target: fn(&[u8]), seeds: &[Vec<u8>], seed: u64) -> u64 {
    let find = |input: &[u8]| {
        let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
        assert!(outcome.is_ok(), "`{name}` breaks on {}", hex::encode(input));
    };
    seeds.iter().for_each(|seed| find(seed));
    let (mut random, mut runs) = (Random(seed), seeds.len() as u64);
    let end = Instant::now() + seconds();
    while Instant::now() < end {
        for _ in 0..64 {
            find(&mutate(&mut random, seeds));
        }
        runs += 64;
    }
    runs
}

#[test]
fn every_parser_of_outside_bytes_survives() {
    let seed = std::env::var("COUNTERSIGN_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(20_261_126);
    let targets = targets();
    if let Some(directory) = std::env::var_os("COUNTERSIGN_FUZZ_SEEDS") {
        write_seeds(Path::new(&directory), &targets);
    }
    // Two at a time: as many as there are cores where it matters.
    let mut lanes: [Vec<Target>; 2] = [Vec::new(), Vec::new()];
    for (at, target) in targets.into_iter().enumerate() {
        lanes[at % 2].push(target);
    }
    std::thread::scope(|scope| {
        for lane in lanes {
            scope.spawn(move || {
                for (name, target, seeds) in lane {
                    let runs = run(name, target, &seeds, seed);
                    println!("{name}: {runs} runs from seed {seed}, {} vectors", seeds.len());
                }
            });
        }
    });
}

//! Processes are killed at random moments under load, and whatever the venue
//! saw has its entry.
//!
//! `COUNTERSIGN_KILLS` is how many (3 where unset), `COUNTERSIGN_SEED` repeats
//! the moments and victims of an earlier run.
//!
//! INVARIANT (record first): the log entry precedes the upstream byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

#[path = "record_first/check.rs"]
mod check;
#[path = "record_first/load.rs"]
mod load;
mod stack;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sim::binance::PaperOptions;

use check::Checker;
use load::Load;
use stack::client::Client;
use stack::kill::Victim;
use stack::{Bot, Stack};

/// Threads that trade at once.
const THREADS: u64 = 4;
/// Longest time under load before a kill.
const LOAD_MS: u64 = 400;

#[test]
fn whatever_the_venue_saw_has_its_entry_after_any_kill() {
    let kills = number("COUNTERSIGN_KILLS").unwrap_or(3);
    let seed = number("COUNTERSIGN_SEED").unwrap_or_else(|| rand::rng().random_range(1..1 << 48));
    println!("{kills} kills; to repeat: COUNTERSIGN_KILLS={kills} COUNTERSIGN_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let (mut stack, bot) = start();
    let load = Load::start(&stack.bot_url, &bot, THREADS, seed);
    let mut checker = Checker::default();
    let mut waiting = Vec::new();
    for number in 0..kills {
        // Each of the three in every three, so that no process dies so often
        // in a row that its supervisor waits long.
        if waiting.is_empty() {
            waiting = Victim::ALL.to_vec();
            waiting.shuffle(&mut random);
        }
        let victim = waiting.pop().expect("a victim");
        load.go();
        std::thread::sleep(Duration::from_millis(random.random_range(20..LOAD_MS)));
        let start = Instant::now();
        let trace = load.ledger.counts();
        let lost = kill(&mut stack, victim, &load, &bot);
        load.pause();
        let checked = checker.check(&stack, &load.ledger);
        println!(
            "kill {number} {victim:?}: back and checked after {} ms; {checked}; {trace}",
            start.elapsed().as_millis()
        );
        assert!(
            lost != Some(0),
            "kill {number}: the gateway denied nothing while it had no signer"
        );
        clean_up(&stack, &bot);
    }
    load.stop();
    stack.stop();
    checker.check_end(&stack, &load.ledger, kills);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// A market maker with wide limits; the venue with wider ones.
fn start() -> (Stack, Bot) {
    let mut stack = Stack::configured_with(|options: &mut PaperOptions| {
        options.limits.weight_per_minute = 100_000_000;
        options.limits.orders_per_10s = 1_000_000;
        options.limits.orders_per_day = 10_000_000;
        options.limits.open_orders = 100_000;
        options.keep.records = 1_000_000;
        options.keep.closed_orders = 1_000_000;
    });
    stack.fix_port();
    let bot = stack.add_bot(
        "mm-1",
        &[
            "--preset",
            "market-maker",
            "--market",
            "BTCUSDT",
            "--max-orders-per-second",
            "10000",
            "--max-open-orders",
            "10000",
            "--max-notional-per-hour",
            "1000000000",
        ],
    );
    // What `key add` asked the venue was before the log began.
    stack.venue.forget_requests();
    stack.serve();
    (stack, bot)
}

/// Kills one, and waits until everything works again. After a signer's end:
/// how many requests the gateway denied for it.
fn kill(stack: &mut Stack, victim: Victim, load: &Load, bot: &Bot) -> Option<u64> {
    let before = load.ledger.denials_without_signer();
    stack::kill::kill(stack, victim, bot);
    (victim == Victim::Signer).then(|| load.ledger.denials_without_signer() - before)
}

/// Cancels what is left: also orders whose answer was lost are the bot's.
fn clean_up(stack: &Stack, bot: &Bot) {
    // A gateway that has just started takes only what was signed later.
    let answer = stack.wait_for("a cancel-all", || {
        let answer =
            Client::new(&stack.bot_url, bot).delete("/api/v3/openOrders", &[("symbol", "BTCUSDT")]);
        (!answer.says_nothing_was_sent()).then_some(answer)
    });
    assert!(answer.status == 200 || answer.code() == -2011, "{}", answer.text);
    let open = |status: &str| matches!(status, "NEW" | "PARTIALLY_FILLED");
    let left = stack.venue.orders(0).into_iter().filter(|order| open(order.status)).count();
    assert_eq!(left, 0, "orders left open after a cancel-all: {}", answer.text);
}

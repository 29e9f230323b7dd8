//! A day in the life: fifty bots ask both venues for everything that bots ask
//! for, and for much that they may not; connections break, answers get lost, and
//! gateway, signer and supervisor are killed. At the end the gateway's account
//! state, the venues' books and the log agree to the last unit.
//!
//! `COUNTERSIGN_REQUESTS` is how many requests the bots make (10,000 where
//! unset; 1,000,000 is the full size), `COUNTERSIGN_SEED` repeats an earlier
//! run. What a seed repeats is the sequence of each bot's requests, the
//! moves of the prices, which of a venue's requests meet which fault (by
//! their number there), and who is killed after how many requests. What it
//! does not repeat is how fifty bots and three processes interleave: the same
//! request may reach the venue as another number, find another price, and end
//! otherwise. What must hold at the end holds for every interleaving.
//!
//! What must hold, exactly:
//! * every private request that a venue saw has its verdict in the log and its
//!   line in the signer's list, orders once each, and is settled as what the
//!   venue did with it (record first, permit);
//! * every order in the books has its bot in the log, with what it filled;
//! * of every bot, what the gateway says it filled in an hour and a day, holds,
//!   and has open is what the books say, valued as the orders were judged;
//! * balances and positions are what they began as, and what the log says was
//!   executed and withdrawn (the venues charge no fees here);
//! * nothing that a bot may not do was let through;
//! * the log verifies, and the signer's list agrees with it.
//!
//! WOO X may take a signed text for a minute, so what is lost on the way there
//! is held that long; and a lost withdrawal is looked for in the venue's history
//! for half a minute. The short run does not wait for these: what the venue never
//! had, and only such, may still be unknown, and then counts as held.

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

#[path = "day_in_the_life/books.rs"]
mod books;
#[path = "day_in_the_life/bot.rs"]
mod bot;
#[path = "day_in_the_life/ledger.rs"]
mod ledger;
#[path = "day_in_the_life/plan.rs"]
mod plan;
#[path = "day_in_the_life/scene.rs"]
mod scene;
#[path = "day_in_the_life/sent.rs"]
mod sent;
mod stack;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use sim::binance::{Fault, FaultKind, FaultPlan, StreamFaultKind};

use bot::{Floor, Trader};
use ledger::Log;
use plan::{Call, Plan, Wrapping};
use scene::{BOTS, Market, Member, Role};
use sent::Sent;
use stack::Stack;
use stack::client::now_ms;
use stack::kill::{Victim, kill};

/// The size of the full run.
const FULL: u64 = 1_000_000;
/// Requests between two moves of the prices.
const MOVE_EVERY: u64 = 200;
/// Requests between two looks at what the venues saw.
const CHECK_EVERY: u64 = 20_000;
/// How long the end may take until all agree.
const SETTLED: Duration = Duration::from_secs(100);

/// What happens in the course of a day, after so many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The prices move to so many basis points off where they began.
    Move(i64),
    Kill(Victim),
    Check,
}

/// The course of the day, by its seed alone.
fn course(seed: u64, requests: u64) -> VecDeque<(u64, Event)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut course = Vec::new();
    for at in (0..requests).step_by(MOVE_EVERY as usize) {
        course.push((at, Event::Move(random.random_range(-30..=30))));
    }
    for at in (0..requests).step_by(CHECK_EVERY as usize).skip(1) {
        course.push((at, Event::Check));
    }
    // One of each in the short run; the last well before the end.
    let kills = 3 + requests / 50_000;
    let mut waiting = Vec::new();
    for number in 0..kills {
        if waiting.is_empty() {
            waiting = vec![Victim::Gateway, Victim::Signer];
            waiting.shuffle(&mut random);
            // Last, because without it the others end only when every request
            // under way has its answer, and the first of a day stall.
            waiting.insert(0, Victim::Supervisor);
        }
        let victim = waiting.pop().expect("a victim");
        let share = requests * 9 / 10 / kills;
        let at = number * share + random.random_range(share / 4..=share);
        course.push((at, Event::Kill(victim)));
    }
    course.sort_by_key(|(at, _)| *at);
    course.into()
}

/// Faults of one venue.
fn faults(seed: u64) -> FaultPlan {
    FaultPlan {
        seed,
        requests_per_mille: 15,
        requests: vec![
            FaultKind::DelayMs(60),
            FaultKind::DropConnectionAfterAccept,
            FaultKind::Http5xxExecuted,
            FaultKind::Http5xx,
            FaultKind::Close,
            FaultKind::ResetBefore,
            FaultKind::ResetAfter,
            FaultKind::HugeAnswer(100_000),
            FaultKind::LongContentLength(10),
            FaultKind::ShortContentLength(5),
            FaultKind::Slow { bytes: 64, pause_ms: 5 },
            FaultKind::NotJson,
        ],
        events_per_mille: 10,
        events: vec![
            StreamFaultKind::Skip,
            StreamFaultKind::Repeat,
            StreamFaultKind::Drop,
            StreamFaultKind::Close,
        ],
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn books_log_and_account_state_agree_after_a_day() {
    let requests = number("COUNTERSIGN_REQUESTS").unwrap_or(10_000);
    let seed = number("COUNTERSIGN_SEED").unwrap_or_else(|| rand::rng().random_range(1..1 << 48));
    println!(
        "{requests} requests; to repeat: COUNTERSIGN_REQUESTS={requests} COUNTERSIGN_SEED={seed}"
    );
    let (stack, members) = scene::set(requests);
    let mut day = Day {
        stack,
        members,
        log: Log::default(),
        sent: Sent::default(),
        kills: Vec::new(),
        began: Instant::now(),
    };
    let floor = Floor::default();
    day.set_faults(Some(seed));
    let mut course = course(seed, requests);
    std::thread::scope(|scope| {
        let over = Over(&floor);
        for (number, member) in day.members.iter().enumerate() {
            let share = requests / BOTS as u64;
            let share = share + u64::from((number as u64) < requests % BOTS as u64);
            let plan = Plan::new(seed, number, member.market, member.role, share);
            let trader = Trader::new(day.url(member.market), member);
            let floor = &floor;
            scope.spawn(move || trader.run(plan, floor));
        }
        while let Some((at, event)) = course.pop_front() {
            while floor.done.load(Ordering::Relaxed) < at {
                std::thread::sleep(Duration::from_millis(1));
            }
            day.happens(event, at);
        }
        while floor.done.load(Ordering::Relaxed) < requests {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::mem::forget(over);
    });
    println!("{requests} requests after {} ms", day.began.elapsed().as_millis());
    for ((kind, end), times) in floor.tally() {
        println!("  {kind:14} {end:14} {times}");
    }
    day.ends(requests, &floor);
}

/// Sends the bots home where the day ends early.
struct Over<'a>(&'a Floor);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

struct Day {
    stack: Stack,
    members: Vec<Member>,
    log: Log,
    sent: Sent,
    /// When whoever settles was killed, Unix ns.
    kills: Vec<u64>,
    began: Instant,
}

impl Day {
    fn url(&self, market: Market) -> &str {
        if market.is_woox() { &self.stack.woox_url } else { &self.stack.bot_url }
    }

    fn woox(&self) -> &sim::woox::PaperVenue {
        self.stack.woox.as_ref().expect("a paper WOO X")
    }

    fn set_faults(&self, seed: Option<u64>) {
        self.stack.venue.set_fault_plan(seed.map(faults));
        self.woox().set_fault_plan(seed.map(|seed| faults(!seed)));
        if seed.is_some() {
            // An answer that never comes takes its bot a while, so there are few.
            for kind in [FaultKind::StallAfter, FaultKind::StallBefore] {
                self.stack.venue.inject(Fault::next(kind).on("POST", Market::Spot.order_path()));
                self.stack.venue.inject(Fault::next(kind).on("POST", Market::UsdM.order_path()));
            }
            let kind = FaultKind::StallAfter;
            self.woox().inject(Fault::next(kind).on("POST", Market::WooSpot.order_path()));
        }
    }

    fn happens(&mut self, event: Event, at: u64) {
        match event {
            Event::Move(bps) => self.move_prices(bps),
            Event::Kill(victim) => {
                let start = Instant::now();
                let reader = self.reader();
                kill(&mut self.stack, victim, &reader);
                if victim != Victim::Signer {
                    self.kills.push(now_ms() * 1_000_000);
                }
                println!(
                    "after {at} requests: {victim:?} killed, back after {} ms",
                    start.elapsed().as_millis()
                );
            }
            Event::Check => {
                self.sent.check(&self.stack, &mut self.log);
                println!(
                    "after {at} requests and {} s: {} requests at the venues have their entries",
                    self.began.elapsed().as_secs(),
                    self.sent.requests
                );
            }
        }
    }

    fn move_prices(&self, bps: i64) {
        let price = Decimal::from(60_000 + 6 * bps);
        assert!(self.stack.venue.set_price("BTCUSDT", price));
        assert!(self.stack.venue.set_futures_price("BTCUSDT", price));
        assert!(self.woox().set_price("SPOT_BTC_USDT", price));
        assert!(self.woox().set_price("PERP_BTC_USDT", price));
    }

    fn reader(&self) -> stack::Bot {
        let reads = |member: &&Member| member.market == Market::Spot && member.role == Role::Reader;
        self.members.iter().find(reads).expect("a reader").bot.clone()
    }

    /// The faults end and the prices stand still: now everything must come out.
    fn ends(&mut self, requests: u64, floor: &Floor) {
        assert_eq!(floor.wrong(), Vec::<String>::new());
        self.set_faults(None);
        self.stack.venue.forget_weights();
        self.last_bell();
        let patient = requests >= FULL;
        let start = Instant::now();
        let wrong = loop {
            self.sent.check(&self.stack, &mut self.log);
            let wrong = books::compare(&self.stack, &self.log, &self.members, patient);
            if wrong.is_empty() || start.elapsed() > SETTLED {
                break wrong;
            }
            std::thread::sleep(Duration::from_millis(500));
        };
        assert!(
            wrong.is_empty(),
            "{} things differ; the first ones:\n{}\nserve said: {}",
            wrong.len(),
            wrong[..wrong.len().min(12)].join("\n"),
            self.stack.said()
        );
        let wrong = sent::settlements(&self.log, &self.kills);
        assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
        println!(
            "all agree {} ms after the last request: {} requests at the venues, {} of them with \
             faults; {} orders, {} fills of {} bots; entries {:?}",
            start.elapsed().as_millis(),
            self.sent.requests,
            self.sent.faulty,
            self.log.legs.len(),
            self.log.fills.values().map(Vec::len).sum::<usize>(),
            self.log.fills.len(),
            self.log.kinds
        );
        self.there_was_a_day(requests, floor);
        self.stack.verify();
        self.stack.stop();
        self.stack.verify();
        // INVARIANT (pure judge): the day judged again from its log alone.
        let replayed = self.stack.must(&["log", "replay"], stack::Unseal::No, "");
        assert_eq!(replayed["same"], true, "{replayed:#}");
        assert_eq!(replayed["equal"], sum(&replayed, &["verdicts", "own_verdicts"]));
        println!("judged again the same: {replayed}");
    }

    /// In each account an order comes and goes, so that the gateway asks for
    /// the account once more.
    fn last_bell(&self) {
        for market in Market::ALL {
            let trades =
                |member: &&Member| member.market == market && matches!(member.role, Role::Maker);
            let member = self.members.iter().rfind(trades).expect("a maker");
            let mut trader = Trader::new(self.url(market), member);
            let mut ends_well = |call: &Call| {
                let end = trader.make(call);
                matches!(&end[..], [Ok(answer)] if answer.status == 200)
            };
            let mut number = 0;
            // A gateway that was killed lately may know no price yet.
            self.stack.wait_for("an order that comes and goes", || {
                number += 1;
                let (order, cancel) = Plan::order_and_cancel(market, number);
                (ends_well(&order) && ends_well(&cancel)).then_some(())
            });
        }
    }

    /// Nothing of the above means anything where nothing happened.
    fn there_was_a_day(&self, requests: u64, floor: &Floor) {
        let tally = floor.tally();
        let taken = |kind: &str| -> u64 {
            let of = tally.iter().filter(|((of, end), _)| *of == kind && end.starts_with("200"));
            of.map(|(_, times)| times).sum()
        };
        for kind in [
            "place",
            "cross",
            "cancel",
            "cancel-all",
            "amend",
            "replace",
            "change",
            "oco",
            "oto",
            "read",
            "withdraw",
            "replay",
        ] {
            assert!(taken(kind) > 0, "no `{kind}` was taken: {tally:?}");
        }
        for kind in [
            "over-limit",
            "outside-collar",
            "other-market",
            "theft",
            "wrong-secret",
            "unknown-key",
            "old",
            "odd-path",
            "unlisted",
            "ambiguous",
            "not-allowed",
        ] {
            assert!(tally.keys().any(|(of, _)| *of == kind), "nobody tried `{kind}`");
        }
        assert!(self.sent.requests > requests / 3, "{}", self.sent.requests);
        assert!(self.sent.faulty > requests / 300, "{}", self.sent.faulty);
        assert!(self.log.fills.len() > 30, "{} bots had fills", self.log.fills.len());
        let settled = |outcome: &str| {
            let all = self.log.verdicts.values().flat_map(|verdict| &verdict.outcomes);
            all.filter(|said| ***said == *outcome).count()
        };
        for outcome in ["acknowledged", "rejected", "unknown", "found", "released", "unsigned"] {
            assert!(settled(outcome) > 0, "nothing was settled as `{outcome}`");
        }
    }
}

#[test]
fn a_seed_repeats_the_day() {
    let plans = |seed: u64| -> Vec<Vec<Call>> {
        let cast = scene::cast().into_iter().enumerate();
        cast.map(|(bot, (market, role))| Plan::new(seed, bot, market, role, 200).collect())
            .collect()
    };
    assert_eq!(plans(7), plans(7));
    assert_ne!(plans(7), plans(8));
    assert_eq!(course(7, 10_000), course(7, 10_000));
    assert_ne!(course(7, 10_000), course(8, 10_000));
    // Nobody's order ever has another's id.
    let mut ids = std::collections::HashSet::new();
    for call in plans(7).iter().flatten().filter(|call| call.wrapping == Wrapping::Plain) {
        for (name, id) in &call.parameters {
            if matches!(call.method, "POST")
                && name.to_lowercase().ends_with("clientorderid")
                && *name != "cancelOrigClientOrderId"
            {
                assert!(ids.insert(id.clone()), "{id} twice");
            }
        }
    }
}

/// The sum of these numbers of an answer.
fn sum(answer: &serde_json::Value, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| answer[*name].as_u64()).sum()
}

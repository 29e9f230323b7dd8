//! What one decision costs, in ns: `cargo bench -p countersign-judge`.
//!
//! Medians of many batches; no assertion, because machines differ.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark reads the clock and may stop"
)]

use std::sync::Arc;
use std::time::Instant;

use judge::policy::cache::Cache;
use judge::policy::config::{self, BotTables};
use judge::{
    AccountEvent, AccountSetup, ClockState, Context, DetectConfig, Facts, HaltLevel, Judge,
    LogState, OrderStatus, OrderUpdate, Outcome, PolicySet, Reference, ReservationId, SlowPrice,
    Surroundings, UnixNanos,
};
use wire::model::{
    Class, Contingency, Decimal, Intent, Operation, Order, OrderGroup, OrderKind, OrderReference,
    Side, TimeInForce, Venue,
};

const TABLES: &str = r#"
    account = "main"
    preset = "market-maker"
    markets = ["BTCUSDT", "ETHUSDT"]
    max_order_notional = "1000"
    max_notional_per_hour = "100000000"
    max_notional_per_day = "1000000000"
    max_orders_per_second = 100000000
    max_orders_per_minute = 1000000000
    max_open_orders = 10000
    collar_bps = 200
    hours = "00:00-24:00"
    max_drawdown_per_day = "100000000"
"#;
const BATCH: usize = 200;
const BATCHES: usize = 2_000;
const NOW: UnixNanos = UnixNanos(1_700_301_930_000_000_000);

/// `--many` for 20,000 bots, `--full` for the 100,000 of the goal: their
/// policies take some minutes to compile.
fn main() {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let most = match (has("--full"), has("--many")) {
        (true, _) => 100_000,
        (_, true) => 20_000,
        _ => 1_000,
    };
    for bots in [1, 1_000, most] {
        // With detectors first: later judges get memory that earlier ones left, so
        // that theirs cannot be measured.
        for detection in [DetectConfig::default(), DetectConfig::off()] {
            bots_with(bots, detection);
        }
        if bots == most {
            return;
        }
    }
}

fn bots_with(bots: usize, detection: DetectConfig) {
    let detects = detection.enabled;
    let mut judge = judge_of(bots, detection);
    let names: Vec<String> = (0..bots).map(|number| format!("bot-{number}")).collect();
    let bot = names.as_slice();
    let place = intent(Class::Place, place(false));
    let test = intent(Class::TestOrder, self::place(true));
    let cancel = intent(
        Class::Cancel,
        Operation::Cancel(OrderReference {
            symbol: "BTCUSDT".to_owned(),
            order_id: None,
            client_order_id: Some("cs-0000000000000000".to_owned()),
        }),
    );
    let read = intent(Class::Read, Operation::Read { symbol: Some("BTCUSDT".to_owned()) });
    println!("{bots} bots, detectors {}", if detects { "on" } else { "off" });
    let before = resident_bytes();
    live(&mut judge, &names, &place);
    if bots > 1 && detects {
        let bytes = resident_bytes().saturating_sub(before) / bots as u64;
        println!("live state of a bot that traded one market: {bytes} bytes");
    }
    show("LIMIT order, cached, with its reservation", &mut judge, bot, &place, 1);
    show("order/test, cached", &mut judge, bot, &test, 0);
    show("cancel, cached", &mut judge, bot, &cancel, 0);
    show("read, cached", &mut judge, bot, &read, 0);
    if bots == 1 {
        full(&judge);
    }
    let (hits, misses) = judge.cache_counts();
    println!("{hits} decisions from the cache, {misses} evaluated");
}

/// Every bot has placed and filled some orders.
fn live(judge: &mut Judge, names: &[String], intent: &Intent) {
    for (number, name) in names.iter().enumerate() {
        for order in 0..4 {
            let id = [format!("live-{number}-{order}")];
            let now = UnixNanos(NOW.0 + 10_000_000_000 + number as u64 * 1_000);
            let verdict = judge.decide(&facts(name, intent, now, &id));
            let Outcome::Allow(permit) = verdict.outcome else { panic!("{}", verdict.message()) };
            let reservation = permit.into_parts().reservation.unwrap();
            let update = OrderUpdate {
                symbol: "BTCUSDT".to_owned(),
                order_id: Some(reservation.0 + 1),
                client_order_id: id[0].clone(),
                new_client_order_id: None,
                order_list_id: None,
                status: OrderStatus::Closed,
                quantity: Some(Decimal::ONE),
                executed_quantity: Some(Decimal::from_str_exact("0.01").unwrap()),
                executed_quote: Some(Decimal::from_str_exact("499.9").unwrap()),
            };
            judge.apply(&AccountEvent::Acknowledged { reservation, orders: vec![update] }, now);
        }
    }
}

/// Of this process, as the kernel counts it.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    pages * 4_096
}

fn judge_of(bots: usize, detection: DetectConfig) -> Judge {
    let table: config::BotPolicy = toml::from_str(TABLES).unwrap();
    let tables: BotTables =
        (0..bots).map(|number| (format!("bot-{number}"), table.clone())).collect();
    let policies = PolicySet::compile(&config::named(tables), "").unwrap();
    let policies = policies.with_detection(detection);
    Judge::new(Arc::new(policies), AccountSetup::named("main"))
}

fn show(what: &str, judge: &mut Judge, bots: &[String], intent: &Intent, ids: usize) {
    let mut samples = Vec::with_capacity(BATCHES);
    let mut number = 0u64;
    for batch in 0..BATCHES {
        let names: Vec<String> = (0..BATCH)
            .map(|_| {
                number += 1;
                format!("cs-{number:016}")
            })
            .collect();
        let now = UnixNanos(NOW.0 + batch as u64 * 1_000_000);
        let mut held: Vec<ReservationId> = Vec::with_capacity(BATCH);
        let start = Instant::now();
        for name in &names {
            let bot = &bots[(number as usize + held.len() * 7) % bots.len()];
            let verdict = judge.decide(&facts(
                bot,
                intent,
                now,
                if ids == 0 { &[] } else { std::slice::from_ref(name) },
            ));
            match verdict.outcome {
                Outcome::Allow(permit) => held.extend(permit.into_parts().reservation),
                Outcome::Hold | Outcome::Deny(_) => panic!("{what}: {}", verdict.message()),
            }
        }
        samples.push(start.elapsed().as_nanos() / BATCH as u128);
        for reservation in held {
            judge.apply(&AccountEvent::Rejected { reservation }, now);
        }
    }
    report(what, samples);
}

/// The same request evaluated by Cedar in full, and by the cache alone.
fn full(judge: &Judge) {
    let policies = Arc::clone(judge.policies());
    let context = Context::new(judge::policy::context::Shape::Order);
    let mut samples = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..20 {
            std::hint::black_box(policies.evaluate(0, Class::Place, "BTCUSDT", &context));
        }
        samples.push(start.elapsed().as_nanos() / 20);
    }
    report("policy alone, full evaluation", samples);
    let mut cache = Cache::default();
    let mut samples = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..1000 {
            std::hint::black_box(cache.rule(&policies, 0, Class::Place, "BTCUSDT", &context));
        }
        samples.push(start.elapsed().as_nanos() / 1000);
    }
    report("policy alone, cached", samples);
}

fn report(what: &str, mut samples: Vec<u128>) {
    samples.sort_unstable();
    let at = |share: usize| samples.get(samples.len() * share / 100).copied().unwrap_or(0);
    println!("{what:<45} p50 {:>6} ns   p99 {:>6} ns", at(50), at(99));
}

fn facts<'a>(bot: &'a str, intent: &'a Intent, now: UnixNanos, ids: &'a [String]) -> Facts<'a> {
    let mid = Decimal::from(50_000);
    Facts {
        bot,
        intent,
        text:
            b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01000000&price=49990.10\
            &newClientOrderId=cs-0000000000000000&newOrderRespType=RESULT&timestamp=1700301930000",
        text_digest: [7; 32],
        client_order_ids: ids,
        now,
        reference: Some(Reference { bid: mid, ask: mid, mid, at: now }),
        quote_in_usd: None,
        halt: HaltLevel::None,
        log: LogState::Ok,
        clock: ClockState::Sane,
        around: Surroundings {
            peer: Some(std::net::IpAddr::from([10, 0, 0, 7])),
            client: "ccxt/4.5.1 python-requests/2.32",
            slow_price: Some(SlowPrice { price: mid, venues: 1 }),
            ..Surroundings::default()
        },
    }
}

fn intent(class: Class, operation: Operation) -> Intent {
    Intent { venue: Venue::Binance, endpoint: "POST /api/v3/order", class, operation }
}

fn place(test: bool) -> Operation {
    Operation::Place(OrderGroup {
        orders: vec![Order {
            symbol: "BTCUSDT".to_owned(),
            side: Side::Buy,
            kind: OrderKind::Limit,
            quantity: Some(Decimal::from_str_exact("0.01000000").unwrap()),
            quote_quantity: None,
            price: Some(Decimal::from_str_exact("49990.10").unwrap()),
            stop_price: None,
            trailing_delta_bps: None,
            iceberg_quantity: None,
            time_in_force: Some(TimeInForce::GoodTillCancel),
            client_order_id: None,
            reduce_only: false,
            position_side: None,
            close_position: false,
        }],
        contingency: Contingency::Single,
        list_client_order_id: None,
        test,
    })
}

//! What fails how: every cell of the table, for every kind of request.

use judge::{ClockState, HaltLevel, LogState};
use wire::model::{Intent, Side};

use crate::common::*;

/// A bot that may reduce in BTCUSDT, beside a treasurer.
const TABLES: &str = r#"
    [bot.a]
    account = "main"
    preset = "taker"
    self_trade = "allow"
    markets = ["BTCUSDT"]
    max_order_notional = "1000"
    collar_bps = 200
    sell_down = ["BTCUSDT"]
    [bot.b]
    account = "main"
    preset = "taker"
    self_trade = "allow"
    markets = ["BTCUSDT"]
    [bot.t]
    account = "main"
    preset = "treasury"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xabc"
    max_per_request = "100"
    max_per_day = "100000"
"#;

/// Read, cancel, reducing order, other order, value out: which pass.
fn row(world: &mut World) -> [bool; 5] {
    let requests: [(&str, Intent); 5] = [
        ("a", read()),
        ("a", cancel("BTCUSDT", "resting")),
        ("a", limit(Side::Sell, "0.001", "49900")),
        ("a", limit(Side::Buy, "0.001", "50100")),
        ("t", withdrawal("USDT", "ETH", "0xabc", "1")),
    ];
    requests.map(|(bot, intent)| world.decide(bot, &intent).is_allowed())
}

#[test]
fn everything_passes_on_a_good_day() {
    assert_eq!(row(&mut World::new(TABLES)), [true; 5]);
}

#[test]
fn a_policy_error_denies_what_adds_risk() {
    let extra = r#"forbid (principal, action, resource)
        when { context.minute_of_day + 9223372036854775807 > 0 };"#;
    let mut world = World::with_extra(TABLES, extra);
    assert_eq!(row(&mut world), [true, true, true, false, false]);
    // Reducing orders within list and collar, and no others.
    assert!(!world.decide("a", &limit(Side::Sell, "0.001", "40000")).is_allowed());
    assert!(!world.decide("a", &place(order("ETHUSDT", Side::Sell, "1", "50000"))).is_allowed());
    // What the preset never permits stays so: a treasurer cancels nothing.
    assert!(!world.decide("t", &cancel("BTCUSDT", "resting")).is_allowed());
    // Another bot's order stays another bot's.
    assert!(world.decide("a", &limit(Side::Sell, "0.001", "49900")).is_allowed());
    let theirs = format!("cs-{}", world.next_id);
    assert!(world.decide("a", &cancel("BTCUSDT", &theirs)).is_allowed());
    assert!(!world.decide("b", &cancel("BTCUSDT", &theirs)).is_allowed());
}

#[test]
fn an_unwritable_log_leaves_reads_then_cancels_then_nothing() {
    let mut world = World::new(TABLES);
    for (log, expected) in [
        (LogState::ReserveReads, [true, true, false, false, false]),
        (LogState::ReserveCancels, [false, true, false, false, false]),
        (LogState::Full, [false; 5]),
    ] {
        world.log = log;
        assert_eq!(row(&mut world), expected, "{log:?}");
    }
}

#[test]
fn without_a_fresh_price_reducing_orders_use_the_last_good_one() {
    let mut world = World::new(TABLES);
    world.now = judge::UnixNanos(START.0 + 3_600_000_000_000);
    assert_eq!(row(&mut world), [true, true, true, false, true]);
    // Twice the collar, and not beyond.
    assert!(world.decide("a", &limit(Side::Sell, "0.001", "48000")).is_allowed());
    assert!(!world.decide("a", &limit(Side::Sell, "0.001", "47999")).is_allowed());
    // Without any price nothing can be measured.
    world.reference = None;
    assert_eq!(row(&mut world), [true, true, false, false, true]);
}

#[test]
fn without_a_collar_or_a_notional_limit_no_price_is_needed() {
    let mut world =
        World::new("[bot.a]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]");
    world.reference = None;
    assert!(world.decide("a", &limit(Side::Buy, "1", "1")).is_allowed());
}

#[test]
fn a_clock_that_cannot_be_believed_leaves_reads_and_cancels() {
    let mut world = World::new(TABLES);
    world.clock = ClockState::Insane;
    assert_eq!(row(&mut world), [true, true, false, false, false]);
}

#[test]
fn halts_are_graduated() {
    let mut world = World::new(TABLES);
    for (halt, expected) in [
        (HaltLevel::None, [true; 5]),
        (HaltLevel::Withdrawals, [true, true, true, true, false]),
        (HaltLevel::ReduceOnly, [true, true, true, false, false]),
        (HaltLevel::CancelOnly, [true, true, false, false, false]),
        (HaltLevel::Full, [false; 5]),
    ] {
        world.halt = halt;
        assert_eq!(row(&mut world), expected, "{halt:?}");
    }
}

/// INVARIANT (fail closed): cancels pass when everything else is broken.
#[test]
fn a_cancel_passes_when_everything_else_is_broken() {
    let extra = r#"forbid (principal, action, resource)
        when { context.minute_of_day + 9223372036854775807 > 0 };"#;
    let mut world = World::with_extra(TABLES, extra);
    world.reference = None;
    world.halt = HaltLevel::CancelOnly;
    world.log = LogState::ReserveCancels;
    world.clock = ClockState::Insane;
    assert!(world.decide("a", &cancel("BTCUSDT", "resting")).is_allowed());
    assert!(world.decide("a", &cancel_all("BTCUSDT")).is_allowed());
    assert!(!world.decide("a", &read()).is_allowed());
}

/// INVARIANT (bounded): a full book denies new orders and still cancels.
#[test]
fn a_full_book_denies_orders_and_still_cancels() {
    let mut world =
        World::new("[bot.a]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]");
    for _ in 0..judge::bounds::TRACKED_ORDERS {
        assert!(world.decide("a", &limit(Side::Buy, "1", "1")).is_allowed());
    }
    assert_eq!(codes(&world.decide("a", &limit(Side::Buy, "1", "1"))), ["too_many_tracked"]);
    assert!(world.decide("a", &cancel("BTCUSDT", "cs-1")).is_allowed());
    assert!(world.decide("a", &cancel_all("BTCUSDT")).is_allowed());
}

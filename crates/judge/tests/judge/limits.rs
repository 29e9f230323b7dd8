//! Each limit at its boundary.

use judge::{
    AccountEvent, DenyKind, Judge, Mode, OrderStatus, OrderUpdate, Outcome, PolicySet, UnixNanos,
};
use wire::model::{OrderKind, Side};

use crate::common::*;

#[test]
fn an_order_at_its_limit_passes_and_a_hair_more_does_not() {
    let mut world = World::new(MARKET_MAKER);
    assert!(world.decide("mm", &limit(Side::Buy, "0.02", "50000")).is_allowed());
    let verdict = world.decide("mm", &limit(Side::Buy, "0.02", "50000.00001"));
    assert_eq!(codes(&verdict), ["max_order_notional"]);
    assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::Limit)));
    let reason = verdict.reasons.first().unwrap();
    assert_eq!(reason.limit.as_deref(), Some("1000"));
    assert_eq!(reason.observed.as_deref(), Some("1000.000001"));
}

#[test]
fn resting_orders_count_towards_the_hour() {
    let mut world = World::new(MARKET_MAKER);
    for _ in 0..5 {
        assert!(world.decide("mm", &limit(Side::Buy, "0.02", "50000")).is_allowed());
        world.later_ms(200);
    }
    let verdict = world.decide("mm", &limit(Side::Buy, "0.00000001", "50000"));
    assert_eq!(codes(&verdict), ["max_notional_per_hour"]);
    // They rest for two hours: still held.
    world.later_ms(7_200_000);
    assert!(!world.decide("mm", &limit(Side::Buy, "0.00000001", "50000")).is_allowed());
}

#[test]
fn fills_leave_the_hour_and_stay_in_the_day() {
    let mut world = World::new(MARKET_MAKER);
    for round in 0..4 {
        for _ in 0..5 {
            let verdict = world.decide("mm", &limit(Side::Buy, "0.02", "50000"));
            let id = reservation(&verdict);
            let filled = filled_update(world.next_id, "0.02", "1000");
            world.judge.apply(
                &AccountEvent::Acknowledged { reservation: id, orders: vec![filled] },
                world.now,
            );
            world.later_ms(200);
        }
        let usage = world.judge.usage("mm", world.now).unwrap();
        assert_eq!(usage.filled_hour_micro_usd, 5_000_000_000, "round {round}");
        assert_eq!(usage.held_micro_usd, 0);
        assert_eq!(usage.open_orders, 0);
        world.later_ms(3_700_000);
    }
    let verdict = world.decide("mm", &limit(Side::Buy, "0.02", "50000"));
    assert_eq!(codes(&verdict), ["max_notional_per_day"]);
}

#[test]
fn the_order_rate_is_counted_in_seconds_and_minutes() {
    let mut world = World::new(
        r#"[bot.mm]
        account = "main"
        preset = "taker"
    self_trade = "allow"
        markets = ["*"]
        max_orders_per_second = 3
        max_orders_per_minute = 5"#,
    );
    for _ in 0..3 {
        assert!(world.decide("mm", &limit(Side::Buy, "1", "1")).is_allowed());
    }
    assert_eq!(codes(&world.decide("mm", &limit(Side::Buy, "1", "1"))), ["max_orders_per_second"]);
    world.later_ms(1_100);
    for _ in 0..2 {
        assert!(world.decide("mm", &limit(Side::Buy, "1", "1")).is_allowed());
    }
    assert_eq!(codes(&world.decide("mm", &limit(Side::Buy, "1", "1"))), ["max_orders_per_minute"]);
    world.later_ms(61_000);
    assert!(world.decide("mm", &limit(Side::Buy, "1", "1")).is_allowed());
}

#[test]
fn open_orders_are_counted_until_they_end() {
    let mut world = World::new(
        r#"[bot.mm]
        account = "main"
        preset = "taker"
    self_trade = "allow"
        markets = ["*"]
        max_open_orders = 2"#,
    );
    let first = world.decide("mm", &limit(Side::Buy, "1", "1"));
    assert!(world.decide("mm", &limit(Side::Buy, "1", "1")).is_allowed());
    assert_eq!(codes(&world.decide("mm", &limit(Side::Buy, "1", "1"))), ["max_open_orders"]);
    world.judge.apply(&AccountEvent::Rejected { reservation: reservation(&first) }, world.now);
    assert!(world.decide("mm", &limit(Side::Buy, "1", "1")).is_allowed());
}

#[test]
fn the_collar_binds_on_the_losing_side_only() {
    let mut world = World::new(MARKET_MAKER);
    for (side, price, allowed) in [
        (Side::Buy, "51000", true),
        (Side::Buy, "51000.01", false),
        (Side::Buy, "30000", true),
        (Side::Sell, "49000", true),
        (Side::Sell, "48999.99", false),
        (Side::Sell, "70000", true),
    ] {
        let verdict = world.decide("mm", &limit(side, "0.001", price));
        assert_eq!(verdict.is_allowed(), allowed, "{side:?} at {price}");
        if !allowed {
            assert_eq!(codes(&verdict), ["collar_bps"]);
            assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::Limit)));
        }
    }
}

#[test]
fn a_price_counts_up_to_its_age() {
    let mut world = World::new(MARKET_MAKER);
    world.now = UnixNanos(START.0 + 5_000_999_999);
    assert!(world.decide("mm", &limit(Side::Buy, "0.001", "50000")).is_allowed());
    world.now = UnixNanos(START.0 + 5_001_000_000);
    let verdict = world.decide("mm", &limit(Side::Buy, "0.001", "50000"));
    assert_eq!(codes(&verdict), ["reference_max_age_ms"]);
    // A price from far in the future is not fresh either.
    world.now = UnixNanos(START.0 - 2_000_000_000);
    let verdict = world.decide("mm", &limit(Side::Buy, "0.001", "50000"));
    assert_eq!(codes(&verdict), ["reference_max_age_ms"]);
}

#[test]
fn markets_and_market_orders_are_as_listed() {
    let mut world = World::new(MARKET_MAKER);
    let verdict = world.decide("mm", &place(order("DOGEUSDT", Side::Buy, "1", "1")));
    assert!(codes(&verdict).contains(&"markets"));
    assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::Never)));
    let mut market = order("BTCUSDT", Side::Buy, "0.001", "1");
    (market.kind, market.price, market.time_in_force) = (OrderKind::Market, None, None);
    let verdict = world.decide("mm", &place(market));
    assert_eq!(codes(&verdict), ["market_orders"]);
}

#[test]
fn hours_bind_at_the_minute() {
    let table = |hours: &str| {
        format!(
            "[bot.t]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]\nhours = \"{hours}\""
        )
    };
    // START is 10:05:30 UTC.
    for (hours, allowed) in [
        ("10:05-10:06", true),
        ("10:06-24:00", false),
        ("00:00-10:05", false),
        ("22:00-10:06", true),
        ("22:00-10:05", false),
    ] {
        let mut world = World::new(&table(hours));
        let verdict = world.decide("t", &limit(Side::Buy, "1", "1"));
        assert_eq!(verdict.is_allowed(), allowed, "{hours}");
    }
}

#[test]
fn what_no_number_is_is_denied() {
    let mut world = World::new(MARKET_MAKER);
    let huge = "79228162514264337593543950335";
    let verdict = world.decide("mm", &limit(Side::Buy, huge, huge));
    assert!(codes(&verdict).contains(&"value_unknown"), "{:?}", verdict.reasons);
    let mut nothing = order("BTCUSDT", Side::Buy, "1", "1");
    (nothing.quantity, nothing.price) = (None, None);
    assert!(!world.decide("mm", &place(nothing)).is_allowed());
    // A quote asset that is no dollar needs its price.
    let verdict = world.decide("mm", &place(order("ETHBTC", Side::Buy, "0.01", "50000")));
    assert!(codes(&verdict).contains(&"value_unknown"));
    world.quote_in_usd = Some(reference("50000", START));
    let verdict = world.decide("mm", &place(order("ETHBTC", Side::Buy, "0.000001", "50000")));
    assert_eq!(codes(&verdict), ["max_order_notional"]);
}

#[test]
fn observe_relaxes_order_rules_and_nothing_else() {
    let mut world = World::new(
        &MARKET_MAKER
            .replace("preset = \"market-maker\"", "preset = \"market-maker\"\nmode = \"observe\""),
    );
    assert_eq!(world.judge.policies().bots().next().unwrap().mode, Mode::Observe);
    let verdict = world.decide("mm", &limit(Side::Buy, "1", "60000"));
    assert!(verdict.is_allowed());
    let relaxed: Vec<_> = verdict.relaxed.iter().map(|reason| reason.code).collect();
    assert_eq!(
        relaxed,
        ["collar_bps", "max_notional_per_day", "max_notional_per_hour", "max_order_notional"]
    );
    assert!(!world.decide("mm", &withdrawal("USDT", "ETH", "0xabc", "1")).is_allowed());
    world.halt = judge::HaltLevel::CancelOnly;
    assert!(!world.decide("mm", &limit(Side::Buy, "0.001", "50000")).is_allowed());
}

#[test]
fn a_reader_reads_and_nothing_else() {
    let mut world =
        World::new("[bot.r]\naccount = \"main\"\npreset = \"read-only\"\nmode = \"observe\"");
    assert!(world.decide("r", &read()).is_allowed());
    for intent in [
        limit(Side::Buy, "1", "1"),
        cancel("BTCUSDT", "x"),
        cancel_all("BTCUSDT"),
        withdrawal("USDT", "ETH", "0xabc", "1"),
    ] {
        let verdict = world.decide("r", &intent);
        assert!(!verdict.is_allowed(), "{intent:?}");
        assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::Never)), "{verdict:?}");
    }
    assert!(!world.decide("nobody", &read()).is_allowed());
}

#[test]
fn withdrawals_go_to_listed_places_under_their_caps() {
    let mut world = World::new(TREASURY);
    let ask = |world: &mut World, amount: &str| {
        world.decide("t", &withdrawal("USDT", "ETH", "0xabc", amount))
    };
    assert_eq!(codes(&ask(&mut world, "100.000001")), ["max_per_request"]);
    let first = ask(&mut world, "100");
    assert!(first.is_allowed());
    assert!(ask(&mut world, "100").is_allowed());
    assert_eq!(codes(&ask(&mut world, "50.000001")), ["max_per_day"]);
    // What did not happen is given back; an unknown outcome is not.
    let id = reservation(&first);
    world.judge.apply(&AccountEvent::Unknown { reservation: id }, world.now);
    assert_eq!(codes(&ask(&mut world, "60")), ["max_per_day"]);
    world.judge.apply(&AccountEvent::Released { reservation: id }, world.now);
    assert!(ask(&mut world, "60").is_allowed());
    for (asset, network, address) in
        [("USDT", "TRX", "0xabc"), ("USDC", "ETH", "0xabc"), ("USDT", "ETH", "0xabC")]
    {
        let verdict = world.decide("t", &withdrawal(asset, network, address, "1"));
        assert_eq!(codes(&verdict), ["unlisted_destination"]);
        assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::Never)));
    }
}

#[test]
fn a_policy_that_errors_denies_although_cedar_skips_it() {
    // Cedar skips this forbid, because the sum overflows: on its own it would
    // answer Allow.
    let extra = r#"
        @id("overflows")
        forbid (principal, action in Action::"ordering", resource)
        when { context.order_micro_usd + 9223372036854775807 > 0 };
    "#;
    let mut world = World::with_extra(
        "[bot.t]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]",
        extra,
    );
    let verdict = world.decide("t", &limit(Side::Buy, "1", "1"));
    assert_eq!(codes(&verdict), ["policy_error"]);
    assert!(world.decide("t", &read()).is_allowed());
    assert!(world.decide("t", &cancel("BTCUSDT", "x")).is_allowed());
}

#[test]
fn policies_that_the_schema_does_not_know_are_refused() {
    let bots = bots(MARKET_MAKER);
    for (extra, said) in [
        ("permit (principal, action, resource) when { context.nonsense };", "nonsense"),
        ("permit (principal == User::\"x\", action, resource);", "User"),
        ("permit (principal", "additional policies"),
        ("permit (principal == ?principal, action, resource);", "template"),
        (
            "@id(\"a\") permit (principal, action, resource); @id(\"a\") forbid (principal, action, resource);",
            "id `extra/a`",
        ),
    ] {
        let error = PolicySet::compile(&bots, extra).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn an_additional_permit_opens_no_escape() {
    let mut world = World::with_extra(MARKET_MAKER, "permit (principal, action, resource);");
    assert!(!world.decide("mm", &withdrawal("USDT", "ETH", "0xabc", "1")).is_allowed());
    for class in wire::model::Class::ALL {
        let mut intent = read();
        intent.class = class;
        let allowed = world.decide("mm", &intent).is_allowed();
        assert_eq!(allowed, class == wire::model::Class::Read, "{class:?}");
    }
}

#[test]
fn the_judge_can_move_between_threads() {
    fn sendable<T: Send + Sync>() {}
    sendable::<Judge>();
}

fn filled_update(number: u64, quantity: &str, quote: &str) -> OrderUpdate {
    OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(number),
        client_order_id: format!("cs-{number}"),
        new_client_order_id: None,
        order_list_id: None,
        status: OrderStatus::Closed,
        quantity: Some(decimal(quantity)),
        executed_quantity: Some(decimal(quantity)),
        executed_quote: Some(decimal(quote)),
    }
}

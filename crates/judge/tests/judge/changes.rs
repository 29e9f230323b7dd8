//! Changes of resting orders: what they hold, whose they are, what is not on
//! record.

use judge::{
    AccountEvent, DenyKind, OpenOrder, OrderStatus, OrderUpdate, Outcome, ReservationId, Restored,
    RestoredChange, RestoredHold,
};
use wire::model::{Class, Intent, Modification, Operation, OrderReference, Side, Venue};

use crate::common::{World, codes, decimal, limit, reference, reservation};

const TWO: &str = r#"
    [bot.a]
    account = "main"
    preset = "market-maker"
    markets = ["BTCUSDT", "ETHUSDT"]
    max_order_notional = "300"
    max_notional_per_hour = "1000"
    collar_bps = 200
    [bot.b]
    account = "main"
    preset = "market-maker"
    markets = ["BTCUSDT"]
"#;

fn named(order_id: u64) -> OrderReference {
    OrderReference { symbol: "BTCUSDT".to_owned(), order_id: Some(order_id), client_order_id: None }
}

fn to(order_id: u64, quantity: &str, price: &str) -> Modification {
    Modification {
        order: named(order_id),
        new_quantity: Some(decimal(quantity)),
        new_price: Some(decimal(price)),
        new_stop_price: None,
        new_trailing_delta_bps: None,
    }
}

fn intent(operation: Operation) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "PUT /fapi/v1/order",
        class: Class::CancelReplace,
        operation,
    }
}

fn change(order_id: u64, quantity: &str, price: &str) -> Intent {
    intent(Operation::Modify(to(order_id, quantity, price)))
}

fn told(order_id: u64, client: &str, quantity: &str) -> OrderUpdate {
    OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(order_id),
        client_order_id: client.to_owned(),
        new_client_order_id: None,
        order_list_id: None,
        status: OrderStatus::Open,
        quantity: Some(decimal(quantity)),
        executed_quantity: None,
        executed_quote: None,
    }
}

/// An order of 100 USD that rests.
fn resting(world: &mut World, bot: &str, order_id: u64) -> String {
    let id = reservation(&world.decide(bot, &limit(Side::Buy, "1", "100")));
    let client = format!("cs-{}", world.next_id);
    let orders = vec![told(order_id, &client, "1")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    client
}

fn held(world: &mut World) -> u128 {
    world.judge.usage("a", world.now).unwrap().held_micro_usd / 1_000_000
}

fn allowed(world: &mut World, intent: &Intent) -> ReservationId {
    let verdict = world.decide("a", intent);
    assert!(verdict.is_allowed(), "{:?}", verdict.reasons);
    reservation(&verdict)
}

#[test]
fn a_change_holds_the_larger_until_the_venue_tells_the_order() {
    let mut world = World::new(TWO);
    let client = resting(&mut world, "a", 11);
    assert_eq!(held(&mut world), 100);
    let id = allowed(&mut world, &change(11, "2", "100"));
    assert_eq!(held(&mut world), 200);
    assert_eq!(codes(&world.decide("a", &change(11, "1", "100"))), ["change_awaits"]);
    let orders = vec![told(11, &client, "2")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    assert_eq!(held(&mut world), 200);
    let id = allowed(&mut world, &change(11, "0.5", "100"));
    assert_eq!(held(&mut world), 200, "a shrinking that the venue has not confirmed");
    let orders = vec![told(11, &client, "0.5")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    assert_eq!(held(&mut world), 50);
}

#[test]
fn a_change_that_was_refused_leaves_what_was_held() {
    let mut world = World::new(TWO);
    resting(&mut world, "a", 11);
    let id = allowed(&mut world, &change(11, "2.5", "100"));
    assert_eq!(held(&mut world), 250);
    world.judge.apply(&AccountEvent::Rejected { reservation: id }, world.now);
    assert_eq!(held(&mut world), 100);
    allowed(&mut world, &change(11, "2.5", "100"));
}

#[test]
fn a_change_of_unknown_outcome_holds_the_larger_and_is_asked_for() {
    let mut world = World::new(TWO);
    let client = resting(&mut world, "a", 11);
    let id = allowed(&mut world, &change(11, "2.5", "100"));
    world.judge.apply(&AccountEvent::Unknown { reservation: id }, world.now);
    assert_eq!(held(&mut world), 250);
    let asked = world.judge.unsettled();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].order.order_id, Some(11));
    // It rests; nobody knows at which price, so it holds the larger.
    world.judge.apply(&AccountEvent::Order(told(11, &client, "1")), world.now);
    assert!(world.judge.unsettled().is_empty());
    assert_eq!(held(&mut world), 250);
    let mut closed = told(11, &client, "1");
    closed.status = OrderStatus::Closed;
    closed.executed_quote = Some(decimal("0"));
    world.judge.apply(&AccountEvent::Order(closed), world.now);
    assert_eq!(held(&mut world), 0);
}

#[test]
fn an_acknowledgement_without_the_order_frees_nothing() {
    let mut world = World::new(TWO);
    resting(&mut world, "a", 11);
    let id = allowed(&mut world, &change(11, "0.5", "100"));
    world
        .judge
        .apply(&AccountEvent::Acknowledged { reservation: id, orders: Vec::new() }, world.now);
    assert_eq!(held(&mut world), 100);
}

#[test]
fn limits_and_collar_hold_for_what_an_order_becomes() {
    let mut world = World::new(TWO);
    world.reference = Some(reference("100", world.now));
    resting(&mut world, "a", 11);
    assert_eq!(codes(&world.decide("a", &change(11, "3.1", "100"))), ["max_order_notional"]);
    assert_eq!(codes(&world.decide("a", &change(11, "1", "110"))), ["collar_bps"]);
    for order_id in 12..=18 {
        resting(&mut world, "a", order_id);
    }
    // 800 of 1,000 rest; one may grow by 200.
    let verdict = world.decide(
        "a",
        &intent(Operation::ModifyMany(vec![to(11, "2", "100"), to(12, "2.1", "100")])),
    );
    assert!(codes(&verdict).contains(&"max_notional_per_hour"), "{:?}", codes(&verdict));
    allowed(
        &mut world,
        &intent(Operation::ModifyMany(vec![to(11, "1.5", "100"), to(12, "1.5", "100")])),
    );
    assert_eq!(held(&mut world), 900);
}

#[test]
fn only_ones_own_orders_that_are_on_record() {
    let mut world = World::new(TWO);
    resting(&mut world, "a", 11);
    let verdict = world.decide("b", &change(11, "0.5", "100"));
    assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::CancelRejected)), "{verdict:?}");
    assert_eq!(codes(&world.decide("a", &change(12, "0.5", "100"))), ["change_unknown"]);
    let twice = intent(Operation::ModifyMany(vec![to(11, "1", "100"), to(11, "2", "100")]));
    assert_eq!(codes(&world.decide("a", &twice)), ["change_awaits"]);
    let mut stop = to(11, "1", "100");
    stop.new_stop_price = Some(decimal("90"));
    let stop = intent(Operation::Modify(stop));
    assert_eq!(codes(&world.decide("a", &stop)), ["change_unknown"]);
    assert_eq!(
        codes(&world.decide("a", &intent(Operation::ModifyMany(Vec::new())))),
        ["unreadable"]
    );
    world.halt = judge::HaltLevel::CancelOnly;
    assert!(!world.decide("a", &change(11, "0.5", "100")).is_allowed());
}

#[test]
fn what_a_change_leaves_out_stays_as_it_was() {
    let mut world = World::new(TWO);
    resting(&mut world, "a", 11);
    let mut quantity = to(11, "2", "100");
    quantity.new_price = None;
    let id = allowed(&mut world, &intent(Operation::Modify(quantity.clone())));
    assert_eq!(held(&mut world), 200);
    // Taken, but not told at which price: nothing to value the next one by.
    world
        .judge
        .apply(&AccountEvent::Acknowledged { reservation: id, orders: Vec::new() }, world.now);
    let again = intent(Operation::Modify(quantity));
    assert_eq!(codes(&world.decide("a", &again)), ["change_unknown"]);
    let open = OpenOrder {
        symbol: "BTCUSDT".to_owned(),
        order_id: 11,
        client_order_id: "any".to_owned(),
        order_list_id: None,
        side: Side::Buy,
        price: Some(decimal("100")),
        stop_price: None,
        quantity: decimal("2"),
        executed_quantity: decimal("0"),
        executed_quote: decimal("0"),
    };
    let snapshot = AccountEvent::Snapshot {
        asked_at: world.now,
        balances: None,
        open_orders: vec![open],
        market: None,
    };
    world.judge.apply(&snapshot, world.now);
    allowed(&mut world, &again);
}

/// An order of 100 USD, and a change of it to so much from before a restart.
fn restored(usd: u64) -> (World, String, ReservationId) {
    let mut world = World::new(TWO);
    let client = resting(&mut world, "a", 11);
    let reservation = ReservationId(900);
    let restored = Restored {
        reservation,
        bot: "a".to_owned(),
        at: world.now,
        habit: judge::RestoredHabit::default(),
        holds: RestoredHold::Changes(RestoredChange {
            orders: vec![named(11)],
            worth_micro_usd: usd * 1_000_000,
        }),
    };
    world.judge.apply(&AccountEvent::Restored(restored), world.now);
    (world, client, reservation)
}

#[test]
fn a_change_from_before_a_restart_holds_the_larger() {
    let (mut world, _, reservation) = restored(250);
    assert_eq!(held(&mut world), 250);
    let next = allowed(&mut world, &limit(Side::Buy, "1", "100"));
    assert!(next > reservation, "{next:?}");
    world.judge.apply(&AccountEvent::Unknown { reservation }, world.now);
    assert_eq!(held(&mut world), 350);
    assert_eq!(world.judge.unsettled().len(), 1);
}

#[test]
fn a_change_from_before_a_restart_ends_as_it_did() {
    let (mut world, _, reservation) = restored(250);
    world.judge.apply(&AccountEvent::Rejected { reservation }, world.now);
    assert_eq!(held(&mut world), 100);
    assert!(world.judge.unsettled().is_empty());

    let (mut world, client, reservation) = restored(50);
    assert_eq!(held(&mut world), 100);
    let orders = vec![told(11, &client, "0.5")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation, orders }, world.now);
    assert_eq!(held(&mut world), 50);
    assert!(world.judge.unsettled().is_empty());
}

#[test]
fn everything_is_cancelled_by_who_owns_everything() {
    let mut world = World::new(TWO);
    let everything = Intent {
        venue: Venue::WooX,
        endpoint: "DELETE /v3/trade/allOrders",
        class: Class::CancelAll,
        operation: Operation::CancelEverything,
    };
    resting(&mut world, "a", 11);
    assert!(world.decide("a", &everything).is_allowed());
    assert_eq!(codes(&world.decide("b", &everything)), ["own_orders"]);
    resting(&mut world, "b", 12);
    assert_eq!(codes(&world.decide("a", &everything)), ["own_orders"]);
}

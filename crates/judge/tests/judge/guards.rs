//! Orders that would trade with the account's own, the same order again, and
//! executions without end.

use judge::{AccountEvent, DenyKind, OrderStatus, OrderUpdate, Outcome, Reference, UnixNanos};
use wire::model::{Intent, Modification, Operation, OrderKind, OrderReference, Side, TimeInForce};

use crate::common::{World, codes, decimal, limit, reference, reservation};

const TWO: &str = r#"
    [bot.a]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT", "ETHUSDT"]
    [bot.b]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT"]
    identical_order_window_ms = 500
    max_executions_per_minute = 3
    [bot.free]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT"]
    self_trade = "allow"
    [bot.watched]
    account = "main"
    preset = "taker"
    mode = "observe"
    markets = ["BTCUSDT"]
"#;

fn rest(world: &mut World, bot: &str, side: Side, price: &str, order_id: u64) -> String {
    let verdict = world.decide(bot, &limit(side, "1", price));
    assert!(verdict.is_allowed(), "{:?}", verdict.reasons);
    let id = reservation(&verdict);
    let client = format!("cs-{}", world.next_id);
    let update = told(&client, order_id, OrderStatus::Open, "0");
    let acknowledged = AccountEvent::Acknowledged { reservation: id, orders: vec![update] };
    world.judge.apply(&acknowledged, world.now);
    client
}

fn told(client: &str, order_id: u64, status: OrderStatus, quote: &str) -> OrderUpdate {
    OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(order_id),
        client_order_id: client.to_owned(),
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: Some(decimal("1")),
        executed_quantity: None,
        executed_quote: Some(decimal(quote)),
    }
}

fn with(mut intent: Intent, change: impl Fn(&mut wire::model::Order)) -> Intent {
    let Operation::Place(group) = &mut intent.operation else { panic!() };
    change(&mut group.orders[0]);
    intent
}

#[test]
fn an_order_that_would_trade_with_the_accounts_own_is_refused() {
    let mut world = World::new(TWO);
    world.reference = Some(reference("100", world.now));
    rest(&mut world, "a", Side::Sell, "105", 11);
    rest(&mut world, "a", Side::Sell, "103", 12);
    assert!(world.decide("b", &limit(Side::Buy, "1", "102.9")).is_allowed());
    let verdict = world.decide("b", &limit(Side::Buy, "1", "103"));
    assert_eq!(codes(&verdict), ["self_trade"]);
    assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::Limit)));
    assert_eq!(codes(&world.decide("a", &limit(Side::Buy, "2", "110"))), ["self_trade"]);
    // The nearest goes: the next one counts.
    let closed = told("", 12, OrderStatus::Closed, "0");
    world.judge.apply(&AccountEvent::Order(closed), world.now);
    assert!(world.decide("a", &limit(Side::Buy, "1.5", "104.9")).is_allowed());
    assert_eq!(codes(&world.decide("a", &limit(Side::Buy, "1", "105"))), ["self_trade"]);
    // What waits for its answer may be live already.
    assert!(world.decide("a", &limit(Side::Buy, "1", "99.5")).is_allowed());
    assert_eq!(codes(&world.decide("a", &limit(Side::Sell, "1", "99.5"))), ["self_trade"]);
    assert!(world.decide("a", &limit(Side::Sell, "1", "99.6")).is_allowed());
    // Who may, and who is only watched.
    assert!(world.decide("free", &limit(Side::Buy, "1", "106")).is_allowed());
    let verdict = world.decide("watched", &limit(Side::Buy, "1", "106"));
    assert!(verdict.is_allowed());
    assert_eq!(verdict.relaxed[0].code, "self_trade");
}

#[test]
fn what_cannot_trade_at_once_is_let_through() {
    let mut world = World::new(TWO);
    world.reference = Some(reference("100", world.now));
    rest(&mut world, "a", Side::Sell, "103", 11);
    let buy = || limit(Side::Buy, "1", "104");
    let posts = with(buy(), |order| order.time_in_force = Some(TimeInForce::PostOnly));
    assert!(world.decide("a", &posts).is_allowed());
    let maker = with(buy(), |order| order.kind = OrderKind::LimitMaker);
    assert!(world.decide("a", &maker).is_allowed());
    let waits = with(buy(), |order| {
        order.kind = OrderKind::StopLossLimit;
        order.stop_price = Some(decimal("104"));
    });
    assert!(world.decide("a", &waits).is_allowed());
    let market = with(buy(), |order| {
        order.kind = OrderKind::Market;
        order.price = None;
        order.time_in_force = None;
    });
    // The best ask is 100, so the own order at 103 is out of reach ...
    assert!(world.decide("a", &market).is_allowed());
    // ... and with the best ask at it, or not known, it is not.
    let best = Reference { ask: decimal("103"), ..reference("100", world.now) };
    world.reference = Some(best);
    assert_eq!(codes(&world.decide("a", &market)), ["self_trade"]);
    world.reference = None;
    assert!(codes(&world.decide("a", &market)).contains(&"self_trade"));
    // What is priced through the best bid has executed.
    world.reference = Some(reference("104", world.now));
    assert!(world.decide("a", &market).is_allowed());
    world.reference = None;
    // Another market's orders are none of it.
    let other = with(buy(), |order| order.symbol = "ETHUSDT".to_owned());
    assert!(!codes(&world.decide("a", &other)).contains(&"self_trade"));
}

#[test]
fn a_change_is_held_to_the_others_and_not_to_itself() {
    let mut world = World::new(TWO);
    world.reference = Some(reference("100", world.now));
    rest(&mut world, "a", Side::Sell, "105", 11);
    rest(&mut world, "a", Side::Buy, "95", 12);
    let change = |order_id, price: &str| {
        let mut intent = limit(Side::Buy, "1", "1");
        intent.class = wire::model::Class::CancelReplace;
        intent.operation = Operation::Modify(Modification {
            order: OrderReference {
                symbol: "BTCUSDT".to_owned(),
                order_id: Some(order_id),
                client_order_id: None,
            },
            new_quantity: Some(decimal("1")),
            new_price: Some(decimal(price)),
            new_stop_price: None,
            new_trailing_delta_bps: None,
        });
        intent
    };
    assert_eq!(codes(&world.decide("a", &change(12, "105"))), ["self_trade"]);
    assert!(world.decide("a", &change(12, "104")).is_allowed());
    // It may be at either price now.
    assert_eq!(codes(&world.decide("a", &limit(Side::Sell, "1", "103"))), ["self_trade"]);
    assert_eq!(codes(&world.decide("a", &limit(Side::Sell, "1", "95"))), ["self_trade"]);
    assert!(world.decide("a", &limit(Side::Sell, "1", "104.5")).is_allowed());
}

#[test]
fn the_same_order_again_waits() {
    let mut world = World::new(TWO);
    world.reference = Some(reference("100", world.now));
    let buy = |price: &str| limit(Side::Buy, "1", price);
    assert!(world.decide("b", &buy("90")).is_allowed());
    assert_eq!(codes(&world.decide("b", &buy("90"))), ["identical_order_window_ms"]);
    assert!(world.decide("b", &buy("90.1")).is_allowed());
    assert!(world.decide("b", &limit(Side::Sell, "1", "110")).is_allowed());
    // Another bot's is another order.
    assert!(world.decide("a", &buy("90")).is_allowed());
    world.now = UnixNanos(world.now.0 + 499_000_000);
    assert_eq!(codes(&world.decide("b", &buy("90"))), ["identical_order_window_ms"]);
    world.now = UnixNanos(world.now.0 + 2_000_000);
    world.reference = Some(reference("100", world.now));
    assert!(world.decide("b", &buy("90")).is_allowed());
}

#[test]
fn executions_without_end_stop_new_orders() {
    let mut world = World::new(TWO);
    world.reference = Some(reference("100", world.now));
    let client = rest(&mut world, "b", Side::Buy, "90", 11);
    for quote in ["10", "20", "30"] {
        let filled = told(&client, 11, OrderStatus::Open, quote);
        world.judge.apply(&AccountEvent::Order(filled), world.now);
    }
    assert_eq!(
        codes(&world.decide("b", &limit(Side::Buy, "1", "91"))),
        ["max_executions_per_minute"]
    );
    assert!(world.decide("a", &limit(Side::Buy, "1", "91")).is_allowed());
    world.now = UnixNanos(world.now.0 + 61_000_000_000);
    world.reference = Some(reference("100", world.now));
    assert!(world.decide("b", &limit(Side::Buy, "1", "91")).is_allowed());
}

//! Fills that an order's end left unsaid, and those that a snapshot told.

use judge::{AccountEvent, OpenOrder, OrderStatus, OrderUpdate, Trade};
use wire::model::Side;

use crate::common::*;

const ONE: &str = r#"
    [bot.a]
    account = "main"
    preset = "market-maker"
    markets = ["BTCUSDT"]
    max_order_notional = "1000"
    max_notional_per_hour = "1000"
    collar_bps = 500
"#;

fn update(status: OrderStatus, executed: Option<&str>, quote: Option<&str>) -> OrderUpdate {
    OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(11),
        client_order_id: "cs-1".to_owned(),
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: Some(decimal("1")),
        executed_quantity: executed.map(decimal),
        executed_quote: quote.map(decimal),
    }
}

fn trade(trade_id: u64, quantity: &str, quote: &str) -> Trade {
    Trade {
        symbol: "BTCUSDT".to_owned(),
        trade_id,
        order_id: 11,
        quantity: decimal(quantity),
        quote: decimal(quote),
    }
}

fn traded(trades: Vec<Trade>) -> AccountEvent {
    AccountEvent::Traded { symbol: "BTCUSDT".to_owned(), order_id: 11, trades }
}

/// A buy of 1 at 100 that rests.
fn resting() -> World {
    let mut world = World::new(ONE);
    world.reference = Some(reference("100", world.now));
    let reservation = reservation(&world.decide("a", &limit(Side::Buy, "1", "100")));
    let orders = vec![update(OrderStatus::Open, Some("0"), Some("0"))];
    world.judge.apply(&AccountEvent::Acknowledged { reservation, orders }, world.now);
    world
}

/// Filled in the last hour, held, open orders.
fn usage(world: &mut World) -> (u128, u128, u64) {
    let usage = world.judge.usage("a", world.now).unwrap();
    (usage.filled_hour_micro_usd, usage.held_micro_usd, usage.open_orders)
}

#[test]
fn an_end_without_its_fills_stays_held_until_the_trades_are_told() {
    let mut world = resting();
    let ended = AccountEvent::Order(update(OrderStatus::Closed, None, None));
    world.judge.apply(&ended, world.now);
    assert_eq!(usage(&mut world), (0, 100_000_000, 1));
    assert_eq!(world.judge.untold_fills(), [("BTCUSDT".to_owned(), 11)]);
    // Its end is known: it is not asked for again, and a snapshot without it
    // is no news.
    let empty = AccountEvent::Snapshot {
        asked_at: world.now,
        balances: None,
        open_orders: vec![],
        market: None,
    };
    world.later_ms(10);
    world.judge.apply(&empty, world.now);
    assert!(world.judge.unsettled().is_empty());
    // A page that is not the last one tells only itself.
    world.judge.apply(&AccountEvent::Filled(trade(1, "0.2", "20")), world.now);
    assert_eq!(usage(&mut world), (20_000_000, 80_000_000, 1));
    // Told again with the rest, each trade counts once.
    world.judge.apply(&traded(vec![trade(1, "0.2", "20"), trade(2, "0.1", "10")]), world.now);
    assert_eq!(usage(&mut world), (30_000_000, 0, 0));
    assert!(world.judge.untold_fills().is_empty());
}

#[test]
fn a_list_of_trades_that_is_behind_settles_nothing() {
    let mut world = resting();
    // The amount that the venue does not know is negative, which reads as none.
    let ended = AccountEvent::Order(update(OrderStatus::Closed, Some("0.5"), None));
    world.judge.apply(&ended, world.now);
    world.judge.apply(&traded(vec![trade(1, "0.2", "20")]), world.now);
    assert_eq!(usage(&mut world), (20_000_000, 80_000_000, 1));
    world.judge.apply(&traded(vec![trade(2, "0.3", "30")]), world.now);
    assert_eq!(usage(&mut world), (50_000_000, 0, 0));
}

#[test]
fn an_end_that_says_its_fills_asks_for_nothing() {
    for (executed, quote, filled) in
        [(Some("0.5"), Some("50"), 50_000_000), (Some("0"), None, 0), (None, Some("0"), 0)]
    {
        let mut world = resting();
        let ended = AccountEvent::Order(update(OrderStatus::Closed, executed, quote));
        world.judge.apply(&ended, world.now);
        assert_eq!(usage(&mut world), (filled, 0, 0), "{executed:?} {quote:?}");
        assert!(world.judge.untold_fills().is_empty());
    }
}

#[test]
fn what_a_snapshot_tells_of_own_orders_is_told_once() {
    let mut world = resting();
    let open = |order_id, client: &str, executed: &str, quote: &str| OpenOrder {
        symbol: "BTCUSDT".to_owned(),
        order_id,
        client_order_id: client.to_owned(),
        order_list_id: None,
        side: Side::Buy,
        price: None,
        stop_price: None,
        quantity: decimal("1"),
        executed_quantity: decimal(executed),
        executed_quote: decimal(quote),
    };
    let by_hand = open(12, "by-hand", "0.9", "90");
    let seen = vec![open(11, "cs-1", "0", "0"), by_hand.clone()];
    assert!(world.judge.news(&seen).is_empty());
    let seen = vec![open(11, "cs-1", "0.4", "40"), by_hand];
    let news = world.judge.news(&seen);
    assert_eq!(news, [update(OrderStatus::Open, Some("0.4"), Some("40"))]);

    // A judge that only has the news counts the same.
    let mut other = resting();
    for update in &news {
        other.judge.apply(&AccountEvent::Order(update.clone()), other.now);
    }
    let snapshot = AccountEvent::Snapshot {
        asked_at: world.now,
        balances: None,
        open_orders: seen.clone(),
        market: None,
    };
    world.judge.apply(&snapshot, world.now);
    assert_eq!(usage(&mut world), (40_000_000, 60_000_000, 1));
    assert_eq!(usage(&mut other), usage(&mut world));
    assert!(world.judge.news(&seen).is_empty(), "told once");
}

//! Whose order is whose, and what orders hold until their end is known.

use judge::{
    AccountEvent, Balance, DenyKind, OpenOrder, OrderStatus, OrderUpdate, Outcome, ReservationId,
    Restored, RestoredHold, Trade, UnixNanos,
};
use wire::model::{
    CancelReplace, Class, Contingency, Intent, Operation, OrderGroup, OrderReference, Side, Venue,
};

use crate::common::*;

const TWO: &str = r#"
    [bot.a]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT", "ETHUSDT"]
    max_notional_per_hour = "10000"
    [bot.b]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT"]
    [bot.boss]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT"]
    cancel = "account"
"#;

fn open(symbol: &str, order_id: u64, client: &str) -> OpenOrder {
    OpenOrder {
        symbol: symbol.to_owned(),
        order_id,
        client_order_id: client.to_owned(),
        order_list_id: None,
        side: Side::Buy,
        price: Some(decimal("100")),
        stop_price: None,
        quantity: decimal("1"),
        executed_quantity: decimal("0"),
        executed_quote: decimal("0"),
    }
}

fn snapshot(at: UnixNanos, open_orders: Vec<OpenOrder>) -> AccountEvent {
    AccountEvent::Snapshot { asked_at: at, balances: None, open_orders, market: None }
}

fn update(client: &str, order_id: u64, status: OrderStatus, quote: &str) -> OrderUpdate {
    OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(order_id),
        client_order_id: client.to_owned(),
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: None,
        executed_quantity: None,
        executed_quote: Some(decimal(quote)),
    }
}

fn cancel_by_id(order_id: u64) -> Intent {
    let mut intent = cancel("BTCUSDT", "");
    intent.operation = Operation::Cancel(OrderReference {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(order_id),
        client_order_id: None,
    });
    intent
}

/// Places an order for a bot and has the venue take it.
fn resting(world: &mut World, bot: &str, order_id: u64) -> (ReservationId, String) {
    let verdict = world.decide(bot, &limit(Side::Buy, "1", "100"));
    let id = reservation(&verdict);
    let client = format!("cs-{}", world.next_id);
    let orders = vec![update(&client, order_id, OrderStatus::Open, "0")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    (id, client)
}

#[test]
fn a_bot_cancels_its_own_orders_and_no_others() {
    let mut world = World::new(TWO);
    let (_, client) = resting(&mut world, "a", 11);
    assert!(world.decide("a", &cancel("BTCUSDT", &client)).is_allowed());
    assert!(world.decide("a", &cancel_by_id(11)).is_allowed());
    for intent in [cancel("BTCUSDT", &client), cancel_by_id(11), cancel_all("BTCUSDT")] {
        let verdict = world.decide("b", &intent);
        assert_eq!(codes(&verdict), ["own_orders"]);
        assert!(matches!(verdict.outcome, Outcome::Deny(DenyKind::CancelRejected)));
        assert!(world.decide("boss", &intent).is_allowed());
    }
    assert!(world.decide("b", &cancel_all("ETHUSDT")).is_allowed());
    let reference =
        OrderReference { symbol: "BTCUSDT".to_owned(), order_id: Some(11), client_order_id: None };
    assert_eq!(world.judge.owner(&reference), Some("a"));
}

#[test]
fn an_order_on_nobodys_record_belongs_to_those_who_list_its_market() {
    let mut world = World::new(TWO);
    world.judge.apply(
        &snapshot(START, vec![open("BTCUSDT", 1, "hand"), open("ETHUSDT", 2, "hand")]),
        START,
    );
    assert!(world.decide("b", &cancel("BTCUSDT", "hand")).is_allowed());
    assert!(!world.decide("b", &cancel("ETHUSDT", "hand")).is_allowed());
    assert!(world.decide("a", &cancel("ETHUSDT", "hand")).is_allowed());
    assert!(world.decide("b", &cancel_all("BTCUSDT")).is_allowed());
    // Of the account's only bot everything is.
    let mut alone =
        World::new("[bot.a]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"BTCUSDT\"]");
    alone.judge.apply(&snapshot(START, vec![open("ETHUSDT", 2, "hand")]), START);
    assert!(alone.decide("a", &cancel("ETHUSDT", "hand")).is_allowed());
}

#[test]
fn an_id_that_another_bots_new_order_may_get_is_not_free() {
    let mut world = World::new(TWO);
    let verdict = world.decide("a", &limit(Side::Buy, "1", "100"));
    assert!(!world.decide("b", &cancel_by_id(99)).is_allowed());
    let id = reservation(&verdict);
    let orders = vec![update("cs-1", 98, OrderStatus::Open, "0")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    assert!(world.decide("b", &cancel_by_id(99)).is_allowed());
}

#[test]
fn two_ids_of_two_orders_are_no_reference() {
    let mut world = World::new(TWO);
    let (_, own) = resting(&mut world, "a", 11);
    resting(&mut world, "b", 12);
    let mut intent = cancel_by_id(12);
    if let Operation::Cancel(reference) = &mut intent.operation {
        reference.client_order_id = Some(own);
    }
    assert_eq!(codes(&world.decide("a", &intent)), ["two_orders"]);
}

/// USD-M futures go by the order id alone where both are sent.
#[test]
fn an_own_client_id_opens_no_other_order() {
    let mut world = World::new(TWO);
    let (_, own) = resting(&mut world, "a", 11);
    resting(&mut world, "b", 12);
    let both = |id, client: &str| {
        let mut intent = cancel_by_id(id);
        if let Operation::Cancel(reference) = &mut intent.operation {
            reference.client_order_id = Some(client.to_owned());
        }
        intent
    };
    assert!(world.decide("a", &both(11, &own)).is_allowed());
    assert_eq!(codes(&world.decide("a", &both(99, &own))), ["two_orders"]);
    // The venue's id of the order is not known yet: it may be another's.
    let verdict = world.decide("b", &limit(Side::Buy, "1", "100"));
    let placed = world.decide("a", &limit(Side::Buy, "1", "100"));
    assert!(verdict.is_allowed() && placed.is_allowed());
    assert!(!world.decide("a", &both(99, "cs-2")).is_allowed());
}

#[test]
fn a_live_client_order_id_is_not_given_twice() {
    let mut world = World::new(TWO);
    let (_, client) = resting(&mut world, "a", 11);
    let mut thief = order("BTCUSDT", Side::Buy, "1", "100");
    thief.client_order_id = Some(client.clone());
    assert_eq!(codes(&world.decide("b", &place(thief.clone()))), ["client_order_id"]);
    let gone = update(&client, 11, OrderStatus::Closed, "0");
    world.judge.apply(&AccountEvent::Order(gone), world.now);
    assert!(world.decide("b", &place(thief)).is_allowed());
}

#[test]
fn an_unknown_outcome_stays_held_until_released() {
    let mut world = World::new(TWO);
    let id = reservation(&world.decide("a", &limit(Side::Buy, "100", "100")));
    world.judge.apply(&AccountEvent::Unknown { reservation: id }, world.now);
    world.later_ms(86_400_000 * 2);
    assert!(!world.decide("a", &limit(Side::Buy, "1", "1")).is_allowed());
    let asked = world.judge.unsettled();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].reservation, Some(id));
    // An empty snapshot is no word about it either.
    world.judge.apply(&snapshot(world.now, vec![]), world.now);
    assert!(!world.decide("a", &limit(Side::Buy, "1", "1")).is_allowed());
    world.judge.apply(&AccountEvent::Released { reservation: id }, world.now);
    assert!(world.decide("a", &limit(Side::Buy, "1", "1")).is_allowed());
    assert!(world.judge.unsettled().is_empty());
}

#[test]
fn an_order_gone_from_a_snapshot_is_asked_about_and_stays_held() {
    let mut world = World::new(TWO);
    let (_, client) = resting(&mut world, "a", 11);
    world.later_ms(1_000);
    world.judge.apply(&snapshot(world.now, vec![]), world.now);
    assert_eq!(world.judge.usage("a", world.now).unwrap().held_micro_usd, 100_000_000);
    let asked = world.judge.unsettled();
    assert_eq!(asked[0].order.client_order_id.as_deref(), Some(client.as_str()));
    let filled = update(&client, 11, OrderStatus::Closed, "99.5");
    world.judge.apply(&AccountEvent::Order(filled), world.now);
    let usage = world.judge.usage("a", world.now).unwrap();
    assert_eq!((usage.held_micro_usd, usage.filled_hour_micro_usd), (0, 99_500_000));
}

#[test]
fn an_order_sent_after_a_snapshot_was_asked_for_is_not_missing() {
    let mut world = World::new(TWO);
    let before = world.now;
    world.later_ms(10);
    resting(&mut world, "a", 11);
    world.judge.apply(&snapshot(before, vec![]), world.now);
    assert!(world.judge.unsettled().is_empty());
}

#[test]
fn a_late_snapshot_revives_nothing() {
    let mut world = World::new(TWO);
    let (_, client) = resting(&mut world, "a", 11);
    let gone = update(&client, 11, OrderStatus::Closed, "0");
    world.judge.apply(&AccountEvent::Order(gone), world.now);
    let digest = world.judge.state_digest();
    world.judge.apply(&snapshot(world.now, vec![open("BTCUSDT", 11, &client)]), world.now);
    assert_eq!(world.judge.state_digest(), digest);
}

#[test]
fn a_trade_told_twice_or_early_or_late_counts_once() {
    let mut world = World::new(TWO);
    let trade = |trade_id, quote: &str| {
        AccountEvent::Filled(Trade {
            symbol: "BTCUSDT".to_owned(),
            trade_id,
            order_id: 11,
            quantity: decimal("0.1"),
            quote: decimal(quote),
        })
    };
    let id = reservation(&world.decide("a", &limit(Side::Buy, "1", "100")));
    // Before the venue's answer, which names the order.
    world.judge.apply(&trade(1, "10"), world.now);
    world.judge.apply(&trade(1, "10"), world.now);
    let orders = vec![update("cs-1", 11, OrderStatus::Open, "10")];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    let usage = world.judge.usage("a", world.now).unwrap();
    assert_eq!((usage.filled_hour_micro_usd, usage.held_micro_usd), (10_000_000, 90_000_000));
    world.judge.apply(&trade(2, "20"), world.now);
    world.judge.apply(&trade(2, "20"), world.now);
    world.judge.apply(&trade(1, "10"), world.now);
    assert_eq!(world.judge.usage("a", world.now).unwrap().filled_hour_micro_usd, 30_000_000);
    // The cancel's answer says 30 as well; a last trade comes after it.
    let gone = update("cs-1", 11, OrderStatus::Closed, "30");
    world.judge.apply(&AccountEvent::Order(gone), world.now);
    world.judge.apply(&trade(3, "5"), world.now);
    let usage = world.judge.usage("a", world.now).unwrap();
    assert_eq!((usage.filled_hour_micro_usd, usage.held_micro_usd), (35_000_000, 0));
}

#[test]
fn an_amend_shrinks_only_and_only_ones_own() {
    let mut world = World::new(TWO);
    let (_, client) = resting(&mut world, "a", 11);
    let mut first = update(&client, 11, OrderStatus::Open, "0");
    first.quantity = Some(decimal("1"));
    world.judge.apply(&AccountEvent::Order(first), world.now);
    let amend = |quantity: &str| Intent {
        venue: Venue::Binance,
        endpoint: "PUT /api/v3/order/amend/keepPriority",
        class: Class::Amend,
        operation: Operation::Amend {
            order: OrderReference {
                symbol: "BTCUSDT".to_owned(),
                order_id: Some(11),
                client_order_id: None,
            },
            new_quantity: decimal(quantity),
            new_client_order_id: None,
        },
    };
    world.halt = judge::HaltLevel::CancelOnly;
    assert!(world.decide("a", &amend("0.5")).is_allowed());
    assert_eq!(codes(&world.decide("a", &amend("1"))), ["amend_grows"]);
    assert_eq!(codes(&world.decide("b", &amend("0.5"))), ["own_orders"]);
    let mut renamed = update(&client, 11, OrderStatus::Open, "0");
    renamed.new_client_order_id = Some("renamed".to_owned());
    world.judge.apply(&AccountEvent::Order(renamed), world.now);
    assert!(!world.decide("b", &cancel("BTCUSDT", "renamed")).is_allowed());
    assert!(world.decide("a", &cancel("BTCUSDT", "renamed")).is_allowed());
}

fn cancel_replace(cancel: u64, quantity: &str, allow_failure: bool) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "POST /api/v3/order/cancelReplace",
        class: Class::CancelReplace,
        operation: Operation::CancelReplace(CancelReplace {
            cancel: OrderReference {
                symbol: "BTCUSDT".to_owned(),
                order_id: Some(cancel),
                client_order_id: None,
            },
            place: order("BTCUSDT", Side::Buy, quantity, "100"),
            allow_failure,
        }),
    }
}

#[test]
fn a_replacement_counts_what_it_adds() {
    let mut world = World::new(TWO);
    for order_id in 1..=99 {
        resting(&mut world, "a", order_id);
    }
    // 9,900 of 10,000 rest; replacing 100 by 200 adds 100, by 201 adds 101.
    assert!(!world.decide("a", &cancel_replace(7, "2.01", false)).is_allowed());
    assert!(!world.decide("a", &cancel_replace(7, "2", true)).is_allowed());
    assert!(!world.decide("b", &cancel_replace(7, "0.5", false)).is_allowed());
    let verdict = world.decide("a", &cancel_replace(7, "2", false));
    let id = reservation(&verdict);
    assert_eq!(world.judge.usage("a", world.now).unwrap().held_micro_usd, 10_000_000_000);
    let new = format!("cs-{}", world.next_id);
    let orders = vec![
        update("cs-7", 7, OrderStatus::Closed, "0"),
        update(&new, 1007, OrderStatus::Open, "0"),
    ];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    let usage = world.judge.usage("a", world.now).unwrap();
    assert_eq!((usage.held_micro_usd, usage.open_orders), (10_000_000_000, 99));
}

#[test]
fn a_pair_counts_its_larger_leg_and_holds_until_both_are_gone() {
    let mut world = World::new(TWO);
    let mut above = order("BTCUSDT", Side::Sell, "1", "120");
    above.client_order_id = Some("above".to_owned());
    let mut below = order("BTCUSDT", Side::Sell, "1", "80");
    below.client_order_id = Some("below".to_owned());
    world.reference = None;
    let intent = Intent {
        venue: Venue::Binance,
        endpoint: "POST /api/v3/orderList/oco",
        class: Class::Place,
        operation: Operation::Place(OrderGroup {
            orders: vec![above, below],
            contingency: Contingency::OneCancelsOther,
            list_client_order_id: Some("pair".to_owned()),
            test: false,
        }),
    };
    let id = reservation(&world.decide("a", &intent));
    let held = |world: &mut World| world.judge.usage("a", START).unwrap().held_micro_usd;
    assert_eq!(held(&mut world), 120_000_000);
    let orders = vec![
        update("above", 1, OrderStatus::Open, "0"),
        update("below", 2, OrderStatus::Open, "0"),
    ];
    world.judge.apply(&AccountEvent::Acknowledged { reservation: id, orders }, world.now);
    let by_list = Intent {
        venue: Venue::Binance,
        endpoint: "DELETE /api/v3/orderList",
        class: Class::Cancel,
        operation: Operation::CancelList {
            symbol: "BTCUSDT".to_owned(),
            order_list_id: None,
            list_client_order_id: Some("pair".to_owned()),
        },
    };
    assert!(world.decide("a", &by_list).is_allowed());
    assert!(!world.decide("b", &by_list).is_allowed());
    let gone = update("above", 1, OrderStatus::Closed, "0");
    world.judge.apply(&AccountEvent::Order(gone), world.now);
    assert_eq!(held(&mut world), 120_000_000);
    let filled = update("below", 2, OrderStatus::Closed, "80");
    world.judge.apply(&AccountEvent::Order(filled), world.now);
    assert_eq!(held(&mut world), 0);
}

#[test]
fn a_rejection_gives_back_and_a_late_one_takes_nothing() {
    let mut world = World::new(TWO);
    let id = reservation(&world.decide("a", &limit(Side::Buy, "1", "100")));
    world.judge.apply(&AccountEvent::Rejected { reservation: id }, world.now);
    assert_eq!(world.judge.usage("a", world.now).unwrap().held_micro_usd, 0);
    let (id, _) = resting(&mut world, "a", 11);
    world.judge.apply(&AccountEvent::Rejected { reservation: id }, world.now);
    assert_eq!(world.judge.usage("a", world.now).unwrap().held_micro_usd, 100_000_000);
}

#[test]
fn a_restart_holds_again_what_was_held() {
    let mut world = World::new(TWO);
    let restored = |reservation, bot: &str, client: &str| {
        AccountEvent::Restored(Restored {
            reservation: ReservationId(reservation),
            bot: bot.to_owned(),
            at: START,
            habit: judge::RestoredHabit::default(),
            holds: RestoredHold::Orders {
                symbol: "BTCUSDT".to_owned(),
                orders: vec![(client.to_owned(), Some(decimal("1")))],
                list_client_order_id: None,
                worth_micro_usd: 9_950_000_000,
                added_micro_usd: 9_950_000_000,
                quote_in_usd: None,
            },
        })
    };
    world.judge.apply(&restored(41, "a", "old"), START);
    // Twice from the log is once.
    world.judge.apply(&restored(41, "a", "old"), START);
    world.judge.apply(&restored(7, "dismissed", "theirs"), START);
    assert_eq!(world.judge.unsettled().len(), 2);
    assert!(!world.decide("a", &limit(Side::Buy, "1", "100")).is_allowed());
    assert!(!world.decide("b", &cancel("BTCUSDT", "old")).is_allowed());
    assert!(!world.decide("b", &cancel("BTCUSDT", "theirs")).is_allowed());
    let verdict = world.decide("a", &limit(Side::Buy, "0.5", "100"));
    assert_eq!(reservation(&verdict), ReservationId(42));
    let filled = update("old", 9, OrderStatus::Closed, "9000");
    let event = AccountEvent::Acknowledged { reservation: ReservationId(41), orders: vec![filled] };
    world.judge.apply(&event, START);
    let usage = world.judge.usage("a", START).unwrap();
    assert_eq!((usage.filled_hour_micro_usd, usage.held_micro_usd), (9_000_000_000, 50_000_000));
}

#[test]
fn new_policies_keep_what_was_counted() {
    let mut world = World::new(TWO);
    resting(&mut world, "a", 11);
    let fewer = judge::PolicySet::compile(&bots(MARKET_MAKER), "").unwrap();
    world.judge.set_policies(std::sync::Arc::new(fewer));
    assert!(!world.decide("a", &read()).is_allowed());
    let again = judge::PolicySet::compile(&bots(TWO), "").unwrap();
    world.judge.set_policies(std::sync::Arc::new(again));
    assert!(world.decide("a", &read()).is_allowed());
    assert_eq!(world.judge.usage("a", world.now).unwrap().held_micro_usd, 100_000_000);
}

#[test]
fn balances_are_as_last_told() {
    let mut world = World::new(TWO);
    let balance = Balance { asset: "USDT".to_owned(), free: decimal("10"), locked: decimal("0") };
    let event = AccountEvent::Snapshot {
        asked_at: world.now,
        balances: Some(vec![balance.clone()]),
        open_orders: vec![],
        market: None,
    };
    world.judge.apply(&event, world.now);
    assert_eq!(world.judge.balance("USDT"), Some(&balance));
    assert_eq!(world.judge.balance("BTC"), None);
}

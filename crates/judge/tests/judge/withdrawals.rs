//! Withdrawals of unknown outcome: reserved until the history says.

use judge::{AccountEvent, Restored, RestoredHold};
use wire::model::{Intent, Operation};

use crate::common::*;

fn with_id(id: &str, amount: &str) -> Intent {
    let mut intent = withdrawal("USDT", "ETH", "0xabc", amount);
    if let Operation::Withdraw(withdrawal) = &mut intent.operation {
        withdrawal.client_withdrawal_id = Some(id.to_owned());
    }
    intent
}

/// Whether 100 more pass under the day's 250.
fn passes(world: &mut World) -> bool {
    let verdict = world.decide("t", &with_id("probe", "100"));
    if verdict.is_allowed() {
        let reservation = reservation(&verdict);
        world.judge.apply(&AccountEvent::Rejected { reservation }, world.now);
        return true;
    }
    assert_eq!(codes(&verdict), ["max_per_day"]);
    false
}

/// Two of 100, the second of unknown outcome.
fn two() -> (World, judge::ReservationId) {
    let mut world = World::new(TREASURY);
    let first = reservation(&world.decide("t", &with_id("w-1", "100")));
    let done = AccountEvent::Acknowledged { reservation: first, orders: vec![] };
    world.judge.apply(&done, world.now);
    assert!(world.judge.unknown_withdrawals().is_empty());
    let second = reservation(&world.decide("t", &with_id("w-2", "100")));
    assert!(world.judge.unknown_withdrawals().is_empty(), "its answer is awaited");
    world.judge.apply(&AccountEvent::Unknown { reservation: second }, world.now);
    (world, second)
}

#[test]
fn an_unknown_withdrawal_is_asked_for_by_its_own_id_and_stays_reserved() {
    let (mut world, second) = two();
    let [unknown] = &world.judge.unknown_withdrawals()[..] else { panic!("one is unknown") };
    assert_eq!(unknown.client_withdrawal_id.as_deref(), Some("w-2"));
    assert_eq!((unknown.reservation, unknown.sent_at), (second, world.now));
    assert_eq!(unknown.asset, "USDT");
    assert!(!passes(&mut world));
    world.later_ms(3_600_000);
    assert!(!passes(&mut world), "time alone releases nothing");
}

#[test]
fn found_is_spent_and_released_is_not() {
    let (mut world, reservation) = two();
    let found = AccountEvent::Acknowledged { reservation, orders: vec![] };
    world.judge.apply(&found, world.now);
    assert!(world.judge.unknown_withdrawals().is_empty());
    assert!(!passes(&mut world));

    let (mut world, reservation) = two();
    world.judge.apply(&AccountEvent::Released { reservation }, world.now);
    assert!(world.judge.unknown_withdrawals().is_empty());
    assert!(passes(&mut world));
    // Once, however often it is told.
    world.judge.apply(&AccountEvent::Released { reservation }, world.now);
    let allowed = world.decide("t", &with_id("w-3", "100"));
    assert!(allowed.is_allowed() && !passes(&mut world));
}

#[test]
fn a_restored_withdrawal_is_unknown_until_it_is_settled() {
    let mut world = World::new(TREASURY);
    let restored = Restored {
        reservation: judge::ReservationId(7),
        bot: "t".to_owned(),
        at: world.now,
        habit: judge::RestoredHabit::default(),
        holds: RestoredHold::Withdrawal {
            asset: "USDT".to_owned(),
            amount_millionths: 200_000_000,
            client_withdrawal_id: Some("w-7".to_owned()),
        },
    };
    world.judge.apply(&AccountEvent::Restored(restored), world.now);
    let unknown = world.judge.unknown_withdrawals();
    assert_eq!(unknown[0].client_withdrawal_id.as_deref(), Some("w-7"));
    assert!(!passes(&mut world));
}

//! The gateway's own reads: which get a permit, and what it carries.

use judge::{HaltLevel, HouseRead, LogState, Outcome, Verdict};
use wire::model::{Class, Effect, Intent, Side};

use crate::common::*;

fn ask(world: &World, intent: &Intent, effect: Effect) -> Verdict {
    world.judge.decide_house_read(&HouseRead {
        intent,
        effect,
        text: b"timestamp=1",
        text_digest: [9; 32],
        now: world.now,
        halt: world.halt,
        log: world.log,
        clock: world.clock,
    })
}

#[test]
fn a_read_gets_a_permit_for_its_text_and_holds_nothing() {
    let world = World::new(MARKET_MAKER);
    let before = world.judge.state_digest();
    let verdict = ask(&world, &read(), Effect::Read);
    let Outcome::Allow(permit) = verdict.outcome else { panic!("{:?}", verdict.reasons) };
    assert_eq!(permit.reservation(), None);
    let parts = permit.into_parts();
    assert_eq!((parts.text.as_slice(), parts.text_digest), (&b"timestamp=1"[..], [9; 32]));
    assert_eq!((parts.bot.as_str(), parts.account.as_str()), ("", "main"));
    assert_eq!(world.judge.state_digest(), before);
}

#[test]
fn nothing_but_a_read_gets_one() {
    let world = World::new(MARKET_MAKER);
    let others = [
        limit(Side::Buy, "0.001", "50000"),
        cancel("BTCUSDT", "resting"),
        withdrawal("USDT", "ETH", "0xabc", "1"),
    ];
    for intent in others {
        // Whatever the caller says of its effect.
        let verdict = ask(&world, &intent, Effect::Read);
        assert!(!verdict.is_allowed() && codes(&verdict) == ["never"], "{intent:?}");
    }
    for class in Class::ALL.into_iter().filter(|class| *class != Class::Read) {
        assert!(!ask(&world, &Intent { class, ..read() }, Effect::Read).is_allowed(), "{class:?}");
    }
    let effects = [
        Effect::Cancel,
        Effect::HarmlessSetting,
        Effect::Order,
        Effect::Borrow,
        Effect::Transfer,
        Effect::KeyAdministration,
        Effect::ValueOut,
    ];
    for effect in effects {
        assert!(!ask(&world, &read(), effect).is_allowed(), "{effect:?}");
    }
}

#[test]
fn halts_and_the_log_hold_for_the_house_too() {
    let mut world = World::new(MARKET_MAKER);
    for halt in [HaltLevel::Withdrawals, HaltLevel::ReduceOnly, HaltLevel::CancelOnly] {
        world.halt = halt;
        assert!(ask(&world, &read(), Effect::Read).is_allowed(), "{halt:?}");
    }
    world.halt = HaltLevel::Full;
    assert_eq!(codes(&ask(&world, &read(), Effect::Read)), ["halted"]);
    world.halt = HaltLevel::None;
    world.log = LogState::ReserveReads;
    assert!(ask(&world, &read(), Effect::Read).is_allowed());
    for log in [LogState::ReserveCancels, LogState::Full] {
        world.log = log;
        assert_eq!(codes(&ask(&world, &read(), Effect::Read)), ["log_unavailable"]);
    }
}

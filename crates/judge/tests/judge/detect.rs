//! Detectors: each speaks where its file says, and is silent on an ordinary
//! day.

use std::net::IpAddr;

use judge::{
    AccountEvent, Elsewhere, OrderStatus, OrderUpdate, Outcome, Response, SlowPrice, Verdict,
};
use wire::model::{Intent, Side};

use crate::common::*;

const TREASURY: &str = r#"
    [bot.t]
    account = "main"
    preset = "treasury"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xown"
    known = true
    max_per_request = "9000000"
    max_per_day = "90000000"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xnew"
    max_per_request = "9000000"
    max_per_day = "90000000"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xother"
    max_per_request = "9000000"
    max_per_day = "90000000"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xthird"
    max_per_request = "9000000"
    max_per_day = "90000000"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xfourth"
    max_per_request = "9000000"
    max_per_day = "90000000"
"#;

const TAKER: &str = r#"
    [bot.mm]
    account = "main"
    preset = "taker"
    self_trade = "allow"
    markets = ["*"]
    max_drawdown_per_day = "1000"
    collar_bps = 9000
"#;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

struct Treasury(World);

impl Treasury {
    fn new(detect: &str) -> Self {
        let mut world = World::detecting(TREASURY, detect);
        world.around.asset_in_usd = Some(reference("1", START));
        Self(world)
    }

    fn later(&mut self, ms: u64) {
        self.0.later_ms(ms);
        self.0.around.asset_in_usd = Some(reference("1", self.0.now));
    }

    fn send(&mut self, to: &str, amount: &str) -> Verdict {
        let verdict = self.0.decide("t", &withdrawal("USDT", "ETH", to, amount));
        if let Outcome::Allow(permit) = &verdict.outcome {
            let reservation = permit.reservation().unwrap();
            let done = AccountEvent::Acknowledged { reservation, orders: vec![] };
            self.0.judge.apply(&done, self.0.now);
        }
        verdict
    }

    /// As a person has approved it.
    fn approved(&mut self, to: &str, amount: &str) -> Verdict {
        self.0.around.approved = true;
        let verdict = self.send(to, amount);
        self.0.around.approved = false;
        verdict
    }

    /// Some days of half a million each, at noon and two.
    fn habit(&mut self, days: u64) {
        for _ in 0..days {
            assert!(self.send("0xown", "300000").is_allowed());
            self.later(2 * HOUR);
            assert!(self.send("0xown", "200000").is_allowed());
            self.later(DAY - 2 * HOUR);
        }
    }
}

fn held(verdict: &Verdict) -> Vec<&'static str> {
    assert!(matches!(verdict.outcome, Outcome::Hold), "{verdict:?}");
    assert_eq!(verdict.alarm.response, Response::Hold);
    codes(verdict)
}

#[test]
fn a_large_first_transfer_is_held_and_reserves_nothing() {
    let mut treasury = Treasury::new("");
    treasury.habit(3);
    let verdict = treasury.send("0xnew", "400000");
    assert_eq!(held(&verdict), ["new_destination"]);
    assert!(verdict.reasons[0].detail.starts_with("400000 USD to a destination"), "{verdict:?}");
    assert!(treasury.0.judge.unknown_withdrawals().is_empty());
    // The same, approved, passes, and puts the destination in use.
    let approved = treasury.approved("0xnew", "400000");
    assert!(approved.is_allowed());
    assert_eq!(approved.approved[0].code, "new_destination");
    assert!(treasury.send("0xnew", "300000").is_allowed());
}

#[test]
fn a_test_passes_and_the_full_amount_after_it_is_held() {
    let mut treasury = Treasury::new("");
    treasury.habit(3);
    assert!(treasury.send("0xnew", "100").is_allowed());
    treasury.later(HOUR);
    assert_eq!(held(&treasury.send("0xnew", "100.01")), ["test_then_full"]);
    assert_eq!(held(&treasury.send("0xnew", "400000")), ["test_then_full"]);
    assert!(treasury.approved("0xnew", "400000").is_allowed());
    treasury.later(HOUR);
    assert!(treasury.send("0xnew", "400000").is_allowed());
}

/// Kronos: 72 USDT to the firm's own wallet, 15 minutes later 2.4M.
#[test]
fn a_test_to_a_destination_in_use_holds_the_full_amount_after_it() {
    let mut treasury = Treasury::new("");
    treasury.habit(5);
    assert!(treasury.send("0xown", "72").is_allowed());
    treasury.later(15 * 60_000);
    assert_eq!(held(&treasury.send("0xown", "2400000")), ["test_then_full", "velocity"]);
    assert_eq!(held(&treasury.send("0xown", "250000")), ["test_then_full"]);
    // A day later the test is forgotten.
    treasury.later(DAY);
    assert!(treasury.send("0xown", "250000").is_allowed());
}

#[test]
fn more_than_three_busy_days_in_one_is_held() {
    let mut treasury = Treasury::new("");
    treasury.habit(6);
    // Half a million of the 24 hours before counts still.
    assert!(treasury.send("0xown", "1000000").is_allowed());
    assert_eq!(held(&treasury.send("0xown", "1000")), ["velocity"]);
    let mut limited = Treasury::new("[velocity]\nusd_per_hour = 1000\ncount_per_hour = 2");
    assert_eq!(held(&limited.send("0xown", "1001")), ["velocity"]);
    assert!(limited.send("0xown", "1").is_allowed());
    assert!(limited.send("0xown", "1").is_allowed());
    assert_eq!(held(&limited.send("0xown", "1")), ["velocity"]);
    // Of unknown worth: more than any limit.
    limited.later(DAY);
    limited.0.around.asset_in_usd = None;
    assert_eq!(held(&limited.send("0xown", "1")), ["velocity"]);
}

#[test]
fn a_first_withdrawal_and_one_after_a_month_are_held() {
    let mut treasury = Treasury::new("");
    assert_eq!(held(&treasury.send("0xnew", "1")), ["dormancy"]);
    treasury.habit(1);
    assert!(treasury.send("0xown", "5000").is_allowed());
    treasury.later(30 * DAY);
    assert_eq!(held(&treasury.send("0xown", "5000")), ["dormancy"]);
}

#[test]
fn an_unusual_hour_adds_points_and_holds_nothing_alone() {
    let mut treasury = Treasury::new("");
    treasury.habit(12);
    treasury.later(9 * HOUR);
    let verdict = treasury.send("0xown", "200000");
    assert!(verdict.is_allowed());
    assert_eq!(verdict.alarm.score, 30);
    assert!(verdict.alarm.alerts[0].evidence.contains("UTC"), "{verdict:?}");
}

#[test]
fn many_small_tests_are_held() {
    let mut treasury = Treasury::new("");
    treasury.habit(1);
    for to in ["0xnew", "0xother", "0xthird"] {
        assert!(treasury.send(to, "50").is_allowed());
    }
    assert_eq!(held(&treasury.send("0xfourth", "50")), ["fan_out"]);
    treasury.later(DAY + HOUR);
    assert!(treasury.send("0xfourth", "50").is_allowed());
}

#[test]
fn one_actor_behind_several_accounts_is_suspended() {
    let mut treasury = Treasury::new("");
    treasury.habit(1);
    treasury.0.around.elsewhere = Elsewhere { accounts_to_destination: 2, trades_with_own: 0 };
    let verdict = treasury.send("0xnew", "400000");
    assert_eq!(verdict.alarm.response, Response::Suspend);
    assert!(matches!(verdict.outcome, Outcome::Deny(_)));
    assert!(treasury.send("0xown", "1000").is_allowed(), "the firm's own wallet is in use");
    // An approval covers holds, and nothing beyond them.
    assert!(!treasury.approved("0xnew", "400000").is_allowed());
}

#[test]
fn a_new_place_and_a_first_large_transfer_come_to_a_hold_and_no_further() {
    let mut treasury = Treasury::new("");
    treasury.0.around.peer = Some(IpAddr::from([10, 0, 0, 1]));
    treasury.habit(3);
    treasury.0.around.peer = Some(IpAddr::from([6, 6, 6, 6]));
    let verdict = treasury.send("0xown", "1000");
    assert!(verdict.is_allowed());
    assert_eq!(verdict.alarm.alerts[0].detector.name(), "new_access");
    assert_eq!(held(&treasury.send("0xnew", "1000")), ["new_destination", "new_access"]);
    // In turn from both, within minutes.
    for last in [1, 6, 1, 6] {
        treasury.0.around.peer = Some(IpAddr::from([last, last, last, last]));
        treasury.0.decide("t", &read());
    }
    let codes = held(&treasury.send("0xown", "1000"));
    assert!(codes.contains(&"two_places"), "{codes:?}");
}

#[test]
fn a_key_that_nobody_should_use_halts_by_a_read() {
    let toml = format!(
        "{TREASURY}\n[bot.honey]\naccount = \"main\"\npreset = \"read-only\"\ncanary = true"
    );
    let mut world = World::detecting(&toml, "");
    let verdict = world.decide("honey", &read());
    assert_eq!(verdict.alarm.response, Response::Halt);
    assert_eq!(codes(&verdict), ["canary"]);
    assert!(world.decide("t", &read()).is_allowed());
}

/// A bot that trades, with a number for its orders.
struct Trader {
    world: World,
    order: u64,
}

impl Trader {
    fn new(detect: &str) -> Self {
        Self { world: World::detecting(TAKER, detect), order: 0 }
    }

    fn place(&mut self, market: &str, side: Side, quantity: &str, price: &str) -> Verdict {
        self.world.decide("mm", &place(order(market, side, quantity, price)))
    }

    /// Places and fills an order, at once and whole.
    fn trade(&mut self, side: Side, quantity: &str, price: &str) -> Verdict {
        let verdict = self.place("BTCUSDT", side, quantity, price);
        if let Outcome::Allow(permit) = &verdict.outcome {
            let reservation = permit.reservation().unwrap();
            self.order += 1;
            let update = OrderUpdate {
                symbol: "BTCUSDT".into(),
                order_id: Some(self.order),
                client_order_id: format!("cs-{}", self.world.next_id),
                new_client_order_id: None,
                order_list_id: None,
                status: OrderStatus::Closed,
                quantity: Some(decimal(quantity)),
                executed_quantity: Some(decimal(quantity)),
                executed_quote: Some(decimal(quantity) * decimal(price)),
            };
            let done = AccountEvent::Acknowledged { reservation, orders: vec![update] };
            self.world.judge.apply(&done, self.world.now);
        }
        verdict
    }

    fn price(&mut self, mid: &str) {
        self.world.reference = Some(reference(mid, self.world.now));
    }
}

fn alerts(verdict: &Verdict) -> Vec<&'static str> {
    verdict.alarm.alerts.iter().map(|alert| alert.detector.name()).collect()
}

#[test]
fn a_loss_over_the_days_limit_suspends_before_it_is_passed() {
    let mut trader = Trader::new("");
    assert!(trader.trade(Side::Buy, "1", "50000").is_allowed());
    trader.price("49400");
    assert!(trader.trade(Side::Buy, "0.1", "49400").is_allowed());
    // 600 lost; 500 more would be given away.
    let verdict = trader.place("BTCUSDT", Side::Buy, "1", "49900");
    assert_eq!(alerts(&verdict), ["max_drawdown_per_day"]);
    assert_eq!(verdict.alarm.response, Response::Suspend);
    assert!(!verdict.is_allowed());
    assert!(trader.place("BTCUSDT", Side::Buy, "0.1", "49900").is_allowed());
    trader.price("48900");
    assert_eq!(
        alerts(&trader.place("BTCUSDT", Side::Sell, "0.1", "48900")),
        ["max_drawdown_per_day"]
    );
    // Cancels pass, and the next day begins anew.
    assert!(trader.world.decide("mm", &cancel("BTCUSDT", "unknown")).alarm.is_quiet());
    trader.world.later_ms(DAY);
    assert!(trader.trade(Side::Sell, "0.1", "48900").is_allowed());
}

#[test]
fn a_position_is_marked_at_the_less_favourable_price() {
    let mut trader = Trader::new("");
    assert!(trader.trade(Side::Buy, "1", "50000").is_allowed());
    // The thief moved the market; its slow price tells.
    trader.price("90000");
    trader.world.around.slow_price = Some(SlowPrice { price: decimal("48000"), venues: 1 });
    let verdict = trader.place("BTCUSDT", Side::Sell, "0.01", "90000");
    assert_eq!(alerts(&verdict), ["max_drawdown_per_day"]);
}

#[test]
fn a_price_far_from_the_slow_one_is_held() {
    let mut trader = Trader::new("");
    trader.world.around.slow_price = Some(SlowPrice { price: decimal("50000"), venues: 2 });
    assert!(trader.place("BTCUSDT", Side::Buy, "0.001", "52500").is_allowed());
    assert_eq!(held(&trader.place("BTCUSDT", Side::Buy, "0.001", "52501")), ["off_market"]);
    assert_eq!(held(&trader.place("BTCUSDT", Side::Sell, "0.001", "47499")), ["off_market"]);
    assert!(trader.place("BTCUSDT", Side::Sell, "0.001", "80000").is_allowed());
    // One venue's median lags, so it is given more room.
    trader.world.around.slow_price = Some(SlowPrice { price: decimal("50000"), venues: 1 });
    assert!(trader.place("BTCUSDT", Side::Buy, "0.001", "60000").is_allowed());
    assert_eq!(held(&trader.place("BTCUSDT", Side::Buy, "0.001", "63000")), ["off_market"]);
}

#[test]
fn buying_into_a_pump_is_held_and_selling_into_it_is_not() {
    let mut trader = Trader::new("");
    trader.world.around.pump = Some("+80 % in 4 s");
    assert_eq!(held(&trader.place("BTCUSDT", Side::Buy, "0.001", "50000")), ["pump"]);
    assert!(trader.place("BTCUSDT", Side::Sell, "0.001", "50000").is_allowed());
}

/// VIA 2018: a dormant key wakes and buys a coin that it never traded.
#[test]
fn waking_and_trading_something_new_is_held_and_either_alone_is_not() {
    let mut trader = Trader::new("");
    for _ in 0..60 {
        trader.world.later_ms(HOUR);
        trader.price("50000");
        assert!(trader.trade(Side::Buy, "0.0001", "50000").alarm.is_quiet());
    }
    let listing = trader.place("VIABTC", Side::Buy, "1", "1");
    assert_eq!(alerts(&listing), ["never_traded"]);
    trader.world.later_ms(20 * DAY);
    trader.price("50000");
    let woken = trader.trade(Side::Buy, "0.0001", "50000");
    assert!(woken.is_allowed());
    assert_eq!(alerts(&woken), ["dormancy"]);
    let intent: Intent = place(order("SYSUSDT", Side::Buy, "1", "1"));
    let both = trader.world.decide("mm", &intent);
    assert_eq!(held(&both), ["dormancy", "never_traded"]);
}

#[test]
fn trades_with_own_accounts_suspend() {
    let mut trader = Trader::new("");
    trader.world.around.elsewhere.trades_with_own = 2;
    assert!(trader.place("BTCUSDT", Side::Buy, "0.001", "50000").is_allowed());
    trader.world.around.elsewhere.trades_with_own = 3;
    let verdict = trader.place("BTCUSDT", Side::Buy, "0.001", "50000");
    assert_eq!((alerts(&verdict), verdict.alarm.response), (vec!["wash"], Response::Suspend));
}

#[test]
fn a_loop_that_runs_away_is_slowed_down() {
    let mut trader = Trader::new("[rate]\ntimes = 10\nfloor = 20");
    for _ in 0..5 {
        trader.world.later_ms(60_000);
        trader.price("50000");
        assert!(trader.trade(Side::Buy, "0.0001", "50000").is_allowed());
        assert!(trader.trade(Side::Sell, "0.0001", "50000").is_allowed());
    }
    trader.world.later_ms(60_000);
    trader.price("50000");
    let slowed = (0..60).find(|_| {
        let verdict = trader.trade(Side::Buy, "0.0001", "50000");
        matches!(verdict.outcome, Outcome::Deny(judge::DenyKind::SlowDown))
    });
    assert_eq!(slowed, Some(21));
    trader.world.later_ms(60_000);
    trader.price("50000");
    assert!(trader.trade(Side::Buy, "0.0001", "50000").is_allowed());
}

/// A price that goes one way after each fill, by a fixed noise.
fn fills(trader: &mut Trader, count: usize, sign: i64) -> Vec<&'static str> {
    let mut last = Vec::new();
    for step in 0..count {
        trader.price("50000");
        let side = if step % 2 == 0 { Side::Buy } else { Side::Sell };
        last = alerts(&trader.trade(side, "0.0001", "50000"));
        trader.world.later_ms(11_000);
        // Noise of ±10 bps around a gain of 3.
        let noise = [13, -7, 13, -7, 8, -2][step % 6];
        let gain = sign * noise;
        let up = if side == Side::Buy { gain } else { -gain };
        trader.price(&(50_000 + up * 5).to_string());
        trader.place("BTCUSDT", Side::Buy, "0.0001", "1");
    }
    last
}

/// The insiders of 2020 turned a sign.
#[test]
fn an_edge_that_turned_is_held() {
    let mut trader = Trader::new("[rate]\npoints = 0");
    assert_eq!(fills(&mut trader, 600, 1), Vec::<&str>::new());
    let turned = fills(&mut trader, 300, -1);
    assert!(turned.contains(&"edge"), "{turned:?}");
}

#[test]
fn observe_mode_reports_alarms_about_orders_and_holds_value_out_all_the_same() {
    let toml = TAKER.replace("preset", "mode = \"observe\"\n    preset");
    let mut world = World::detecting(&toml, "");
    world.around.pump = Some("up");
    let verdict = world.decide("mm", &limit(Side::Buy, "0.001", "50000"));
    assert!(verdict.is_allowed());
    assert_eq!(verdict.relaxed[0].code, "pump");
    let toml = TREASURY.replace("preset", "mode = \"observe\"\n    preset");
    let mut world = World::detecting(&toml, "");
    assert!(!world.decide("t", &withdrawal("USDT", "ETH", "0xnew", "5")).is_allowed());
}

#[test]
fn above_a_configured_amount_a_person_approves() {
    let toml = TREASURY.replacen("known = true", "known = true\napprove_above = \"1000\"", 1);
    let mut world = World::new(&toml);
    assert!(world.decide("t", &withdrawal("USDT", "ETH", "0xown", "1000")).is_allowed());
    let verdict = world.decide("t", &withdrawal("USDT", "ETH", "0xown", "1000.01"));
    assert!(matches!(verdict.outcome, Outcome::Hold));
    assert_eq!(codes(&verdict), ["approve_above"]);
    world.around.approved = true;
    assert!(world.decide("t", &withdrawal("USDT", "ETH", "0xown", "1000.01")).is_allowed());
    // What policy forbids no approval lets through.
    assert!(!world.decide("t", &withdrawal("USDT", "ETH", "0xelse", "1")).is_allowed());
}

/// What a restart reads back from the log is what the bot was known by.
#[test]
fn habits_survive_a_restart() {
    let treasury = Treasury::new("");
    let mut again = Treasury::new("");
    let at = |days: u64| judge::UnixNanos(treasury.0.now.0 + days * DAY * 1_000_000);
    let restored = |number: u64, to: &str, micro_usd, approved| judge::Restored {
        reservation: judge::ReservationId(number),
        bot: "t".into(),
        at: at(number),
        holds: judge::RestoredHold::Withdrawal {
            asset: "USDT".into(),
            amount_millionths: 1,
            client_withdrawal_id: None,
        },
        habit: judge::RestoredHabit {
            destination: Some(("USDT".into(), "ETH".into(), to.into(), None)),
            micro_usd: Some(micro_usd),
            approved,
            ..judge::RestoredHabit::default()
        },
    };
    for told in
        [restored(0, "0xnew", 400_000_000_000, true), restored(1, "0xother", 50_000_000, false)]
    {
        again.0.judge.apply(&AccountEvent::Restored(told), at(1));
    }
    again.later(2 * DAY);
    assert!(again.send("0xnew", "300000").is_allowed(), "approved before");
    assert_eq!(held(&again.send("0xother", "300000")), ["test_then_full"]);
    assert_eq!(held(&again.send("0xthird", "300000")), ["new_destination"]);
}

/// A withdrawal that the signer or the venue refused did not happen: a bot that
/// asks again is not held for it.
#[test]
fn what_was_refused_is_not_counted() {
    let mut treasury = Treasury::new("[velocity]\ncount_per_hour = 2\nusd_per_hour = 1000");
    for _ in 0..20 {
        let verdict = treasury.0.decide("t", &withdrawal("USDT", "ETH", "0xown", "900"));
        let reservation = reservation(&verdict);
        let refused = AccountEvent::Rejected { reservation };
        treasury.0.judge.apply(&refused, treasury.0.now);
        treasury.later(100);
    }
    assert!(treasury.send("0xown", "900").is_allowed());
    assert_eq!(held(&treasury.send("0xown", "900")), ["velocity"]);
}

/// What only the venue checks makes no market known.
#[test]
fn a_test_order_teaches_nothing() {
    let mut trader = Trader::new("");
    for _ in 0..60 {
        trader.world.later_ms(HOUR);
        trader.price("50000");
        trader.trade(Side::Buy, "0.0001", "50000");
    }
    let mut test = place(order("VIAUSDT", Side::Buy, "1", "1"));
    test.class = wire::model::Class::TestOrder;
    if let wire::model::Operation::Place(group) = &mut test.operation {
        group.test = true;
    }
    assert!(trader.world.decide("mm", &test).alarm.is_quiet());
    trader.world.later_ms(2 * HOUR);
    trader.price("50000");
    assert_eq!(alerts(&trader.place("VIAUSDT", Side::Buy, "1", "1")), ["never_traded"]);
}

use super::*;
use crate::bounds::{PUMP_LATE_TRADES, PUMP_SILENCE_MS};

/// 2023-11-14 00:00 UTC.
const DAY: u64 = 1_699_920_000_000;
const HOUR: u64 = 3_600_000;
const PRICE: f64 = 1e-5;

struct Market {
    detector: PumpDetector,
    alerts: Vec<Alert>,
}

impl Market {
    fn new() -> Self {
        Self { detector: PumpDetector::new(Parameters::default()), alerts: Vec::new() }
    }

    /// A market that has traded once a minute, both sides, from `DAY` until
    /// `until`: 60 trades and 0.06 BTC an hour.
    fn usual(until: u64) -> Self {
        let mut market = Self::new();
        let mut at = DAY;
        let mut number = 0u64;
        while at < until {
            let taker = if number.is_multiple_of(3) { Taker::Seller } else { Taker::Buyer };
            let wobble = f64::from(u32::try_from(number % 7).unwrap()) * 0.001;
            market.trade(at, taker, PRICE * (1.0 + wobble), 100.0);
            at += 60_000;
            number += 1;
        }
        assert_eq!(market.alerts, [], "a quiet market alerts");
        market
    }

    fn trade(&mut self, at_ms: u64, taker: Taker, price: f64, amount: f64) {
        let alert = self.detector.trade(&MarketTrade { at_ms, taker, price, amount });
        self.alerts.extend(alert);
    }

    /// A crowd buys: every 150 ms an order of five fills, each fill 0.1% higher.
    fn crowd(&mut self, from: u64, orders: u64) {
        let mut price = PRICE;
        for order in 0..orders {
            for _ in 0..5 {
                price *= 1.001;
                self.trade(from + order * 150, Taker::Buyer, price, 500.0);
            }
        }
    }
}

#[test]
fn a_crowd_on_the_hour_alerts_within_seconds() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    market.crowd(start + 2_000, 60);
    let [alert] = market.alerts[..] else { panic!("{:?}", market.alerts) };
    assert_eq!(alert.rule, Rule::Surge);
    assert!(alert.at_ms < start + 6_000, "{alert}");
    assert!(alert.score >= alert.needed && alert.evidence.scheduled);
    assert_eq!(market.detector.state(alert.at_ms), PumpState::InForce(alert));
    assert_eq!(market.detector.state(alert.until_ms - 1), PumpState::InForce(alert));
    assert_eq!(market.detector.state(alert.until_ms), PumpState::Quiet);
    assert_eq!(alert.until_ms - alert.at_ms, Parameters::default().cooldown_ms);
}

#[test]
fn off_the_hour_it_takes_more_and_still_alerts() {
    let start = DAY + 20 * HOUR + 30 * 60_000;
    let mut market = Market::usual(start);
    market.crowd(start, 120);
    let [alert] = market.alerts[..] else { panic!("{:?}", market.alerts) };
    assert!(!alert.evidence.scheduled && alert.needed > 2.0, "{alert}");
    assert!(alert.at_ms < start + 15_000, "{alert}");
}

#[test]
fn the_hour_has_edges() {
    let scheduled = |start: u64| {
        let mut market = Market::usual(start - 10_000);
        market.crowd(start, 120);
        market.alerts[0].evidence.scheduled
    };
    let hour = DAY + 20 * HOUR;
    let Parameters { before_hour_ms, after_hour_ms, .. } = Parameters::default();
    assert!(!scheduled(hour - before_hour_ms - 20_000));
    assert!(scheduled(hour - before_hour_ms));
    assert!(scheduled(hour + after_hour_ms - 15_000));
    assert!(!scheduled(hour + after_hour_ms));
    // Nobody announces for 7 in the morning.
    assert!(!scheduled(DAY + 7 * HOUR));
}

#[test]
fn evidence_reads_as_a_sentence() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    market.crowd(start, 60);
    let said = market.alerts[0].to_string();
    for part in ["surge: score ", "% off its baseline", "hours of the usual volume", "full hour"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn one_large_order_is_no_surge() {
    // 200 fills up to +20%, hundreds of hours of volume, but one order.
    for start in [DAY + 20 * HOUR, DAY + 20 * HOUR + 30 * 60_000] {
        let mut market = Market::usual(start);
        for fill in 0..200 {
            let price = PRICE * (1.0 + f64::from(fill) * 0.001);
            market.trade(start + 1_000, Taker::Buyer, price, 50_000.0);
        }
        assert_eq!(market.alerts, []);
    }
}

#[test]
fn a_rush_order_just_before_a_customary_hour_alerts() {
    let sweep = |start: u64, fills: u32| {
        let mut market = Market::usual(start);
        for fill in 0..fills {
            let price = PRICE * (1.0 + f64::from(fill) * 0.005);
            market.trade(start, Taker::Buyer, price, 2_000.0);
        }
        market.alerts
    };
    let [alert] = sweep(DAY + 17 * HOUR - 20_000, 10)[..] else { panic!("no sweep") };
    assert_eq!(alert.rule, Rule::Sweep);
    assert!(alert.evidence.fills >= 5);
    // Too few levels; earlier in the hour; an hour at which nobody announces.
    assert_eq!(sweep(DAY + 17 * HOUR - 20_000, 4), []);
    assert_eq!(sweep(DAY + 17 * HOUR - 90_000, 10), []);
    assert_eq!(sweep(DAY + 7 * HOUR - 20_000, 10), []);
    assert_eq!(sweep(DAY + 13 * HOUR - 20_000, 10), []);
}

#[test]
fn a_crowd_that_sells_does_not_alert() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    for order in 0..200u32 {
        let price = PRICE * (1.0 - f64::from(order) * 0.002);
        market.trade(start + u64::from(order) * 100, Taker::Seller, price, 2_000.0);
    }
    assert_eq!(market.alerts, []);
}

#[test]
fn a_rise_over_hours_does_not_alert() {
    let start = DAY + 12 * HOUR;
    let mut market = Market::usual(start);
    // Doubles within six hours, at five times the usual trades.
    for number in 0..1_800u32 {
        let price = PRICE * (1.0 + f64::from(number) / 1_800.0);
        market.trade(start + u64::from(number) * 12_000, Taker::Buyer, price, 100.0);
    }
    assert_eq!(market.alerts, []);
}

#[test]
fn the_first_hour_only_teaches() {
    let mut market = Market::usual(DAY + 59 * 60_000);
    assert_eq!(market.detector.state(DAY + 59 * 60_000), PumpState::Learning);
    market.crowd(DAY + 59 * 60_000, 60);
    assert_eq!(market.alerts, []);
    assert_eq!(Market::new().detector.state(DAY), PumpState::Learning);
}

#[test]
fn one_alert_per_cooldown() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    market.crowd(start, 600);
    assert_eq!(market.alerts.len(), 1);
}

#[test]
fn what_cannot_be_is_passed_over() {
    let start = DAY + 20 * HOUR;
    let clean = {
        let mut market = Market::usual(start);
        market.crowd(start, 60);
        market.alerts
    };
    let mut market = Market::usual(start);
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, 1e300, 5e-324];
    for number in bad {
        for taker in [Taker::Buyer, Taker::Seller] {
            market.trade(start, taker, number, 1.0);
            market.trade(start, taker, PRICE, number);
            market.trade(u64::MAX, taker, number, number);
        }
    }
    market.trade(u64::MAX, Taker::Buyer, PRICE, 1.0);
    market.crowd(start, 60);
    assert_eq!(market.alerts, clean);
}

#[test]
fn a_misprint_does_not_blind_for_long() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start - 2 * HOUR);
    market.trade(start - 2 * HOUR, Taker::Buyer, 1e18, 1e18);
    market.trade(start - 2 * HOUR + 1, Taker::Seller, 1e-18, 1e18);
    for minute in 1..120u64 {
        market.trade(start - 2 * HOUR + minute * 60_000, Taker::Buyer, PRICE, 100.0);
    }
    market.alerts.clear();
    market.crowd(start, 60);
    assert_eq!(market.alerts.len(), 1);
}

#[test]
fn trades_that_come_late_do_not_turn_time_back() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    // A little late counts as now; much later is passed over.
    market.trade(start, Taker::Buyer, PRICE, 100.0);
    market.trade(start - 500, Taker::Buyer, PRICE, 100.0);
    market.trade(start - HOUR, Taker::Buyer, PRICE * 50.0, 1e9);
    market.trade(0, Taker::Buyer, PRICE * 50.0, 1e9);
    assert_eq!(market.alerts, []);
    market.crowd(start + 1_000, 60);
    assert_eq!(market.alerts.len(), 1);
}

#[test]
fn a_clock_far_ahead_is_survived() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    market.trade(start + 3_000 * 24 * HOUR, Taker::Buyer, PRICE, 100.0);
    // The feed goes on in the present: after a bounded number it is believed.
    for number in 0..u64::from(PUMP_LATE_TRADES) {
        market.trade(start + number * 60_000, Taker::Buyer, PRICE, 100.0);
    }
    let later = start + 4 * HOUR;
    for minute in 70..240u64 {
        market.trade(start + minute * 60_000, Taker::Buyer, PRICE, 100.0);
    }
    assert_eq!(market.detector.state(later), PumpState::Quiet);
    market.crowd(later, 60);
    assert_eq!(market.alerts.len(), 1);
}

#[test]
fn after_a_long_silence_it_learns_again() {
    let start = DAY + 20 * HOUR;
    let mut market = Market::usual(start);
    market.crowd(start + PUMP_SILENCE_MS + HOUR, 60);
    assert_eq!(market.alerts, []);
}

#[test]
fn the_same_trades_give_the_same_alerts() {
    let run = || {
        let start = DAY + 20 * HOUR;
        let mut market = Market::usual(start);
        market.crowd(start, 60);
        market.alerts
    };
    assert_eq!(run(), run());
}

#[test]
fn parameters_that_cannot_work_are_named() {
    let usual = Parameters::default();
    assert_eq!(usual.check(), Ok(()));
    for wrong in [
        Parameters { recent_s: 0.0, ..usual },
        Parameters { jump: f64::NAN, ..usual },
        Parameters { orders: -1.0, ..usual },
        Parameters { baseline_s: f64::INFINITY, ..usual },
        Parameters { cap: 2.0, ..usual },
        Parameters { last_hour: 24, ..usual },
        Parameters { first_hour: 23, ..usual },
    ] {
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
}

#[test]
fn it_is_small() {
    assert!(size_of::<PumpDetector>() <= 512, "{} bytes", size_of::<PumpDetector>());
}

proptest::proptest! {
    /// Whatever arrives, nothing panics and every alert is a finite number.
    #[test]
    fn any_input_is_survived(
        trades in proptest::collection::vec(
            (
                proptest::num::u64::ANY,
                proptest::bool::ANY,
                proptest::num::f64::ANY,
                proptest::num::f64::ANY,
                0u64..5_000,
            ),
            0..300,
        )
    ) {
        let mut market = Market::usual(DAY + 3 * HOUR);
        let mut at = DAY + 3 * HOUR;
        for (wild, buys, price, amount, step) in trades {
            let taker = if buys { Taker::Buyer } else { Taker::Seller };
            market.trade(wild, taker, price, amount);
            at += step;
            market.trade(at, taker, price.abs(), amount.abs());
        }
        for alert in &market.alerts {
            proptest::prop_assert!(alert.score.is_finite(), "{}", alert);
        }
    }
}

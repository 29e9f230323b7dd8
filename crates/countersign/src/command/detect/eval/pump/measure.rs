//! The protocol: trades once, in the order of time, the same parameters for
//! every symbol; an alert is as old as the trade that raised it.
//!
//! An eligible event is detected by an alert from 150 s before its onset to
//! 120 s after. What comes later, up to an hour after an onset, is neither right
//! nor false; every other alert is false.

use std::time::Instant;

use judge::detect::pump::{Alert, MarketTrade, Parameters, PumpDetector};

use super::events::Event;

/// An alert this long before the onset still detects it, milliseconds.
const BEFORE_MS: i64 = 150_000;
/// An alert this long after the onset still detects it, milliseconds.
const AFTER_MS: i64 = 120_000;
/// Until then after an onset, an alert is not false, milliseconds.
const NEITHER_MS: i64 = 3_600_000;
const DAY_S: f64 = 86_400.0;

/// What an alert is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It detects the event.
    Detects,
    /// It comes when the event is over.
    Neither,
    /// There is nothing that it could mean.
    False,
}

/// What the detector made of one event's trades.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) event: Event,
    /// Every alert and its worth, in the order of time.
    pub(super) alerts: Vec<(Alert, Worth)>,
    /// From the onset to the alert that detects, seconds.
    pub(super) delay_s: Option<f64>,
    seconds: f64,
    trades: usize,
    nanos: f64,
}

impl Outcome {
    /// Runs a fresh detector over `trades`.
    pub(super) fn of(event: &Event, trades: &[MarketTrade], parameters: Parameters) -> Self {
        let mut detector = PumpDetector::new(parameters);
        let mut raised = Vec::new();
        let start = Instant::now();
        for trade in trades {
            raised.extend(detector.trade(trade));
        }
        let nanos = start.elapsed().as_secs_f64() * 1e9;
        let alerts: Vec<_> = raised.iter().map(|alert| (*alert, worth(event, alert))).collect();
        let detects = alerts.iter().find(|(_, worth)| *worth == Worth::Detects);
        let delay_s = detects.and_then(|(alert, _)| delay_ms(event, alert)).map(seconds);
        let first = trades.first().map_or(0, |trade| trade.at_ms);
        let last = trades.last().map_or(0, |trade| trade.at_ms);
        let span = i64::try_from(last.saturating_sub(first)).unwrap_or(i64::MAX);
        Self {
            event: event.clone(),
            alerts,
            delay_s,
            seconds: seconds(span),
            trades: trades.len(),
            nanos,
        }
    }

    /// The alert that detects the event.
    pub(super) fn detecting(&self) -> Option<&Alert> {
        self.alerts.iter().find(|(_, worth)| *worth == Worth::Detects).map(|(alert, _)| alert)
    }

    /// How many alerts mean nothing.
    pub(super) fn false_alerts(&self) -> usize {
        self.alerts.iter().filter(|(_, worth)| *worth == Worth::False).count()
    }
}

fn delay_ms(event: &Event, alert: &Alert) -> Option<i64> {
    i64::try_from(alert.at_ms).ok()?.checked_sub(event.onset_ms?)
}

fn worth(event: &Event, alert: &Alert) -> Worth {
    match delay_ms(event, alert) {
        Some(delay) if event.eligible && (-BEFORE_MS..=AFTER_MS).contains(&delay) => Worth::Detects,
        Some(delay) if (1..=NEITHER_MS).contains(&delay) => Worth::Neither,
        _ => Worth::False,
    }
}

#[expect(clippy::cast_precision_loss, reason = "differences of times within one file")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// The figures over all events that have trades.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) events: usize,
    pub(super) eligible: usize,
    pub(super) detected_25s: usize,
    pub(super) detected_60s: usize,
    pub(super) detected_120s: usize,
    pub(super) hand_labelled: usize,
    pub(super) hand_labelled_detected_120s: usize,
    pub(super) median_delay_s: Option<f64>,
    pub(super) worst_delay_s: Option<f64>,
    pub(super) false_alerts: usize,
    pub(super) symbol_days: f64,
    pub(super) false_alerts_per_symbol_day: Option<f64>,
    pub(super) ns_per_trade: f64,
}

impl Measured {
    /// Adds up.
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let eligible = || outcomes.iter().filter(|outcome| outcome.event.eligible);
        let by_hand = || eligible().filter(|outcome| outcome.event.hand_labelled);
        let mut delays: Vec<f64> = eligible().filter_map(|outcome| outcome.delay_s).collect();
        delays.sort_by(f64::total_cmp);
        let within = |most: f64| delays.iter().filter(|delay| **delay <= most).count();
        let false_alerts = outcomes.iter().map(Outcome::false_alerts).sum();
        let symbol_days = outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>() / DAY_S;
        let trades = outcomes.iter().map(|outcome| outcome.trades).sum();
        let nanos: f64 = outcomes.iter().map(|outcome| outcome.nanos).sum();
        Self {
            events: outcomes.len(),
            eligible: eligible().count(),
            detected_25s: within(25.0),
            detected_60s: within(60.0),
            detected_120s: within(120.0),
            hand_labelled: by_hand().count(),
            hand_labelled_detected_120s: by_hand().filter(|one| one.delay_s.is_some()).count(),
            median_delay_s: median(&delays),
            worst_delay_s: delays.last().copied(),
            false_alerts,
            symbol_days,
            false_alerts_per_symbol_day: (symbol_days > 0.0)
                .then(|| count(false_alerts) / symbol_days),
            ns_per_trade: nanos / count(trades),
        }
    }
}

/// Of sorted numbers; the mean of the middle two where there is no middle one.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied()?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted.get(middle.checked_sub(1)?).copied()?;
    Some(f64::midpoint(lower, upper))
}

#[expect(clippy::cast_precision_loss, reason = "counts within bounds far below 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use judge::detect::pump::{Evidence, Rule};

    use super::*;

    const ONSET: i64 = 1_600_000_000_000;

    fn event(eligible: bool, onset_ms: Option<i64>) -> Event {
        Event { name: "X".to_owned(), onset_ms, hand_labelled: true, eligible }
    }

    fn alert(after_onset_ms: i64) -> Alert {
        let at_ms = u64::try_from(ONSET + after_onset_ms).unwrap();
        let evidence = Evidence {
            price: 1.0,
            price_baseline: 1.0,
            recent_volume: 1.0,
            hourly_volume: 1.0,
            recent_orders: 1.0,
            usual_orders: 1.0,
            fills: 1,
            scheduled: false,
        };
        Alert { at_ms, until_ms: at_ms, rule: Rule::Surge, score: 1.0, needed: 1.0, evidence }
    }

    #[test]
    fn the_edges_of_the_protocol() {
        for (after, expected) in [
            (-150_001, Worth::False),
            (-150_000, Worth::Detects),
            (0, Worth::Detects),
            (120_000, Worth::Detects),
            (120_001, Worth::Neither),
            (3_600_000, Worth::Neither),
            (3_600_001, Worth::False),
        ] {
            assert_eq!(worth(&event(true, Some(ONSET)), &alert(after)), expected, "{after}");
        }
    }

    #[test]
    fn where_nothing_moved_every_alert_is_false() {
        for after in [-150_000, 0, 1, 120_000, 3_600_000] {
            assert_eq!(worth(&event(false, None), &alert(after)), Worth::False);
        }
        // An onset that led nowhere is not to be detected, nor held against it.
        assert_eq!(worth(&event(false, Some(ONSET)), &alert(0)), Worth::False);
        assert_eq!(worth(&event(false, Some(ONSET)), &alert(1)), Worth::Neither);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
    }

    #[test]
    fn figures_add_up() {
        let outcome = |delay_s: Option<f64>, eligible, worths: &[Worth]| Outcome {
            event: event(eligible, Some(ONSET)),
            alerts: worths.iter().map(|worth| (alert(0), *worth)).collect(),
            delay_s,
            seconds: DAY_S,
            trades: 10,
            nanos: 500.0,
        };
        let measured = Measured::of(&[
            outcome(Some(-3.0), true, &[Worth::Detects]),
            outcome(Some(40.0), true, &[Worth::False, Worth::Detects]),
            outcome(Some(90.0), true, &[Worth::Detects, Worth::Neither]),
            outcome(None, true, &[]),
            outcome(None, false, &[Worth::False]),
        ]);
        assert_eq!((measured.events, measured.eligible), (5, 4));
        let detected = (measured.detected_25s, measured.detected_60s, measured.detected_120s);
        assert_eq!(detected, (1, 2, 3));
        assert_eq!((measured.hand_labelled, measured.hand_labelled_detected_120s), (4, 3));
        assert_eq!((measured.median_delay_s, measured.worst_delay_s), (Some(40.0), Some(90.0)));
        assert_eq!((measured.false_alerts, measured.symbol_days), (2, 5.0));
        assert_eq!(measured.false_alerts_per_symbol_day, Some(0.4));
        assert!((measured.ns_per_trade - 50.0).abs() < 1e-9);
    }
}

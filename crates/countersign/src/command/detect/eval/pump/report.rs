//! The figures, for programs and for people.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::measure::{Measured, Outcome, Worth};
use crate::output::Output;

/// The documented object.
pub(super) fn json(measured: &Measured) -> Value {
    json!({
        "events": measured.events,
        "eligible": measured.eligible,
        "detected_25s": measured.detected_25s,
        "detected_60s": measured.detected_60s,
        "detected_120s": measured.detected_120s,
        "hand_labelled": measured.hand_labelled,
        "hand_labelled_detected_120s": measured.hand_labelled_detected_120s,
        "median_delay_s": measured.median_delay_s,
        "worst_delay_s": measured.worst_delay_s,
        "false_alerts": measured.false_alerts,
        "symbol_days": measured.symbol_days,
        "false_alerts_per_symbol_day": measured.false_alerts_per_symbol_day,
        "ns_per_trade": measured.ns_per_trade,
    })
}

/// One line per event, then the sums.
pub(super) fn text(
    output: Output,
    outcomes: &[Outcome],
    measured: &Measured,
    evidence: bool,
) -> String {
    let mut text =
        format!("{:<28} {:>9} {:<8} {:>6} {:>6}\n", "event", "delay s", "rule", "score", "false");
    for outcome in outcomes {
        let delay = match outcome.delay_s {
            Some(delay) => format!("{delay:.3}"),
            None if outcome.event.eligible => "missed".to_owned(),
            None => "no move".to_owned(),
        };
        let (rule, score) = outcome.detecting().map_or((String::new(), String::new()), |alert| {
            (alert.rule.name().to_owned(), format!("{:.2}", alert.score))
        });
        let wrong = outcome.false_alerts();
        let line = format!("{:<28} {delay:>9} {rule:<8} {score:>6} {wrong:>6}", outcome.event.name);
        let good = wrong == 0 && (outcome.delay_s.is_some() || !outcome.event.eligible);
        let _ = writeln!(text, "{}", if good { line } else { output.bad(&line) });
        for (alert, worth) in outcome.alerts.iter().filter(|_| evidence) {
            let worth = match worth {
                Worth::Detects => "detects",
                Worth::Neither => "later",
                Worth::False => "false",
            };
            let _ = writeln!(text, "    {worth} at {} ms: {alert}", alert.at_ms);
        }
    }
    let number =
        |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.3}"));
    let _ = write!(
        text,
        "{} events, {} to be detected: {} within 120 s, {} within 60 s, {} within 25 s; {} of {} \
         that were labelled by hand\ndelay: median {} s, worst {} s\nfalse alerts: {} in {:.1} \
         symbol-days, {} a day\n{:.0} ns per trade",
        measured.events,
        measured.eligible,
        measured.detected_120s,
        measured.detected_60s,
        measured.detected_25s,
        measured.hand_labelled_detected_120s,
        measured.hand_labelled,
        number(measured.median_delay_s),
        number(measured.worst_delay_s),
        measured.false_alerts,
        measured.symbol_days,
        number(measured.false_alerts_per_symbol_day),
        measured.ns_per_trade,
    );
    text
}

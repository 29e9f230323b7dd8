//! Drills as a table, with the numbers of the configuration beside it.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::firm::Setup;
use super::ordinary::Ordinary;
use super::record::Role;
use super::replay::Drilled;

/// What a person reads.
pub(crate) fn table(setup: &Setup, drills: &[Drilled], ordinary: &Ordinary) -> String {
    let mut text = format!(
        "{:<28} {:<15} {:>13} {:>13} {:>13} {:>13}  {:<20} {:>8} {:>9}\n",
        "drill",
        "capability",
        "actual USD",
        "unguarded",
        "guarded",
        "bound",
        "stopped by",
        "requests",
        "seconds"
    );
    for one in drills {
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let _ = writeln!(
            text,
            "{:<28} {:<15} {:>13} {:>13} {:>13} {:>13}  {:<20} {:>8} {:>9}{}",
            one.drill,
            one.capability.name(),
            one.actual_loss_usd,
            one.unguarded_loss_usd,
            one.guarded_loss_usd,
            one.bound_usd,
            one.stopped_by.as_deref().unwrap_or("nothing"),
            number(one.requests_to_stop),
            number(one.seconds_to_stop),
            if one.holds() { "" } else { "  OVER ITS BOUND" },
        );
    }
    text.push('\n');
    for one in drills {
        let _ = writeln!(
            text,
            "{}: {}; actual loss: {}; bound: {}; without detectors {} USD, stopped by {}",
            one.drill,
            one.title,
            one.actual_is.name(),
            one.bound_is,
            one.loss_without_detectors_usd,
            one.stopped_without_detectors.as_deref().unwrap_or("nothing"),
        );
    }
    let _ = writeln!(
        text,
        "\nordinary days: {} bot-days, {} requests, {} USD moved by the treasury; false halts {}, \
         false holds {}, false denials {}; holds that policy asks for {}",
        ordinary.bot_days,
        ordinary.requests,
        ordinary.treasury_usd_moved,
        ordinary.false_halts,
        ordinary.false_holds,
        ordinary.false_denials,
        ordinary.asked_holds,
    );
    for (why, times) in &ordinary.why {
        let _ = writeln!(text, "  {why}: {times}");
    }
    let _ = writeln!(text, "\nconfiguration: {}", setup.of);
    for role in Role::ALL {
        let Some(bot) = setup.bot(role) else { continue };
        let shown = |name: &str, value: Option<Decimal>| {
            value.map_or_else(|| format!("{name} -"), |value| format!("{name} {value}"))
        };
        let _ = writeln!(
            text,
            "  {} ({}): {}, {}, {}, {} destination(s)",
            bot.name,
            bot.preset.name(),
            shown("max_order_notional", bot.max_order_notional),
            shown("max_notional_per_hour", bot.max_notional_per_hour),
            shown("max_drawdown_per_day", bot.max_drawdown_per_day),
            bot.withdraw.len(),
        );
    }
    let detect = &setup.config.detection;
    let _ = write!(
        text,
        "  detectors {}: slow down at {}, hold at {}, suspend at {}, halt at {} points",
        if detect.enabled { "on" } else { "OFF" },
        detect.slow_down_at,
        detect.hold_at,
        detect.suspend_at,
        detect.halt_at,
    );
    text
}

//! Sees a withdrawal at an hour and weekday unlike this bot's.
//!
//! Why: thieves choose nights and weekends (Kronos: a Saturday, 16:47 UTC;
//! CoinDCX: a Saturday, 02:37 local time). It adds points and holds nothing by
//! itself.
//!
//! Parameters: `withdrawals` (from so many on there is a habit). Blind spots: a
//! bot that withdraws around the clock has no unusual hour.

use super::config::Hours;
use super::habits::Habits;
use super::look::Look;

pub(super) fn look(config: &Hours, look: &Look<'_>, habits: &Habits) -> Option<String> {
    let value = habits.value.as_ref()?;
    if value.count < config.withdrawals {
        return None;
    }
    let hour = usize::from(look.now().minute_of_day() / 60);
    // An hour earlier or later is the same habit.
    let near = [(hour + 23) % 24, hour, (hour + 1) % 24];
    let times = |hour: usize| value.hours.get(hour).copied().unwrap_or(0);
    if near.into_iter().all(|hour| times(hour) == 0) {
        return Some(format!(
            "none of {} withdrawals was between {:02}:00 and {:02}:59 UTC",
            value.count, near[0], near[2]
        ));
    }
    let weekday = look.now().weekday();
    (value.weekdays.get(weekday).copied().unwrap_or(0) == 0).then(|| {
        format!(
            "none of {} withdrawals was on a {}",
            value.count,
            WEEKDAYS.get(weekday).unwrap_or(&"")
        )
    })
}

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

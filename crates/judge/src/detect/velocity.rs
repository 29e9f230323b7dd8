//! Sees more value leaving in an hour or a day than is set, or than this bot's
//! busiest day by far.
//!
//! Why: Kronos lost 22.9M in three hours, CoinDCX 44M in half an hour; a limit
//! on what leaves in a window bounds what every other detector misses.
//!
//! Parameters: `usd_per_hour`, `usd_per_day`, `count_per_hour`,
//! `times_busiest_day`, `habit_days`, `floor_usd`. Blind spots: a thief who takes as much a
//! day as the firm does; the first days, which are no habit (the other limits
//! hold). A worth that is not known counts as more than any limit.

use super::config::Velocity;
use super::habits::Habits;
use super::look::{Look, MICRO, ValueOut, usd};

pub(super) fn look(
    config: &Velocity,
    look: &Look<'_>,
    out: &ValueOut,
    habits: &mut Habits,
) -> Option<String> {
    let now = look.now();
    let limit_of = |usd: Option<u64>| usd.map(|usd| usd.saturating_mul(MICRO));
    let Some(worth) = out.micro_usd else {
        let limited = config.usd_per_hour.is_some() || config.usd_per_day.is_some();
        return limited.then(|| "the withdrawal's worth in USD is not known".to_owned());
    };
    let narrow = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
    let value = habits.value.get_or_insert_default();
    let hour = narrow(value.hour.total(now)).saturating_add(worth);
    let day = narrow(value.day.total(now)).saturating_add(worth);
    let count = narrow(value.count_hour.total(now)).saturating_add(1);
    if let Some(limit) = limit_of(config.usd_per_hour).filter(|limit| hour > *limit) {
        return Some(format!(
            "{} in an hour with this one, the limit is {}",
            usd(hour),
            usd(limit)
        ));
    }
    if let Some(limit) = limit_of(config.usd_per_day).filter(|limit| day > *limit) {
        return Some(format!("{} in a day with this one, the limit is {}", usd(day), usd(limit)));
    }
    if count > u64::from(config.count_per_hour) {
        return Some(format!(
            "{count} withdrawals in an hour with this one, the limit is {}",
            config.count_per_hour
        ));
    }
    let (busiest, days) = if now.day() > value.today.0 {
        (value.busiest_day.max(value.today.1), value.days + u32::from(value.today.1 > 0))
    } else {
        (value.busiest_day, value.days)
    };
    if days < config.habit_days {
        return None;
    }
    let floor = config.floor_usd.saturating_mul(MICRO);
    let habit = busiest.saturating_mul(config.times_busiest_day).max(floor);
    (busiest > 0 && day > habit).then(|| {
        format!("{} in a day with this one, its busiest day before had {}", usd(day), usd(busiest))
    })
}

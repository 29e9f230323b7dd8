//! Sees a small transfer to a destination and then one many times larger.
//!
//! Why: it is best practice of treasuries, and the habit of thieves: Kronos
//! 2023 (72 USDT, 15 minutes later 2.4M, to the firm's own wallet), CoinDCX
//! 2025 (1 USDT, seven hours later 44M). So the large one waits for a person,
//! and never halts anything (design, decision 17). An approved full transfer
//! puts the destination in use.
//!
//! Parameters: `small_usd`, `times`, `within_hours` (a destination in use is
//! looked at for so long after a test; one that is not, always). Blind spots: a
//! thief who does not test and sends to a destination in use, at a usual hour,
//! within the usual sums.

use super::config::TestThenFull;
use super::habits::Habits;
use super::look::{Look, ValueOut, usd, within_hours};

/// Small transfers after which they are this destination's habit, not a test.
const HABIT: u32 = 4;

pub(super) fn look(
    config: &TestThenFull,
    look: &Look<'_>,
    out: &ValueOut,
    habits: &Habits,
) -> Option<String> {
    let value = habits.value.as_ref()?;
    let destination = value.recent(out.destination)?;
    if out.is_small(config.small_usd) {
        return None;
    }
    if !value.is_settled(out) {
        return Some(format!(
            "{} to a destination that has had {} small transfer(s) and no other",
            out.worth(),
            destination.smalls
        ));
    }
    let (tested_at, tested) = destination.tested?;
    let large = out.micro_usd.is_none_or(|worth| worth >= tested.saturating_mul(config.times));
    (large
        && destination.smalls < HABIT
        && within_hours(look.now(), tested_at, config.within_hours))
    .then(|| {
        let minutes = look.now().millis_since(tested_at).unwrap_or(0) / 60_000;
        format!(
            "{} {minutes} min after a test of {} to the same destination",
            out.worth(),
            usd(tested)
        )
    })
}

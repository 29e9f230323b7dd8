//! Sees value going to many new destinations within a day.
//!
//! Why: small amounts pass as tests, so many of them would add up; thieves
//! split over six wallets (Kronos, CoinDCX), or over thousands (Nobitex 2025).
//!
//! Parameters: `destinations`. Blind spots: many small amounts to destinations
//! that are in use.

use super::config::FanOut;
use super::habits::Habits;
use super::look::{Look, ValueOut};

pub(super) fn look(
    config: &FanOut,
    look: &Look<'_>,
    out: &ValueOut,
    habits: &mut Habits,
) -> Option<String> {
    let value = habits.value.as_mut()?;
    if value.is_settled(out) {
        return None;
    }
    let before = value.new_destinations.total(look.now());
    let new = before + u128::from(value.recent(out.destination).is_none());
    (new >= u128::from(config.destinations))
        .then(|| format!("{new} new destinations in a day with this one"))
}

//! Sees one credential used from two places in turn.
//!
//! Why: a thief works while the bot goes on, so requests of one virtual key
//! come from here, there, and here again.
//!
//! Parameters: `changes`, `within_minutes`. Blind spots: a thief who waits for
//! the bot to stop. Addresses that both have been in use for a day (two uplinks)
//! do not count.

use super::config::TwoPlaces;
use super::habits::{Habits, place};
use super::look::{Look, within_hours};
use crate::time::UnixNanos;

/// How often requests went from one place to the other lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turns {
    last: Option<u64>,
    before: Option<u64>,
    changes: u32,
    since: UnixNanos,
}

impl Turns {
    /// Counts a return to the place before the last.
    pub(super) fn note(&mut self, config: &TwoPlaces, place: u64, now: UnixNanos) {
        let window = u64::from(config.within_minutes) * 60_000;
        if now.millis_since(self.since).is_none_or(|ms| ms > window) {
            (self.changes, self.since) = (0, now);
        }
        if self.last == Some(place) {
            return;
        }
        if self.before == Some(place) {
            self.changes = self.changes.saturating_add(1);
        }
        (self.before, self.last) = (self.last, Some(place));
    }
}

/// How long a place is new, h.
const NEW_HOURS: u32 = 24;

pub(super) fn look(config: &TwoPlaces, look: &Look<'_>, habits: &Habits) -> Option<String> {
    place(look)?;
    let turns = &habits.turns;
    let window = u64::from(config.within_minutes) * 60_000;
    if turns.changes < config.changes
        || look.now().millis_since(turns.since).is_none_or(|ms| ms > window)
    {
        return None;
    }
    let is_new = |id: Option<u64>| {
        id.and_then(|id| habits.places.since(id))
            .is_some_and(|since| within_hours(look.now(), since, NEW_HOURS))
    };
    (is_new(turns.last) || is_new(turns.before)).then(|| {
        format!(
            "requests came from two places in turn, {} times within {} min, and one is new",
            turns.changes, config.within_minutes
        )
    })
}

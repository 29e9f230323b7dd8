//! Sees several accounts sending to one destination that is not in use here.
//!
//! Why: at WOO X (July 2025) one operator emptied nine accounts; that one actor
//! holds several accounts is the most obvious sign, and no account sees it
//! alone. The gateway counts, over all accounts, who sent where within a day.
//!
//! Blind spots: an address for each account; see [`super::fan_out`].

use super::habits::Habits;
use super::look::{Look, ValueOut};

pub(super) fn look(look: &Look<'_>, out: &ValueOut, habits: &Habits) -> Option<String> {
    let others = look.facts.around.elsewhere.accounts_to_destination;
    let settled = habits.value.as_ref().map_or(out.known, |value| value.is_settled(out));
    (others > 0 && !settled).then(|| {
        format!("{others} other account(s) sent to the same destination within a day, and it is new here")
    })
}

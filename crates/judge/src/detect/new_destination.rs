//! Sees value going to a destination that this account never sent to.
//!
//! Why: in every theft of the record the money went to an address that the
//! firm had never used (CoinDCX 2025, WOO X 2025, Kronos 2023). A first
//! transfer of a small test amount passes: that is best practice, and its loss
//! is bounded by `small_usd`; [`super::fan_out`] bounds how many of them.
//!
//! Parameters: `small_usd`. Blind spots: a destination that is on the list and
//! in use, such as the firm's own wallet ([`super::test_then_full`] and
//! [`super::velocity`] look at those); of more destinations than are kept the
//! oldest count as new again.

use super::config::NewDestination;
use super::habits::Habits;
use super::look::ValueOut;

pub(super) fn look(config: &NewDestination, out: &ValueOut, habits: &Habits) -> Option<String> {
    let is_known = out.known
        || habits
            .value
            .as_ref()
            .is_some_and(|value| value.is_settled(out) || value.recent(out.destination).is_some());
    if is_known || out.is_small(config.small_usd) {
        return None;
    }
    Some(format!(
        "{} to a destination that this bot never sent to; a first test may be worth {} USD",
        out.worth(),
        config.small_usd
    ))
}

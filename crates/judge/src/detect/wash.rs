//! Sees trades whose two sides were both the firm's.
//!
//! Why: trades between own accounts look like wash trading to the venue, and a
//! thief with two of a firm's accounts moves value from one to the other by
//! them. The gateway counts trades that two of its accounts were told under one
//! id: there is no doubt about them.
//!
//! Parameters: `trades`. Blind spots: trades with accounts that are not behind
//! this gateway. Inside one account the policy's `self_trade` prevents them.

use super::config::Wash;
use super::look::Look;

pub(super) fn look(config: &Wash, look: &Look<'_>) -> Option<String> {
    let trades = look.facts.around.elsewhere.trades_with_own;
    (trades >= config.trades).then(|| {
        format!("{trades} trades of this market in an hour had another account of the firm on the other side")
    })
}

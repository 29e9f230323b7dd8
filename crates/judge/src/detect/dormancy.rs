//! Sees a key's first use, or one after a long silence.
//!
//! Why: keys are stolen long before they are used. The thieves of Binance's
//! VIA pump (March 2018) had made trade keys weeks before and waited; the first
//! withdrawal ever from a key is what CoinDCX's thieves needed. A bot's first
//! withdrawal, or one after `withdrawal_days`, waits for a person; orders after
//! `order_days` only add points for `awake_hours`, so that waking and doing
//! something odd is held, and waking alone is not.
//!
//! Blind spots: a key that is always in use.

use super::config::Dormancy;
use super::habits::Habits;
use super::look::{Act, Look, within_hours};

const MS_PER_DAY: u64 = 86_400_000;

/// Of a withdrawal.
pub(super) fn value_out(config: &Dormancy, look: &Look<'_>, habits: &Habits) -> Option<String> {
    let last = habits.value.as_ref().and_then(|value| value.last_at);
    let Some(last) = last else {
        // Where configuration says that the destination was in use before this
        // was installed, so was the bot.
        let vouched = matches!(look.act, Act::ValueOut(out) if out.known);
        return (!vouched).then(|| "this bot's first withdrawal".to_owned());
    };
    let days = look.now().millis_since(last)? / MS_PER_DAY;
    (days >= u64::from(config.withdrawal_days))
        .then(|| format!("the last withdrawal was {days} days ago"))
}

/// Of an order.
pub(super) fn order(config: &Dormancy, look: &Look<'_>, habits: &Habits) -> Option<String> {
    let trade = habits.trade.as_ref()?;
    let days = look.now().millis_since(trade.last_at?)? / MS_PER_DAY;
    if days >= u64::from(config.order_days) {
        return Some(format!("the last order was {days} days ago"));
    }
    let woke = trade.woke_at.filter(|at| within_hours(look.now(), *at, config.awake_hours))?;
    let minutes = look.now().millis_since(woke).unwrap_or(0) / 60_000;
    Some(format!(
        "trading again for {minutes} min after a silence of {} days or more",
        config.order_days
    ))
}

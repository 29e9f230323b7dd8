//! Sees orders far faster than this bot's usual busy minute.
//!
//! Why: a loop that ran away, or a thief in a hurry (FTX DMG 2022: 5,000 trades
//! in a day on one account). The bot is asked to wait.
//!
//! Parameters: `times`, `floor`. Blind spots: a bot whose busy minutes differ
//! by more than `times`; the policy's `max_orders_per_minute` is the limit.

use super::config::Rate;
use super::habits::Habits;
use super::look::Look;

pub(super) fn look(config: &Rate, look: &Look<'_>, habits: &Habits) -> Option<String> {
    let trade = habits.trade.as_ref()?;
    let (minute, count) = trade.minute;
    if minute != look.now().0 / 60_000_000_000 || count < config.floor || trade.usual_minute == 0 {
        return None;
    }
    let usual = trade.usual_minute;
    (u64::from(count) * 1_000 > usual.saturating_mul(u64::from(config.times))).then(|| {
        format!("{count} orders in this minute, a usual busy one has {}", usual.div_ceil(1_000))
    })
}

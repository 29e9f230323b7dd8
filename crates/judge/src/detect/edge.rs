//! Sees an edge that turned negative.
//!
//! Why: two engineers of Kronos (May 2020) turned a sign in a strategy, which
//! from then on lost to them what it had won before; the key, the host and the
//! orders were all the usual ones. Every fill is compared with the market's
//! price `after_s` later; once there is a habit of winning, a sequential test
//! (Page's CUSUM) sums how much likelier a reversed edge is than none.
//!
//! Parameters: `fills`, `after_s`, `likelihood`. Blind spots: strategies whose
//! edge does not show after seconds; too few fills; an edge below a twentieth
//! of a standard deviation. These are scores, not money, so they are floats;
//! they are made with `+ - * /` and square roots, which are the same
//! everywhere.

use std::collections::VecDeque;

use wire::model::{Decimal, Side};

use super::config::Edge;
use super::habits::Habits;
use super::profit::Fill;
use crate::bounds;
use crate::time::UnixNanos;

/// Fills whose later price is awaited, and what was learned from others.
#[derive(Clone, Debug, Default)]
pub(super) struct EdgeHabit {
    waiting: VecDeque<Waiting>,
    fills: u64,
    /// Mean and variance of the gain in bps, over some thousand fills.
    mean: f64,
    variance: f64,
    /// Log-likelihood ratio of a reversed edge to none.
    sum: f64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    market: u64,
    side: Side,
    price: f64,
    at: UnixNanos,
}

/// Weight of one fill in mean and variance once there are as many.
const MEMORY: u64 = 1_000;
/// Gains count at most so many standard deviations.
const CLIP: f64 = 4.0;
/// The smallest edge that can be seen to turn, standard deviations.
const LEAST: f64 = 0.05;

impl EdgeHabit {
    /// Notes a fill, in USD per unit.
    pub(super) fn fill(&mut self, market: u64, fill: &Fill, now: UnixNanos) {
        let worth = Decimal::from_i128_with_scale(i128::from(fill.micro_usd), 6);
        let Some(price) = worth.checked_div(fill.base).and_then(number) else { return };
        if self.waiting.len() >= bounds::FILLS_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { market, side: fill.side, price, at: now });
    }

    /// Compares the fills that waited long enough with the price now, in USD.
    pub(super) fn see_price(&mut self, config: &Edge, market: u64, usd: Decimal, now: UnixNanos) {
        let Some(price) = number(usd) else { return };
        let wait = u64::from(config.after_s) * 1_000;
        let mut gains = [0.0; bounds::FILLS_WAITING];
        let mut count = 0;
        self.waiting.retain(|fill| {
            let due = fill.market == market
                && now.millis_since(fill.at).is_some_and(|waited| waited >= wait);
            if due && let Some(slot) = gains.get_mut(count) {
                let change = (price / fill.price - 1.0) * 10_000.0;
                *slot = if fill.side == Side::Buy { change } else { -change };
                count += 1;
            }
            !due
        });
        for gain in gains.iter().take(count) {
            self.learn(config, *gain);
        }
    }

    fn learn(&mut self, config: &Edge, gain: f64) {
        if !gain.is_finite() {
            return;
        }
        let deviation = self.variance.sqrt();
        let known = self.fills >= u64::from(config.fills) && deviation > 0.0;
        let gain = if known {
            gain.clamp(self.mean - CLIP * deviation, self.mean + CLIP * deviation)
        } else {
            gain
        };
        if known {
            let edge = self.mean / deviation;
            if edge >= LEAST {
                // Reversed against none: -e·x - e²/2.
                let surprise = -edge * (gain / deviation) - edge * edge / 2.0;
                self.sum = (self.sum + surprise).max(0.0);
            }
        }
        // Once a reversal is suspected nothing is learned from it.
        if self.sum < f64::from(config.likelihood) / 4.0 || !known {
            self.fills = self.fills.saturating_add(1);
            #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
            let weight = 1.0 / self.fills.min(MEMORY) as f64;
            let off = gain - self.mean;
            self.mean += weight * off;
            self.variance += weight * (off * off - self.variance);
        }
    }
}

/// A decimal as a score; none where it is not above zero.
fn number(value: Decimal) -> Option<f64> {
    let value: f64 = value.try_into().ok()?;
    (value.is_finite() && value > 0.0).then_some(value)
}

pub(super) fn look(config: &Edge, habits: &Habits) -> Option<String> {
    let edge = &habits.trade.as_ref()?.edge;
    (edge.sum >= f64::from(config.likelihood)).then(|| {
        format!(
            "the bot's fills used to gain {:.2} bps within {} s and lose as much now",
            edge.mean, config.after_s
        )
    })
}
